// SPDX-License-Identifier: Apache-2.0
// The bytes of the spool's format (wire/spool.h) for the files that read and write it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/envelope.h"

namespace clew::wire {

constexpr std::string_view segment_magic = "CLEWSPL1";
constexpr std::size_t segment_head_bytes = 8;
constexpr std::size_t observer_name_bytes_max = 255;
constexpr std::size_t record_content_fixed_bytes = 22;
constexpr std::size_t record_content_bytes_max =
    message_bytes_max + record_content_fixed_bytes + observer_name_bytes_max;

/// Of a record's header (spool_record_header_bytes): the content's length, and whether the check sum is the content's.
std::size_t record_content_bytes(const std::uint8_t* header);
bool record_checks_out(const std::uint8_t* header, std::span<const std::uint8_t> content);

}  // namespace clew::wire
