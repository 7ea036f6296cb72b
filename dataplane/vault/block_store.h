// SPDX-License-Identifier: Apache-2.0
// Blocks in segment files under one directory, within a budget of bytes: the oldest file leaves first. One thread opens
// and appends; any thread reads. What is on disk reopens by itself: a torn end is cut off and counted.
//
// Where blocks hold no key filter, a file that takes no more of them gets a key index beside it. Until then, and where
// a kill or a failing disk left it without one, its blocks' keys are in memory, as far as they are known.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "dataplane/vault/block_scan.h"
#include "nat-trace/result.h"
#include "nat-trace/time.h"

namespace clew::vault {

struct BlockStoreSettings {
    std::string directory;
    std::string file_suffix = ".clvh";
    std::uint64_t bytes_max = 10ull << 30;
    std::uint64_t segment_bytes_max = 64ull << 20;  ///< of one file; at most an eighth of bytes_max
    std::uint64_t key_bytes_max = 256ull << 20;  ///< of memory for filters and keys; blocks beyond it are always read
    std::vector<std::uint8_t> first_block;       ///< what every file begins with: a block of no packets
    bool sync = true;  ///< every block is on the disk itself before the next: what a power cut cannot take
};

struct BlockStoreCounters {
    std::uint64_t blocks_written = 0, bytes_written = 0, packets_written = 0;
    std::uint64_t blocks_expired = 0, packets_expired = 0;  ///< left because of the budget
    std::uint64_t packets_dropped_disk_full = 0, packets_dropped_disk_failed = 0;
    std::uint64_t tails_cut = 0, bytes_cut = 0;
    std::uint64_t bytes_damaged = 0;  ///< between blocks, found when files were reopened
    std::uint64_t files_unreadable = 0;
    std::uint64_t bytes = 0, blocks = 0, packets = 0;  ///< now
    std::uint64_t raw_bytes = 0;                       ///< of the packets now on disk, before compression
    std::uint64_t key_bytes = 0;                       ///< of filters, keys and page tables of indexes in memory
    std::uint64_t index_bytes = 0;                     ///< of key indexes on disk; part of `bytes`
    std::uint64_t indexes_failed = 0;                  ///< could not be written, or were damaged when opened or read
    TimeNs oldest_ns = 0;                              ///< of the oldest packet kept; 0: there is none
};

class BlockStore {
  public:
    /// Fails when the directory cannot be made or read. `disk` is borrowed.
    static Result<std::unique_ptr<BlockStore>> open(Disk& disk, const BlockStoreSettings& settings,
                                                    const BlockShape& shape);

    /// Writes one block, whole or not at all; a failure is counted and the next block is tried anew. `where` is in the
    /// index when this returns true.
    /// `keys`: for formats that keep them apart.
    bool append(std::span<const std::uint8_t> block, std::uint64_t origin, const std::vector<std::uint64_t>& keys = {});
    /// The next block begins a new file; this one gets its index. For the appending thread.
    void close_file();

    /// The blocks that overlap [from, to] (0 = no bound), oldest first.
    /// Without those that hold no key of one of the groups.
    std::vector<StoredBlock> find(TimeNs from, TimeNs to, const KeyGroups& wanted = {}) const;
    /// A reader has found out what a block holds whose keys were not known: it is not asked in vain again.
    void learn(const StoredBlock& block, std::vector<std::uint64_t> keys) const;
    /// Empty when the block has left meanwhile; fails when the disk does.
    Result<std::vector<std::uint8_t>> read(const StoredBlock& block) const { return read(block, 0, block.bytes); }
    /// A part of it; the same.
    Result<std::vector<std::uint8_t>> read(const StoredBlock& block, std::uint64_t from, std::size_t bytes) const;
    /// It will be read soon.
    void expect(const StoredBlock& block, std::uint64_t from, std::size_t bytes) const;
    /// What the block's file begins with.
    Result<std::vector<std::uint8_t>> read_first(const StoredBlock& block) const;

    BlockStoreCounters counters() const;
    /// When the oldest block begins that may hold the key; 0: there is none.
    TimeNs oldest(std::uint64_t key) const;

  private:
    struct Segment {
        std::uint64_t number = 0;
        std::uint64_t bytes = 0;
        std::shared_ptr<File> file;
        std::vector<IndexedBlock> blocks;
        std::size_t packet_blocks = 0;                     ///< of `blocks`, those with packets
        TimeNs first_ns = INT64_MAX, last_ns = INT64_MIN;  ///< of all its packets
        std::uint64_t index_bytes = 0;
        std::shared_ptr<const KeyIndex> index;  ///< null: it has none

        void add(IndexedBlock block);
        bool overlaps(TimeNs from, TimeNs to) const;
        bool may_hold(const IndexedBlock& one, const KeyGroups& wanted) const;  ///< by what is in memory
    };
    BlockStore(Disk& disk, const BlockStoreSettings& settings, const BlockShape& shape)
        : disk_(disk), settings_(settings), shape_(shape) {}
    std::string path_of(std::uint64_t number) const;
    std::shared_ptr<File> file_of(const StoredBlock& block) const;
    Result<void> reopen(const DiskEntry& entry, std::uint64_t number);
    void make_room(std::uint64_t bytes);
    void remove_oldest();
    bool open_segment();
    int write_whole(Segment& segment, std::span<const std::uint8_t> block);
    void count_dropped(std::uint32_t packets, int error);
    std::string index_path_of(std::uint64_t number) const;
    void reopen_index(Segment& segment, std::uint64_t bytes);
    bool has_all_keys(const Segment& segment) const;
    void write_index(Segment& segment);
    void remove_files_of(const Segment& segment);
    void take_keys(IndexedBlock& one, BlockKeys keys) const;

    Disk& disk_;
    BlockStoreSettings settings_;
    BlockShape shape_;
    mutable std::mutex mutex_;  ///< segments_ and counters_; the appending thread does its I/O without it
    KeyFilter fitting(KeyFilter filter) const;

    mutable std::deque<Segment> segments_;  ///< learn() adds to their index
    mutable std::uint64_t key_bytes_ = 0;   ///< of the blocks', without indexes
    bool writable_ = false;                 ///< the last segment takes more blocks
    mutable BlockStoreCounters counters_;
};

}  // namespace clew::vault
