// SPDX-License-Identifier: Apache-2.0
// Headers out of the log: what is on disk and what waits to be written, as one. Any thread; several at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/vault/block_store.h"
#include "dataplane/vault/header_appender.h"
#include "dataplane/vault/look_back.h"

namespace clew::vault {

class LogSearch;

class HeaderLookBack {
  public:
    /// Store and appenders are borrowed. `taps`: the names of now, by number.
    HeaderLookBack(const BlockStore& store, std::vector<const HeaderAppender*> appenders,
                   std::vector<std::string> taps = {})
        : store_(store), appenders_(std::move(appenders)), taps_(std::move(taps)) {}

    /// The question and this are borrowed. What is not written yet is in the search already.
    std::unique_ptr<LogSearch> begin(const Question& question) const;
    Answer find(const Question& question) const;  ///< all at once

  private:
    const BlockStore& store_;
    std::vector<const HeaderAppender*> appenders_;
    std::vector<std::string> taps_;
};

}  // namespace clew::vault
