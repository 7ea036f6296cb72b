// SPDX-License-Identifier: Apache-2.0
// The fields of the filter language: one line each. Adding a field is adding a line here (and its column in
// schema.cpp).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace clew::store {

enum class FilterKind {
    address,  ///< IP address or network
    number,
    duration,  ///< ns, or with a unit: 2ms; below 0 too
    word,      ///< text
    grade,     ///< A … D
    id,        ///< 16 hex digits
    endpoint,  ///< address, network, or address:port
};

struct FilterField {
    std::string_view name;
    FilterKind kind;
    std::string_view
        column;  ///< of the table `paths`, or an expression; for endpoint a prefix: column_ip and column_port
    bool many;   ///< the column is an array: one matching element is enough
    std::string_view only;        ///< a condition that must hold as well; empty when none
    unsigned type_bits;           ///< number: what stands above 32 bits in the column (layer type); 0 = nothing
    std::string_view text;        ///< for people
    std::string_view words = {};  ///< word: all there are, parted by ", "; empty when any may be
    std::uint32_t number_max = 0xffff'ffff;  ///< number
    bool alone = false;                      ///< number: the name alone asks for more than 0, as in Wireshark
};

std::span<const FilterField> filter_fields();
const FilterField* find_filter_field(std::string_view name);

}  // namespace clew::store
