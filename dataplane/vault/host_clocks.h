// SPDX-License-Identifier: Apache-2.0
// Many hosts stamp all their connections by one clock: what a host's latest TSval makes likely for its next connection.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/hash.h"
#include "nat-trace/leg.h"
#include "nat-trace/time.h"

namespace clew::vault {

class HostClock {
  public:
    bool known() const { return known_; }
    /// As if the clock ticked in milliseconds; 0 while nothing is known.
    std::uint32_t predict(TimeNs now) const {
        constexpr DurationNs span_max = 1ll << 42;
        if (!known_) return 0;
        const std::uint64_t span = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(at_);
        const auto passed = std::clamp(static_cast<DurationNs>(span), -span_max, span_max);
        return ticks_ + static_cast<std::uint32_t>(passed / ns_per_ms);
    }
    void learn(TimeNs now, std::uint32_t ticks) {
        known_ = true;
        ticks_ = ticks;
        at_ = now;
    }

  private:
    TimeNs at_ = 0;
    std::uint32_t ticks_ = 0;
    bool known_ = false;
};

/// By address; two that fall on one place share it, to the cost of both.
class HostClocks {
  public:
    HostClock& of(const IpAddress& address) {
        std::uint64_t words[2];
        static_assert(sizeof words == sizeof address.bytes);
        std::memcpy(words, address.bytes.data(), sizeof words);
        return clocks_[(sensor::mix(words[0] ^ sensor::mix(words[1])) >> 32) % clock_count];
    }

  private:
    static constexpr std::size_t clock_count = 1024;
    std::array<HostClock, clock_count> clocks_;
};

}  // namespace clew::vault
