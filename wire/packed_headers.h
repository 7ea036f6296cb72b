// SPDX-License-Identifier: Apache-2.0
// Packet headers by the hundred thousand in one field, HeaderReply.packed: a tenth of the work of a message each.
// wire/leg.proto has the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/ladder.h"

namespace clew::wire {

constexpr std::size_t packed_header_bytes = 44;

inline std::size_t packed_count(std::string_view packed) { return packed.size() / packed_header_bytes; }

void pack(const PacketHeader& header, std::string& packed);

/// Appends them; what no header can be is left out, as is a rest that is none.
void unpack(std::string_view packed, std::vector<PacketHeader>& headers);

/// Those of these legs went the other way.
void turn_packed(const std::set<std::uint64_t>& legs, std::string& packed);

}  // namespace clew::wire
