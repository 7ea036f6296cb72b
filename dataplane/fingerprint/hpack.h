// SPDX-License-Identifier: Apache-2.0
// HTTP/2's header blocks (RFC 7541), as far as they tell what http.h looks for in HTTP/1. Reads nothing beyond the
// block, allocates nothing. Pure but for the table, which belongs to one direction of one connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/fingerprint/http.h"

namespace clew::sensor {

/// The fields that are read; all others are passed by.
enum class HpackName : std::uint8_t {
    other = 0,
    authority,
    method,
    path,
    status,
    host,
    request_id,
    traceparent,
    forwarded_for,
    forwarded,
};

/// What later blocks may refer to. Entries leave at the sender in an order that it never refers back to, so only the
/// newest are kept, with the values of fields that are read, as far as there is room; what is not kept is not known.
class HpackTable {
  public:
    /// Behind the static table, from 0 on the newest first.
    HpackName name(std::uint32_t place) const;
    /// False when it is not kept.
    bool value(std::uint32_t place, std::string_view& value) const;

    /// `whole`: the value is all there. `size`: of the entry as RFC 7541, 4.1 counts it.
    void add(HpackName name, std::string_view value, bool whole, std::size_t size);
    void resize(std::size_t size_max);

  private:
    static constexpr std::uint32_t entry_count_max = 32;
    static constexpr std::uint32_t value_room = 512;
    struct Entry {
        std::uint32_t value_at = 0;  ///< counted over all that was ever written
        std::uint16_t length = 0;
        HpackName name = HpackName::other;
        bool has_value = false;
    };

    std::uint32_t added_ = 0;
    std::uint32_t written_ = 0;  ///< bytes of values; the last value_room of them are there
    std::uint32_t size_max_ = 4096;
    std::array<Entry, entry_count_max> entries_{};
    std::array<char, value_room> values_{};
};

/// Room for the texts of one block's head.
struct HpackText {
    std::array<char, 2048> bytes;
    std::size_t used = 0;
};

/// Reads a whole header block. `head`'s views point into `text`. False when something was not understood: the table is
/// of no use then. A request whose method, path or authority is not known has `request` false.
bool read_header_block(std::span<const std::uint8_t> block, HpackTable& table, HpackText& text, HttpHead& head);

/// Writes at most `room` bytes of the decoded text; gives its whole length, or huffman_bad.
constexpr std::size_t huffman_bad = static_cast<std::size_t>(-1);
std::size_t decode_huffman(std::span<const std::uint8_t> coded, char* out, std::size_t room);

}  // namespace clew::sensor
