// SPDX-License-Identifier: Apache-2.0
// Bytes as from the kernel's ring buffer: decoded or refused, and what is decoded becomes a printable leg.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "bpf/leg_print.h"
#include "bpf/tcp_socket/tcp_socket_leg.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const auto event = clew::agent::decode_tcp_socket_event({reinterpret_cast<const std::byte*>(bytes), size});
    if (!event) return 0;
    const clew::Leg leg = clew::agent::to_leg(*event, {1, 0, {1'700'000'000 * clew::ns_per_s, 100}});
    if (leg.id == 0 || clew::agent::to_json_line(leg).empty()) std::abort();
    return 0;
}
