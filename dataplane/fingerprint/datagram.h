// SPDX-License-Identifier: Apache-2.0
// What of a first payload names its connection on its own: TLS ClientHello random, DNS id and name, QUIC connection id.
// Pure; each returns nothing when the bytes are something else or cut.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "nat-trace/leg.h"

namespace clew::sensor {

/// The 32 random bytes of a ClientHello at the start of a stream.
std::optional<std::array<std::uint8_t, 32>> tls_client_random(std::span<const std::uint8_t> payload);

constexpr std::uint16_t port_dns = 53;

struct DnsQuestion {
    bool response = false;
    std::array<std::uint8_t, 12> value{};  ///< as HintKind::dns_query: id, XXH3-64 of the lower-cased dotted name, type
    std::array<char, server_name_bytes_max> name{};  ///< the lower-cased dotted name, of a longer one the end
};
std::optional<DnsQuestion> dns_question(std::span<const std::uint8_t> payload);

struct QuicConnectionId {
    std::array<std::uint8_t, 20> bytes{};
    std::uint8_t length = 0;
};
/// The destination connection id of a client's Initial (versions 1, 2 and the last drafts).
std::optional<QuicConnectionId> quic_initial_id(std::span<const std::uint8_t> payload);

}  // namespace clew::sensor
