// SPDX-License-Identifier: Apache-2.0
#include "dataplane/leg_parts.h"

#include <algorithm>
#include <cstdlib>

namespace clew::sensor {
namespace {

constexpr std::uint32_t part_count_min = 1024;  // a small table's legs are more alike than those of a large one

std::uint32_t part_count(std::uint32_t leg_count_max, std::uint32_t share) {
    const std::uint64_t count = std::uint64_t{leg_count_max} * share / 100;
    return share == 0 ? 0 : static_cast<std::uint32_t>(std::clamp<std::uint64_t>(count, part_count_min, 0xffff'fffe));
}

void add_one(std::uint16_t* counts, std::size_t size, std::size_t at) {
    if (counts[at] == 0xffff)
        for (std::size_t i = 0; i < size; ++i) counts[i] = static_cast<std::uint16_t>(counts[i] / 2);
    ++counts[at];
}

}  // namespace

const LegNames LegParts::no_names{};
const FlowOddities LegParts::no_flow_oddities{};
const TcpOddities LegParts::no_tcp_oddities{};

bool LegParts::allocate(std::uint32_t leg_count_max, const LegPartShares& shares, bool populate) {
    const auto count = [&](std::uint32_t share) { return part_count(leg_count_max, share); };
    return hints_.allocate(count(shares.hints), populate) && names_.allocate(count(shares.names), populate) &&
           flow_oddities_.allocate(count(shares.marks), populate) &&
           tcp_oddities_.allocate(count(shares.tcp_oddities), populate) &&
           delay_tables_.allocate(count(shares.delay_tables), populate) &&
           stream_buffers_.allocate(count(shares.stream_heads), populate) &&
           http2_.allocate(count(shares.http2), populate);
}

std::size_t LegParts::memory_bytes(std::uint32_t leg_count_max, const LegPartShares& shares) {
    const auto count = [&](std::uint32_t share) { return part_count(leg_count_max, share); };
    return decltype(hints_)::memory_bytes(count(shares.hints)) + decltype(names_)::memory_bytes(count(shares.names)) +
           decltype(flow_oddities_)::memory_bytes(count(shares.marks)) +
           decltype(tcp_oddities_)::memory_bytes(count(shares.tcp_oddities)) +
           decltype(delay_tables_)::memory_bytes(count(shares.delay_tables)) +
           decltype(stream_buffers_)::memory_bytes(count(shares.stream_heads)) +
           decltype(http2_)::memory_bytes(count(shares.http2));
}

void LegParts::give_back(ColdLeg& cold, TcpLeg& tcp, bool is_tcp) {
    while (cold.hints != 0) {
        const PartNumber before = hints_[cold.hints].before;
        hints_.give_back(cold.hints);
        cold.hints = before;
    }
    names_.give_back(cold.names);
    http2_.give_back(cold.http2);
    for (ColdFlow& flow : cold.flows) {
        flow_oddities_.give_back(flow.oddities);
        stream_buffers_.give_back(flow.head_buffer);
    }
    if (!is_tcp) return;
    for (TcpSide& side : tcp.sides) {
        tcp_oddities_.give_back(side.oddities);
        delay_tables_.give_back(side.rtt.table);
    }
    delay_tables_.give_back(tcp.response.table);
}

KeptHint* LegParts::add_hint(ColdLeg& cold) {
    PartNumber newest = 0;
    KeptHint* hint = take(hints_, newest, Reason::hints_short);
    if (hint == nullptr) return nullptr;
    hint->before = cold.hints;
    cold.hints = newest;
    ++cold.hint_count;
    return hint;
}

/// A bin that the leg has not, or that is full, or of a leg that has them all in a table.
void LegParts::add_to_bin(LegDelays& to, std::uint8_t bin) {
    if (to.table != 0) return add_one(delay_tables_[to.table].data(), delay_bin_count, bin);
    std::uint8_t at = 0;
    while (at < to.bin_count && to.bins[at] != bin) ++at;
    if (at == to.bin_count && at == to.bins.size()) {
        if (DelayTable* table = take(delay_tables_, to.table, Reason::delay_tables_short)) {
            for (std::uint8_t i = 0; i < to.bin_count; ++i) (*table)[to.bins[i]] = to.counts[i];
            to.bin_count = 0;
            return add_one(table->data(), delay_bin_count, bin);
        }
        const auto nearer = [&](std::uint8_t a, std::uint8_t b) { return std::abs(a - bin) < std::abs(b - bin); };
        at = static_cast<std::uint8_t>(std::min_element(to.bins.begin(), to.bins.end(), nearer) - to.bins.begin());
    }
    if (at == to.bin_count) {
        to.bins[at] = bin;
        to.counts[at] = 0;
        ++to.bin_count;
    }
    add_one(to.counts.data(), to.bin_count, at);
}

DelayStatistics LegParts::statistics(const LegDelays& delays) const {
    DelayStatistics all;
    all.count = delays.count;
    all.sum_ns = delays.sum_ns;
    all.max_ns = delays.max_ns;
    if (delays.table != 0) all.bins = delay_tables_[delays.table];
    for (std::uint8_t i = 0; i < delays.bin_count; ++i) all.bins[delays.bins[i]] = delays.counts[i];
    return all;
}

PartNumber LegParts::take_stream_buffer() {
    const PartNumber buffer = stream_buffers_.take();
    if (buffer == 0) counters_.add(Reason::stream_buffers_short);
    return buffer;
}

}  // namespace clew::sensor
