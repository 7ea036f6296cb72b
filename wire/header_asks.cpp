// SPDX-License-Identifier: Apache-2.0
#include "wire/header_asks.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "wire/packed_headers.h"

namespace clew::wire {
namespace {
constexpr std::uint32_t header_count_limit = 1'000'000;  // an observer that answers more than was asked is cut here

/// Which end of a leg is the client was learnt after headers of it had been sent.
void turn(const v1::HeaderReply& last, v1::HeaderReply& whole) {
    if (last.turned_legs().empty()) return;
    const std::set<std::uint64_t> turned(last.turned_legs().begin(), last.turned_legs().end());
    turn_packed(turned, *whole.mutable_packed());
    for (v1::PacketHeader& header : *whole.mutable_headers())
        if (turned.contains(header.leg())) header.set_direction(header.direction() == 0 ? 1 : 0);
}

std::size_t count_of(const v1::HeaderReply& reply) {
    return static_cast<std::size_t>(reply.headers_size()) + packed_count(reply.packed());
}

}  // namespace

std::uint64_t HeaderAsks::file(const std::string& observer, v1::HeaderRequest request) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t id = next_id_++;
    request.set_request_id(id);
    asks_[id] = Ask{.observer = observer,
                    .header_count_max = request.header_count_max() ? request.header_count_max() : header_count_limit,
                    .reply = {},
                    .refusal = {},
                    .done = false};
    outgoing_.push_back({observer, std::move(request)});
    return id;
}

Result<v1::HeaderReply> HeaderAsks::wait(std::uint64_t request_id, std::uint32_t timeout_ms,
                                         const std::function<bool()>& left) {
    std::unique_lock lock(mutex_);
    Ask& ask = asks_.at(request_id);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    bool asker_left = false;
    while (!ask.done && !asker_left && std::chrono::steady_clock::now() < end) {
        const auto next = left ? std::chrono::steady_clock::now() + std::chrono::milliseconds(look_ms) : end;
        changed_.wait_until(lock, std::min(end, next), [&ask] { return ask.done; });
        asker_left = !ask.done && left && left();
    }
    const bool done = ask.done;
    if (!done) {
        v1::HeaderRequest withdrawal;
        withdrawal.set_request_id(request_id);
        withdrawal.set_withdrawn(true);
        outgoing_.push_back({ask.observer, std::move(withdrawal)});
    }
    Ask result = std::move(ask);
    asks_.erase(request_id);
    if (!result.refusal.empty()) return fail(ErrorKind::unreachable, result.refusal);
    if (asker_left) return fail(ErrorKind::unreachable, "who asked has left");
    if (!done && count_of(result.reply) == 0)
        return fail(ErrorKind::unreachable, "observer '" + result.observer + "' did not answer within " +
                                                std::to_string(timeout_ms) + " ms; look at its log");
    if (!done) result.reply.set_partial("observer '" + result.observer + "' did not send the rest in time");
    result.reply.set_last(true);
    return std::move(result.reply);
}

std::vector<HeaderAsks::Outgoing> HeaderAsks::take_outgoing() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outgoing_, {});
}

void HeaderAsks::reply(const std::string& observer, v1::HeaderReply part) {
    const std::lock_guard lock(mutex_);
    const auto found = asks_.find(part.request_id());
    if (found == asks_.end() || found->second.observer != observer) return;  // too late, or not asked
    Ask& ask = found->second;
    const std::size_t room = ask.header_count_max - count_of(ask.reply);
    const auto taken = static_cast<int>(std::min(room, static_cast<std::size_t>(part.headers_size())));
    const std::size_t packed_taken = std::min(room - static_cast<std::size_t>(taken), packed_count(part.packed()));
    if (count_of(part) > static_cast<std::size_t>(taken) + packed_taken)
        ask.reply.set_partial("more headers than were asked for were left out");
    ask.reply.mutable_packed()->append(part.packed(), 0, packed_taken * packed_header_bytes);
    std::vector<v1::PacketHeader*> headers(static_cast<std::size_t>(taken));
    part.mutable_headers()->ExtractSubrange(0, taken, headers.data());
    for (v1::PacketHeader* header : headers) ask.reply.mutable_headers()->AddAllocated(header);
    ask.reply.set_request_id(part.request_id());
    if (!part.partial().empty()) ask.reply.set_partial(part.partial());
    for (v1::KeptLeg& leg : *part.mutable_legs()) *ask.reply.add_legs() = std::move(leg);
    if (part.complete_until_ns() != 0) ask.reply.set_complete_until_ns(part.complete_until_ns());
    if (part.recording_until_ns() != 0) ask.reply.set_recording_until_ns(part.recording_until_ns());
    if (part.recording_unknown()) ask.reply.set_recording_unknown(true);
    turn(part, ask.reply);
    ask.done = part.last();
    if (ask.done) changed_.notify_all();
}

void HeaderAsks::refuse(std::uint64_t request_id, const std::string& sentence) {
    const std::lock_guard lock(mutex_);
    const auto found = asks_.find(request_id);
    if (found == asks_.end()) return;
    found->second.refusal = sentence;
    found->second.done = true;
    changed_.notify_all();
}

}  // namespace clew::wire
