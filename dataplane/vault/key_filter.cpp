// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/key_filter.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/hash.h"

namespace clew::vault {
namespace {

// One odd multiplier a word of a bucket, as the format document gives them.
constexpr std::array<std::uint32_t, 8> salts = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                                0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

std::uint32_t bit_of(std::uint64_t key, std::size_t word) {
    return 1u << ((static_cast<std::uint32_t>(key) * salts[word]) >> 27);
}

enum class KeyKind : std::uint64_t { leg = 1, address, port, layer_id, tap };

std::uint64_t key_of(KeyKind kind, std::uint64_t value) {
    return sensor::mix(value ^ static_cast<std::uint64_t>(kind) << 56);
}

}  // namespace

std::uint64_t key_of_leg(LegId id) { return key_of(KeyKind::leg, id); }
std::uint64_t key_of_address(const IpAddress& ip) {
    return key_of(KeyKind::address, sensor::hash_bytes(ip.bytes.data(), ip.bytes.size()));
}
std::uint64_t key_of_port(std::uint16_t port) { return key_of(KeyKind::port, port); }
std::uint64_t key_of_layer_id(std::uint32_t id) { return key_of(KeyKind::layer_id, id); }
std::uint64_t key_of_tap(TapId tap) { return key_of(KeyKind::tap, tap); }

KeyFilter KeyFilter::decode(std::span<const std::uint8_t> bytes) {
    KeyFilter filter;
    if (bytes.size() % (bucket_words * sizeof(std::uint32_t)) != 0 || bytes.empty()) return filter;
    filter.words_.resize(bytes.size() / sizeof(std::uint32_t));
    std::memcpy(filter.words_.data(), bytes.data(), bytes.size());
    return filter;
}

bool KeyFilter::may_hold(std::uint64_t key) const {
    if (!known()) return true;
    const std::uint32_t* bucket = &words_[bucket_of(key)];
    for (std::size_t i = 0; i < bucket_words; ++i)
        if ((bucket[i] & bit_of(key, i)) == 0) return false;
    return true;
}

bool KeyFilter::may_hold(const KeyGroups& wanted) const {
    return std::all_of(wanted.begin(), wanted.end(), [this](const auto& group) {
        return std::any_of(group.begin(), group.end(), [this](std::uint64_t key) { return may_hold(key); });
    });
}

void add_keys_of(const LegLabel& leg, std::vector<std::uint64_t>& keys) {
    keys.push_back(key_of_leg(leg.id));
    for (const IpAddress* ip : {&leg.low, &leg.high}) keys.push_back(key_of_address(*ip));
    for (const std::uint16_t port : {leg.port_low, leg.port_high}) keys.push_back(key_of_port(port));
    for (std::size_t i = 0; i < leg.segment.layer_count; ++i)
        if (leg.segment.layers[i].has_id) keys.push_back(key_of_layer_id(leg.segment.layers[i].id));
    keys.push_back(key_of_tap(leg.tap));
}

KeyFilter KeyFilterBuilder::build(std::size_t bits_per_key) {
    std::sort(keys_.begin(), keys_.end());
    keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
    KeyFilter filter;
    constexpr std::size_t bucket_bits = KeyFilter::bucket_words * 32;
    filter.words_.resize((keys_.size() * bits_per_key / bucket_bits + 1) * KeyFilter::bucket_words);
    for (const std::uint64_t key : keys_) {
        std::uint32_t* bucket = &filter.words_[filter.bucket_of(key)];
        for (std::size_t i = 0; i < KeyFilter::bucket_words; ++i) bucket[i] |= bit_of(key, i);
    }
    return filter;
}

}  // namespace clew::vault
