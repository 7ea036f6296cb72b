// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/tcp_options.h"

#include "dataplane/bytes.h"

namespace clew::sensor {
namespace {

constexpr std::uint8_t kind_end = 0, kind_nop = 1, kind_mss = 2, kind_window_scale = 3, kind_sack_permitted = 4,
                       kind_timestamps = 8;

bool is_toa_kind(std::uint8_t kind) { return kind == 254 || kind == 200 || kind == 252 || kind == 253; }

void read_toa(const std::uint8_t* option, std::uint8_t length, TcpOptions& found) {
    if (length != 8 && length != 20) return;
    Endpoint client;
    client.port = load_be16(option + 2);
    client.ip = length == 8 ? IpAddress::from_v4_bytes(option + 4) : IpAddress::from_v6_bytes(option + 4);
    if (client.port == 0) return;
    found.has_toa = true;
    found.toa = client;
}

void read_option(const std::uint8_t* option, std::uint8_t length, TcpOptions& found) {
    switch (option[0]) {
        case kind_mss:
            if (length == 4) found.mss = load_be16(option + 2);
            break;
        case kind_window_scale:
            if (length == 3) found.window_scale = option[2];
            break;
        case kind_sack_permitted: found.sack_permitted = length == 2; break;
        case kind_timestamps:
            if (length != 10) break;
            found.has_timestamps = true;
            found.tsval = load_be32(option + 2);
            found.tsecr = load_be32(option + 6);
            break;
        default:
            if (is_toa_kind(option[0])) read_toa(option, length, found);
    }
}

}  // namespace

TcpOptions parse_tcp_options(std::span<const std::uint8_t> options) {
    TcpOptions found;
    const std::size_t size = options.size();
    for (std::size_t at = 0; at < size && options[at] != kind_end;) {
        if (options[at] == kind_nop) {
            ++at;
            continue;
        }
        if (size - at < 2) break;
        const std::uint8_t length = options[at + 1];
        if (length < 2 || length > size - at) break;
        read_option(options.data() + at, length, found);
        at += length;
    }
    return found;
}

}  // namespace clew::sensor
