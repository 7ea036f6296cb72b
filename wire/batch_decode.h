// SPDX-License-Identifier: Apache-2.0
// A Batch from untrusted bytes: bounded before anything is allocated for it, every leg checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nat-trace/leg.h"
#include "nat-trace/result.h"
#include "wire/leg.pb.h"

namespace clew::wire {

constexpr std::size_t batch_leg_count_limit = 8192;
constexpr std::size_t leg_bytes_max = 8192;    ///< of one leg's message
constexpr std::size_t tap_count_limit = 1024;  ///< of one observer
constexpr std::size_t name_bytes_max = 255;    ///< of observers, taps and clocks
constexpr std::size_t counter_count_limit = 4096;

/// Parses the message within the limits above.
Result<v1::Batch> parse_batch(std::span<const std::uint8_t> bytes);

/// Whether observer, start and taps are such as can be used; one sentence otherwise.
Result<void> check_hello(const v1::Hello& hello);

/// The batch's good legs, with taps below `tap_count`; counts the bad ones.
std::vector<Leg> decode_legs(const v1::Batch& batch, std::size_t tap_count, std::uint64_t& legs_bad);

}  // namespace clew::wire
