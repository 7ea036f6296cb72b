// SPDX-License-Identifier: Apache-2.0
// A leg written as the schema's message (wire/leg.proto) without building the message: the one place that says how a
// leg travels. Pure; nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nat-trace/leg.h"
#include "wire/field_writer.h"

namespace clew::wire {

/// More than any leg takes, whatever its values: every array in it is bounded.
constexpr std::size_t leg_message_bytes_max = 8192;

/// The same as a field with its tag and length.
constexpr std::size_t leg_field_bytes_max = leg_message_bytes_max + 3;

void write_leg(const Leg& leg, FieldWriter& to);
/// As one `legs` field of a Batch: tag, length, message; its bytes.
std::size_t write_leg_field(const Leg& leg, std::uint8_t* to);
void write_tcp(const TcpAnalysis& analysis, FieldWriter& to);

}  // namespace clew::wire
