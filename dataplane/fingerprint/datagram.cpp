// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/datagram.h"

#include <algorithm>
#include <cstring>

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/text.h"
#include "dataplane/hash.h"

namespace clew::sensor {

std::optional<std::array<std::uint8_t, 32>> tls_client_random(std::span<const std::uint8_t> payload) {
    constexpr std::size_t random_at = 11;  // record header 5, handshake header 4, version 2
    constexpr std::uint8_t record_handshake = 22, client_hello = 1;
    if (payload.size() < random_at + 32) return std::nullopt;
    if (payload[0] != record_handshake || payload[1] != 3 || payload[5] != client_hello || payload[9] != 3)
        return std::nullopt;
    std::array<std::uint8_t, 32> random;
    std::copy_n(payload.begin() + random_at, random.size(), random.begin());
    return random;
}

std::optional<DnsQuestion> dns_question(std::span<const std::uint8_t> payload) {
    constexpr std::size_t header_bytes = 12, name_bytes_max = 255;
    if (payload.size() < header_bytes + 5) return std::nullopt;
    const std::uint16_t flags = load_be16(payload.data() + 2);
    const bool plain_query = (flags & 0x7800) == 0;  // opcode 0
    if (!plain_query || load_be16(payload.data() + 4) == 0) return std::nullopt;
    char name[name_bytes_max + 1];
    std::size_t length = 0, at = header_bytes;
    for (;;) {
        if (at >= payload.size()) return std::nullopt;
        const std::size_t label = payload[at++];
        if (label == 0) break;
        if (label > 63 || label > payload.size() - at || length + label + 1 > name_bytes_max) return std::nullopt;
        if (length != 0) name[length++] = '.';
        for (std::size_t i = 0; i < label; ++i) name[length++] = lower(static_cast<char>(payload[at + i]));
        at += label;
    }
    if (payload.size() - at < 4) return std::nullopt;
    DnsQuestion question;
    put_name(question.name, {name, length});
    question.response = (flags & 0x8000) != 0;
    const std::uint64_t hash = hash_bytes(name, length);
    std::memcpy(question.value.data(), payload.data(), 2);
    for (std::size_t i = 0; i < 8; ++i) question.value[2 + i] = static_cast<std::uint8_t>(hash >> (56 - 8 * i));
    std::memcpy(question.value.data() + 10, payload.data() + at, 2);
    return question;
}

std::optional<QuicConnectionId> quic_initial_id(std::span<const std::uint8_t> payload) {
    constexpr std::uint32_t version_1 = 1, version_2 = 0x6b3343cf;
    if (payload.size() < 6 || (payload[0] & 0xc0) != 0xc0) return std::nullopt;
    const std::uint32_t version = load_be32(payload.data() + 1);
    const unsigned type = payload[0] >> 4 & 3u;
    const bool draft = version >> 8 == 0xff0000;
    if (!((version == version_1 || draft) && type == 0) && !(version == version_2 && type == 1)) return std::nullopt;
    QuicConnectionId id;
    id.length = payload[5];
    if (id.length < 8 || id.length > id.bytes.size() || payload.size() - 6 < id.length) return std::nullopt;
    std::copy_n(payload.begin() + 6, id.length, id.bytes.begin());
    return id;
}

}  // namespace clew::sensor
