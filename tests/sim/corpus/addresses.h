// SPDX-License-Identifier: Apache-2.0
// The address plan: who has which address, so that no two connections at one tap are the same by accident.
#pragma once

#include <cstdint>

#include "tests/sim/corpus/packet.h"

namespace clew::corpus {

/// Hands out (address, port) pairs, each once in a long time, in no telling order.
class Pool {
  public:
    Pool(Ip base, std::uint32_t addresses, std::uint16_t port_low, std::uint16_t port_count, std::uint32_t start)
        : base_(base), addresses_(addresses), low_(port_low), count_(port_count), next_(start) {}

    End next() {
        const std::uint32_t n = next_++, round = n / addresses_;
        // 24683 has no factor in common with the port counts used (64512 and 28000).
        const std::uint32_t port = (round * 24683u + (n % addresses_) * 977u) % count_;
        return {base_.plus(n % addresses_), static_cast<std::uint16_t>(low_ + port)};
    }

  private:
    Ip base_;
    std::uint32_t addresses_;
    std::uint16_t low_, count_;
    std::uint32_t next_;
};

}  // namespace clew::corpus
