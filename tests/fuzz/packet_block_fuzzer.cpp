// SPDX-License-Identifier: Apache-2.0
// Packet blocks out of files that somebody else may have written: with the check sums put right, so that the decoder
// itself is reached.
#include <algorithm>
#include <cstring>
#include <vector>

#include "dataplane/vault/block_check.h"
#include "dataplane/vault/header_frame.h"
#include "dataplane/vault/packet_block.h"
#include "dataplane/vault/tap_table.h"

namespace {

using namespace clew::vault;

/// Makes all check sums and lengths fit, as far as the bytes allow.
void mend(std::vector<std::uint8_t>& bytes) {
    PacketBlockHead head;
    if (bytes.size() < sizeof head) return;
    std::memcpy(&head, bytes.data(), sizeof head);
    head.magic = packet_block_magic;
    head.version = packet_block_version;
    head.block_bytes = static_cast<std::uint32_t>(bytes.size());
    const std::size_t body = sizeof head + head.chunk_count * sizeof(PacketChunkHead);
    if (body > bytes.size()) return;
    std::size_t left = bytes.size() - body;
    head.filter_bytes = static_cast<std::uint32_t>(std::min<std::size_t>(head.filter_bytes, left));
    left -= head.filter_bytes;
    head.labels_bytes = static_cast<std::uint32_t>(std::min<std::size_t>(head.labels_bytes, left));
    head.filter_check = check_of({bytes.data() + body, head.filter_bytes});
    head.labels_check = check_of({bytes.data() + body + head.filter_bytes, head.labels_bytes});
    std::size_t at = body + head.filter_bytes + head.labels_bytes;
    head.raw_bytes = 0;
    for (std::uint16_t i = 0; i < head.chunk_count; ++i) {
        PacketChunkHead chunk;
        std::uint8_t* place = bytes.data() + sizeof head + i * sizeof chunk;
        std::memcpy(&chunk, place, sizeof chunk);
        const auto rest = static_cast<std::uint32_t>(bytes.size() - at);
        chunk.bytes = i + 1 == head.chunk_count ? rest : std::min(chunk.bytes, rest);
        chunk.raw_bytes = std::max(chunk.bytes, chunk.raw_bytes % (1u << 16));
        chunk.check = check_of({bytes.data() + at, chunk.bytes});
        head.raw_bytes += chunk.raw_bytes;
        at += chunk.bytes;
        std::memcpy(place, &chunk, sizeof chunk);
    }
    std::memcpy(bytes.data(), &head, sizeof head);
    constexpr std::size_t checked_from = offsetof(PacketBlockHead, version);
    head.head_check = check_of({bytes.data() + checked_from, body - checked_from});
    std::memcpy(bytes.data(), &head, sizeof head);
}

void read(const std::vector<std::uint8_t>& bytes) {
    StoredBlock stored;
    (void)packet_log_shape.measure(bytes, stored);
    const auto block = PacketBlockReader::open(bytes);
    if (!block) return;
    (void)block->undamaged(bytes);
    if (block->head().block_bytes > bytes.size()) return;  // its front alone: the chunks are somewhere else
    std::vector<std::uint8_t> frame;
    HeaderRecord record;
    for (const auto& chunk : block->chunks_of([](const LegLabel&) { return true; }))
        (void)block->packets(chunk, std::span(bytes).subspan(chunk.offset, chunk.head.bytes),
                             [&](const BlockPacket& packet) {
                                 if (!read_header(packet, record)) return true;
                                 build_frame(packet.leg->label, record, frame);
                                 strip_tunnels(packet.leg->label, record, packet.bytes, frame);
                                 return true;
                             });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    std::vector<std::uint8_t> bytes(input, input + size);
    read(bytes);
    mend(bytes);
    read(bytes);
    return 0;
}
