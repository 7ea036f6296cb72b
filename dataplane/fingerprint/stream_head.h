// SPDX-License-Identifier: Apache-2.0
// The first 256 bytes of a direction's stream, put together from its first packets and hashed over fixed lengths; a
// PROXY header at the very start is left out and handed back. Buffers come from a fixed pool. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/fingerprint/proxy_header.h"
#include "dataplane/fixed_array.h"
#include "dataplane/leg_state.h"
#include "dataplane/reasons.h"

namespace clew::sensor {

constexpr std::uint32_t stream_head_bytes = 256;

enum HeadState : std::uint8_t {
    head_undecided = 0,  ///< it may yet begin with a PROXY header
    head_body = 1,
    head_complete = 2,
};

class StreamBuffers {
  public:
    bool allocate(std::uint32_t buffer_count, bool populate);
    static std::size_t memory_bytes(std::uint32_t buffer_count);

    /// Number + 1, 0 when none is left.
    std::uint32_t take() { return free_count_ == 0 ? 0 : free_[--free_count_] + 1; }
    void give_back(std::uint32_t& buffer) {
        if (buffer != 0) free_[free_count_++] = buffer - 1;
        buffer = 0;
    }
    std::uint8_t* bytes(std::uint32_t buffer) { return buffers_[buffer - 1].data(); }

  private:
    FixedArray<std::array<std::uint8_t, stream_head_bytes>> buffers_;
    FixedArray<std::uint32_t> free_;
    std::uint32_t free_count_ = 0;
};

/// Adds payload that lies `offset` bytes behind the stream's start. The result's state is `found` when a PROXY header
/// was completed by this very payload. Bytes behind a hole are left out: they count when they come again in order.
ProxyHeader add_to_head(ColdFlow& flow, StreamBuffers& buffers, std::uint32_t offset,
                        std::span<const std::uint8_t> payload, ReasonCounters& counters);

/// The head of a datagram protocol: its first datagram's payload.
void set_datagram_head(StreamHead& head, std::span<const std::uint8_t> payload);

}  // namespace clew::sensor
