// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/native_block.h"

#include <utility>

#include "nat-trace/check.h"

namespace clew::store {

void append_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
}

NativeColumn::NativeColumn(std::string name, std::string type)
    : name_(std::move(name)), type_(std::move(type)), array_(type_.starts_with("Array(")) {}

void NativeColumn::text(std::string_view value) {
    append_varint(values_, value.size());
    values_ += value;
    ++count_;
}

void NativeColumn::ip(const IpAddress& value) {
    values_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
    ++count_;
}

void NativeColumn::optional_number(std::optional<std::uint32_t> value) {
    nulls_ += value ? '\0' : '\1';
    number(value.value_or(0));
}

void NativeColumn::end_row() {
    append_number(offsets_, count_);
    ++row_count_;
}

NativeColumn& NativeBlock::add(std::string name, std::string type) {
    return columns_.emplace_back(std::move(name), std::move(type));
}

std::string NativeBlock::finish() const {
    const auto rows_of = [](const NativeColumn& column) { return column.array_ ? column.row_count_ : column.count_; };
    const std::uint64_t row_count = columns_.empty() ? 0 : rows_of(columns_.front());
    std::size_t size = 64;
    for (const NativeColumn& column : columns_) {
        size += column.name_.size() + column.type_.size() + column.nulls_.size() + column.offsets_.size() +
                column.values_.size() + 8;
    }
    std::string out;
    out.reserve(size);
    append_varint(out, columns_.size());
    append_varint(out, row_count);
    for (const NativeColumn& column : columns_) {
        CLEW_CHECK(rows_of(column) == row_count);
        append_varint(out, column.name_.size());
        out += column.name_;
        append_varint(out, column.type_.size());
        out += column.type_;
        out += column.nulls_;
        out += column.offsets_;
        out += column.values_;
    }
    return out;
}

std::string_view RowReader::take(std::uint64_t count) {
    if (!ok_ || count > bytes_.size()) {
        ok_ = false;
        return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
}

std::uint64_t RowReader::length() {
    std::uint64_t length = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        const auto byte = number<std::uint8_t>();
        length |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return length;
    }
    ok_ = false;
    return 0;
}

std::string_view RowReader::text() {
    const std::uint64_t count = length();
    return take(count);
}

}  // namespace clew::store
