// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/vault_traffic.h"

#include <cstring>
#include <filesystem>

#include "dataplane/hash.h"
#include "dataplane/source/pcap_file.h"
#include "tests/dataplane/frames.h"

namespace clew::vault {
namespace {

constexpr std::size_t pool_bytes_min = 4u << 20, payload_bytes_max = 1400;
constexpr std::uint16_t server_port = 443;

std::vector<std::uint8_t> payload_pool(const std::string& captures) {
    std::vector<std::uint8_t> pool;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(captures, ignored)) {
        auto file = sensor::PcapFile::open(entry.path(), 0);
        if (!file) continue;
        std::vector<sensor::Packet> burst(32);
        while (const std::size_t count = (*file)->receive(burst)) {
            for (std::size_t i = 0; i < count; ++i)
                if (burst[i].captured_length > 200)
                    pool.insert(pool.end(), burst[i].bytes + 54, burst[i].bytes + burst[i].captured_length);
            (*file)->release();
        }
    }
    std::uint32_t noise = 1;
    while (pool.size() < pool_bytes_min)
        pool.push_back(static_cast<std::uint8_t>((noise = noise * 1664525 + 1013904223) >> 28));
    return pool;
}

std::uint32_t client_of(std::uint32_t leg) { return 0x0a000000 | ((leg * 0x9e37'79b1u) & 0xffffff); }
std::uint32_t server_of(std::uint32_t leg) { return 0xc0a80000 | (leg % 256); }
std::uint16_t port_of(std::uint32_t leg) { return static_cast<std::uint16_t>(1024 + leg % 60'000); }

}  // namespace

VaultTraffic::VaultTraffic(const std::string& captures) : pool_(payload_pool(captures)) {
    using namespace sensor::frames;
    const auto inner = ethernet(1, 2, 0x0800, ipv4("10.0.0.1", "192.168.0.1", {}, tcp({.flags = ack})));
    frame_ = ethernet(3, 4, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, udp(5000, 4789, vxlan(7, inner))));
    head_ = frame_.size();
    frame_.resize(head_ + payload_bytes_max);
    now_.packet = packet_of(frame_, 0);
    now_.decapped = sensor::decap(now_.packet, {});
    now_.transport = sensor::parse_transport(now_.packet.bytes, now_.decapped);
}

LegLabel VaultTraffic::label(std::uint32_t leg) {
    LegLabel label;
    label.id = leg_id_of(leg + 1, 1);
    label.low = IpAddress::from_v4(client_of(leg));
    label.high = IpAddress::from_v4(server_of(leg));
    label.port_low = port_of(leg);
    label.port_high = server_port;
    label.protocol = 6;
    label.segment.layer_count = 1;
    label.segment.layers[0].type = LayerType::vxlan;
    label.segment.layers[0].has_id = true;
    label.segment.layers[0].id = leg % tenant_count;
    return label;
}

void VaultTraffic::put16(std::size_t at, std::uint32_t value) {
    const std::uint16_t written = __builtin_bswap16(static_cast<std::uint16_t>(value));
    std::memcpy(frame_.data() + at, &written, sizeof written);
}

void VaultTraffic::put32(std::size_t at, std::uint32_t value) {
    value = __builtin_bswap32(value);
    std::memcpy(frame_.data() + at, &value, sizeof value);
}

void VaultTraffic::write_headers(std::uint32_t place, std::size_t length) {
    const std::size_t ip = head_ - 40, transport = head_ - 20;
    const bool back = now_.side == 1;
    auto& sides = sides_[now_.leg % at_a_time];
    if (place == 0) {
        const std::uint64_t random = sensor::mix(now_.leg + 1);
        sides[0] = {static_cast<std::uint32_t>(random), static_cast<std::uint16_t>(random >> 16)};
        sides[1] = {static_cast<std::uint32_t>(random >> 32), static_cast<std::uint16_t>(random >> 48)};
    }
    Side& side = sides[now_.side];
    put16(ip + 2, static_cast<std::uint32_t>(40 + length));
    put16(ip + 4, side.ip_id++);
    put32(ip + (back ? 16 : 12), client_of(now_.leg));
    put32(ip + (back ? 12 : 16), server_of(now_.leg));
    put16(transport + (back ? 2 : 0), port_of(now_.leg));
    put16(transport + (back ? 0 : 2), server_port);
    put32(transport + 4, side.seq);
    put32(transport + 8, place == 0 ? 0 : sides[now_.side ^ 1].seq);
    frame_[transport + 13] = place == 0   ? sensor::frames::syn
                             : place == 1 ? sensor::frames::syn | sensor::frames::ack
                                          : sensor::frames::ack;
    side.seq += static_cast<std::uint32_t>(place < 2 ? 1 : length);
}

const TrafficPacket& VaultTraffic::next(bool with_payload) {
    const std::uint64_t n = count_++, round = n / at_a_time;
    const auto slot = static_cast<std::uint32_t>((n + sensor::mix(round + 1)) % at_a_time);
    const auto place = static_cast<std::uint32_t>(round % packets_of_leg);
    const std::uint64_t random = sensor::mix(n + 1);
    now_.leg = static_cast<std::uint32_t>(round / packets_of_leg) * at_a_time + slot;
    now_.side = place < 2 ? static_cast<std::uint8_t>(place) : random % 3 == 0;
    const std::size_t length = place < 3 || random % 8 == 0 ? 0 : 200 + (random >> 8) % (payload_bytes_max - 200);
    write_headers(place, length);
    if (with_payload)
        std::memcpy(frame_.data() + head_, pool_.data() + (random >> 16) % (pool_.size() - length), length);
    now_.packet.time_ns = ns_per_s + static_cast<TimeNs>(n) * ns_per_us;
    now_.packet.captured_length = now_.packet.wire_length = static_cast<std::uint32_t>(head_ + length);
    now_.decapped.end_offset = now_.packet.captured_length;
    now_.transport.payload_length = now_.transport.payload_captured = static_cast<std::uint32_t>(length);
    return now_;
}

}  // namespace clew::vault
