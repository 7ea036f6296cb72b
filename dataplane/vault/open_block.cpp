// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/open_block.h"

#include "dataplane/vault/raw_header.h"

namespace clew::vault {

bool OpenBlock::allocate(const OpenBlockLimits& limits, std::uint64_t id_base, bool populate) {
    limits_ = limits;
    id_base_ = id_base;
    return bytes_.allocate(std::size_t{limits.packet_count_max} * limits.bytes_per_packet + 2 * entry_bytes_max,
                           populate) &&
           labels_.allocate(limits.leg_count_max, populate);
}

std::size_t OpenBlock::memory_bytes(const OpenBlockLimits& limits) {
    return std::size_t{limits.packet_count_max} * limits.bytes_per_packet + 2 * entry_bytes_max +
           limits.leg_count_max * sizeof(LegLabel);
}

void OpenBlock::read(std::uint32_t at, HeaderRecord& record) const {
    const HeaderEntry& entry = this->entry(at);
    const std::uint8_t* ip = reinterpret_cast<const std::uint8_t*>(&entry) + sizeof entry;
    const RawHeader raw{.time_ns = entry.time_ns,
                        .wire_length = entry.wire_length,
                        .payload_length = entry.payload_length,
                        .ip_offset = entry.ip_offset,
                        .payload_check = entry.payload_check,
                        .marks = entry.marks,
                        .ip = {ip, entry.ip_bytes},
                        .transport = {ip + entry.ip_bytes, entry.transport_bytes}};
    read_header(raw, labels_[entry.leg].protocol, record);
}

void SortedBlock::sort(const OpenBlock& block) {
    block_ = &block;
    times_.assign(block.leg_count(), LegTimes{});
    order_.sort(block, [this](const HeaderEntry& entry) { times_[entry.leg].add(entry.time_ns); });
}

}  // namespace clew::vault
