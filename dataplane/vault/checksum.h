// SPDX-License-Identifier: Apache-2.0
// The transport header's check sum (RFC 1071) as the header log notes it.
#pragma once

#include "dataplane/transport.h"
#include "dataplane/vault/header_record.h"

namespace clew::vault {

/// Sums over the whole payload; unchecked where some of it was not captured, or is in later fragments.
Checksum verify_checksum(const std::uint8_t* frame, const sensor::Decapped& decapped,
                         const sensor::Transport& transport);

/// Looks at the header alone: tells a UDP datagram without a check sum.
inline Checksum absent_or_unchecked(const sensor::Decapped& decapped, const sensor::Transport& transport) {
    const bool udp = decapped.protocol == static_cast<std::uint8_t>(Protocol::udp);
    return udp && !decapped.v6 && transport.checksum == 0 ? Checksum::absent : Checksum::unchecked;
}

/// The ones' complement sum of these bytes as 16-bit words, folded; an odd last byte counts as the high half of a word.
std::uint32_t internet_sum(const std::uint8_t* bytes, std::size_t length, std::uint32_t sum = 0);

}  // namespace clew::vault
