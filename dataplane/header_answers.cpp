// SPDX-License-Identifier: Apache-2.0
#include "dataplane/header_answers.h"

#include <pthread.h>

#include <algorithm>

#include "dataplane/vault/header_frame.h"
#include "wire/convert.h"

namespace clew::sensor {

std::size_t header_count_of(const v1::HeaderRequest& request) {
    const std::size_t asked = request.header_count_max() == 0 ? header_request_count_max : request.header_count_max();
    return std::min(asked, header_request_count_max);
}

void reply_in_parts(std::size_t count, const std::string& partial, const HeaderReplier& reply,
                    const std::function<void(std::size_t, v1::PacketHeader&)>& fill) {
    std::size_t sent = 0;
    do {
        v1::HeaderReply message;
        const std::size_t end = std::min(count, sent + header_reply_count_max);
        for (; sent < end; ++sent) fill(sent, *message.add_headers());
        message.set_last(sent == count);
        if (message.last()) message.set_partial(partial);
        reply(message);
    } while (sent < count);
}

HeaderAnswers::HeaderAnswers(const vault::BlockStore& store, std::vector<vault::HeaderAppender*> logs,
                             std::uint64_t bytes_max)
    : store_(store), logs_(logs), bytes_max_(bytes_max), look_back_(store, {logs.begin(), logs.end()}) {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "clew-look-back");
        run();
    });
}

void HeaderAnswers::answer(const v1::HeaderRequest& request, HeaderReplier reply) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < question_count_max) {
            waiting_.push_back({request, std::move(reply)});
            changed_.notify_one();
            return;
        }
    }
    reply_in_parts(0, "this sensor has more questions for headers than it can answer; ask again", reply, {});
}

void HeaderAnswers::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_.store(true, std::memory_order_relaxed);
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void HeaderAnswers::run() {
    for (;;) {
        Question question;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stop_.load(std::memory_order_relaxed) || !waiting_.empty(); });
            if (stop_.load(std::memory_order_relaxed)) return;
            question = std::move(waiting_.front());
            waiting_.pop_front();
        }
        answer_now(question);
    }
}

void HeaderAnswers::answer_now(const Question& question) const {
    const v1::HeaderRequest& request = question.request;
    vault::HeaderQuestion asked;
    asked.legs.assign(request.legs().begin(), request.legs().end());
    asked.from = request.from_ns();
    asked.to = request.to_ns();
    asked.count_max = header_count_of(request);
    asked.cancelled = &stop_;
    const vault::HeaderAnswer found = look_back_.find(asked);
    // Which end is the client may have been learnt late: what the last packet knew holds for all.
    std::vector<std::uint8_t> client_side(found.legs.size());
    for (const vault::FoundHeader& header : found.headers)
        client_side[header.leg] =
            static_cast<std::uint8_t>(header.record.to_server ? header.record.side : header.record.side ^ 1);
    std::vector<std::uint8_t> frame;
    reply_in_parts(found.headers.size(), found.partial, question.reply, [&](std::size_t i, v1::PacketHeader& message) {
        const vault::FoundHeader& header = found.headers[i];
        const vault::LegLabel& leg = found.legs[header.leg];
        wire::encode(vault::to_packet_header(leg, header.record, client_side[header.leg]), message);
        if (!request.frames()) return;
        vault::build_frame(leg, header.record, frame);
        message.set_frame(frame.data(), frame.size());
        message.set_wire_length(vault::built_wire_length(leg, header.record));
    });
}

std::vector<v1::Counter> HeaderAnswers::count() const {
    std::vector<v1::Counter> counters;
    const auto add = [&counters](const char* name, std::uint64_t value, const char* text) {
        v1::Counter& counter = counters.emplace_back();
        counter.set_name(name);
        counter.set_value(value);
        counter.set_text(text);
    };
    std::uint64_t backlog = 0;
    for (const vault::HeaderAppender* log : logs_) backlog += log->dropped();
    const vault::BlockStoreCounters store = store_.counters();
    add("vault_headers", store.packets, "packet headers on disk now");
    add("vault_header_bytes", store.bytes, "bytes of the header log on disk now");
    add("vault_header_bytes_max", bytes_max_, "budget of the header log in bytes");
    add("vault_header_blocks_written", store.blocks_written, "blocks of headers written");
    add("vault_headers_written", store.packets_written, "packet headers written");
    add("vault_headers_oldest_ns", static_cast<std::uint64_t>(store.oldest_ns),
        "time of the oldest header on disk, ns since 1970");
    add("vault_headers_expired", store.packets_expired, "headers that left because the budget was used up");
    add("vault_headers_dropped_backlog", backlog, "headers dropped because the writer had not caught up");
    add("vault_headers_dropped_disk_full", store.packets_dropped_disk_full,
        "headers dropped because the disk was full");
    add("vault_headers_dropped_disk_failed", store.packets_dropped_disk_failed,
        "headers dropped because writing failed");
    add("vault_tails_cut", store.tails_cut, "torn ends of the vault's files cut off at start");
    add("vault_files_unreadable", store.files_unreadable, "files of the vault that could not be opened at start");
    return counters;
}

}  // namespace clew::sensor
