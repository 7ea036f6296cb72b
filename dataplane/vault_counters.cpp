// SPDX-License-Identifier: Apache-2.0
#include "dataplane/header_answers.h"
#include "dataplane/status_counter.h"

namespace clew::sensor {
namespace {

class Counters {
  public:
    void add(const char* name, std::uint64_t value, const char* text, const std::string& tap = {}) {
        all.push_back(make_counter(name, tap, value, text));
    }
    std::vector<v1::Counter> all;
};

void count_headers(const VaultLogs& logs, Counters& to) {
    std::uint64_t backlog = 0, waiting = 0;
    for (const vault::HeaderAppender* log : logs.headers) {
        backlog += log->dropped();
        log->read_unwritten([&](const vault::OpenBlock& block) { waiting += block.bytes_used(); });
    }
    const vault::BlockStoreCounters store = logs.header_store->counters();
    to.add("vault_headers", store.packets, "packet headers on disk now");
    to.add("vault_header_bytes", store.bytes, "bytes of the header log on disk now");
    to.add("vault_header_bytes_max", logs.header_bytes_max, "budget of the header log in bytes");
    to.add("vault_header_bytes_open", waiting, "bytes of headers in memory, not written yet");
    to.add("vault_header_blocks_written", store.blocks_written, "blocks of headers written");
    to.add("vault_headers_written", store.packets_written, "packet headers written");
    to.add("vault_headers_oldest_ns", static_cast<std::uint64_t>(store.oldest_ns),
           "time of the oldest header on disk, ns since 1970");
    to.add("vault_headers_expired", store.packets_expired, "headers that left because the budget was used up");
    to.add("vault_headers_dropped_backlog", backlog, "headers dropped because the writer had not caught up");
    to.add("vault_headers_dropped_disk_full", store.packets_dropped_disk_full,
           "headers dropped because the disk was full");
    to.add("vault_headers_dropped_disk_failed", store.packets_dropped_disk_failed,
           "headers dropped because writing failed");
    to.add("vault_tails_cut", store.tails_cut, "torn ends of the vault's files cut off at start");
    to.add("vault_bytes_damaged", store.bytes_damaged, "bytes of the vault's files in no block, found at start");
    to.add("vault_files_unreadable", store.files_unreadable, "files of the vault that could not be opened at start");
}

void count_tap(const VaultLogs& logs, TapId tap, Counters& to) {
    vault::PacketTapCounters sum;
    for (const vault::PacketAppender* log : logs.packets) {
        const vault::PacketTapCounters one = log->counters(tap);
        sum.kept += one.kept;
        sum.kept_bytes += one.kept_bytes;
        sum.dropped_backlog += one.dropped_backlog;
        sum.not_chosen += one.not_chosen + one.leg_had_enough;
    }
    const std::string& name = logs.taps[tap];
    to.add("vault_tap_packets_kept", sum.kept, "packets kept at this tap since the sensor started", name);
    to.add("vault_tap_packet_bytes_kept", sum.kept_bytes, "bytes of them", name);
    to.add("vault_tap_packets_not_chosen", sum.not_chosen, "packets that no rule wants, or wants no more of", name);
    to.add("vault_tap_packets_dropped_backlog", sum.dropped_backlog,
           "packets of this tap dropped because the writer had not caught up", name);
    const TimeNs oldest = logs.packet_store->oldest(vault::key_of_tap(tap));
    to.add("vault_tap_packets_oldest_ns", static_cast<std::uint64_t>(oldest),
           "time of the oldest block on disk with packets of this tap, ns since 1970", name);
}

void count_packets(const VaultLogs& logs, Counters& to) {
    vault::PacketTapCounters sum;
    std::uint64_t waiting = 0;
    for (const vault::PacketAppender* log : logs.packets) {
        const vault::PacketTapCounters one = log->counters();
        sum.cut_bytes += one.cut_bytes;
        sum.not_chosen += one.not_chosen;
        sum.leg_had_enough += one.leg_had_enough;
        sum.dropped_backlog += one.dropped_backlog;
        log->read_unwritten([&](const vault::OpenPacketBlock& block) { waiting += block.bytes_used(); });
    }
    const vault::BlockStoreCounters store = logs.packet_store->counters();
    to.add("vault_packets", store.packets, "whole packets on disk now");
    to.add("vault_packet_bytes", store.bytes, "bytes of the packet log on disk now");
    to.add("vault_packet_raw_bytes", store.raw_bytes, "bytes of those packets before they were compressed");
    to.add("vault_packet_bytes_max", logs.packet_bytes_max, "budget of the packet log in bytes");
    to.add("vault_packet_bytes_open", waiting, "bytes of packets in memory, not written yet");
    to.add("vault_packet_blocks_written", store.blocks_written, "blocks of packets written");
    to.add("vault_packets_written", store.packets_written, "packets written");
    to.add("vault_packets_oldest_ns", static_cast<std::uint64_t>(store.oldest_ns),
           "time of the oldest packet on disk, ns since 1970");
    to.add("vault_packets_expired", store.packets_expired, "packets that left because the budget was used up");
    to.add("vault_packets_not_chosen", sum.not_chosen, "packets that fit no rule of vault.packets");
    to.add("vault_packets_leg_had_enough", sum.leg_had_enough, "packets of legs of which enough was kept");
    to.add("vault_packet_bytes_cut", sum.cut_bytes, "bytes that a rule cut off packets");
    to.add("vault_packets_dropped_backlog", sum.dropped_backlog,
           "packets dropped because the writer had not caught up");
    to.add("vault_packets_dropped_disk_full", store.packets_dropped_disk_full,
           "packets dropped because the disk was full");
    to.add("vault_packets_dropped_disk_failed", store.packets_dropped_disk_failed,
           "packets dropped because writing failed");
    to.add("vault_packet_tails_cut", store.tails_cut, "torn ends of the packet log's files cut off at start");
    to.add("vault_packet_bytes_damaged", store.bytes_damaged,
           "bytes of the packet log's files in no block, found at start");
    to.add("vault_packet_files_unreadable", store.files_unreadable,
           "files of the packet log that could not be opened at start");
}

}  // namespace

std::vector<v1::Counter> count(const VaultLogs& logs) {
    Counters counters;
    count_headers(logs, counters);
    if (!logs.packet_store) return std::move(counters.all);
    count_packets(logs, counters);
    for (std::size_t tap = 0; tap < std::min(logs.taps.size(), vault::PacketAppender::tap_count_max); ++tap)
        count_tap(logs, static_cast<TapId>(tap), counters);
    return std::move(counters.all);
}

}  // namespace clew::sensor
