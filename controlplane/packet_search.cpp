// SPDX-License-Identifier: Apache-2.0
#include "controlplane/packet_search.h"

#include <algorithm>
#include <future>
#include <unordered_set>
#include <vector>

#include "controlplane/http/departure.h"
#include "controlplane/leg_choice_text.h"
#include "controlplane/partial.h"
#include "wire/bpf_program.h"
#include "wire/convert.h"

namespace clew::control {
namespace {

constexpr const char* sensor_kind = "sensor";

std::string proto_text(std::uint32_t number) {
    switch (number) {
        case 6: return "tcp";
        case 17: return "udp";
        default: return "icmp";
    }
}

/// Observers' answers, brought into one order.
class Page {
  public:
    void note(const std::string& sentence) { note_partial(*list.mutable_partial(), sentence); }

    void add(const std::string& observer, const v1::HeaderReply& reply) {
        // That a limit was reached is told by next_ns: whoever goes on misses nothing.
        if (!reply.partial().empty() && reply.complete_until_ns() == 0) note(observer + ": " + reply.partial());
        if (reply.complete_until_ns() != 0) until(reply.complete_until_ns());
        for (const v1::KeptLeg& leg : reply.legs()) {
            v1::CapturedLeg& to = *list.add_legs();
            to.set_leg_id(wire::id_text(leg.leg()));
            to.set_observer(observer);
            to.set_tap(leg.tap());
            to.set_proto(proto_text(leg.protocol()));
            to.set_client(leg.client());
            to.set_server(leg.server());
            to.set_segment(leg.segment());
        }
        for (const v1::PacketHeader& header : reply.headers()) {
            v1::CapturedPacket& packet = packets_.emplace_back();
            packet.set_leg_id(wire::id_text(header.leg()));
            packet.set_time_ns(header.time_ns());
            packet.set_direction(header.direction() == 0 ? "to_server" : "to_client");
            packet.set_frame(header.frame());
            packet.set_wire_length(header.wire_length());
            packet.set_whole(header.whole());
        }
    }

    v1::CapturedPacketList finish(std::uint32_t count_max) {
        std::stable_sort(packets_.begin(), packets_.end(),
                         [](const auto& a, const auto& b) { return a.time_ns() < b.time_ns(); });
        if (packets_.size() > count_max) {
            const TimeNs next = packets_[count_max].time_ns();
            until(packets_.front().time_ns() == next ? next + 1 : next);
        }
        std::unordered_set<std::string> used;
        for (v1::CapturedPacket& packet : packets_) {
            if (list.next_ns() != 0 && packet.time_ns() >= list.next_ns()) break;
            used.insert(packet.leg_id());
            *list.add_packets() = std::move(packet);
        }
        auto* legs = list.mutable_legs();
        legs->erase(std::remove_if(legs->begin(), legs->end(),
                                   [&used](const v1::CapturedLeg& leg) { return !used.contains(leg.leg_id()); }),
                    legs->end());
        return std::move(list);
    }

    v1::CapturedPacketList list;

  private:
    void until(TimeNs time) {
        if (list.next_ns() == 0 || time < list.next_ns()) list.set_next_ns(time);
    }
    std::vector<v1::CapturedPacket> packets_;
};

Result<v1::HeaderRequest> request_of(const PacketsWanted& wanted) {
    auto choice = parse_leg_choice(wanted.filter);
    if (!choice) return tl::make_unexpected(choice.error());
    // As a sensor compiles it: on the innermost IP packet.
    if (!wanted.bpf.empty())
        if (const auto good = wire::BpfProgram::compile(wanted.bpf, wire::BpfOn::ip); !good)
            return fail(good.error().kind, "bpf: " + good.error().sentence);
    v1::HeaderRequest request;
    *request.mutable_choice() = std::move(*choice);
    request.set_from_ns(wanted.from);
    request.set_to_ns(wanted.to);
    request.set_bpf(wanted.bpf);
    request.set_header_count_max(wanted.count_max == 0 ? PacketSearch::count_max
                                                       : std::min(wanted.count_max, PacketSearch::count_max));
    request.set_frame_bytes_max(PacketSearch::frame_bytes_max);
    wanted.wish.apply(request);
    return request;
}

}  // namespace

Result<v1::CapturedPacketList> PacketSearch::find(const PacketsWanted& wanted) const {
    const auto request = request_of(wanted);
    if (!request) return tl::make_unexpected(request.error());
    Page page;
    std::vector<std::string> sensors;
    for (const v1::ObserverStatus& observer : collector_.observers()) {
        if (observer.kind() != sensor_kind) continue;
        if (observer.connected())
            sensors.push_back(observer.name());
        else
            page.note(observer.name() + " is not connected");
    }
    if (sensors.empty()) return fail(ErrorKind::unreachable, "no sensor is connected that could look back for packets");
    const auto asker_left = http::AnswerScope::left();
    for (std::size_t begin = 0; begin < sensors.size(); begin += asks_at_once) {
        std::vector<std::future<Result<v1::HeaderReply>>> asks;
        const std::size_t end = std::min(sensors.size(), begin + asks_at_once);
        for (std::size_t i = begin; i < end; ++i)
            asks.push_back(std::async(std::launch::async, [this, name = sensors[i], &request, &asker_left] {
                return collector_.ask_headers(name, *request, ask_timeout_ms, asker_left);
            }));
        for (std::size_t i = begin; i < end; ++i) {
            const auto reply = asks[i - begin].get();
            reply ? page.add(sensors[i], *reply) : page.note(reply.error().sentence);
        }
    }
    return page.finish(request->header_count_max());
}

}  // namespace clew::control
