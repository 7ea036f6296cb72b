// SPDX-License-Identifier: Apache-2.0
// Whole packets out of the packet log: what is on disk and what waits to be written, as one. Of a block on disk its
// front is read, and the chunks that hold what is asked. Any thread; several at a time.
#pragma once

#include <string>
#include <vector>

#include "dataplane/vault/block_store.h"
#include "dataplane/vault/look_back.h"
#include "dataplane/vault/packet_appender.h"

namespace clew::vault {

class PacketLookBack {
  public:
    /// Store and appenders are borrowed. `taps`: the names of now, by number.
    PacketLookBack(const BlockStore& store, std::vector<const PacketAppender*> appenders,
                   std::vector<std::string> taps = {})
        : store_(store), appenders_(std::move(appenders)), taps_(std::move(taps)) {}

    Answer find(const Question& question) const;

  private:
    const BlockStore& store_;
    std::vector<const PacketAppender*> appenders_;
    std::vector<std::string> taps_;
};

/// Both logs as one: each header with its whole packet where that is kept, and packets whose header is not.
Answer join(const Question& question, Answer headers, Answer packets);

}  // namespace clew::vault
