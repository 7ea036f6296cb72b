// SPDX-License-Identifier: Apache-2.0
// The PROXY protocol, versions 1 and 2, at the very start of a stream. Pure; `bytes` is the stream's contiguous start.
#pragma once

#include <cstdint>
#include <span>

#include "nat-trace/address.h"

namespace clew::sensor {

struct ProxyHeader {
    enum class State : std::uint8_t { absent, incomplete, found };
    State state = State::absent;
    bool has_ends = false;         ///< false for UNKNOWN and LOCAL
    std::uint32_t byte_count = 0;  ///< of the whole header; may be more than was given
    Endpoint source;
    Endpoint destination;
};

ProxyHeader parse_proxy_header(std::span<const std::uint8_t> bytes);

}  // namespace clew::sensor
