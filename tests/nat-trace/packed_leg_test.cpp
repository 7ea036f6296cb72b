// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/packed_leg.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>
#include <vector>

namespace clew {
namespace {

/// Everything that a leg of the window says.
auto said_by(const WindowLeg& l) {
    return std::tie(l.id, l.first_ns, l.last_ns, l.client, l.server, l.revision, l.segment, l.process, l.server_name,
                    l.first_hint, l.time_error_ns, l.tap, l.clock, l.protocol, l.observer, l.phase, l.end, l.client_by,
                    l.socket_role, l.app, l.key_count, l.names_given, l.rivals, l.margin_bits, l.dirty, l.settled,
                    l.ambiguous, l.head, l.relay_next, l.path, l.next_in_path, l.sharers.counts, l.sharers.epoch,
                    l.keys);
}
auto said_by(const WindowFlow& f) {
    return std::tie(f.packets, f.bytes, f.retransmissions, f.isn, f.next_seq, f.first_tsval, f.syn, f.first_ack, f.mss,
                    f.first_ip_id, f.window_scale, f.first_ttl, f.data_ttl, f.syn_count, f.has_isn, f.has_timestamps,
                    f.sack_permitted, f.sample_count, f.head_length, f.head);
}
auto said_by(const WindowSample& s) { return std::tie(s.time, s.hash, s.seq, s.ack, s.length, s.ip_id); }

void expect_same(const WindowLeg& a, const WindowLeg& b) {
    EXPECT_EQ(said_by(a), said_by(b));
    for (std::size_t d = 0; d < direction_count; ++d) {
        EXPECT_EQ(said_by(a.flows[d]), said_by(b.flows[d]));
        for (std::size_t n = 0; n < window_sample_count_max; ++n)
            EXPECT_EQ(said_by(a.flows[d].samples[n]), said_by(b.flows[d].samples[n]));
    }
}

/// Numbers of all lengths, the highest as often as none.
struct Random {
    std::mt19937_64 engine;

    template <typename T>
    void fill(T& value) {
        const std::uint64_t bits = engine() % (sizeof(T) * 8 + 1);
        value = static_cast<T>(bits == 0 ? 0 : engine() >> (64 - bits));
        if (engine() % 16 == 0) value = static_cast<T>(~std::uint64_t{0});
    }
    template <typename T>
    void pick(T& value, unsigned count) {
        value = static_cast<T>(engine() % count);
    }
    void fill(bool& value) { value = engine() % 2 != 0; }
    void fill(Endpoint& e) {
        fill(e.port);
        if (engine() % 3 == 0)
            for (std::uint8_t& byte : e.ip.bytes) fill(byte);
        else
            e.ip = IpAddress::from_v4(static_cast<std::uint32_t>(engine()));
    }
    void fill(WindowFlow& f) {
        fill(f.packets), fill(f.bytes), fill(f.retransmissions), fill(f.isn), fill(f.next_seq), fill(f.first_tsval);
        fill(f.syn), fill(f.first_ack), fill(f.mss), fill(f.first_ip_id), fill(f.window_scale), fill(f.first_ttl);
        fill(f.data_ttl), fill(f.syn_count), fill(f.has_isn), fill(f.has_timestamps), fill(f.sack_permitted);
        fill(f.head_length), fill(f.head);
        pick(f.sample_count, window_sample_count_max + 1);
        for (std::size_t n = 0; n < f.sample_count; ++n) {
            WindowSample& s = f.samples[n];
            fill(s.time), fill(s.hash), fill(s.seq), fill(s.ack), fill(s.length), fill(s.ip_id);
        }
    }
    WindowLeg leg() {
        WindowLeg l;
        fill(l.id), fill(l.first_ns), fill(l.last_ns), fill(l.client), fill(l.server), fill(l.revision);
        fill(l.segment), fill(l.process), fill(l.server_name), fill(l.first_hint), fill(l.time_error_ns), fill(l.tap);
        fill(l.clock), fill(l.names_given), fill(l.rivals), fill(l.margin_bits), fill(l.dirty), fill(l.settled);
        fill(l.ambiguous), fill(l.relay_next), fill(l.path), fill(l.next_in_path), fill(l.sharers.epoch);
        for (std::uint8_t& count : l.sharers.counts) fill(count);
        constexpr Protocol protocols[] = {Protocol::icmp, Protocol::tcp, Protocol::udp, Protocol::icmpv6};
        l.protocol = protocols[engine() % 4];
        pick(l.observer, 3), pick(l.phase, 3), pick(l.end, 6), pick(l.client_by, 5), pick(l.socket_role, 3);
        pick(l.head, 3), pick(l.app, app_count), pick(l.key_count, key_slot_count + 1);
        for (std::size_t n = 0; n < l.key_count; ++n) fill(l.keys[n]);
        for (WindowFlow& flow : l.flows) fill(flow);
        return l;
    }
};

TEST(PackedLeg, NothingIsLostWhateverTheLegSays) {
    Random random{std::mt19937_64(7)};
    for (int n = 0; n < 20'000; ++n) {
        const WindowLeg leg = n == 0 ? WindowLeg{} : random.leg();
        std::vector<std::uint8_t> room(packed_leg_bytes_max);
        const std::size_t length = pack_leg(leg, room.data());
        ASSERT_LE(length + 8, packed_leg_bytes_max) << n;
        room.resize(length + 8);  // what may be read beyond
        WindowLeg back;
        unpack_leg(room.data(), back);
        expect_same(leg, back);
        EXPECT_EQ(packed_leg_id(room.data()), leg.id);
        std::vector<std::uint32_t> keys;
        each_packed_key(room.data(), [&](std::uint32_t key) { keys.push_back(key); });
        EXPECT_EQ(keys, std::vector<std::uint32_t>(leg.keys.begin(), leg.keys.begin() + leg.key_count)) << n;
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace clew
