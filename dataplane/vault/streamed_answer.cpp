// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/streamed_answer.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

namespace clew::vault {
namespace {

constexpr std::size_t part_count_min = 2048;  ///< but of the first

/// What is the same of a packet in both logs.
using Identity = std::tuple<LegId, TimeNs, Direction, std::uint32_t, std::uint16_t, std::uint32_t>;
Identity identity_of(const Answer& answer, const FoundPacket& packet) {
    const PacketHeader& header = packet.header;
    return {answer.legs[packet.leg].label.id,
            header.time_ns,
            header.direction,
            header.seq,
            header.ip_id,
            packet.of ? packet.of->record.wire_length : 0};
}

/// Puts packets of other answers into one: a leg stands there once.
class Gathered {
  public:
    explicit Gathered(Answer& into) : into_(into) {
        for (std::uint32_t i = 0; i < into.legs.size(); ++i) places_.emplace(into.legs[i].label.id, i);
    }
    void take(const Answer& of, FoundPacket packet) {
        const AnswerLeg& leg = of.legs[packet.leg];
        const auto [place, is_new] = places_.try_emplace(leg.label.id, static_cast<std::uint32_t>(into_.legs.size()));
        if (is_new) into_.legs.push_back(leg);
        packet.leg = place->second;
        into_.packets.push_back(std::move(packet));
    }

  private:
    Answer& into_;
    std::unordered_map<LegId, std::uint32_t> places_;
};

/// Each header with its whole packet where that is kept, and packets whose header is not.
void join(Answer& headers, Answer packets) {
    std::multimap<Identity, std::size_t> places;
    for (std::size_t i = 0; i < headers.packets.size(); ++i)
        places.emplace(identity_of(headers, headers.packets[i]), i);
    Gathered joined(headers);
    for (FoundPacket& packet : packets.packets) {
        if (const auto same = places.find(identity_of(packets, packet)); same != places.end()) {
            FoundPacket& header = headers.packets[same->second];
            if (header.of && packet.of) {
                header.of->whole = true;
                header.of->link = packet.of->link;
                header.of->frame = std::move(packet.of->frame);
            }
            places.erase(same);
            continue;
        }
        joined.take(packets, std::move(packet));
    }
    if (!packets.partial.empty()) headers.note(packets.partial);
    if (packets.complete_until != 0 && (headers.complete_until == 0 || packets.complete_until < headers.complete_until))
        headers.complete_until = packets.complete_until;
}

/// What was found before `until`, out of the search.
Answer take_before(LogSearch& search, TimeNs until) {
    Answer part;
    part.packets = search.builder.answer.take_before(until);
    if (!part.packets.empty()) part.legs = search.builder.answer.legs;
    return part;
}

class Streamed {
  public:
    Streamed(const Question& question, LogSearch& headers, LogSearch* packets, const TakePart& take)
        : question_(question), headers_(headers), packets_(packets), take_(take) {}

    void run() {
        for (;;) {
            LogSearch& earlier = packets_ && packets_->next_ns() < headers_.next_ns() ? *packets_ : headers_;
            if (earlier.next_ns() == INT64_MAX) break;
            const std::size_t before = earlier.builder.taken();
            earlier.take_next();
            new_ += earlier.builder.taken() - before;
            if (new_ >= (given_.count == 0 ? 1 : part_count_min) && !give(settled_ns())) return;
            if (is_limit_reached()) break;
        }
        headers_.end();
        if (packets_) packets_->end();
        end();
    }

  private:
    /// No packet that is still to be found is earlier, and none from here on is given when a limit was reached.
    TimeNs settled_ns() const {
        TimeNs settled = INT64_MAX;
        for (const LogSearch* search : {&headers_, packets_}) {
            if (!search) continue;
            settled = std::min(settled, search->next_ns());
            if (const TimeNs limit = search->builder.answer.complete_until; limit != 0)
                settled = std::min(settled, limit);
        }
        return settled;
    }
    bool is_limit_reached() const {
        return headers_.builder.answer.complete_until != 0 ||
               (packets_ && packets_->builder.answer.complete_until != 0) || left_out_ns_ != 0;
    }

    /// False: nobody wants more.
    bool give(TimeNs until) {
        if (until == INT64_MAX) return true;  // the last part takes it
        Answer part = take_before(headers_, until);
        if (packets_) join(part, take_before(*packets_, until));
        if (part.packets.empty()) return true;
        new_ = 0;
        part.finish(question_, given_);
        left_out_ns_ = part.complete_until;  // within this part: nothing behind it is given
        given_.add(part);
        return take_(part, false);
    }

    void end() {
        Answer part = std::move(headers_.builder.answer);
        if (packets_) join(part, std::move(packets_->builder.answer));
        if (left_out_ns_ != 0) {
            part.packets.clear();
            part.complete_until = left_out_ns_;
        }
        part.finish(question_, given_);
        take_(part, true);
    }

    const Question& question_;
    LogSearch& headers_;
    LogSearch* packets_;
    const TakePart& take_;
    Given given_;
    std::size_t new_ = 0;  ///< found since the last part
    TimeNs left_out_ns_ = 0;
};

}  // namespace

void stream_answer(const Question& question, LogSearch& headers, LogSearch* packets, const TakePart& take) {
    Streamed(question, headers, packets, take).run();
}

Answer find_all(const Question& question, std::unique_ptr<LogSearch> headers, std::unique_ptr<LogSearch> packets) {
    Answer whole;
    Gathered gathered(whole);
    stream_answer(question, *headers, packets.get(), [&](Answer& part, bool) {
        for (FoundPacket& packet : part.packets) gathered.take(part, std::move(packet));
        whole.partial = part.partial;
        whole.complete_until = part.complete_until;
        return true;
    });
    return whole;
}

}  // namespace clew::vault
