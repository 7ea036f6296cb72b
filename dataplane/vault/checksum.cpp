// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/checksum.h"

#include "dataplane/bytes.h"

namespace clew::vault {

std::uint32_t internet_sum(const std::uint8_t* bytes, std::size_t length, std::uint32_t sum) {
    std::uint64_t wide = sum;
    for (; length >= 2; length -= 2, bytes += 2) wide += sensor::load_be16(bytes);
    if (length != 0) wide += std::uint32_t{*bytes} << 8;
    while (wide > 0xffff) wide = (wide & 0xffff) + (wide >> 16);
    return static_cast<std::uint32_t>(wide);
}

Checksum verify_checksum(const std::uint8_t* frame, const sensor::Decapped& decapped,
                         const sensor::Transport& transport) {
    const Checksum by_header = absent_or_unchecked(decapped, transport);
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    if (by_header == Checksum::absent || decapped.first_fragment || captured != decapped.transport_length)
        return by_header;
    std::uint32_t sum = 0;
    if (decapped.protocol != static_cast<std::uint8_t>(Protocol::icmp)) {
        sum = internet_sum(frame + decapped.addresses_offset, decapped.v6 ? 32 : 8);
        sum += decapped.protocol + (decapped.transport_length & 0xffff) + (decapped.transport_length >> 16);
    }
    const bool good = internet_sum(frame + decapped.transport_offset, captured, sum) == 0xffff;
    return good ? Checksum::good : Checksum::bad;
}

}  // namespace clew::vault
