// SPDX-License-Identifier: Apache-2.0
// The seed of a test with random input: CLEW_SEED where it is given, else another one each time; printed, so that a
// failure can be had again.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace clew::sensor {

inline std::uint64_t printed_seed() {
    const char* given = std::getenv("CLEW_SEED");
    const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::printf("CLEW_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return seed;
}

}  // namespace clew::sensor
