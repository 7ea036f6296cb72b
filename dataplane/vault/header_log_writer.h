// SPDX-License-Identifier: Apache-2.0
// The header log's writer: sorts, encodes and stores the workers' full blocks.
#pragma once

#include "dataplane/vault/header_appender.h"
#include "dataplane/vault/log_writer.h"

namespace clew::vault {

class HeaderEncoding {
  public:
    static constexpr const char* thread_name = "clew-headers";
    void encode(const OpenBlock& block, std::vector<std::uint8_t>& out) {
        sorted_.sort(block);
        encoder_.encode(sorted_, out);
    }

  private:
    SortedBlock sorted_;
    HeaderBlockEncoder encoder_;
};

using HeaderLogWriter = LogWriter<HeaderAppender, HeaderEncoding>;

}  // namespace clew::vault
