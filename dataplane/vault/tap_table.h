// SPDX-License-Identifier: Apache-2.0
// The first block of every file of the vault: who wrote it and what its tap numbers mean. Little endian:
//     0  magic "CLVT", then as in a header block: 4 bytes length of the block, 4 bytes check over what follows
//     12  2 bytes version, 2 bytes count of names, then each name as 2 bytes length and its bytes: the observer first,
//     then the taps in the order of their numbers; zeros up to tap_table_bytes_min.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataplane/vault/block_store.h"
#include "nat-trace/result.h"

namespace clew::vault {

constexpr std::uint32_t tap_table_magic = 0x5456'4c43;
constexpr std::size_t tap_table_bytes_min = 64;

struct TapTable {
    std::string observer;
    std::vector<std::string> taps;
};

std::vector<std::uint8_t> encode(const TapTable& table);
Result<TapTable> decode_tap_table(std::span<const std::uint8_t> block);

/// Header blocks, or packet blocks, and tap tables, which count no packets.
extern const BlockShape header_log_shape, packet_log_shape;

}  // namespace clew::vault
