// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_look_back.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "dataplane/vault/header_log_writer.h"
#include "dataplane/vault/tcp_options.h"

namespace clew::vault {
namespace {

class Search {
  public:
    explicit Search(const HeaderQuestion& question)
        : question_(question), wanted_(question.legs.begin(), question.legs.end()) {}

    bool wants(const LegLabel& label) const { return wanted_.contains(label.id); }
    bool over() const { return full_ || (question_.cancelled && question_.cancelled->load(std::memory_order_relaxed)); }

    /// False when no more is wanted.
    bool take(const LegLabel& label, const HeaderRecord& record) {
        if (over()) return false;
        if ((question_.from != 0 && record.time_ns < question_.from) ||
            (question_.to != 0 && record.time_ns > question_.to))
            return true;
        if (answer.headers.size() == question_.count_max) {
            full_ = true;
            note("more than " + std::to_string(question_.count_max) + " packet headers: some are left out");
            return false;
        }
        const auto [place, is_new] = places_.try_emplace(label.id, static_cast<std::uint32_t>(answer.legs.size()));
        if (is_new) answer.legs.push_back(label);
        answer.headers.push_back({place->second, record});
        return true;
    }

    void take(const OpenBlock& block) {
        const std::uint32_t end = block.bytes_used(), legs = block.leg_count();
        std::vector<bool> wanted(legs);
        bool any = false;
        for (std::uint32_t leg = 0; leg < legs; ++leg) any |= wanted[leg] = wants(block.label(leg));
        HeaderRecord record;
        for (std::uint32_t at = 0; any && at < end; at += OpenBlock::size_of(block.entry(at))) {
            const std::uint32_t leg = block.entry(at).leg;
            if (leg >= legs || !wanted[leg]) continue;
            block.read(at, record);
            if (!take(block.label(leg), record)) return;
        }
    }

    void take(const std::vector<std::uint8_t>& bytes) {
        const auto block = HeaderBlockReader::open(bytes);
        if (!block) return note(block.error().sentence);
        const auto legs = block->legs();
        if (!legs) return note(legs.error().sentence);
        const auto read = block->packets(
            *legs, [this](const BlockLeg& leg) { return wants(leg.label); },
            [this](const BlockLeg& leg, const HeaderRecord& record) { return take(leg.label, record); });
        if (!read) note(read.error().sentence);
    }

    void note(const std::string& sentence) {
        if (answer.partial.find(sentence) != std::string::npos) return;
        answer.partial += (answer.partial.empty() ? "" : "; ") + sentence;
    }

    HeaderAnswer answer;

  private:
    const HeaderQuestion& question_;
    std::unordered_set<LegId> wanted_;
    std::unordered_map<LegId, std::uint32_t> places_;
    bool full_ = false;
};

}  // namespace

HeaderAnswer HeaderLookBack::find(const HeaderQuestion& question) const {
    Search search(question);
    std::unordered_set<std::uint64_t> read_open;
    std::uint64_t dropped = 0;
    // First what is not written: a block that moves to disk meanwhile is then found twice, never missed.
    for (std::size_t i = 0; i < appenders_.size(); ++i) {
        appenders_[i]->read_unwritten([&](const OpenBlock& block) {
            read_open.insert(HeaderLogWriter::origin_of(i, block.number()));
            if (!search.over()) search.take(block);
        });
        dropped += appenders_[i]->dropped();
    }
    for (const StoredBlock& stored : store_.find(question.from, question.to)) {
        if (search.over()) break;
        if (stored.origin != 0 && read_open.contains(stored.origin)) continue;
        const auto bytes = store_.read(stored);
        if (!bytes)
            search.note(bytes.error().sentence);
        else if (!bytes->empty())
            search.take(*bytes);
    }
    const BlockStoreCounters counters = store_.counters();
    dropped += counters.packets_dropped_disk_full + counters.packets_dropped_disk_failed;
    if (counters.packets_expired != 0 && (question.from == 0 || question.from < counters.oldest_ns))
        search.note("the header log no longer holds packets this old: its budget of bytes is used up");
    if (dropped != 0)
        search.note(std::to_string(dropped) + " headers never reached the log (full or slow disk): the counters tell");
    if (question.cancelled && question.cancelled->load(std::memory_order_relaxed)) search.note("it was broken off");
    std::stable_sort(search.answer.headers.begin(), search.answer.headers.end(),
                     [](const FoundHeader& a, const FoundHeader& b) { return a.record.time_ns < b.record.time_ns; });
    return std::move(search.answer);
}

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

}  // namespace clew::vault
