// SPDX-License-Identifier: Apache-2.0
// Decap and the transport header alone, on every link and with every tunnel looked for: offsets stay inside the frame,
// layers and fragments are what the rest of the path may rely on. The first byte picks link and settings; the second
// byte, where it is not 0, puts the rest into a tunnel so that deep steps are reached at once.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "dataplane/decap.h"
#include "dataplane/erspan_header.h"
#include "dataplane/fragment_table.h"
#include "dataplane/packet_trace.h"
#include "dataplane/segment_table.h"
#include "dataplane/transport.h"
#include "nat-trace/check.h"

namespace {

using namespace clew::sensor;

const DecapSettings& settings_of(std::uint8_t choice) {
    static const auto made = [] {
        std::array<DecapSettings, 2> two;
        const std::uint16_t fou = 5555;
        CLEW_CHECK(two[1].ports.set(UdpTunnel::fou, {&fou, 1}));
        two[1].nvgre = true;
        two[1].l2tp_cookie_bytes = 8;
        return two;
    }();
    return made[choice & 1];
}

/// An IPv4 header, and for a port a UDP header, in front of the input.
std::size_t put_outer(std::uint8_t* to, std::uint8_t choice) {
    constexpr std::uint8_t protocols[] = {4, 41, 47, 248, 97, 115, 137, 143};
    constexpr std::uint16_t ports[] = {4789, 4790, 6081, 2152, 6635, 4754, 1701, 6080, 5555};
    std::memset(to, 0, 42);
    to[12] = 8;
    to[14] = 0x45;  // with a total length of 0, which means: to the end
    const bool udp = choice % 17 >= 8;
    to[23] = udp ? 17 : protocols[choice % 17];
    to[26] = to[30] = 10;
    if (!udp) return 34;
    const std::uint16_t port = ports[choice % 17 - 8];
    to[36] = static_cast<std::uint8_t>(port >> 8);
    to[37] = static_cast<std::uint8_t>(port);
    return 42;
}

void check(const Packet& packet, const Decapped& found) {
    CLEW_CHECK(found.layer_count <= clew::layer_count_max);
    CLEW_CHECK(found.mac_offset + (found.has_mac ? 12u : 0u) <= packet.captured_length);
    for (unsigned i = 0; i < found.layer_count; ++i) {
        const FoundLayer& layer = found.layers[i];
        CLEW_CHECK(layer.type != clew::LayerType::none && layer.id <= clew::layer_id_max(layer.type));
        CLEW_CHECK(layer.ends_offset + (layer.ends_offset != 0 ? layer.ends_v6 ? 32u : 8u : 0u) <=
                   packet.captured_length);
    }
    if (found.erspan_offset != 0) read_erspan_header(packet.bytes + found.erspan_offset);
    if (found.uoa_offset != 0)
        CLEW_CHECK(found.uoa_offset + packet.bytes[found.uoa_offset + 1] <= packet.captured_length);
    CLEW_CHECK(found.geneve_options_offset + found.geneve_options_length <= packet.captured_length);
    if (found.fragment.cut) FragmentTable::digest_of(packet.bytes, 0, found, 1);
    if (found.reason != Reason::none) return;
    CLEW_CHECK(found.addresses_offset + (found.v6 ? 32u : 8u) <= packet.captured_length);
    CLEW_CHECK(found.transport_offset <= found.end_offset && found.end_offset <= packet.captured_length);
    const Transport transport = parse_transport(packet.bytes, found);
    if (transport.reason == Reason::none)
        CLEW_CHECK(transport.payload_offset + transport.payload_captured <= packet.captured_length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    if (size < 2) return 0;
    constexpr std::size_t outer_bytes_max = 42;
    const bool outer = input[1] != 0;
    std::uint8_t header[outer_bytes_max];
    const std::size_t before = outer ? put_outer(header, input[1]) : 0;
    const std::size_t length = before + size - 2;
    const std::unique_ptr<std::uint8_t[]> exact(
        new std::uint8_t[length]);  // a block of its own: reads beyond it are seen
    std::memcpy(exact.get(), header, before);
    std::memcpy(exact.get() + before, input + 2, size - 2);
    Packet packet;
    packet.bytes = exact.get();
    packet.captured_length = static_cast<std::uint32_t>(length);
    packet.wire_length = packet.captured_length + (input[0] >> 4);
    packet.link = outer ? LinkType::ethernet : static_cast<LinkType>((input[0] >> 1 & 7) % 7);
    const DecapSettings& settings = settings_of(input[0]);
    const Decapped found = decap(packet, settings);
    check(packet, found);
    segment_of(packet.bytes, found);
    segment_key(packet.bytes, found);
    trace_parsing(packet, settings);
    return 0;
}
