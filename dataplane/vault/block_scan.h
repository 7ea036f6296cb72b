// SPDX-License-Identifier: Apache-2.0
// How blocks are told apart in a file, and which blocks a file of an earlier run holds: without what is torn at its
// end, and without what a flipped bit has taken.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/vault/disk.h"
#include "dataplane/vault/key_filter.h"
#include "dataplane/vault/key_index.h"
#include "nat-trace/time.h"

namespace clew::vault {

/// Where a block stands and what it spans.
struct StoredBlock {
    std::uint64_t file = 0;  ///< running number; rises with time
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint32_t packets = 0;
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    std::uint64_t origin = 0;     ///< as append() was told; 0 for blocks of an earlier run
    std::uint64_t raw_bytes = 0;  ///< of its packets before they were compressed; 0: the format does not say
    std::uint32_t filter_at = 0, filter_bytes = 0, filter_check = 0;  ///< its key filter; no bytes: it has none
    bool keys_known = true;  ///< BlockStore::find() would have passed it over without the keys it was asked for
};

/// How a format's blocks are told apart in a file. All begin with the two letters "CL".
struct BlockShape {
    std::size_t head_bytes;  ///< what measure() must see
    /// Fills in bytes, packets, times and the filter's place from a block's first bytes; false when no block begins so.
    bool (*measure)(std::span<const std::uint8_t> head, StoredBlock& block);
    /// The whole block is as it was written.
    bool (*verify)(std::span<const std::uint8_t> block);
    bool keys_apart;  ///< no block has a key filter: the store keeps a key index beside each file
};

struct IndexedBlock {
    StoredBlock block;
    KeyFilter filter;
    BlockKeys keys;  ///< where the format keeps them apart and no index covers the block

    bool known() const { return filter.known() || !keys.empty(); }
};

struct ScannedFile {
    std::vector<IndexedBlock> blocks;
    std::uint64_t end = 0;            ///< behind the last whole block; what follows is torn
    std::uint64_t bytes_damaged = 0;  ///< before it, in no block
};

bool read_whole(File& file, std::uint64_t offset, std::span<std::uint8_t> to);

/// The blocks of a file. The last one is read and verified; where blocks do not follow one another, all bytes from
/// there on are searched for the next whole one.
ScannedFile scan_file(File& file, std::uint64_t number, std::uint64_t file_bytes, const BlockShape& shape);

}  // namespace clew::vault
