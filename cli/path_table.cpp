// SPDX-License-Identifier: Apache-2.0
#include "cli/path_table.h"

#include "cli/path_summary.h"
#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

/// The words of one path, from which both layouts are made.
struct Row {
    std::string time, id, proto, client, hops, taps, server, added, grade, notes;
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
    row.proto = printable(path.proto());
    if (client) row.client = with_process(printable(client->client()), process_text(*client), true);
    // A lone socket names its process once.
    if (server)
        row.server =
            with_process(printable(server->server()), path.legs_size() > 1 ? process_text(*server) : "", false);
    row.hops = hops_text(path);
    row.hops_style = path.links().empty() ? Style::faint : Style::strong;
    row.taps = std::to_string(path.legs_size());
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
    TextTable table({"TIME", "PATH", "PROTO", "CLIENT", "HOPS", "LEGS", "SERVER", "ADDED DELAY", "GRADE", "NOTES"});
    for (const Row& row : rows)
        table.add({{row.time, Style::plain},
                   {row.id, Style::changed},
                   {row.proto, Style::plain},
                   {row.client, Style::plain},
                   {row.hops, row.hops_style},
                   {row.taps, Style::plain},
                   {row.server, Style::plain},
                   {row.added, Style::plain},
                   {row.grade, row.grade_style},
                   {row.notes, Style::bad}});
    return table;
}

/// For narrow terminals: what and how good in the first line; who with whom below, a line each where they do not fit
/// one.
std::string two_lines_each(const std::vector<Row>& rows, const Paint& paint, std::size_t columns) {
    constexpr std::string_view indent = "    ";
    std::string text;
    for (const Row& row : rows) {
        const std::size_t before_hops = display_width(row.time + row.id + row.proto) + 6;
        const std::string hops = cut(row.hops, columns > before_hops ? columns - before_hops : 1);
        std::string head =
            row.time + "  " + paint(Style::changed, row.id) + "  " + row.proto + "  " + paint(row.hops_style, hops);
        std::size_t used = before_hops + display_width(hops);
        const std::string verdict = row.added == "-" ? "" : "added " + row.added;
        const std::string grade = row.grade == "-" ? "" : "grade " + row.grade;
        std::string tail = verdict;
        if (!grade.empty()) tail += (tail.empty() ? "" : "  ") + paint(row.grade_style, grade);
        const std::size_t tail_width =
            display_width(verdict) + (grade.empty() ? 0 : display_width(grade) + (verdict.empty() ? 0 : 2));
        if (!tail.empty() && used + 2 + tail_width > columns) {
            text += head + "\n";
            head = std::string(indent);
            used = indent.size();
        } else {
            head += "  ";
        }
        text += tail.empty() ? head.substr(0, head.find_last_not_of(' ') + 1) + "\n" : head + tail + "\n";
        const std::string together = row.client + " → " + row.server;
        if (indent.size() + display_width(together) <= columns)
            text += std::string(indent) + together + "\n";
        else
            text += std::string(indent) + row.client + "\n" + std::string(indent) + "→ " + row.server + "\n";
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
    return table.width() <= columns ? table.text(paint, columns) : two_lines_each(rows, paint, columns);
}

}  // namespace clew::cli
