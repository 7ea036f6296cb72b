// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "dataplane/vault/header_block.h"
#include "dataplane/vault/packet_block.h"
#include "dataplane/vault/tap_table.h"

namespace clew::vault {
namespace {

template <class Head>
Head head_of(std::span<const std::uint8_t> bytes) {
    Head head;
    std::memcpy(&head, bytes.data(), sizeof head);
    return head;
}

/// What all blocks begin with: magic, length of the block, check.
bool begins_block(std::span<const std::uint8_t> bytes, std::size_t head_bytes, std::uint32_t bytes_limit,
                  std::uint32_t& magic, StoredBlock& block) {
    if (bytes.size() < head_bytes) return false;
    std::memcpy(&magic, bytes.data(), sizeof magic);
    std::memcpy(&block.bytes, bytes.data() + sizeof magic, sizeof block.bytes);
    return block.bytes >= std::min(head_bytes, tap_table_bytes_min) && block.bytes <= bytes_limit;
}

bool measure_headers(std::span<const std::uint8_t> bytes, StoredBlock& block) {
    std::uint32_t magic = 0;
    if (!begins_block(bytes, sizeof(HeaderBlockHead), block_bytes_limit, magic, block)) return false;
    if (magic == tap_table_magic) return true;
    if (magic != header_block_magic) return false;
    const auto head = head_of<HeaderBlockHead>(bytes);
    block.packets = head.packet_count;
    block.first_ns = head.first_ns;
    block.last_ns = head.last_ns;
    return true;
}

bool verify_headers(std::span<const std::uint8_t> block) {
    const auto head = head_of<HeaderBlockHead>(block);
    if (head.magic == tap_table_magic) return decode_tap_table(block).has_value();
    if (head.version != header_block_version) return true;  // of another clew: not to be judged here, and not to be cut
    const auto reader = HeaderBlockReader::open(block);
    return reader && reader->undamaged();
}

bool measure_packets(std::span<const std::uint8_t> bytes, StoredBlock& block) {
    std::uint32_t magic = 0;
    if (!begins_block(bytes, sizeof(PacketBlockHead), packet_block_bytes_limit, magic, block)) return false;
    if (magic == tap_table_magic) return true;
    if (magic != packet_block_magic || block.bytes < sizeof(PacketBlockHead)) return false;
    const auto head = head_of<PacketBlockHead>(bytes);
    block.packets = head.packet_count;
    block.first_ns = head.first_ns;
    block.last_ns = head.last_ns;
    block.raw_bytes = head.raw_bytes;
    if (PacketBlockReader::front_bytes(bytes) == 0) return head.version != packet_block_version;
    block.filter_at = static_cast<std::uint32_t>(sizeof head + std::size_t{head.chunk_count} * sizeof(PacketChunkHead));
    block.filter_bytes = head.filter_bytes <= filter_bytes_limit ? head.filter_bytes : 0;
    block.filter_check = head.filter_check;
    return true;
}

bool verify_packets(std::span<const std::uint8_t> block) {
    std::uint32_t magic = 0;
    std::memcpy(&magic, block.data(), sizeof magic);
    if (magic == tap_table_magic) return decode_tap_table(block).has_value();
    if (head_of<PacketBlockHead>(block).version != packet_block_version) return true;
    const auto reader = PacketBlockReader::open(block);
    return reader && reader->undamaged(block);
}

}  // namespace

const BlockShape header_log_shape{sizeof(HeaderBlockHead), measure_headers, verify_headers, true};
const BlockShape packet_log_shape{sizeof(PacketBlockHead), measure_packets, verify_packets, false};

}  // namespace clew::vault
