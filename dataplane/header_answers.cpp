// SPDX-License-Identifier: Apache-2.0
#include "dataplane/header_answers.h"

#include <pthread.h>

#include <algorithm>
#include <unordered_map>

#include "dataplane/packet.h"
#include "dataplane/vault/header_frame.h"
#include "wire/convert.h"
#include "wire/packed_headers.h"

namespace clew::sensor {
namespace {

bool is_packed(const v1::HeaderRequest& request) { return request.packed() && !request.frames(); }

v1::HeaderReply only_words(const std::string& partial) {
    v1::HeaderReply reply;
    reply.set_partial(partial);
    return reply;
}

Result<vault::Network> to_network(const v1::NetworkChoice& choice) {
    constexpr std::uint32_t v4_bits = 32, v6_bits = 128;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(choice.ip().data());
    const bool v4 = choice.ip().size() == 4;
    if ((!v4 && choice.ip().size() != 16) || choice.bits() > (v4 ? v4_bits : v6_bits))
        return fail(ErrorKind::usage, "an address of the question has a length that no address has");
    return vault::Network{v4 ? IpAddress::from_v4_bytes(bytes) : IpAddress::from_v6_bytes(bytes),
                          static_cast<std::uint8_t>(choice.bits() + (v4 ? v6_bits - v4_bits : 0))};
}

Result<vault::Question> to_question(const v1::HeaderRequest& request) {
    vault::Question question;
    question.choice.legs.insert(request.legs().begin(), request.legs().end());
    question.from = request.from_ns();
    question.to = request.to_ns();
    question.count_max = header_count_of(request);
    question.records = request.frames();
    question.bytes_max = std::min(request.frame_bytes_max() == 0 ? frame_request_bytes_max : request.frame_bytes_max(),
                                  frame_request_bytes_max);
    for (const v1::NetworkChoice& choice : request.choice().networks()) {
        const auto network = to_network(choice);
        if (!network) return tl::make_unexpected(network.error());
        question.choice.networks.push_back(*network);
    }
    for (const std::uint32_t port : request.choice().ports())
        question.choice.ports.push_back(static_cast<std::uint16_t>(port));
    question.choice.layer_ids.assign(request.choice().layer_ids().begin(), request.choice().layer_ids().end());
    question.choice.protocol = static_cast<std::uint8_t>(request.choice().protocol());
    if (request.bpf().empty()) return question;
    auto program = wire::BpfProgram::compile(request.bpf(), wire::BpfOn::ip);
    if (!program) return tl::make_unexpected(program.error());
    question.inner_bpf = std::move(*program);
    return question;
}

/// The frame as the request wants it, and how long it was as sent.
void fill_frame(const v1::HeaderRequest& request, const vault::LegLabel& leg, const vault::FoundFrame& packet,
                v1::PacketHeader& message) {
    std::vector<std::uint8_t> made;
    std::span<const std::uint8_t> frame = packet.frame;
    std::uint32_t wire_length = packet.record.wire_length;
    const bool strips = (request.strip_tunnels() && vault::has_tunnels(leg)) ||
                        packet.link != static_cast<std::uint8_t>(LinkType::ethernet);
    if (!packet.whole || strips) {
        if (packet.whole)
            vault::strip_tunnels(leg, packet.record, packet.frame, made);
        else
            vault::build_frame(leg, packet.record, made);
        frame = made;
        wire_length = vault::built_wire_length(leg, packet.record);
    }
    if (request.snap_length() != 0) frame = frame.first(std::min<std::size_t>(frame.size(), request.snap_length()));
    message.set_frame(frame.data(), frame.size());
    message.set_wire_length(wire_length);
    message.set_whole(packet.whole);
}

void encode(const vault::AnswerLeg& leg, std::uint8_t client_side, v1::KeptLeg& message) {
    message.set_leg(leg.label.id);
    message.set_tap(leg.tap);
    message.set_protocol(leg.label.protocol);
    message.set_segment(to_text(leg.label.segment));
    const Endpoint low{leg.label.low, leg.label.port_low}, high{leg.label.high, leg.label.port_high};
    message.set_client(to_text(client_side == 0 ? low : high));
    message.set_server(to_text(client_side == 0 ? high : low));
}

/// The legs of an answer that goes out in parts. Which end is the client may be learnt late: what a leg's last packet
/// knew holds for all, and where a part that went out told otherwise the last message says so.
class AnswerLegs {
  public:
    explicit AnswerLegs(const v1::HeaderRequest& request) : request_(request) {}

