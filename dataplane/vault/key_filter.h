// SPDX-License-Identifier: Apache-2.0
// What a block may hold, in a few bits a key: a split block Bloom filter (as in Apache Parquet's format document), 32
// bytes a bucket, eight bits a key. It never misses a key; of the keys that are not there it lets about one in a
// thousand pass with 16 bits a key. Plain value, little endian words on disk. And the keys themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/vault/header_record.h"

namespace clew::vault {

constexpr std::size_t filter_bits_per_key = 16;
constexpr std::uint32_t filter_bytes_limit = 1u << 24;

// What a leg can be asked by, each as one word.
std::uint64_t key_of_leg(LegId id);
std::uint64_t key_of_address(const IpAddress& ip);
std::uint64_t key_of_port(std::uint16_t port);
std::uint64_t key_of_layer_id(std::uint32_t id);
std::uint64_t key_of_tap(TapId tap);
/// Of all that the leg can be asked by.
void add_keys_of(const LegLabel& leg, std::vector<std::uint64_t>& keys);

/// What is looked for: a block is wanted that holds at least one key of each group. No group: any block.
using KeyGroups = std::vector<std::vector<std::uint64_t>>;

class KeyFilter {
  public:
    KeyFilter() = default;  ///< knows nothing: may hold anything
    /// Takes `bytes` as encode() gave them; a length that none has makes a filter that knows nothing.
    static KeyFilter decode(std::span<const std::uint8_t> bytes);

    bool known() const { return !words_.empty(); }
    bool may_hold(std::uint64_t key) const;
    bool may_hold(const KeyGroups& wanted) const;
    std::size_t byte_count() const { return words_.size() * sizeof(std::uint32_t); }
    std::span<const std::uint8_t> bytes() const {
        return {reinterpret_cast<const std::uint8_t*>(words_.data()), byte_count()};
    }

  private:
    friend class KeyFilterBuilder;
    static constexpr std::size_t bucket_words = 8;
    std::size_t bucket_of(std::uint64_t key) const {
        return static_cast<std::size_t>((key >> 32) * (words_.size() / bucket_words) >> 32) * bucket_words;
    }
    std::vector<std::uint32_t> words_;
};

/// Gathers a block's keys. Keeps its memory between blocks.
class KeyFilterBuilder {
  public:
    void clear() { keys_.clear(); }
    void add(const LegLabel& leg) { add_keys_of(leg, keys_); }
    KeyFilter build(std::size_t bits_per_key);

  private:
    std::vector<std::uint64_t> keys_;
};

}  // namespace clew::vault
