// SPDX-License-Identifier: Apache-2.0
#include "cli/overview_view.h"

#include <algorithm>
#include <map>
#include <vector>

#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

/// What the node is: a gateway's name is "kind|from|to|instance".
std::string node_text(const v1::TopologyNode& node) {
    if (node.name() == "…") return "the others";
    std::vector<std::string> parts(1);
    for (const char c : node.name()) {
        if (c == '|')
            parts.emplace_back();
        else
            parts.back() += c;
    }
    if (node.role() != "gateway" || parts.size() != 4) return printable(node.name());
    return printable(parts[3] + "  " + parts[0] + " " + parts[1]) + " → " + printable(parts[2]);
}

std::string delay_text(const v1::ComparedFigures& figures) {
    return figures.delay().paths() == 0 ? "-" : measured_text(figures.delay().p50_ns(), figures.delay().error_ns());
}

std::string group_text(const v1::ComparedTimes& row) {
    if (row.kind().empty()) return "all paths";
    if (!row.instance().empty()) return "  " + printable(row.instance());
    return printable(row.kind() + " " + row.from_tap()) + " → " + printable(row.to_tap());
}

/// ▲ where the figure is worse, ▼ where it is better than before.
std::string change_mark(const v1::ComparedTimes& row, const std::string& figure) {
    const auto names = [&](const auto& list) { return std::find(list.begin(), list.end(), figure) != list.end(); };
    return names(row.worse()) ? " ▲" : names(row.better()) ? " ▼" : "";
}

Cell change_cell(const v1::ComparedTimes& row, const std::string& figure, const std::string& before,
                 const std::string& now) {
    const std::string mark = change_mark(row, figure);
    const Style style = mark.empty() ? Style::plain : mark == " ▲" ? Style::bad : Style::good;
    return {before + " → " + now + mark, style, true};
}

}  // namespace

std::string incidents_table(const v1::IncidentList& list, const Paint& paint, std::size_t columns) {
    TextTable table({"SINCE", "KIND", "PATHS", "PATH", "WHAT"});
    for (const v1::Incident& one : list.incidents())
        table.add({{time_text(one.since_ns(), 0)},
                   {printable(one.kind()), Style::bad},
                   {one.paths() == 0 ? "-" : with_thousands(one.paths()), Style::plain, true},
                   {one.path_id().empty() ? "-" : printable(one.path_id())},
                   {printable(one.sentence())}});
    return table.text(paint, columns);
}

std::string topology_table(const v1::Topology& topology, const Paint& paint, std::size_t columns) {
    std::map<std::string, std::string> names;
    for (const v1::TopologyNode& node : topology.nodes()) names[node.id()] = node_text(node);
    std::vector<const v1::TopologyEdge*> edges;
    for (const v1::TopologyEdge& edge : topology.edges()) edges.push_back(&edge);
    std::stable_sort(edges.begin(), edges.end(),
                     [](const v1::TopologyEdge* a, const v1::TopologyEdge* b) { return a->paths() > b->paths(); });
    TextTable table({"FROM", "TO", "PATHS", "RESET", "RETRANSMITTING"});
    for (const v1::TopologyEdge* edge : edges)
        table.add({{names[edge->from()]},
                   {names[edge->to()]},
                   {with_thousands(edge->paths()), Style::plain, true},
                   {share_text(edge->resets(), edge->paths()), Style::plain, true},
                   {share_text(edge->retransmitting(), edge->paths()), Style::plain, true}});
    return table.text(paint, columns);
}

std::string comparison_table(const v1::TimeComparison& comparison, const Paint& paint, std::size_t columns) {
    TextTable table({"GROUP", "PATHS", "ADDED P50", "MISSING", "RETRANSMITTING", "RESET"});
    for (const v1::ComparedTimes& row : comparison.rows()) {
        const v1::ComparedFigures &b = row.before(), &n = row.now();
        table.add({{group_text(row), row.instance().empty() ? Style::strong : Style::plain},
                   {with_thousands(b.paths()) + " → " + with_thousands(n.paths()), Style::plain, true},
                   change_cell(row, "delay_p50", delay_text(b), delay_text(n)),
                   change_cell(row, "packets_missing", share_text(b.packets_missing(), b.packets_before()),
                               share_text(n.packets_missing(), n.packets_before())),
                   change_cell(row, "retransmitting", share_text(b.retransmitting(), b.paths()),
                               share_text(n.retransmitting(), n.paths())),
                   change_cell(row, "resets", share_text(b.resets(), b.paths()), share_text(n.resets(), n.paths()))});
    }
    return table.text(paint, columns);
}

}  // namespace clew::cli
