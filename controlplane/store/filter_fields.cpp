// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/filter_fields.h"

#include <algorithm>
#include <array>

namespace clew::store {
namespace {

using enum FilterKind;

constexpr std::string_view protocols = "tcp, udp, icmp, icmpv6";
constexpr std::string_view kinds = "forward, snat, dnat, fullnat, nat64, relay";
constexpr std::string_view ends = "none, fin, reset, idle, evicted, flushed";
constexpr std::string_view senders = "client, server, relay, middlebox";
/// Where a figure is known: rows from before it was kept, and paths that cannot have it, match neither > nor <=.
constexpr std::string_view delay_known = "added_ns > -4611686018427387904";  // delay_unknown_ns
constexpr std::string_view between_taps = "leg_count > 1";

/// One of tcp.analysis.*, whose name alone asks for any.
constexpr FilterField tcp_count(std::string_view name, std::string_view column, std::string_view text,
                                std::string_view only = "tcp_known") {
    return {.name = name,
            .kind = number,
            .column = column,
            .many = false,
            .only = only,
            .type_bits = 0,
            .text = text,
            .alone = true};
}

constexpr std::array fields = {
    FilterField{"ip.addr", address, "ips", true, "", 0, "any address of any leg: 10.0.0.7, 10.0.0.0/8, 2001:db8::1"},
    FilterField{"ip.src", address, "client_ips", true, "", 0, "the client's address on any leg"},
    FilterField{"ip.dst", address, "server_ips", true, "", 0, "the server's address on any leg"},
    FilterField{"tcp.port", number, "ports", true, "proto = 'tcp'", 0, "any port of any leg of a TCP path", {}, 65535},
    FilterField{"tcp.srcport",
                number,
                "client_ports",
                true,
                "proto = 'tcp'",
                0,
                "the client's port on any leg of a TCP path",
                {},
                65535},
    FilterField{"tcp.dstport",
                number,
                "server_ports",
                true,
                "proto = 'tcp'",
                0,
                "the server's port on any leg of a TCP path",
                {},
                65535},
    FilterField{"udp.port", number, "ports", true, "proto = 'udp'", 0, "any port of any leg of a UDP path", {}, 65535},
    FilterField{"udp.srcport",
                number,
                "client_ports",
                true,
                "proto = 'udp'",
                0,
                "the client's port on any leg of a UDP path",
                {},
                65535},
    FilterField{"udp.dstport",
                number,
                "server_ports",
                true,
                "proto = 'udp'",
                0,
                "the server's port on any leg of a UDP path",
                {},
                65535},
    FilterField{"port", number, "ports", true, "", 0, "any port of any leg, any protocol", {}, 65535},
    FilterField{"proto", word, "proto", false, "", 0, protocols, protocols},
    FilterField{"vlan.id", number, "layer_ids", true, "", 1, "a VLAN id on any leg", {}, 4095},
    FilterField{"vxlan.vni", number, "layer_ids", true, "", 2, "a VXLAN network id on any leg", {}, 0xff'ffff},
    FilterField{"geneve.vni", number, "layer_ids", true, "", 3, "a Geneve network id on any leg", {}, 0xff'ffff},
    FilterField{"gre.key", number, "layer_ids", true, "", 4, "a GRE key on any leg"},
    FilterField{"nvgre.vsid", number, "layer_ids", true, "", 6, "an NVGRE subnet on any leg", {}, 0xff'ffff},
    FilterField{"erspan.spanid", number, "layer_ids", true, "", 7, "an ERSPAN session on any leg", {}, 0x3ff},
    FilterField{"gtp.teid", number, "layer_ids", true, "", 8, "a GTP-U tunnel on any leg"},
    FilterField{"mpls.label", number, "layer_ids", true, "", 9, "an MPLS label on any leg", {}, 0xf'ffff},
    FilterField{"pppoe.session_id", number, "layer_ids", true, "", 10, "a PPPoE session on any leg", {}, 0xffff},
    FilterField{"l2tp.sid", number, "layer_ids", true, "", 12, "an L2TP session on any leg"},
    FilterField{"nsh.spi", number, "layer_ids", true, "", 15, "a service path on any leg", {}, 0xff'ffff},
    FilterField{"ieee8021ah.isid", number, "layer_ids", true, "", 18, "a backbone service on any leg", {}, 0xff'ffff},
    FilterField{"path.id", id, "path_id", false, "", 0, "16 hex digits"},
    FilterField{"path.grade", grade, "grade", false, "grade != ''", 0,
                "the weakest link's grade; A is best, so <= B is A or B"},
    FilterField{"path.hops", number, "leg_count", false, "", 0, "the number of legs"},
    FilterField{"path.client", endpoint, "client", false, "", 0,
                "the first leg's client: address, network, address:port"},
    FilterField{"path.server", endpoint, "server", false, "", 0,
                "the last leg's server: address, network, address:port"},
    FilterField{"path.unlinked", word, "unlinked", false, "", 0,
                "why a single leg stands alone: no-candidate, one-way, …"},
    FilterField{"path.service", endpoint, "client_seen_server", false, "", 0,
                "what the client speaks to: address, network, address:port"},
    FilterField{"path.packets", number, "packets", false, "", 0, "packets of the first leg that has any, both ways"},
    FilterField{"path.bytes", number, "bytes", false, "", 0, "bytes of that leg, both ways"},
    FilterField{"path.retransmissions", number, "retransmissions", false, "", 0,
                "retransmissions at the tap that saw most, both ways"},
    FilterField{"path.delay", duration, "added_ns", false, delay_known, 0,
                "added by all hops together, towards the server: of each the mean; > 2ms, or ns"},
    FilterField{"link.delay", duration, "slowest_ns", false, delay_known, 0, "the largest of its hops' delays"},
    FilterField{"path.lasted", duration, "(last_ns - first_ns)", false, "", 0, "from the first packet to the last"},
    FilterField{"path.lost", number, "lost", false, between_taps, 0,
                "packets lost on the wire between its taps, and sent again"},
    FilterField{"path.capture_gap", number, "gaps", false, "", 0,
                "what passed one of its taps and was not captured there"},
    FilterField{"path.reset_by", word, "reset_by", true, "", 0, senders, senders},
    tcp_count("tcp.analysis.retransmission", "retransmissions",
              "all retransmissions, at the tap that saw most; the name alone: any", "proto = 'tcp'"),
    tcp_count("tcp.analysis.fast_retransmission", "fast_retransmissions", "those asked for by duplicate ACKs"),
    tcp_count("tcp.analysis.spurious_retransmission", "spurious_retransmissions",
              "those of bytes that were acknowledged already"),
    tcp_count("tcp.analysis.out_of_order", "out_of_order", "segments that came late, at the tap that saw most"),
    tcp_count("tcp.analysis.duplicate_ack", "duplicate_acks", "duplicate ACKs, at the tap that saw most"),
    tcp_count("tcp.analysis.zero_window", "zero_windows", "segments with a window of 0, at the tap that saw most"),
    tcp_count("tcp.analysis.window_full", "windows_full", "segments that fill the window, at the tap that saw most"),
    tcp_count("tcp.analysis.keep_alive", "keep_alives", "keep-alives, at the tap that saw most"),
    FilterField{"tcp.analysis.initial_rtt", duration, "initial_rtt_ns", false, "initial_rtt_ns > 0", 0,
                "SYN to the ACK that ends the handshake; > 50ms, or ns"},
    FilterField{"gw.instance", word, "link_gateway", true, "", 0,
                "a gateway's instance: the MAC its frames go to, else its tunnel end, else an address it writes"},
    FilterField{"link.kind", word, "kinds", true, "", 0, kinds, kinds},
    FilterField{"link.grade", grade, "grades", true, "", 0, "any link's grade"},
    FilterField{"process", word, "processes", true, "", 0, "the command of a process at an end"},
    FilterField{"process.pid", number, "pids", true, "", 0, "its number"},
    FilterField{"tap", word, "taps", true, "", 0, "a tap that saw a leg"},
    FilterField{"leg.app", word, "apps", true, "", 0, "a leg's application protocol: http, tls, dns, mysql, …"},
    FilterField{"leg.server_name", word, "server_names", true, "", 0,
                "what a leg's client asked for: SNI, HTTP Host, DNS question"},
    FilterField{"leg.end", word, "ends", true, "", 0,
                "how a leg ended: fin, reset, idle, evicted, flushed; none while it lives", ends},
};

}  // namespace

std::span<const FilterField> filter_fields() { return fields; }

const FilterField* find_filter_field(std::string_view name) {
    const auto found = std::ranges::find(fields, name, &FilterField::name);
    return found == fields.end() ? nullptr : &*found;
}

}  // namespace clew::store
