// SPDX-License-Identifier: Apache-2.0
// The packet log's writer: sorts, compresses and stores the workers' full blocks.
#pragma once

#include "dataplane/vault/log_writer.h"
#include "dataplane/vault/packet_appender.h"
#include "dataplane/vault/packet_block.h"

namespace clew::vault {

class PacketEncoding {
  public:
    static constexpr const char* thread_name = "clew-packets";
    std::vector<std::uint64_t> encode(const OpenPacketBlock& block, std::vector<std::uint8_t>& out) {
        encoder_.encode(block, out);
        return {};  // its filter stands in the block
    }

  private:
    PacketBlockEncoder encoder_;
};

using PacketLogWriter = LogWriter<PacketAppender, PacketEncoding>;

}  // namespace clew::vault
