// SPDX-License-Identifier: Apache-2.0
#include "cli/path_table.h"

#include "cli/path_summary.h"
#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

/// The words of one path, from which both layouts are made.
struct Row {
    std::string time, id, proto, client, called, hops, legs, server, added, grade, notes;
    Style hops_style = Style::plain;
    Style grade_style = Style::plain;
};

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::string with_process(const std::string& address, const std::string& process, bool process_first) {
    if (process.empty()) return address;
    return process_first ? process + " " + address : address + " " + process;
}

Row row_of(const v1::Path& path, std::size_t id_length) {
    Row row;
    const v1::PathLeg* client = client_leg(path);
    const v1::PathLeg* server = server_leg(path);
    row.time = time_text(path.first_ns());
    row.id = printable(path.path_id().substr(0, id_length));
    row.proto = proto_text(path);
    // A lone socket may be either end's.
    const bool alone = path.legs_size() == 1;
    if (client) row.client = with_process(printable(client->client()), alone ? "" : process_text(*client), true);
    if (server) row.server = with_process(printable(server->server()), alone ? "" : process_text(*server), false);
    if (alone && !process_text(*client).empty()) row.server += " (socket of " + process_text(*client) + ")";
    row.called = called_address(path);
    row.hops = hops_text(path);
    row.hops_style = path.links().empty() ? Style::faint : Style::strong;
    row.legs = std::to_string(path.legs_size());
    row.added = added_delay_text(added_delay(path));
    row.grade = worst_grade(path);
    row.grade_style = row.grade == "A" || row.grade == "B" ? Style::good
                      : row.grade == "-"                   ? Style::faint
                                                           : Style::warning;
    row.notes = joined(abnormalities(path));
    if (!row.notes.empty()) row.notes = "! " + row.notes;
    return row;
}

TextTable one_line_each(const std::vector<Row>& rows) {
    TextTable table(
        {"TIME", "PATH", "PROTO", "CLIENT", "CALLS", "HOPS", "LEGS", "SERVER", "ADDED DELAY", "GRADE", "NOTES"});
    for (const Row& row : rows)
        table.add({{row.time, Style::plain},
                   {row.id, Style::changed},
                   {row.proto, Style::plain},
                   {row.client, Style::plain},
                   {row.called, Style::plain},
                   {row.hops, row.hops_style},
                   {row.legs, Style::plain},
                   {row.server, Style::plain},
                   {row.added, Style::plain},
                   {row.grade, row.grade_style},
                   {row.notes, Style::bad}});
    return table;
}

constexpr std::string_view indent = "    ";

/// When, which, through what; and at the right edge how long and how sure.
std::string first_line(const Row& row, const Paint& paint, std::size_t columns) {
    const std::size_t before_hops = display_width(row.time + row.id + row.proto) + 6;
    const std::string hops = cut(row.hops, columns > before_hops ? columns - before_hops : 1);
    const std::size_t head_width = before_hops + display_width(hops);
    const std::string head =
        row.time + "  " + paint(Style::changed, row.id) + "  " + row.proto + "  " + paint(row.hops_style, hops);
    const std::string added = row.added == "-" ? "" : "added " + row.added + "  ";
    const std::string grade = row.grade == "-" ? "" : "grade " + row.grade;
    const std::size_t tail_width = display_width(added) + display_width(grade);
    if (tail_width == 0) return head + "\n";
    const bool fits = head_width + 2 + tail_width <= columns;
    const std::size_t used = tail_width + (fits ? head_width : 0);
    const std::string space(columns > used ? columns - used : 0, ' ');
    return head + (fits ? "" : "\n") + space + added + paint(row.grade_style, grade) + "\n";
}

/// For narrow terminals: who with whom stands below, in as many lines as it takes.
std::string lines_below_each_other(const std::vector<Row>& rows, const Paint& paint, std::size_t columns) {
    std::string text;
    for (const Row& row : rows) {
        text += first_line(row, paint, columns);
        std::string line = std::string(indent) + row.client;
        for (const std::string& next : {row.called, row.server}) {
            if (next.empty()) continue;
            if (display_width(line) + 3 + display_width(next) > columns) {
                text += line + "\n";
                line = std::string(indent);
            } else {
                line += " ";
            }
            line += "→ " + next;
        }
        text += line + "\n";
        if (!row.notes.empty()) text += std::string(indent) + paint(Style::bad, row.notes) + "\n";
    }
    return text;
}

}  // namespace

std::string path_table(const v1::PathList& list, const Paint& paint, std::size_t columns) {
    const std::size_t id_length = id_prefix_length(list);
    std::vector<Row> rows;
    for (const v1::Path& path : list.paths()) rows.push_back(row_of(path, id_length));
    const TextTable table = one_line_each(rows);
    return table.width() <= columns ? table.text(paint, columns) : lines_below_each_other(rows, paint, columns);
}

}  // namespace clew::cli