    void send(const vault::Answer& part, bool last, const HeaderReplier& reply) {
        std::vector<std::size_t> places(part.legs.size(), unknown);
        for (const vault::FoundPacket& packet : part.packets) {
            std::size_t& place = places[packet.leg];
            if (place == unknown) place = place_of(part.legs[packet.leg]);
            legs_[place].latest = packet.client_side;
        }
        for (; told_ < legs_.size(); ++told_) legs_[told_].told = legs_[told_].latest;
        const auto header_of = [&](const vault::FoundPacket& packet) {
            PacketHeader header = packet.header;
            if (legs_[places[packet.leg]].told != 0) header.direction = opposite(header.direction);
            return header;
        };
        if (is_packed(request_)) return send_packed(part, last, reply, header_of);
        const auto fill = [&](std::size_t i, v1::PacketHeader& message) {
            const vault::FoundPacket& packet = part.packets[i];
            wire::encode(header_of(packet), message);
            if (request_.frames()) fill_frame(request_, part.legs[packet.leg].label, *packet.of, message);
        };
        if (last)
            reply_in_parts(part.packets.size(), last_words(part), reply, fill);
        else
            reply_before_last(part.packets.size(), reply, fill);
    }

  private:
    struct Known {
        vault::AnswerLeg leg;
        std::uint8_t told = 0, latest = 0;  ///< the client's side
    };
    static constexpr std::size_t unknown = SIZE_MAX;

    template <typename HeaderOf>
    void send_packed(const vault::Answer& part, bool last, const HeaderReplier& reply,
                     const HeaderOf& header_of) const {
        const auto& packets = part.packets;
        for (std::size_t sent = 0; sent < packets.size() || last;) {
            const std::size_t end = std::min(packets.size(), sent + packed_reply_count_max);
            v1::HeaderReply message;
            message.mutable_packed()->reserve((end - sent) * wire::packed_header_bytes);
            for (; sent < end; ++sent) wire::pack(header_of(packets[sent]), *message.mutable_packed());
            const bool over = last && sent == packets.size();
            if (over) {
                message.MergeFrom(last_words(part));
                message.set_last(true);
            }
            reply(message);
            if (over) return;
        }
    }
    std::size_t place_of(const vault::AnswerLeg& leg) {
        const auto [place, is_new] = places_.try_emplace(leg.label.id, legs_.size());
        if (is_new) legs_.push_back({leg, 0, 0});
        return place->second;
    }
    v1::HeaderReply last_words(const vault::Answer& part) const {
        v1::HeaderReply last = only_words(part.partial);
        last.set_complete_until_ns(part.complete_until);
        for (const Known& one : legs_) {
            if (one.told != one.latest) last.add_turned_legs(one.leg.label.id);
            if (request_.has_choice()) encode(one.leg, one.latest, *last.add_legs());
        }
        return last;
    }

    const v1::HeaderRequest& request_;
    std::vector<Known> legs_;
    std::size_t told_ = 0;  ///< of legs_
    std::unordered_map<LegId, std::size_t> places_;
};

void send_parts(std::size_t count, const v1::HeaderReply* last, const HeaderReplier& reply,
                const std::function<void(std::size_t, v1::PacketHeader&)>& fill) {
    std::size_t sent = 0;
    do {
        v1::HeaderReply message;
        std::size_t bytes = 0;
        const std::size_t end = std::min(count, sent + header_reply_count_max);
        for (; sent < end && bytes < header_reply_bytes_max; ++sent) {
            v1::PacketHeader& header = *message.add_headers();
            fill(sent, header);
            bytes += header.frame().size();
        }
        if (last && sent == count) {
            message.MergeFrom(*last);
            message.set_last(true);
        }
        reply(message);
    } while (sent < count);
}

}  // namespace

std::size_t header_count_of(const v1::HeaderRequest& request) {
    const std::size_t count_max = is_packed(request) ? packed_request_count_max : header_request_count_max;
    return request.header_count_max() == 0 ? count_max : std::min<std::size_t>(request.header_count_max(), count_max);
}

void reply_in_parts(std::size_t count, v1::HeaderReply last, const HeaderReplier& reply,
                    const std::function<void(std::size_t, v1::PacketHeader&)>& fill) {
    send_parts(count, &last, reply, fill);
}

void reply_before_last(std::size_t count, const HeaderReplier& reply,
                       const std::function<void(std::size_t, v1::PacketHeader&)>& fill) {
    if (count != 0) send_parts(count, nullptr, reply, fill);
}

HeaderAnswers::HeaderAnswers(VaultLogs logs)
    : logs_(std::move(logs)),
      header_look_back_(*logs_.header_store, {logs_.headers.begin(), logs_.headers.end()}, logs_.taps) {
    if (logs_.packet_store)
        packet_look_back_.emplace(*logs_.packet_store,
                                  std::vector<const vault::PacketAppender*>(logs_.packets.begin(), logs_.packets.end()),
                                  logs_.taps);
    for (InHand& in_hand : in_hand_)
        threads_.emplace_back([this, &in_hand] {
            pthread_setname_np(pthread_self(), "clew-look-back");
            run(in_hand);
        });
}

void HeaderAnswers::answer(const v1::HeaderRequest& request, HeaderReplier reply) {
    if (request.withdrawn()) return withdraw(request.request_id());
    if (request.has_record()) return record(request.record(), reply);
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < question_count_max) {
            waiting_.push_back({request, std::move(reply)});
            changed_.notify_one();
            return;
        }
    }
    refused_.fetch_add(1, std::memory_order_relaxed);
    reply_in_parts(
        0,
        only_words("this sensor answers " + std::to_string(look_back_count_max) + " look-backs at a time and " +
                   std::to_string(question_count_max) + " more wait already; ask again later"),
        reply, {});
}

