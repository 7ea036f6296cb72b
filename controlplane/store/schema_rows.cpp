// SPDX-License-Identifier: Apache-2.0
// Legs and paths as rows of the tables in schema.cpp.
#include <algorithm>
#include <set>

#include "controlplane/store/native_block.h"
#include "controlplane/store/schema.h"
#include "nat-trace/segment.h"
#include "wire/convert.h"

namespace clew::store {
namespace {

void add_flow_columns(NativeBlock& block, std::span<const StoredLeg> legs, Direction direction,
                      const std::string& suffix) {
    NativeColumn& packets = block.add("packets" + suffix, "UInt64");
    NativeColumn& bytes = block.add("bytes" + suffix, "UInt64");
    NativeColumn& retransmissions = block.add("retransmissions" + suffix, "UInt32");
    NativeColumn& isn = block.add("isn" + suffix, "UInt32");
    for (const StoredLeg& stored : legs) {
        const Flow& flow = stored.leg.flow(direction);
        packets.number(flow.packets);
        bytes.number(flow.bytes);
        retransmissions.number(flow.retransmissions);
        isn.number(flow.isn);
    }
}

void add_batch_columns(NativeBlock& block, std::span<const StoredLeg> legs) {
    NativeColumn& observer_name = block.add("observer_name", "String");
    NativeColumn& started = block.add("started_ns", "Int64");
    NativeColumn& sequence = block.add("sequence", "UInt64");
    NativeColumn& tap = block.add("tap", "String");
    NativeColumn& clock = block.add("clock", "String");
    for (const StoredLeg& stored : legs) {
        observer_name.text(stored.observer);
        started.number(stored.started_ns);
        sequence.number(stored.sequence);
        tap.text(stored.tap);
        clock.text(stored.clock);
    }
}

/// A path's row, column by column; made once for a block.
struct PathColumns {
    explicit PathColumns(NativeBlock& block)
        : path_id(block.add("path_id", "UInt64")),
          revision(block.add("revision", "UInt32")),
          retracted(block.add("retracted", "Bool")),
          merged_into(block.add("merged_into", "UInt64")),
          unlinked(block.add("unlinked", "String")),
          proto(block.add("proto", "String")),
          first_ns(block.add("first_ns", "Int64")),
          last_ns(block.add("last_ns", "Int64")),
          leg_count(block.add("leg_count", "UInt16")),
          grade(block.add("grade", "String")),
          client_ip(block.add("client_ip", "IPv6")),
          client_port(block.add("client_port", "UInt16")),
          client_seen_server_ip(block.add("client_seen_server_ip", "IPv6")),
          client_seen_server_port(block.add("client_seen_server_port", "UInt16")),
          server_ip(block.add("server_ip", "IPv6")),
          server_port(block.add("server_port", "UInt16")),
          server_seen_client_ip(block.add("server_seen_client_ip", "IPv6")),
          server_seen_client_port(block.add("server_seen_client_port", "UInt16")),
          ips(block.add("ips", "Array(IPv6)")),
          ports(block.add("ports", "Array(UInt16)")),
          endpoints(block.add("endpoints", "Array(String)")),
          client_ips(block.add("client_ips", "Array(IPv6)")),
          client_ports(block.add("client_ports", "Array(UInt16)")),
          server_ips(block.add("server_ips", "Array(IPv6)")),
          server_ports(block.add("server_ports", "Array(UInt16)")),
          layer_ids(block.add("layer_ids", "Array(UInt64)")),
          vnis(block.add("vnis", "Array(UInt32)")),
          kinds(block.add("kinds", "Array(String)")),
          grades(block.add("grades", "Array(String)")),
          taps(block.add("taps", "Array(String)")),
          ends(block.add("ends", "Array(String)")),
          processes(block.add("processes", "Array(String)")),
          pids(block.add("pids", "Array(UInt32)")),
          apps(block.add("apps", "Array(String)")),
          server_names(block.add("server_names", "Array(String)")),
          body(block.add("body", "String")),
          stored_at(block.add("stored_at", "DateTime")) {}

