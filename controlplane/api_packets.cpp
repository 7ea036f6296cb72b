// SPDX-License-Identifier: Apache-2.0
// The route that looks back in the sensors' vaults without a path.
#include "controlplane/api.h"
#include "controlplane/api_parameters.h"

namespace clew::control {
namespace {

ApiParameter legs() {
    return {"filter",
            ParameterKind::text,
            false,
            0,
            store::filter_bytes_max,
            0,
            "terms of the filter language about addresses, ports, tunnel ids and protocol, joined by and"};
}

}  // namespace

void Api::add_packet_routes() {
    add({"packets",
         "packets out of all sensors' vaults, oldest first; next_ns is where the next page begins",
         {since(true), until(), legs(), bpf(), headers_only(), strip_tunnels(), snap(),
          count("limit", 1, PacketSearch::count_max, 10'000, "how many packets at most")},
         v1::CapturedPacketList::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) -> Result<std::string> {
            PacketsWanted wanted{.from = arguments.number("since_ns"),
                                 .to = arguments.number("until_ns"),
                                 .filter = arguments.text("filter"),
                                 .bpf = arguments.text("bpf"),
                                 .count_max = static_cast<std::uint32_t>(arguments.number("limit")),
                                 .wish = frame_wish(arguments)};
            if (!sources_.packets) return fail(ErrorKind::unreachable, "there are no sensors to be asked");
            const auto list = sources_.packets(wanted);
            if (!list) return tl::make_unexpected(list.error());
            return to_json(*list);
        });
}

}  // namespace clew::control
