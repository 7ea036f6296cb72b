// SPDX-License-Identifier: Apache-2.0
// The region as a graph: client networks → gateways' instances → servers, with the paths over each edge. What exceeds
// the count of nodes asked for is one node a role, named as what it is.
#include <algorithm>
#include <map>
#include <vector>

#include "controlplane/store/overview_ask.h"
#include "controlplane/store/rollup_tables.h"

namespace clew::store {
namespace {

constexpr std::string_view part_mark = "|";  ///< between the parts of a node's id: "g|snat|edge|inside|02:…"

/// A path's chain of node ids: "c|10.1.0.0/24", "g|kind|from|to|instance"…, "s|10.9.0.21:80".
constexpr std::string_view chain =
    "arrayConcat([concat('c|', if(startsWith(toString(client_ip), '::ffff:'), "
    "concat(replaceOne(toString(tupleElement(IPv6CIDRToRange(client_ip, 120), 1)), '::ffff:', ''), '/24'), "
    "concat(toString(tupleElement(IPv6CIDRToRange(client_ip, 64), 1)), '/64')))], "
    "arrayMap((k, f, t, g) -> concat('g|', k, '|', f, '|', t, '|', g), "
    "arrayFilter((x, g) -> g != '', link_kind, link_gateway), arrayFilter((x, g) -> g != '', link_from, link_gateway), "
    "arrayFilter((x, g) -> g != '', link_to, link_gateway), arrayFilter(g -> g != '', link_gateway)), "
    "[concat('s|', if(startsWith(toString(server_ip), '::ffff:'), replaceOne(toString(server_ip), '::ffff:', ''), "
    "concat('[', toString(server_ip), ']')), ':', toString(server_port))])";

struct Edge {
    std::string from, to;
    std::uint32_t position = 0;
    std::uint64_t paths = 0, resets = 0, retransmitting = 0;
};

Result<std::vector<Edge>> read_edges(std::string_view answer) {
    std::vector<Edge> edges;
    RowReader row(answer);
    while (!row.at_end()) {
        Edge edge;
        edge.from = row.text();
        edge.to = row.text();
        edge.position = row.number<std::uint32_t>();
        edge.paths = row.number<std::uint64_t>();
        edge.resets = row.number<std::uint64_t>();
        edge.retransmitting = row.number<std::uint64_t>();
        edges.push_back(std::move(edge));
    }
    if (auto good = whole(row); !good) return tl::make_unexpected(good.error());
    return edges;
}

std::string_view role_of(std::string_view id) {
    if (id.starts_with("c|")) return "client";
    return id.starts_with("s|") ? "server" : "gateway";
}

std::string filter_of(std::string_view id) {
    const std::string name(id.substr(id.rfind(part_mark) + 1));
    if (id.starts_with("c|")) return "path.client == " + name;
    if (id.starts_with("s|")) return "path.server == " + name;
    return "gw.instance == \"" + name + "\"";
}

struct Weight {
    std::uint64_t in = 0, out = 0;
    std::uint32_t layer = 0;
};

/// The ids that are drawn as they are: the heaviest.
std::map<std::string, Weight> weigh(const std::vector<Edge>& edges) {
    std::map<std::string, Weight> weights;
    for (const Edge& edge : edges) {
        weights[edge.from].out += edge.paths;
        Weight& to = weights[edge.to];
        to.in += edge.paths;
        to.layer = std::max(to.layer, edge.position);
    }
    return weights;
}

std::string rest_id(std::string_view id) { return "rest|" + std::string(role_of(id)); }

}  // namespace

std::string hops_sql() {
    const std::string chain_sql(chain);
    return "arrayZip(arrayPopBack(" + chain_sql + "), arrayPopFront(" + chain_sql + "), arrayEnumerate(arrayPopBack(" +
           chain_sql + ")))";
}

Result<v1::Topology> Overview::topology(const OverviewQuery& query) const {
    v1::Topology topology;
    const OverviewAsk store(client_, settings_);
    const std::string tail = "GROUP BY a, b HAVING n > 0 ORDER BY n DESC, a, b LIMIT " +
                             std::to_string(std::uint64_t{settings_.edge_count_max} + 1);
    const auto rolled = store.rolled(query);
    const auto answer =
        rolled ? store.ask_rolled(query, *rolled, edge_minutes,
                                  "edge_from AS a, edge_to AS b, toUInt32(max(position)), toUInt64(greatest(0, "
                                  "sum(n))) AS n, toUInt64(greatest(0, sum(resets))), "
                                  "toUInt64(greatest(0, sum(retransmitting)))",
                                  tail, *topology.mutable_partial())
               : store.ask(query,
                           "tupleElement(hop, 1) AS a, tupleElement(hop, 2) AS b, toUInt32(max(tupleElement(hop, "
                           "3))), count() AS n, countIf(has(ends, 'reset')), countIf(retransmissions > 0)",
                           tail, *topology.mutable_partial(), "ARRAY JOIN " + hops_sql() + " AS hop");
    if (!answer) return tl::make_unexpected(answer.error());
    auto edges = read_edges(*answer);
    if (!edges) return tl::make_unexpected(edges.error());
    std::string& partial = *topology.mutable_partial();
    if (edges->size() > settings_.edge_count_max) {
        edges->resize(settings_.edge_count_max);
        add_reason(partial, "there are more than " + std::to_string(settings_.edge_count_max) +
                                " edges: only those with the most paths are counted");
    }
    std::map<std::string, Weight> weights = weigh(*edges);
    std::vector<std::pair<std::uint64_t, std::string>> order;
    for (const auto& [id, weight] : weights) order.emplace_back(std::max(weight.in, weight.out), id);
    std::ranges::sort(order, std::greater<>());
    const std::size_t room = std::clamp(query.count_max, 10u, topology_node_count_max) - 3;  // one rest a role
    std::map<std::string, std::string> drawn;
    for (std::size_t i = 0; i < order.size(); ++i)
        drawn[order[i].second] = i < room ? order[i].second : rest_id(order[i].second);
    std::map<std::string, v1::TopologyNode> nodes;
    for (const auto& [id, weight] : weights) {
        v1::TopologyNode& node = nodes[drawn[id]];
        node.set_id(drawn[id]);
        node.set_role(std::string(role_of(id)));
        node.set_paths(node.paths() + std::max(weight.in, weight.out));
        node.set_layer(std::max(node.layer(), weight.layer));
        if (drawn[id] == id) {
            node.set_name(id.substr(id.find(part_mark) + 1));
            node.set_filter(filter_of(id));
        } else {
            node.set_name("…");
        }
    }
    std::map<std::pair<std::string, std::string>, v1::TopologyEdge> joined;
    for (const Edge& edge : *edges) {
        v1::TopologyEdge& one = joined[{drawn[edge.from], drawn[edge.to]}];
        one.set_from(drawn[edge.from]);
        one.set_to(drawn[edge.to]);
        one.set_paths(one.paths() + edge.paths);
        one.set_resets(one.resets() + edge.resets);
        one.set_retransmitting(one.retransmitting() + edge.retransmitting);
    }
    for (auto& [id, node] : nodes) *topology.add_nodes() = std::move(node);
    for (auto& [ends, edge] : joined) *topology.add_edges() = std::move(edge);
    if (order.size() > room)
        add_reason(partial, std::to_string(order.size()) + " nodes: the " + std::to_string(room) +
                                " with the most paths are drawn, the others stand together");
    return topology;
}

}  // namespace clew::store
