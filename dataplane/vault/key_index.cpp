// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/key_index.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/vault/bit_line.h"
#include "dataplane/vault/block_check.h"
#include "dataplane/vault/block_scan.h"
#include "nat-trace/check.h"

namespace clew::vault {
namespace {

constexpr std::uint32_t key_index_magic = 0x584b'4c43;  // "CLKX"
constexpr std::uint16_t key_index_version = 1;
constexpr unsigned page_entry_bits = 8;    // a page has some 2^8 entries
constexpr unsigned key_bits_in_page = 16;  // kept of a key besides its page's number: 2^8 for each entry
constexpr unsigned rice_bits = 7;
constexpr unsigned page_bits_max = 32 - key_bits_in_page;
constexpr std::uint64_t index_bytes_limit = 1u << 30;

struct Head {
    std::uint32_t magic;
    std::uint32_t bytes;  ///< of the whole file
    std::uint32_t check;  ///< over what follows, up to the first page
    std::uint16_t version;
    std::uint8_t page_bits;
    std::uint8_t block_bits;
    std::uint32_t block_count;
    std::uint32_t unused;
};
static_assert(sizeof(Head) == 24);
constexpr std::size_t checked_from = 12;

/// A key's page is in its upper bits, what tells it from others there in the 16 behind them.
std::uint32_t page_of(std::uint32_t key, unsigned page_bits) {
    return static_cast<std::uint32_t>(std::uint64_t{key} >> (32 - page_bits));
}
std::uint32_t place_of(std::uint32_t key, unsigned page_bits) { return key << page_bits >> (32 - key_bits_in_page); }

std::uint32_t index_key_of(std::uint64_t key) { return static_cast<std::uint32_t>(key >> 32); }

template <class T>
void append(std::vector<std::uint8_t>& out, const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    out.insert(out.end(), bytes, bytes + values.size() * sizeof(T));
}

}  // namespace

BlockKeys to_block_keys(std::vector<std::uint64_t> keys) {
    BlockKeys halves;
    halves.reserve(keys.size());
    for (const std::uint64_t key : keys) halves.push_back(index_key_of(key));
    std::sort(halves.begin(), halves.end());
    halves.erase(std::unique(halves.begin(), halves.end()), halves.end());
    halves.shrink_to_fit();
    return halves;
}

bool may_hold(const BlockKeys& keys, const KeyGroups& wanted) {
    return std::all_of(wanted.begin(), wanted.end(), [&keys](const auto& group) {
        return std::any_of(group.begin(), group.end(), [&keys](std::uint64_t key) {
            return std::binary_search(keys.begin(), keys.end(), index_key_of(key));
        });
    });
}

std::vector<std::uint8_t> encode_key_index(std::span<const PlacedKeys> blocks) {
    CLEW_CHECK(blocks.size() <= index_block_limit);
    std::vector<std::uint64_t> entries, offsets;  // an entry: key, then the block's number
    for (const PlacedKeys& block : blocks) {
        for (const std::uint32_t key : *block.keys)
            entries.push_back(std::uint64_t{key} << 32 | static_cast<std::uint32_t>(offsets.size()));
        offsets.push_back(block.offset);
    }
    std::sort(entries.begin(), entries.end());
    Head head{};
    head.magic = key_index_magic;
    head.version = key_index_version;
    const auto size_bits = static_cast<unsigned>(std::bit_width(entries.size()));
    head.page_bits = static_cast<std::uint8_t>(
        std::min(size_bits > page_entry_bits ? size_bits - page_entry_bits : 0, page_bits_max));
    head.block_bits = static_cast<std::uint8_t>(std::bit_width(offsets.size()));
    head.block_count = static_cast<std::uint32_t>(offsets.size());
    std::vector<KeyIndex::Page> pages;
    std::vector<std::uint8_t> coded;
    auto next = entries.begin();
    for (std::uint32_t page = 0; page < 1u << head.page_bits; ++page) {
        const std::size_t begin = coded.size();
        BitWriter bits(coded);
        std::uint32_t before = 0, count = 0;
        for (; next != entries.end(); ++next, ++count) {
            const auto key = static_cast<std::uint32_t>(*next >> 32);
            if (page_of(key, head.page_bits) != page) break;
            const std::uint32_t place = place_of(key, head.page_bits);
            bits.put_unary((place - before) >> rice_bits);
            bits.put((place - before) & ((1u << rice_bits) - 1), rice_bits);
            bits.put(static_cast<std::uint32_t>(*next), head.block_bits);
            before = place;
        }
        bits.finish();
        pages.push_back({static_cast<std::uint32_t>(coded.size()), count, check_of(std::span(coded).subspan(begin))});
    }
    const std::size_t table_bytes = offsets.size() * sizeof offsets[0] + pages.size() * sizeof pages[0];
    head.bytes = static_cast<std::uint32_t>(sizeof head + table_bytes + coded.size());
    std::vector<std::uint8_t> out(sizeof head);
    std::memcpy(out.data(), &head, sizeof head);
    append(out, offsets);
    append(out, pages);
    head.check = check_of(std::span(out).subspan(checked_from));
    std::memcpy(out.data(), &head, sizeof head);
    append(out, coded);
    return out;
}

std::shared_ptr<const KeyIndex> KeyIndex::open(std::shared_ptr<File> file, std::uint64_t file_bytes) {
    std::vector<std::uint8_t> bytes(sizeof(Head));
    if (file_bytes < bytes.size() || file_bytes > index_bytes_limit || !read_whole(*file, 0, bytes)) return nullptr;
    Head head;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.magic != key_index_magic || head.version != key_index_version || head.bytes != file_bytes ||
        head.page_bits > page_bits_max || head.block_count > index_block_limit ||
        head.block_bits != std::bit_width(head.block_count))
        return nullptr;
    auto index = std::make_shared<KeyIndex>();
    index->offsets_.resize(head.block_count);
    index->pages_.resize(std::size_t{1} << head.page_bits);
    const std::size_t offset_bytes = index->offsets_.size() * sizeof index->offsets_[0];
    const std::size_t page_bytes = index->pages_.size() * sizeof(Page);
    index->pages_at_ = sizeof head + offset_bytes + page_bytes;
    if (index->pages_at_ > file_bytes) return nullptr;
    bytes.resize(index->pages_at_);
    if (!read_whole(*file, 0, bytes) || check_of(std::span(bytes).subspan(checked_from)) != head.check) return nullptr;
    if (offset_bytes != 0) std::memcpy(index->offsets_.data(), bytes.data() + sizeof head, offset_bytes);
    std::memcpy(index->pages_.data(), bytes.data() + sizeof head + offset_bytes, page_bytes);
    std::uint32_t end = 0;
    for (const Page& page : index->pages_) {
        if (page.end < end) return nullptr;
        end = page.end;
    }
    if (index->pages_at_ + end != file_bytes || !std::is_sorted(index->offsets_.begin(), index->offsets_.end()))
        return nullptr;
    index->page_bits_ = head.page_bits;
    index->block_bits_ = head.block_bits;
    index->file_ = std::move(file);
    return index;
}

