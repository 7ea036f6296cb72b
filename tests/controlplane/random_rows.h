// SPDX-License-Identifier: Apache-2.0
// Random legs and paths for the store's tests.
#pragma once

#include <cstring>
#include <random>
#include <string>

#include "controlplane/store/store.h"
#include "nat-trace/address.h"
#include "wire/convert.h"

namespace clew::store {

class RandomRows {
  public:
    explicit RandomRows(std::uint64_t seed) : random_(seed) {}

    std::uint64_t number(std::uint64_t below) { return random_() % below; }

    IpAddress ip() {
        if (number(3) != 0) return IpAddress::from_v4(static_cast<std::uint32_t>(random_()) | 0x01000000u);
        std::uint8_t bytes[16];
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_());
        bytes[0] = 0x20;
        return IpAddress::from_v6_bytes(bytes);
    }
    Endpoint endpoint() { return {ip(), static_cast<std::uint16_t>(random_())}; }

    Flow flow() {
        Flow flow;
        flow.packets = random_() >> number(64);
        flow.bytes = random_() >> number(64);
        flow.payload_bytes = random_() >> number(64);
        flow.first_ns = time();
        flow.last_ns = time();
        flow.first_ttl = static_cast<std::uint8_t>(random_());
        flow.last_ttl = static_cast<std::uint8_t>(random_());
        flow.flags_seen = static_cast<TcpFlags>(random_());
        flow.isn_from = static_cast<IsnFrom>(number(4));
        flow.isn = static_cast<std::uint32_t>(random_());
        flow.next_seq = static_cast<std::uint32_t>(random_());
        flow.retransmissions = static_cast<std::uint32_t>(number(1000));
        flow.syn_ns = time();
        flow.mss = static_cast<std::uint16_t>(random_());
        flow.window_scale = number(2) != 0 ? 7 : 0xff;
        flow.sack_permitted = number(2) != 0;
        flow.head.length = static_cast<std::uint16_t>(number(257));
        flow.head.hash_all = random_();
        flow.sample_count = static_cast<std::uint8_t>(number(sample_count_max + 1));
        for (std::size_t i = 0; i < flow.sample_count; ++i) {
            flow.samples[i] = {.time_ns = time(),
                               .payload_hash = random_(),
                               .seq = static_cast<std::uint32_t>(random_()),
                               .ack = static_cast<std::uint32_t>(random_()),
                               .length = static_cast<std::uint16_t>(random_()),
                               .ip_id = static_cast<std::uint16_t>(random_()),
                               .ttl = static_cast<std::uint8_t>(random_())};
        }
        return flow;
    }

    StoredLeg leg(LegId id, std::uint32_t revision) {
        StoredLeg stored{.leg = {},
                         .tap = "edge'" + std::to_string(number(4)),
                         .clock = "clock\\1",
                         .observer = "sensor\t1",
                         .started_ns = 1'700'000'000'000'000'000,
                         .sequence = 1 + number(5)};
        Leg& leg = stored.leg;
        leg.id = id;
        leg.revision = revision;
        leg.phase = static_cast<LegPhase>(number(3));
        leg.end = static_cast<LegEnd>(number(6));
        leg.observer = static_cast<Observer>(number(3));
        leg.client_by = static_cast<ClientBy>(number(5));
        leg.tap = static_cast<TapId>(number(100));
        leg.protocol = number(2) != 0 ? Protocol::tcp : Protocol::udp;
        leg.client = endpoint();
        leg.server = endpoint();
        leg.segment.layer_count = static_cast<std::uint8_t>(number(3));
        for (std::size_t i = 0; i < leg.segment.layer_count; ++i) {
            leg.segment.layers[i] = {.type = LayerType::vxlan,
                                     .has_id = true,
                                     .id = static_cast<std::uint32_t>(number(1u << 24)),
                                     .client_end = ip(),
                                     .server_end = ip()};
        }
        leg.first_ns = time();
        leg.last_ns = leg.first_ns + static_cast<std::int64_t>(revision) * ns_per_s;
        leg.flows = {flow(), flow()};
        if (number(2) != 0) {
            Hint hint{.kind = HintKind::request_id,
                      .direction = Direction::to_client,
                      .length = 5,
                      .bytes = {'a', 0, 'b', '\\', '\n'},
                      .time_ns = time()};
            leg.add_hint(hint);
        }
        if (leg.observer == Observer::socket) {
            leg.process.pid = static_cast<std::uint32_t>(1 + number(100000));
            std::strcpy(leg.process.command.data(), "nginx");
        }
        return stored;
    }

    /// A path of `leg_count` legs and links of grade B; first_ns = 1.7e18 + at_ms.
    v1::Path path(std::uint64_t id, std::uint32_t revision, std::int64_t at_ms, int leg_count = 3) {
        v1::Path path;
        path.set_path_id(wire::id_text(id));
        path.set_revision(revision);
        path.set_proto("tcp");
        path.set_unlinked("linked");
        path.set_first_ns(1'700'000'000'000'000'000 + at_ms * 1'000'000);
        path.set_last_ns(path.first_ns() + 1'000'000);
        for (int i = 0; i < leg_count; ++i) {
            v1::PathLeg& leg = *path.add_legs();
            leg.set_leg_id(wire::id_text(random_()));
            leg.set_tap("tap" + std::to_string(i));
            leg.set_client(to_text(endpoint()));
            leg.set_server(to_text(endpoint()));
            leg.set_end("none");
        }
        for (int i = 0; i + 1 < leg_count; ++i) {
            v1::PathLink& link = *path.add_links();
            link.set_from(static_cast<std::uint32_t>(i));
            link.set_to(static_cast<std::uint32_t>(i + 1));
            link.set_kind("snat");
            link.set_grade("B");
        }
        return path;
    }

  private:
    TimeNs time() { return 1'700'000'000'000'000'000 + static_cast<std::int64_t>(number(3600)) * ns_per_s; }
    std::mt19937_64 random_;
};

}  // namespace clew::store