void HeaderAnswers::record(const v1::Recording& wanted, const HeaderReplier& reply) const {
    if (!logs_.recorder)
        return reply_in_parts(0, only_words("it keeps no packet log; give it vault.packets in its configuration"),
                              reply, {});
    const auto until = logs_.recorder->record(wanted, logs_.now());
    v1::HeaderReply words = only_words(until ? "" : until.error().sentence);
    if (until) words.set_recording_until_ns(*until);
    words.set_recording_unknown(!until && wanted.end());
    reply_in_parts(0, std::move(words), reply, {});
}

void HeaderAnswers::withdraw(std::uint64_t request_id) {
    const std::lock_guard lock(mutex_);
    withdrawn_ +=
        std::erase_if(waiting_, [request_id](const Waiting& one) { return one.request.request_id() == request_id; });
    for (InHand& in_hand : in_hand_) {
        if (in_hand.request_id != request_id) continue;
        in_hand.withdrawn.store(true, std::memory_order_relaxed);
        in_hand.broken_off.store(true, std::memory_order_relaxed);
    }
}

void HeaderAnswers::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_.store(true, std::memory_order_relaxed);
        for (InHand& in_hand : in_hand_) in_hand.broken_off.store(true, std::memory_order_relaxed);
    }
    changed_.notify_all();
    for (std::thread& thread : threads_)
        if (thread.joinable()) thread.join();
}

void HeaderAnswers::run(InHand& in_hand) {
    for (;;) {
        Waiting waiting;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stop_.load(std::memory_order_relaxed) || !waiting_.empty(); });
            if (stop_.load(std::memory_order_relaxed)) return;
            waiting = std::move(waiting_.front());
            waiting_.pop_front();
            in_hand.request_id = waiting.request.request_id();
            in_hand.withdrawn.store(false, std::memory_order_relaxed);
            in_hand.broken_off.store(false, std::memory_order_relaxed);
        }
        answer_now(waiting, in_hand);
        const std::lock_guard lock(mutex_);
        ++(in_hand.withdrawn.load(std::memory_order_relaxed) ? withdrawn_ : answered_);
        in_hand.request_id = 0;
    }
}

/// Out of both logs where frames are asked for, out of the header log alone where not.
void HeaderAnswers::stream(const v1::HeaderRequest& request, const vault::Question& question,
                           const vault::TakePart& take) const {
    vault::Answer nothing;
    if (request.legs().empty() && !request.has_choice()) return (void)take(nothing, true);
    std::unique_ptr<vault::LogSearch> packets;
    if (request.frames() && !request.headers_only() && packet_look_back_) packets = packet_look_back_->begin(question);
    const std::unique_ptr<vault::LogSearch> headers = header_look_back_.begin(question);
    vault::stream_answer(question, *headers, packets.get(), take);
}

void HeaderAnswers::answer_now(const Waiting& waiting, const InHand& in_hand) const {
    const v1::HeaderRequest& request = waiting.request;
    auto question = to_question(request);
    if (!question) return reply_in_parts(0, only_words(question.error().sentence), waiting.reply, {});
    question->cancelled = &in_hand.broken_off;
    AnswerLegs legs(request);
    stream(request, *question, [&](const vault::Answer& part, bool last) {
        if (in_hand.withdrawn.load(std::memory_order_relaxed)) return false;
        legs.send(part, last, waiting.reply);
        return true;
    });
}

std::vector<v1::Counter> HeaderAnswers::count() const {
    std::vector<v1::Counter> counters = sensor::count(logs_);
    const auto add = [&counters](const char* name, const std::atomic<std::uint64_t>& value, const char* text) {
        v1::Counter& counter = counters.emplace_back();
        counter.set_name(name);
        counter.set_value(value.load(std::memory_order_relaxed));
        counter.set_text(text);
    };
    add("vault_look_backs", answered_, "look-backs answered");
    add("vault_look_backs_withdrawn", withdrawn_, "look-backs broken off because nobody waited for them any more");
    add("vault_look_backs_refused", refused_, "look-backs refused because too many waited");
    if (!logs_.recorder) return counters;
    logs_.recorder->expire(logs_.now());
    for (v1::Counter& counter : logs_.recorder->count()) counters.push_back(std::move(counter));
    return counters;
}

}  // namespace clew::sensor