bool KeyIndex::covers(std::uint64_t offset) const {
    return std::binary_search(offsets_.begin(), offsets_.end(), offset);
}

std::size_t KeyIndex::memory_bytes() const {
    return sizeof *this + offsets_.size() * sizeof offsets_[0] + pages_.size() * sizeof(Page);
}

KeyIndex::Span KeyIndex::span_of(std::uint64_t key) const {
    const std::uint32_t number = page_of(index_key_of(key), page_bits_);
    const std::uint32_t begin = number == 0 ? 0 : pages_[number - 1].end;
    return {pages_at_ + begin, pages_[number].end - begin};
}

/// Of the first group alone: where nothing has its keys, the others are not looked for.
void KeyIndex::expect(const KeyGroups& wanted) const {
    if (wanted.empty()) return;
    for (const std::uint64_t key : wanted.front()) {
        const Span page = span_of(key);
        file_->expect(page.at, page.bytes);
    }
}

/// Marks the blocks that may hold the key; false when its page cannot be read.
bool KeyIndex::mark(std::uint64_t key, std::vector<bool>& blocks) const {
    const std::uint32_t half = index_key_of(key), number = page_of(half, page_bits_);
    const std::uint32_t wanted = place_of(half, page_bits_);
    const Page& page = pages_[number];
    const Span span = span_of(key);
    std::vector<std::uint8_t> bytes(span.bytes);
    if (!read_whole(*file_, span.at, bytes) || check_of(bytes) != page.check) return false;
    BitReader bits(bytes);
    std::uint32_t place = 0;
    for (std::uint32_t i = 0; i < page.entries; ++i) {
        const std::uint32_t high = bits.take_unary();
        place += high << rice_bits | bits.take(rice_bits);
        const std::uint32_t block = bits.take(block_bits_);
        if (bits.overrun() || block >= blocks.size()) return false;
        if (place > wanted) break;
        if (place == wanted) blocks[block] = true;
    }
    return true;
}

std::optional<std::vector<std::uint64_t>> KeyIndex::blocks_with(const KeyGroups& wanted) const {
    std::vector<bool> all(offsets_.size(), true);
    for (const auto& group : wanted) {
        std::vector<bool> any(offsets_.size());
        for (const std::uint64_t key : group)
            if (!mark(key, any)) return std::nullopt;
        bool left = false;
        for (std::size_t i = 0; i < all.size(); ++i) left |= all[i] = all[i] && any[i];
        if (!left) return std::vector<std::uint64_t>{};
    }
    std::vector<std::uint64_t> found;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i]) found.push_back(offsets_[i]);
    return found;
}

}  // namespace clew::vault
