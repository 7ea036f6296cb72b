// SPDX-License-Identifier: Apache-2.0
// A packet's IP and transport header as bytes, taken apart into the header log's fields.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/vault/header_record.h"

namespace clew::vault {

enum HeaderMark : std::uint8_t {
    mark_side = 1,
    mark_to_server = 2,
    mark_payload_check = 4,
    mark_ip_extra_cut = 8,
};
constexpr unsigned mark_checksum_shift = 4;

/// Borrowed bytes. Both headers have their fixed part whole.
struct RawHeader {
    TimeNs time_ns = 0;
    std::uint32_t wire_length = 0;
    std::uint32_t payload_length = 0;
    std::uint16_t ip_offset = 0;
    std::uint16_t payload_check = 0;
    std::uint8_t marks = 0;            ///< HeaderMark bits, and the Checksum of the transport header from bit 4 on
    std::span<const std::uint8_t> ip;  ///< with options or extension headers, at most ip_extra_bytes_max of them
    std::span<const std::uint8_t> transport;  ///< TCP: with options
};

/// Writes every field. `protocol` is the leg's.
void read_header(const RawHeader& raw, std::uint8_t protocol, HeaderRecord& record);

}  // namespace clew::vault
