// SPDX-License-Identifier: Apache-2.0
// A block of the header log: up to packet_count_limit packets, sorted by leg, encoded; docs/HEADER_LOG.md has the
// bytes. A block stands alone. Its legs are read without its packets, and a leg's packets without most of the others'.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/vault/header_record.h"
#include "dataplane/vault/leg_labels.h"
#include "nat-trace/result.h"

namespace clew::vault {

constexpr std::uint32_t header_block_magic = 0x4248'4c43;  ///< "CLHB"
constexpr std::uint16_t header_block_version = 4;
constexpr std::uint32_t block_packet_count_limit = 1u << 20;
constexpr std::uint32_t block_bytes_limit = 1u << 28;
constexpr std::uint32_t chunk_packet_count = 16384;  ///< a chunk closes behind the leg that fills it

/// When a leg's packets came.
struct LegTimes {
    TimeNs first_ns = INT64_MAX, last_ns = INT64_MIN;  ///< the least and the greatest
    bool whole_us = true;

    void add(TimeNs time) {
        first_ns = std::min(first_ns, time);
        last_ns = std::max(last_ns, time);
        whole_us = whole_us && time % 1000 == 0;
    }
};

/// What a block is made of. Legs are numbered from 0; packets are named by whatever number the source likes.
class HeaderBlockSource {
  public:
    virtual ~HeaderBlockSource() = default;
    virtual std::uint64_t id_base() const = 0;
    virtual std::uint32_t leg_count() const = 0;
    virtual const LegLabel& label(std::uint32_t leg) const = 0;
    /// In the order they came; none of a leg is allowed.
    virtual std::span<const std::uint32_t> packets_of(std::uint32_t leg) const = 0;
    virtual LegTimes times_of(std::uint32_t leg) const = 0;
    /// This packet will be read soon.
    virtual void expect(std::uint32_t) const {}
    /// Fills in every field.
    virtual void read(std::uint32_t packet, HeaderRecord& record) const = 0;
};

/// The fixed first bytes of a block, little endian as in memory.
struct HeaderBlockHead {
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
};
static_assert(sizeof(HeaderBlockHead) == 56);

struct HeaderChunkHead {
    std::uint32_t leg_count;
    std::uint32_t packet_count;
    std::uint32_t bytes;
    std::uint32_t check;
};

/// Encodes blocks; keeps its memory between them. One thread.
class HeaderBlockEncoder {
  public:
    HeaderBlockEncoder();
    /// Appends one block to `out`; nothing when the source has no packets.
    void encode(const HeaderBlockSource& source, std::vector<std::uint8_t>& out);

  private:
    void count_legs(const HeaderBlockSource& source, HeaderBlockHead& head);
    void encode_labels(HeaderBlockHead& head);
    void encode_chunks(const HeaderBlockSource& source, const HeaderBlockHead& head);
    void put_together(HeaderBlockHead& head, std::vector<std::uint8_t>& out) const;
    void encode_chunk(const HeaderBlockSource& source, std::span<const BlockLeg> legs,
                      std::span<const std::uint32_t> numbers, TimeNs first_ns, std::vector<std::uint8_t>& out);

    std::unique_ptr<const HeaderModel> new_model_;
    std::unique_ptr<HeaderModel> model_;
    std::unique_ptr<const LabelModel> new_label_model_;
    std::unique_ptr<LabelModel> label_model_;
    std::vector<BlockLeg> legs_;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order_;  ///< a leg's number for its id, the source's number
    std::vector<std::uint32_t> numbers_;                          ///< the source's, in the order of legs_
    std::vector<HeaderChunkHead> chunks_;
    std::vector<std::uint8_t> labels_, packets_;
};

/// Reads one block. Borrows its bytes. Every failure means damage: the sentence says where.
class HeaderBlockReader {
  public:
    /// `bytes` begins with the block and may go on behind it.
    static Result<HeaderBlockReader> open(std::span<const std::uint8_t> bytes);
    /// The same of a block's front alone: its legs can be read, and its packets with `fetch`.
    static Result<HeaderBlockReader> open_front(std::span<const std::uint8_t> bytes);
    /// How much of a block open_front() must see; 0: no block of this version begins so.
    static std::size_t front_bytes(std::span<const std::uint8_t> bytes);

    const HeaderBlockHead& head() const { return head_; }
    bool undamaged() const;  ///< every check sum is right

    /// All legs, in the block's order.
    Result<std::vector<BlockLeg>> legs() const;

    using Visitor = std::function<bool(const BlockLeg& leg, const HeaderRecord& record)>;
    /// The packets of legs that `wants` says yes to, leg by leg, until the visitor says no. A damaged chunk costs its
    /// own packets alone: the others are visited, then it is told.
    Result<void> packets(std::span<const BlockLeg> legs, const std::function<bool(const BlockLeg&)>& wants,
                         const Visitor& visit) const;
    /// The same, with chunks as they are needed; `offset` counts from the block's begin.
    using Fetch = std::function<Result<std::vector<std::uint8_t>>(std::size_t offset, std::size_t bytes)>;
    Result<void> packets(std::span<const BlockLeg> legs, const std::function<bool(const BlockLeg&)>& wants,
                         const Fetch& fetch, const Visitor& visit) const;

  private:
    std::size_t front_size() const { return sizeof head_ + chunks_.size() * sizeof(HeaderChunkHead) + labels_.size(); }
    template <class WithBytes>
    Result<void> visit_chunks(std::span<const BlockLeg> legs, const std::function<bool(const BlockLeg&)>& wants,
                              const Visitor& visit, WithBytes&& with_bytes) const;
    Result<bool> decode_chunk(const HeaderChunkHead& chunk, std::span<const std::uint8_t> bytes,
                              std::span<const BlockLeg> legs, const std::function<bool(const BlockLeg&)>& wants,
                              const Visitor& visit) const;

    HeaderBlockHead head_{};
    std::vector<HeaderChunkHead> chunks_;
    std::span<const std::uint8_t> labels_, packets_;
};

}  // namespace clew::vault
