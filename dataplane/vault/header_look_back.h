// SPDX-License-Identifier: Apache-2.0
// Headers out of the log: what is on disk and what waits to be written, as one. Any thread; several at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/vault/block_store.h"
#include "dataplane/vault/header_appender.h"
#include "nat-trace/ladder.h"

namespace clew::vault {

struct HeaderQuestion {
    std::vector<LegId> legs;
    TimeNs from = 0, to = 0;  ///< 0 = no bound
    std::size_t count_max = 200'000;
    const std::atomic<bool>* cancelled = nullptr;
};

struct FoundHeader {
    std::uint32_t leg = 0;  ///< into HeaderAnswer::legs
    HeaderRecord record;
};

struct HeaderAnswer {
    std::vector<LegLabel> legs;
    std::vector<FoundHeader> headers;  ///< in the order of time
    std::string partial;               ///< why not everything is here; empty when it is
};

class HeaderLookBack {
  public:
    /// Both are borrowed.
    HeaderLookBack(const BlockStore& store, std::vector<const HeaderAppender*> appenders)
        : store_(store), appenders_(std::move(appenders)) {}

    HeaderAnswer find(const HeaderQuestion& question) const;

  private:
    const BlockStore& store_;
    std::vector<const HeaderAppender*> appenders_;
};

/// The header as a ladder wants it. `client_side` is the leg's, by the latest that is known.
PacketHeader to_packet_header(const LegLabel& leg, const HeaderRecord& record, std::uint8_t client_side);

}  // namespace clew::vault
