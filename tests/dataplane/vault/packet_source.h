// SPDX-License-Identifier: Apache-2.0
// Packets by hand for the packet log's tests: frames through decap into an open block, some with a seed.
#pragma once

#include <random>
#include <vector>

#include "dataplane/decap.h"
#include "dataplane/transport.h"
#include "dataplane/vault/open_packet_block.h"
#include "dataplane/vault/packet_block.h"
#include "tests/dataplane/frames.h"

namespace clew::vault {

/// Appends a frame, or its first `kept` bytes, as a leg's packet. `leg` counts from 0, each new one the next.
inline void append(OpenPacketBlock& block, std::uint32_t leg, const LegLabel& label, const sensor::Packet& packet,
                   std::uint8_t marks, std::uint32_t kept = 0xffff'ffff) {
    const auto decapped = sensor::decap(packet, {});
    const auto transport = sensor::parse_transport(packet.bytes, decapped);
    if (leg == block.leg_count()) {
        block.next_label() = label;
        block.commit_leg();
    }
    block.append(leg, SeenHeader{&packet, &decapped, &transport, marks, 0}, std::min(kept, packet.captured_length));
}

inline LegLabel tcp_label(std::uint64_t number, std::uint64_t id_base) {
    LegLabel label;
    label.id = leg_id_of(number, id_base);
    label.low = IpAddress::from_v4(0x0a000001 + static_cast<std::uint32_t>(number % 1000));
    label.high = IpAddress::from_v4(0xc0000201);
    label.port_low = static_cast<std::uint16_t>(40000 + number);
    label.port_high = 443;
    label.protocol = static_cast<std::uint8_t>(Protocol::tcp);
    return label;
}

struct KeptPacket {
    LegId leg;
    TimeNs time_ns;
    std::vector<std::uint8_t> bytes;
    bool operator==(const KeptPacket&) const = default;
};

/// `leg_count` legs of `packet_count` packets together, in turn at random; what is appended is told by leg, in order.
inline std::vector<KeptPacket> fill(OpenPacketBlock& block, unsigned seed, unsigned leg_count, unsigned packet_count,
                                    TimeNs first_ns) {
    namespace frames = sensor::frames;
    std::mt19937 random(seed);
    std::vector<KeptPacket> kept;
    std::vector<std::uint32_t> places(leg_count, 0xffff'ffff);
    for (unsigned i = 0; i < packet_count; ++i) {
        const unsigned leg = random() % leg_count;
        if (places[leg] == 0xffff'ffff) places[leg] = block.leg_count();
        const LegLabel label = tcp_label(seed * 1000 + leg, block.id_base());
        frames::Bytes payload(random() % 1400);
        for (auto& byte : payload) byte = static_cast<std::uint8_t>(random() % (leg % 2 == 0 ? 256 : 4));
        const auto frame = frames::ethernet(
            1, 2, 0x0800,
            frames::ipv4("10.0.0.1", "192.0.2.1", {},
                         frames::tcp({.source = label.port_low, .destination = 443, .seq = i, .payload = payload})));
        append(block, places[leg], label, frames::packet_of(frame, first_ns + i * ns_per_us), mark_to_server);
        kept.push_back({label.id, first_ns + i * ns_per_us, frame});
    }
    std::stable_sort(kept.begin(), kept.end(), [&](const KeptPacket& a, const KeptPacket& b) {
        return leg_number_of(a.leg, block.id_base()) < leg_number_of(b.leg, block.id_base());
    });
    return kept;
}

}  // namespace clew::vault
