// SPDX-License-Identifier: Apache-2.0
// Rows as ClickHouse's formats carry them: a writer of one block in Native (what inserts send) and a reader of
// RowBinary (what queries ask for). Numbers are little-endian, lengths are LEB128, an IPv6 is its 16 bytes in network
// order.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "nat-trace/address.h"

namespace clew::store {

void append_varint(std::string& out, std::uint64_t value);

template <typename Number>
void append_number(std::string& out, Number value) {
    static_assert(std::is_arithmetic_v<Number>);
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// One column of a block being written. A row is one call of number, text, ip or optional_number for a plain column;
/// for an array column as many as it has elements, then end_row().
class NativeColumn {
  public:
    NativeColumn(std::string name, std::string type);

    template <typename Number>
    void number(Number value) {
        append_number(values_, value);
        ++count_;
    }
    void text(std::string_view value);
    void ip(const IpAddress& value);
    void optional_number(std::optional<std::uint32_t> value);  ///< type Nullable(UInt32)
    void end_row();

  private:
    friend class NativeBlock;
    std::string name_;
    std::string type_;
    bool array_;
    std::uint64_t count_ = 0;      ///< values
    std::uint64_t row_count_ = 0;  ///< of an array column
    std::string nulls_;
    std::string offsets_;
    std::string values_;
};

class NativeBlock {
  public:
    /// `type` as ClickHouse names it: "UInt64", "String", "Array(IPv6)", …: the server converts to the table's own type
    /// (LowCardinality, say). The reference stays valid as long as the block.
    NativeColumn& add(std::string name, std::string type);

    /// The bytes of the block; every column must have the same number of rows (checked).
    std::string finish() const;

  private:
    std::deque<NativeColumn> columns_;
};

/// Reads one RowBinary answer, value by value. What is read beyond the end is 0 or empty, and ok() turns false.
class RowReader {
  public:
    explicit RowReader(std::string_view bytes) : bytes_(bytes) {}

    bool at_end() const { return bytes_.empty() || !ok_; }
    bool ok() const { return ok_; }

    template <typename Number>
    Number number() {
        static_assert(std::is_arithmetic_v<Number>);
        Number value{};
        const std::string_view taken = take(sizeof(value));
        if (ok_) taken.copy(reinterpret_cast<char*>(&value), sizeof(value));
        return value;
    }
    std::string_view text();
    std::uint64_t length();  ///< of an array: its values follow

  private:
    std::string_view take(std::uint64_t count);
    std::string_view bytes_;
    bool ok_ = true;
};

}  // namespace clew::store
