// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/packet_appender.h"

#include <algorithm>

namespace clew::vault {

Result<std::unique_ptr<PacketAppender>> PacketAppender::create(const PacketAppenderSettings& settings,
                                                               std::uint32_t leg_count_max, std::uint64_t id_base,
                                                               bool populate) {
    std::unique_ptr<PacketAppender> appender(new PacketAppender(settings));
    bool allocated = appender->places_.allocate(leg_count_max, populate);
    for (OpenPacketBlock& block : appender->line_.blocks())
        allocated = allocated && block.allocate(settings.block, id_base, populate);
    if (allocated) return appender;
    return fail(ErrorKind::failed, "the packet log needs " +
                                       std::to_string(memory_bytes(settings, leg_count_max) >> 20) +
                                       " MB for its open blocks and the machine does not have them: lower "
                                       "vault.packets.blocks or vault.packets.block_mb");
}

std::size_t PacketAppender::memory_bytes(const PacketAppenderSettings& settings, std::uint32_t leg_count_max) {
    return sensor::FixedArray<LegPlace>::memory_bytes(leg_count_max) +
           settings.block_count * OpenPacketBlock::memory_bytes(settings.block);
}

bool PacketAppender::choose(const SeenHeader& seen, const LegKept& kept, std::uint32_t& bytes) {
    bytes = seen.packet->captured_length;
    const auto verdict = settings_.policy ? settings_.policy->judge(seen, kept, bytes) : PacketPolicy::Verdict::keep;
    if (verdict == PacketPolicy::Verdict::not_chosen) count(seen, &TapCounters::not_chosen, 1);
    if (verdict == PacketPolicy::Verdict::leg_has_enough) count(seen, &TapCounters::leg_had_enough, 1);
    bytes = std::min(bytes, OpenPacketBlock::packet_bytes_max);
    return verdict == PacketPolicy::Verdict::keep;
}

/// The open block when it has room, else the next; null when all wait for the writer.
OpenPacketBlock* PacketAppender::block_for(std::uint32_t bytes) {
    if (line_.open() && !line_.open()->has_room(bytes)) [[unlikely]]
        seal();
    OpenPacketBlock* open = line_.open_or_next();
    while (!open && settings_.wait_for_writer) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        open = line_.open_or_next();
    }
    return open;
}

void PacketAppender::count_kept(const SeenHeader& seen, LegKept& kept, std::uint32_t bytes) {
    constexpr std::uint32_t kb = 1024;
    if (kept.packets != PacketRule::unlimited) ++kept.packets;
    kept.bytes += bytes;
    kept.kb += kept.bytes / kb;
    kept.bytes %= kb;
    count(seen, &TapCounters::kept, 1);
    count(seen, &TapCounters::kept_bytes, bytes);
    if (bytes < seen.packet->captured_length)
        count(seen, &TapCounters::cut_bytes, seen.packet->captured_length - bytes);
}

PacketTapCounters PacketAppender::counters(TapId tap) const {
    const TapCounters& of = taps_[std::min<std::size_t>(tap, tap_count_max - 1)];
    const auto value = [](const Count& count) { return count.load(std::memory_order_relaxed); };
    return {value(of.kept),       value(of.kept_bytes),     value(of.cut_bytes),
            value(of.not_chosen), value(of.leg_had_enough), value(of.dropped_backlog)};
}

PacketTapCounters PacketAppender::counters() const {
    PacketTapCounters sum;
    for (std::size_t tap = 0; tap < tap_count_max; ++tap) {
        const PacketTapCounters one = counters(static_cast<TapId>(tap));
        sum.kept += one.kept;
        sum.kept_bytes += one.kept_bytes;
        sum.cut_bytes += one.cut_bytes;
        sum.not_chosen += one.not_chosen;
        sum.leg_had_enough += one.leg_had_enough;
        sum.dropped_backlog += one.dropped_backlog;
    }
    return sum;
}

}  // namespace clew::vault
