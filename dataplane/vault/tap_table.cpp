// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/tap_table.h"

#include <cstring>

#include "dataplane/vault/block_check.h"

namespace clew::vault {
namespace {

constexpr std::uint16_t tap_table_version = 1;
constexpr std::size_t checked_from = 12;
constexpr std::size_t name_bytes_max = 255;

template <class T>
T load(std::span<const std::uint8_t> bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

template <class T>
void store(std::vector<std::uint8_t>& bytes, std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace

std::vector<std::uint8_t> encode(const TapTable& table) {
    std::vector<std::uint8_t> bytes(16);
    const auto put_name = [&bytes](const std::string& name) {
        const std::size_t at = bytes.size(), length = std::min(name.size(), name_bytes_max);
        bytes.resize(at + 2 + length);
        store(bytes, at, static_cast<std::uint16_t>(length));
        std::memcpy(bytes.data() + at + 2, name.data(), length);
    };
    put_name(table.observer);
    for (const std::string& tap : table.taps) put_name(tap);
    if (bytes.size() < tap_table_bytes_min) bytes.resize(tap_table_bytes_min);
    store(bytes, 0, tap_table_magic);
    store(bytes, 4, static_cast<std::uint32_t>(bytes.size()));
    store(bytes, 12, tap_table_version);
    store(bytes, 14, static_cast<std::uint16_t>(table.taps.size() + 1));
    store(bytes, 8, check_of(std::span(bytes).subspan(checked_from)));
    return bytes;
}

Result<TapTable> decode_tap_table(std::span<const std::uint8_t> block) {
    const auto damaged = [] { return fail(ErrorKind::failed, "a file of the vault has a damaged tap table"); };
    if (block.size() < tap_table_bytes_min || load<std::uint32_t>(block, 0) != tap_table_magic) return damaged();
    const auto length = load<std::uint32_t>(block, 4);
    if (length < tap_table_bytes_min || length > block.size()) return damaged();
    block = block.first(length);
    if (check_of(block.subspan(checked_from)) != load<std::uint32_t>(block, 8)) return damaged();
    if (const auto version = load<std::uint16_t>(block, 12); version != tap_table_version)
        return fail(ErrorKind::failed, "a file of the vault has format version " + std::to_string(version) +
                                           ", this program reads version " + std::to_string(tap_table_version));
    TapTable table;
    std::size_t at = 16;
    for (std::uint16_t i = 0; i < load<std::uint16_t>(block, 14); ++i) {
        if (at + 2 > block.size() || at + 2 + load<std::uint16_t>(block, at) > block.size()) return damaged();
        const auto name_bytes = load<std::uint16_t>(block, at);
        std::string name(reinterpret_cast<const char*>(block.data() + at + 2), name_bytes);
        i == 0 ? void(table.observer = std::move(name)) : table.taps.push_back(std::move(name));
        at += 2u + name_bytes;
    }
    return table;
}

}  // namespace clew::vault
