// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/look_back.h"

#include <algorithm>
#include <utility>

#include "dataplane/bytes.h"
#include "dataplane/vault/header_frame.h"
#include "dataplane/vault/tcp_options.h"

namespace clew::vault {

PacketHeader to_packet_header(const LegLabel& leg, const HeaderRecord& record, std::uint8_t client_side) {
    PacketHeader header;
    header.leg = leg.id;
    header.time_ns = record.time_ns;
    header.seq = record.seq;
    header.ack = record.ack;
    const OptionPlaces places = find_places(record.options.data(), record.options_length);
    if (places.timestamps != 0) {
        header.has_timestamps = true;
        header.tsval = sensor::load_be32(record.options.data() + places.timestamps);
        header.tsecr = sensor::load_be32(record.options.data() + places.timestamps + 4);
    }
    header.length = static_cast<std::uint16_t>(std::min<std::uint32_t>(record.payload_length, 0xffff));
    header.ip_id = record.ip_id;
    header.window = record.window;
    header.payload_check = record.payload_check;
    header.flags = record.flags;
    header.ttl = record.ttl;
    header.direction = record.side == client_side ? Direction::to_server : Direction::to_client;
    return header;
}

void Answer::note(const std::string& sentence) {
    if (partial.find(sentence) != std::string::npos) return;
    partial += (partial.empty() ? "" : "; ") + sentence;
}

void Given::add(const Answer& part) {
    count += part.packets.size();
    for (const FoundPacket& packet : part.packets) bytes += packet.frame_bytes();
}

/// What is sorted is their order, and each is moved once.
std::vector<FoundPacket> Answer::take_before(TimeNs until) {
    std::vector<std::pair<TimeNs, std::uint32_t>> order;
    order.reserve(packets.size());
    for (std::size_t i = 0; i < packets.size(); ++i)
        if (const TimeNs time_ns = packets[i].time_ns(); time_ns < until)
            order.emplace_back(time_ns, static_cast<std::uint32_t>(i));
    std::sort(order.begin(), order.end());
    std::vector<FoundPacket> taken;
    taken.reserve(order.size());
    for (const auto& [time_ns, place] : order) taken.push_back(std::move(packets[place]));
    // What was moved from still says when it was.
    std::erase_if(packets, [until](const FoundPacket& one) { return one.time_ns() < until; });
    return taken;
}

void Answer::finish(const Question& question, const Given& given) {
    const auto by_time = [](const FoundPacket& a, const FoundPacket& b) { return a.time_ns() < b.time_ns(); };
    if (!std::is_sorted(packets.begin(), packets.end(), by_time)) packets = take_before(INT64_MAX);
    std::uint64_t bytes = given.bytes;
    std::size_t count = 0;
    while (count < packets.size() && given.count + count < question.count_max && bytes < question.bytes_max)
        bytes += packets[count++].frame_bytes();
    const auto lower = [this](TimeNs time) {
        return std::lower_bound(packets.begin(), packets.end(), time,
                                [](const FoundPacket& one, TimeNs at) { return one.time_ns() < at; });
    };
    if (count < packets.size()) {
        const TimeNs first_left_out = packets[count].time_ns();
        if (complete_until == 0 || first_left_out < complete_until) complete_until = first_left_out;
    }
    // What stands at one time comes whole, or a reader that goes on from complete_until would never get past it.
    if (complete_until != 0 && given.count == 0 && lower(complete_until) == packets.begin() && !packets.empty() &&
        packets[0].time_ns() <= complete_until)
        ++complete_until;
    if (complete_until != 0) packets.erase(lower(complete_until), packets.end());
    if (complete_until != 0)
        note("more than " + std::to_string(question.count_max) + " packets, or " +
             std::to_string(question.bytes_max >> 20) + " MB of them: the later ones are left out");
    if (question.is_cancelled()) note("it was broken off");
}

/// A block's packets come leg by leg, so the earliest of all are known at its end.
void AnswerBuilder::leave_out_later() {
    constexpr std::size_t slack = 4096;
    auto& packets = answer.packets;
    if (packets.size() / 3 <= question_.count_max || packets.size() < slack) return;
    std::vector<TimeNs> times;
    times.reserve(packets.size());
    for (const FoundPacket& packet : packets) times.push_back(packet.time_ns());
    const auto last = times.begin() + static_cast<std::ptrdiff_t>(question_.count_max);
    std::nth_element(times.begin(), last, times.end());
    latest_ = *last;
    std::erase_if(packets, [this](const FoundPacket& packet) { return packet.time_ns() > latest_; });
}

void AnswerBuilder::expect(std::size_t packets) {
    const std::size_t there = answer.packets.size();
    if (packets > question_.count_max) packets = question_.count_max;
    if (there + packets > answer.packets.capacity()) answer.packets.reserve(std::max(there + packets, 2 * there));
}

FoundPacket& AnswerBuilder::add(const LegLabel& label, const std::string& tap, const HeaderRecord& record) {
    const auto [place, is_new] = places_.try_emplace(label.id, static_cast<std::uint32_t>(answer.legs.size()));
    if (is_new) answer.legs.push_back({label, tap});
    leave_out_later();
    ++taken_;
    FoundPacket& found = answer.packets.emplace_back();
    found.header = to_packet_header(label, record, 0);
    found.leg = place->second;
    found.client_side = static_cast<std::uint8_t>(record.to_server ? record.side : record.side ^ 1);
    if (question_.records) {
        found.of = std::make_unique<FoundFrame>();
        found.of->record = record;
    }
    return found;
}

void AnswerBuilder::take(const LegLabel& label, const std::string& tap, const HeaderRecord& record) {
    if (!is_wanted(record.time_ns)) return;
    if (question_.inner_bpf) {
        build_frame(label, record, frame_);
        const std::size_t ip = built_ip_offset(label);
        const std::uint32_t wire_length = built_wire_length(label, record);
        if (!question_.inner_bpf->takes(std::span(frame_).subspan(ip),
                                        wire_length - std::min(wire_length, static_cast<std::uint32_t>(ip))))
            return;
    }
    add(label, tap, record);
}

void AnswerBuilder::take_whole(const LegLabel& label, const std::string& tap, const HeaderRecord& record,
                               std::uint8_t link, std::span<const std::uint8_t> frame) {
    if (!is_wanted(record.time_ns)) return;
    if (question_.inner_bpf &&
        !question_.inner_bpf->takes(frame.subspan(record.ip_offset), record.wire_length - record.ip_offset))
        return;
    FoundPacket& found = add(label, tap, record);
    if (!found.of) return;
    found.of->whole = true;
    found.of->link = link;
    found.of->frame.assign(frame.begin(), frame.end());
    bytes_ += frame.size();
}

}  // namespace clew::vault
