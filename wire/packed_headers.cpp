// SPDX-License-Identifier: Apache-2.0
#include "wire/packed_headers.h"

#include <bit>
#include <cstring>

#include "wire/convert.h"

namespace clew::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "the bytes are little-endian");
// The bytes are those of PacketHeader as it stands in memory, without its padding.
static_assert(offsetof(PacketHeader, leg) == 0 && offsetof(PacketHeader, time_ns) == 8);
static_assert(offsetof(PacketHeader, seq) == 16 && offsetof(PacketHeader, ack) == 20);
static_assert(offsetof(PacketHeader, tsval) == 24 && offsetof(PacketHeader, tsecr) == 28);
static_assert(offsetof(PacketHeader, length) == 32 && offsetof(PacketHeader, ip_id) == 34);
static_assert(offsetof(PacketHeader, window) == 36 && offsetof(PacketHeader, payload_check) == 38);
static_assert(offsetof(PacketHeader, flags) == 40 && offsetof(PacketHeader, ttl) == 41);
static_assert(offsetof(PacketHeader, direction) == 42 && offsetof(PacketHeader, has_timestamps) == 43);
static_assert(sizeof(Direction) == 1 && sizeof(bool) == 1 && sizeof(TcpFlags) == 1);

constexpr std::size_t direction_at = offsetof(PacketHeader, direction);
constexpr std::size_t has_timestamps_at = offsetof(PacketHeader, has_timestamps);

}  // namespace

void pack(const PacketHeader& header, std::string& packed) {
    packed.append(reinterpret_cast<const char*>(&header), packed_header_bytes);
}

void unpack(std::string_view packed, std::vector<PacketHeader>& headers) {
    headers.reserve(headers.size() + packed_count(packed));
    for (; packed.size() >= packed_header_bytes; packed.remove_prefix(packed_header_bytes)) {
        const auto direction = static_cast<std::uint8_t>(packed[direction_at]);
        const auto has_timestamps = static_cast<std::uint8_t>(packed[has_timestamps_at]);
        TimeNs time_ns = 0;
        std::memcpy(&time_ns, packed.data() + offsetof(PacketHeader, time_ns), sizeof(time_ns));
        if (direction > 1 || has_timestamps > 1 || !is_time(time_ns)) continue;
        std::memcpy(static_cast<void*>(&headers.emplace_back()), packed.data(), packed_header_bytes);
    }
}

void turn_packed(const std::set<std::uint64_t>& legs, std::string& packed) {
    for (std::size_t at = 0; at + packed_header_bytes <= packed.size(); at += packed_header_bytes) {
        std::uint64_t leg = 0;
        std::memcpy(&leg, packed.data() + at, sizeof(leg));
        if (legs.contains(leg)) packed[at + direction_at] = packed[at + direction_at] == 0 ? 1 : 0;
    }
}

}  // namespace clew::wire
