// SPDX-License-Identifier: Apache-2.0
// Which blocks of one file may hold a key: written once beside a file that takes no more blocks, looked into page by
// page. docs/HEADER_LOG.md has the bytes. It never misses a key; of those that no block holds one in some 250 is taken
// for one of a block's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/vault/disk.h"
#include "dataplane/vault/key_filter.h"

namespace clew::vault {

/// The keys of one block as an index has them: the upper halves, rising, none twice.
using BlockKeys = std::vector<std::uint32_t>;
BlockKeys to_block_keys(std::vector<std::uint64_t> keys);
/// False when no key of one of the groups is there.
bool may_hold(const BlockKeys& keys, const KeyGroups& wanted);

/// A block, by where it stands in its file.
struct PlacedKeys {
    std::uint64_t offset;
    const BlockKeys* keys;
};

/// `blocks` in the order of their offsets, at most index_block_limit.
std::vector<std::uint8_t> encode_key_index(std::span<const PlacedKeys> blocks);
constexpr std::size_t index_block_limit = 1u << 20;

/// Keeps the page table in memory, 12 bytes for some 256 keys. Any thread, several at a time.
class KeyIndex {
  public:
    /// Null when the file holds no whole index.
    static std::shared_ptr<const KeyIndex> open(std::shared_ptr<File> file, std::uint64_t file_bytes);

    std::size_t block_count() const { return offsets_.size(); }
    bool covers(std::uint64_t offset) const;
    /// The offsets of the blocks that may hold a key of each group, rising; nothing when a page cannot be read.
    std::optional<std::vector<std::uint64_t>> blocks_with(const KeyGroups& wanted) const;
    /// blocks_with() will be asked this soon.
    void expect(const KeyGroups& wanted) const;
    std::size_t memory_bytes() const;

  private:
    struct Page {
        std::uint32_t end;  ///< behind its last byte, from the first page on
        std::uint32_t entries;
        std::uint32_t check;
    };
    static_assert(sizeof(Page) == 12);
    friend std::vector<std::uint8_t> encode_key_index(std::span<const PlacedKeys> blocks);

    struct Span {
        std::uint64_t at;
        std::size_t bytes;
    };
    Span span_of(std::uint64_t key) const;  ///< the key's page in the file
    bool mark(std::uint64_t key, std::vector<bool>& blocks) const;

    std::shared_ptr<File> file_;
    std::uint64_t pages_at_ = 0;
    unsigned page_bits_ = 0, block_bits_ = 0;
    std::vector<std::uint64_t> offsets_;
    std::vector<Page> pages_;
};

}  // namespace clew::vault
