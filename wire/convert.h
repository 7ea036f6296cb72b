// SPDX-License-Identifier: Apache-2.0
// Between the vocabulary (nat-trace) and the messages (protobuf). Decoding checks every field of untrusted input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nat-trace/engine.h"
#include "nat-trace/ladder.h"
#include "nat-trace/leg.h"
#include "nat-trace/path.h"
#include "nat-trace/result.h"
#include "wire/leg.pb.h"
#include "wire/path.pb.h"

namespace clew::wire {

constexpr TimeNs time_ns_max = TimeNs{1} << 62;  ///< the year 2116: sums and differences of two times never overflow
constexpr bool is_time(std::int64_t value) { return value >= 0 && value <= time_ns_max; }

constexpr const char* direction_name(Direction d) { return d == Direction::to_server ? "to_server" : "to_client"; }

void encode(const Leg& leg, v1::Leg& message);
/// Fails with one sentence when a value is out of its range. `leg.tap` is the message's tap index, unmapped.
Result<Leg> decode(const v1::Leg& message);

void encode(const PacketHeader& header, v1::PacketHeader& message);
Result<PacketHeader> decode(const v1::PacketHeader& message);

void encode_leg(const PathLeg& leg, const Tap& tap, v1::PathLeg& message);

/// A path as it is stored and served; `engine` names the taps.
v1::Path to_message(const Path& path, const Engine& engine);

/// The path back from its message, as far as a ladder needs it: legs (ids, ends, observers, times, ISNs) in order and
/// links (kinds, deltas). Evidence and segments are left out. Taps are numbered in the order of their first leg.
Result<Path> path_from_message(const v1::Path& message);

std::string id_text(std::uint64_t id);  ///< 16 hex digits
Result<std::uint64_t> parse_id(std::string_view text);

}  // namespace clew::wire
