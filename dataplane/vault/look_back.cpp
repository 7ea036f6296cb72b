// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/look_back.h"

#include <algorithm>
#include <utility>

#include "dataplane/vault/header_frame.h"

namespace clew::vault {

void Answer::note(const std::string& sentence) {
    if (partial.find(sentence) != std::string::npos) return;
    partial += (partial.empty() ? "" : "; ") + sentence;
}

void Given::add(const Answer& part) {
    count += part.packets.size();
    for (const FoundPacket& packet : part.packets) bytes += packet.frame.size();
}

/// Packets are large: what is sorted is their order, and each is moved once.
std::vector<FoundPacket> Answer::take_before(TimeNs until) {
    std::vector<std::pair<TimeNs, std::size_t>> order;
    for (std::size_t i = 0; i < packets.size(); ++i)
        if (const TimeNs time_ns = packets[i].record.time_ns; time_ns < until) order.emplace_back(time_ns, i);
    std::sort(order.begin(), order.end());
    std::vector<FoundPacket> taken;
    taken.reserve(order.size());
    for (const auto& [time_ns, place] : order) taken.push_back(std::move(packets[place]));
    // What was moved from still says when it was.
    std::erase_if(packets, [until](const FoundPacket& one) { return one.record.time_ns < until; });
    return taken;
}

void Answer::finish(const Question& question, const Given& given) {
    const auto by_time = [](const FoundPacket& a, const FoundPacket& b) { return a.record.time_ns < b.record.time_ns; };
    if (!std::is_sorted(packets.begin(), packets.end(), by_time)) packets = take_before(INT64_MAX);
    std::uint64_t bytes = given.bytes;
    std::size_t count = 0;
    while (count < packets.size() && given.count + count < question.count_max && bytes < question.bytes_max)
        bytes += packets[count++].frame.size();
    const auto lower = [this](TimeNs time) {
        return std::lower_bound(packets.begin(), packets.end(), time,
                                [](const FoundPacket& one, TimeNs at) { return one.record.time_ns < at; });
    };
    if (count < packets.size()) {
        const TimeNs first_left_out = packets[count].record.time_ns;
        if (complete_until == 0 || first_left_out < complete_until) complete_until = first_left_out;
    }
    // What stands at one time comes whole, or a reader that goes on from complete_until would never get past it.
    if (complete_until != 0 && given.count == 0 && lower(complete_until) == packets.begin() && !packets.empty() &&
        packets[0].record.time_ns <= complete_until)
        ++complete_until;
    if (complete_until != 0) packets.erase(lower(complete_until), packets.end());
    if (complete_until != 0)
        note("more than " + std::to_string(question.count_max) + " packets, or " +
             std::to_string(question.bytes_max >> 20) + " MB of them: the later ones are left out");
    if (question.is_cancelled()) note("it was broken off");
}

FoundPacket& AnswerBuilder::add(const LegLabel& label, const std::string& tap, const HeaderRecord& record) {
    const auto [place, is_new] = places_.try_emplace(label.id, static_cast<std::uint32_t>(answer.legs.size()));
    if (is_new) answer.legs.push_back({label, tap});
    ++taken_;
    FoundPacket& found = answer.packets.emplace_back();
    found.leg = place->second;
    found.record = record;
    return found;
}

void AnswerBuilder::take(const LegLabel& label, const std::string& tap, const HeaderRecord& record) {
    if (!question_.in_time(record.time_ns)) return;
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
    if (!question_.in_time(record.time_ns)) return;
    if (question_.inner_bpf &&
        !question_.inner_bpf->takes(frame.subspan(record.ip_offset), record.wire_length - record.ip_offset))
        return;
    FoundPacket& found = add(label, tap, record);
    found.whole = true;
    found.link = link;
    found.frame.assign(frame.begin(), frame.end());
    bytes_ += frame.size();
}

}  // namespace clew::vault