    NativeColumn &path_id, &revision, &retracted, &merged_into, &unlinked, &proto, &first_ns, &last_ns, &leg_count,
        &grade, &client_ip, &client_port, &client_seen_server_ip, &client_seen_server_port, &server_ip, &server_port,
        &server_seen_client_ip, &server_seen_client_port, &ips, &ports, &endpoints, &client_ips, &client_ports,
        &server_ips, &server_ports, &layer_ids, &vnis, &kinds, &grades, &taps, &ends, &processes, &pids, &apps,
        &server_names, &body, &stored_at;
};

struct LegEnds {
    Endpoint client;
    Endpoint server;
};

/// The type number of a layer as it is in nat-trace/segment.h; 0 when it is none of ours.
std::uint64_t layer_type_number(std::string_view name) {
    for (std::uint64_t number = 1; number < layer_type_count; ++number)
        if (name == to_text(static_cast<LayerType>(number))) return number;
    return 0;
}

/// Every different value once, so that arrays stay short.
template <typename Value, typename Append>
void put_set(NativeColumn& column, const std::set<Value>& values, Append append) {
    for (const Value& value : values) append(column, value);
    column.end_row();
}

const auto put_ip = [](NativeColumn& column, const IpAddress& ip) { column.ip(ip); };
const auto put_number = [](NativeColumn& column, auto number) { column.number(number); };
const auto put_text = [](NativeColumn& column, const std::string& text) { column.text(text); };

Result<std::vector<LegEnds>> leg_ends_of(const v1::Path& path) {
    std::vector<LegEnds> ends;
    for (const v1::PathLeg& leg : path.legs()) {
        const auto client = parse_endpoint(leg.client());
        const auto server = parse_endpoint(leg.server());
        if (!client || !server) {
            return fail(ErrorKind::failed, "path " + path.path_id() + " has a leg from '" + leg.client() + "' to '" +
                                               leg.server() + "', which are not addresses with ports");
        }
        ends.push_back({*client, *server});
    }
    return ends;
}

void put_addresses(PathColumns& to, const std::vector<LegEnds>& legs) {
    const LegEnds first = legs.empty() ? LegEnds{} : legs.front();
    const LegEnds last = legs.empty() ? LegEnds{} : legs.back();
    to.client_ip.ip(first.client.ip);
    to.client_port.number(first.client.port);
    to.client_seen_server_ip.ip(first.server.ip);
    to.client_seen_server_port.number(first.server.port);
    to.server_ip.ip(last.server.ip);
    to.server_port.number(last.server.port);
    to.server_seen_client_ip.ip(last.client.ip);
    to.server_seen_client_port.number(last.client.port);
    std::set<IpAddress> ips, client_ips, server_ips;
    std::set<std::uint16_t> ports, client_ports, server_ports;
    std::set<std::string> endpoints;
    for (const LegEnds& leg : legs) {
        client_ips.insert(leg.client.ip);
        server_ips.insert(leg.server.ip);
        client_ports.insert(leg.client.port);
        server_ports.insert(leg.server.port);
        endpoints.insert({to_text(leg.client), to_text(leg.server)});
    }
    ips = client_ips;
    ips.insert(server_ips.begin(), server_ips.end());
    ports = client_ports;
    ports.insert(server_ports.begin(), server_ports.end());
    put_set(to.ips, ips, put_ip);
    put_set(to.ports, ports, put_number);
    put_set(to.endpoints, endpoints, put_text);
    put_set(to.client_ips, client_ips, put_ip);
    put_set(to.client_ports, client_ports, put_number);
    put_set(to.server_ips, server_ips, put_ip);
    put_set(to.server_ports, server_ports, put_number);
}

void put_legs_and_links(PathColumns& to, const v1::Path& path) {
    std::set<std::uint64_t> layer_ids;
    std::set<std::uint32_t> vnis, pids;
    std::set<std::string> taps, ends, processes, apps, server_names, kinds, grades;
    for (const v1::PathLeg& leg : path.legs()) {
        for (const v1::PathLayer& layer : leg.layers()) {
            if (layer.has_id()) layer_ids.insert(layer_type_number(layer.type()) << 32 | layer.id());
        }
        if (leg.has_vni()) vnis.insert(leg.vni());
        if (leg.pid() != 0) pids.insert(leg.pid());
        if (!leg.process().empty()) processes.insert(leg.process());
        if (!leg.app().empty()) apps.insert(leg.app());
        if (!leg.server_name().empty()) server_names.insert(leg.server_name());
        taps.insert(leg.tap());
        ends.insert(leg.end());
    }
    for (const v1::PathLink& link : path.links()) {
        kinds.insert(link.kind());
        grades.insert(link.grade());
    }
    put_set(to.layer_ids, layer_ids, put_number);
    put_set(to.vnis, vnis, put_number);
    put_set(to.pids, pids, put_number);
    put_set(to.taps, taps, put_text);
    put_set(to.ends, ends, put_text);
    put_set(to.processes, processes, put_text);
    put_set(to.apps, apps, put_text);
    put_set(to.server_names, server_names, put_text);
    put_set(to.kinds, kinds, put_text);
    put_set(to.grades, grades, put_text);
    to.grade.text(grades.empty() ? "" : *grades.rbegin());  // letters: the last one is the weakest
}

}  // namespace

InsertRows leg_rows(std::span<const StoredLeg> legs, std::uint32_t stored_at_s) {
    NativeBlock block;
    add_batch_columns(block, legs);
    NativeColumn& leg_id = block.add("leg_id", "UInt64");
    NativeColumn& revision = block.add("revision", "UInt32");
    NativeColumn& observer = block.add("observer", "String");
    NativeColumn& proto = block.add("proto", "String");
    NativeColumn& client_ip = block.add("client_ip", "IPv6");
    NativeColumn& client_port = block.add("client_port", "UInt16");
    NativeColumn& server_ip = block.add("server_ip", "IPv6");
    NativeColumn& server_port = block.add("server_port", "UInt16");
    NativeColumn& vni = block.add("vni", "Nullable(UInt32)");
    NativeColumn& netns = block.add("netns", "UInt32");
    NativeColumn& command = block.add("process", "String");
    NativeColumn& pid = block.add("pid", "UInt32");
    NativeColumn& first_ns = block.add("first_ns", "Int64");
    NativeColumn& last_ns = block.add("last_ns", "Int64");
    NativeColumn& end = block.add("end", "String");
    NativeColumn& app = block.add("app", "String");
    NativeColumn& server_name = block.add("server_name", "String");
    NativeColumn& body = block.add("body", "String");
    NativeColumn& stored_at = block.add("stored_at", "DateTime");
    v1::Leg message;
    for (const StoredLeg& stored : legs) {
        const Leg& leg = stored.leg;
        leg_id.number(leg.id);
        revision.number(leg.revision);
        observer.text(to_text(leg.observer));
        proto.text(to_text(leg.protocol));
        client_ip.ip(leg.client.ip);
        client_port.number(leg.client.port);
        server_ip.ip(leg.server.ip);
        server_port.number(leg.server.port);
        vni.optional_number(overlay_id(leg.segment));
        netns.number(leg.segment.netns);
        command.text(leg.process.name());
        pid.number(leg.process.pid);
        first_ns.number(leg.first_ns);
        last_ns.number(leg.last_ns);
        end.text(to_text(leg.end));
        app.text(to_text(leg.app));
        server_name.text(name_in(leg.server_name));
        message.Clear();
        wire::encode(leg, message);
        body.text(message.SerializeAsString());
        stored_at.number(stored_at_s);
    }
    add_flow_columns(block, legs, Direction::to_server, "_to_server");
    add_flow_columns(block, legs, Direction::to_client, "_to_client");
    add_tcp_columns(block, legs);
    return {.sql = "INSERT INTO legs FORMAT Native", .block = block.finish()};
}

Result<InsertRows> path_rows(const std::vector<v1::Path>& paths, std::uint32_t stored_at_s) {
    NativeBlock block;
    PathColumns to(block);
    for (const v1::Path& path : paths) {
        const auto id = wire::parse_id(path.path_id());
        const auto merged_into =
            path.merged_into().empty() ? Result<std::uint64_t>(0) : wire::parse_id(path.merged_into());
        const auto legs = leg_ends_of(path);
        if (!id || !merged_into) return fail(ErrorKind::failed, "'" + path.path_id() + "' is not the id of a path");
        if (!legs) return tl::make_unexpected(legs.error());
        to.path_id.number(*id);
        to.revision.number(path.revision());
        to.retracted.number(static_cast<std::uint8_t>(path.retracted()));
        to.merged_into.number(*merged_into);
        to.unlinked.text(path.unlinked());
        to.proto.text(path.proto());
        to.first_ns.number(path.first_ns());
        to.last_ns.number(path.last_ns());
        to.leg_count.number(static_cast<std::uint16_t>(std::min(path.legs_size(), 65535)));
        put_addresses(to, *legs);
        put_legs_and_links(to, path);
        to.body.text(path.SerializeAsString());
        to.stored_at.number(stored_at_s);
    }
    add_link_columns(block, paths);
    add_trouble_columns(block, paths);
    return InsertRows{.sql = "INSERT INTO paths FORMAT Native", .block = block.finish()};
}

}  // namespace clew::store
