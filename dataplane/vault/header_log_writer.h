// SPDX-License-Identifier: Apache-2.0
// The header log's writer: sorts, encodes and stores the workers' full blocks.
#pragma once

#include "dataplane/vault/header_appender.h"
#include "dataplane/vault/log_writer.h"

namespace clew::vault {

class HeaderEncoding {
  public:
    static constexpr const char* thread_name = "clew-headers";
    const std::vector<std::uint64_t>& encode(const OpenBlock& block, std::vector<std::uint8_t>& out) {
        sorted_.sort(block);
        encoder_.encode(sorted_, out);
        keys_.clear();
        for (std::uint32_t leg = 0; leg < block.leg_count(); ++leg) add_keys_of(block.label(leg), keys_);
        return keys_;
    }

  private:
    SortedBlock sorted_;
    HeaderBlockEncoder encoder_;
    std::vector<std::uint64_t> keys_;
};

using HeaderLogWriter = LogWriter<HeaderAppender, HeaderEncoding>;

}  // namespace clew::vault
