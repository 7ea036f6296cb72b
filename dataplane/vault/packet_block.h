// SPDX-License-Identifier: Apache-2.0
// A block of the packet log: packets sorted by leg, in chunks compressed with LZ4; docs/PACKET_LOG.md has the bytes. A
// block stands alone, and of it the front alone tells which chunks a leg's packets are in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/vault/key_filter.h"
#include "dataplane/vault/leg_labels.h"
#include "dataplane/vault/open_packet_block.h"
#include "nat-trace/result.h"

namespace clew::vault {

constexpr std::uint32_t packet_block_magic = 0x4250'4c43;  ///< "CLPB"
constexpr std::uint16_t packet_block_version = 3;
constexpr std::uint32_t packet_chunk_raw_bytes = 128u << 10;  ///< a chunk closes behind the packet that fills it
constexpr std::uint32_t packet_chunk_raw_limit =
    packet_chunk_raw_bytes + OpenPacketBlock::packet_bytes_max + sizeof(PacketEntry) + 8;
constexpr std::uint32_t packet_block_bytes_limit = 1u << 30;
constexpr std::uint32_t packet_block_packet_limit = 1u << 25;

/// The fixed first bytes of a block, little endian as in memory. The front goes on with the chunk table, the key filter
/// and the legs; the chunks are behind it.
struct PacketBlockHead {
    std::uint32_t magic;
    std::uint32_t block_bytes;  ///< the head included
    std::uint32_t head_check;   ///< low half of XXH3-64 over the head behind this field, chunk table included
    std::uint16_t version;
    std::uint16_t chunk_count;
    std::uint32_t packet_count;
    std::uint32_t leg_count;
    TimeNs first_ns;
    TimeNs last_ns;
    std::uint64_t id_base;
    std::uint32_t labels_bytes;
    std::uint32_t labels_check;
    std::uint32_t filter_bytes;
    std::uint32_t filter_check;
    std::uint64_t raw_bytes;  ///< of all chunks
};
static_assert(sizeof(PacketBlockHead) == 72);

struct PacketChunkHead {
    std::uint32_t packet_count;
    std::uint32_t bytes;
    std::uint32_t raw_bytes;  ///< the same as bytes: not compressed
    std::uint32_t check;
};

/// Encodes blocks; keeps its memory between them. One thread.
class PacketBlockEncoder {
  public:
    PacketBlockEncoder();
    ~PacketBlockEncoder();
    /// Appends one block to `out`; nothing when it has no packets.
    void encode(const OpenPacketBlock& block, std::vector<std::uint8_t>& out);

  private:
    void gather_legs(const OpenPacketBlock& block, PacketBlockHead& head);
    void encode_labels(PacketBlockHead& head);
    void encode_chunks(const OpenPacketBlock& block, PacketBlockHead& head);
    void close_chunk(PacketChunkHead& chunk);
    void put_together(PacketBlockHead& head, std::vector<std::uint8_t>& out) const;

    LegOrder order_;
    std::vector<std::uint32_t> numbers_;  ///< the open block's, in the order of legs_
    std::vector<BlockLeg> legs_;
    KeyFilterBuilder keys_;
    KeyFilter filter_;
    std::vector<PacketChunkHead> chunks_;
    std::vector<std::uint8_t> labels_, raw_, packets_, lz4_state_;
};

/// One packet out of a block. Borrowed.
struct BlockPacket {
    const BlockLeg* leg;
    const PacketEntry* entry;
    std::span<const std::uint8_t> bytes;
};

/// Its header, taken apart; the payload check where enough of the payload is there. False when its offsets contradict
/// its bytes.
bool read_header(const BlockPacket& packet, HeaderRecord& record);

/// Reads one block, or a block's front. Owns what it keeps. Every failure means damage: the sentence says where.
class PacketBlockReader {
  public:
    /// Of the block that begins so; 0 when none does.
    static std::size_t front_bytes(std::span<const std::uint8_t> head);
    /// `front` has front_bytes(); more may follow.
    static Result<PacketBlockReader> open(std::span<const std::uint8_t> front);

    struct Chunk {
        std::uint64_t offset;  ///< from the block's first byte
        std::uint32_t first_packet;
        PacketChunkHead head;
    };
    const PacketBlockHead& head() const { return head_; }
    bool undamaged(std::span<const std::uint8_t> block) const;  ///< every check sum of the whole block is right
    const std::vector<BlockLeg>& legs() const { return legs_; }
    const std::vector<Chunk>& chunks() const { return chunks_; }
    /// Those that hold packets of legs that `wants` says yes to.
    std::vector<Chunk> chunks_of(const std::function<bool(const LegLabel&)>& wants) const;

    /// The packets of a chunk, whose bytes these are, until the visitor says no.
    Result<void> packets(const Chunk& chunk, std::span<const std::uint8_t> bytes,
                         const std::function<bool(const BlockPacket&)>& visit) const;

  private:
    Result<void> visit_raw(const Chunk& chunk, std::span<const std::uint8_t> raw,
                           const std::function<bool(const BlockPacket&)>& visit) const;

    PacketBlockHead head_{};
    std::vector<Chunk> chunks_;
    std::vector<BlockLeg> legs_;
};

}  // namespace clew::vault
