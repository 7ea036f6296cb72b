// SPDX-License-Identifier: Apache-2.0
#include "cli/ladder_view.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/path_jsonl.h"
#include "cli/path_summary.h"
#include "cli/path_view.h"
#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

constexpr std::uint32_t flag_syn = 0x02;
constexpr std::uint32_t flag_ack = 0x10;

bool is_to_client(const v1::LadderRow& row) { return row.direction() == "to_client"; }

/// Where the sequence numbers of each tap and direction begin.
class SequenceStarts {
  public:
    explicit SequenceStarts(const v1::Ladder& ladder) : starts_(static_cast<std::size_t>(ladder.columns_size())) {
        for (std::size_t i = 0; i < starts_.size(); ++i) {
            const v1::PathLeg& leg = ladder.columns(static_cast<int>(i));
            if (leg.to_server().has_isn()) starts_[i][0] = leg.to_server().isn();
            if (leg.to_client().has_isn()) starts_[i][1] = leg.to_client().isn();
        }
        // Found in the middle: the first number seen becomes 1.
        for (const v1::LadderRow& row : ladder.rows())
            for (std::size_t i = 0; i < starts_.size() && i < static_cast<std::size_t>(row.cells_size()); ++i)
                learn(i, is_to_client(row), row.cells(static_cast<int>(i)));
    }

    std::uint32_t relative(std::size_t column, bool to_client, std::uint32_t number) const {
        return number - starts_[column][to_client ? 1 : 0].value_or(0);
    }

  private:
    void learn(std::size_t column, bool to_client, const v1::LadderCell& cell) {
        if (!cell.seen() || cell.flags() == 0) return;
        auto& own = starts_[column][to_client ? 1 : 0];
        auto& other = starts_[column][to_client ? 0 : 1];
        if (!own) own = (cell.flags() & flag_syn) ? cell.seq() : cell.seq() - 1;
        if (!other && (cell.flags() & flag_ack)) other = cell.ack() - 1;
    }

    std::vector<std::array<std::optional<std::uint32_t>, 2>> starts_;
};

/// The tap that saw a row's packet first in its direction of travel.
std::optional<std::size_t> first_seen(const v1::LadderRow& row) {
    const auto count = static_cast<std::size_t>(row.cells_size());
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t i = is_to_client(row) ? count - 1 - k : k;
        if (row.cells(static_cast<int>(i)).seen()) return i;
    }
    return std::nullopt;
}

/// The tap lies on the other side of a relay than all that saw the packet.
bool is_beyond_relay(const v1::LadderRow& row, std::size_t column, const std::vector<unsigned>& connections) {
    if (column >= connections.size()) return false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(row.cells_size()) && i < connections.size(); ++i)
        if (connections[i] == connections[column] && row.cells(static_cast<int>(i)).seen()) return false;
    return true;
}

/// This tap saw another segment than the first, which begins at the same byte.
bool is_recut(const v1::LadderRow& row, const v1::LadderCell& cell) {
    const auto first = first_seen(row);
    return first && row.cells(static_cast<int>(*first)).length() != cell.length();
}

/// How many segments carried its bytes here, and when the last of them had passed.
std::string recut_text(const v1::LadderCell& cell) {
    std::string text = "≡";
    if (cell.carriers() > 1) text += std::to_string(cell.carriers());
    if (cell.has_delay_ns()) text += (cell.delay_ns() >= 0 ? " +" : " ") + duration_text(cell.delay_ns());
    return text;
}

Cell tap_cell(const v1::LadderRow& row, std::size_t column, bool first, const std::vector<unsigned>& connections) {
    if (column >= static_cast<std::size_t>(row.cells_size())) return {"", Style::plain};
    const v1::LadderCell& cell = row.cells(static_cast<int>(column));
    const bool back = is_to_client(row);
    if (!cell.seen() && is_beyond_relay(row, column, connections)) return {"·", Style::faint};
    if (cell.missing() == "recut") return {recut_text(cell), Style::faint};
    if (!cell.seen())
        return {cell.missing() == "lost" ? "✕ lost" : cell.missing() == "capture_gap" ? "✕ gap" : "✕", Style::bad};
    if (first) return {back ? "◀ ●" : "● ▶", Style::strong};
    std::string delay = "seen";
    if (cell.has_delay_ns()) delay = (cell.delay_ns() >= 0 ? "+" : "") + duration_text(cell.delay_ns());
    if (is_recut(row, cell)) delay += " ≡";
    return {back ? "◀ " + delay : delay + " ▶", Style::plain};
}

std::string row_time(const v1::LadderRow& row, TimeNs start, bool absolute) {
    if (absolute) return time_text(row.time_ns(), 6);
    char text[32];
    std::snprintf(text, sizeof text, "%.6f", static_cast<double>(row.time_ns() - start) / 1e9);
    return text;
}

constexpr int folded_row_count_min = 3;  ///< shorter runs are shown as they are

bool is_quiet(const v1::LadderRow& row) {
    if (row.retransmission() || !row.marks().empty()) return false;
    return std::all_of(row.cells().begin(), row.cells().end(), [](const v1::LadderCell& cell) {
        return cell.seen() && cell.flags() == flag_ack && cell.length() == 0 && cell.window() != 0;
    });
}

/// How many rows from this one on are nothing but acknowledgements that every tap saw.
int acknowledgements_from(const v1::Ladder& ladder, int row) {
    int end = row;
    while (end < ladder.rows_size() && is_quiet(ladder.rows(end))) ++end;
    return end - row;
}

/// As the FLAGS column shows it; a reset stands in the flags already.
std::string mark_text(const std::string& mark) {
    if (mark == "duplicate") return " dup";
    if (mark == "zero_window") return " zero win";
    if (mark == "keep_alive") return " keep-alive";
    return "";
}

/// What every block of taps begins its rows with.
std::vector<Cell> packet_cells(const v1::LadderRow& row, const SequenceStarts& starts, TimeNs start, bool absolute) {
    std::vector<Cell> cells = {{row_time(row, start, absolute), Style::plain}};
    const auto first = first_seen(row);
    if (!first)
        return {cells[0], {"-"}, {"-", Style::plain, true}, {"-", Style::plain, true}, {"-", Style::plain, true}};
    const v1::LadderCell& packet = row.cells(static_cast<int>(*first));
    const bool tcp = packet.flags() != 0;
    std::string flags = tcp_flags_text(packet.flags()) + (row.retransmission() ? " retrans" : "");
    for (const std::string& mark : row.marks()) flags += mark_text(mark);
    cells.push_back({flags, row.retransmission() || !row.marks().empty() ? Style::bad : Style::plain});
    const auto number = [&](const std::string& text) { cells.push_back({text, Style::plain, true}); };
    number(std::to_string(tcp ? starts.relative(*first, is_to_client(row), packet.seq()) : packet.seq()));
    number(tcp && (packet.flags() & flag_ack)
               ? std::to_string(starts.relative(*first, !is_to_client(row), packet.ack()))
               : "-");
    number(std::to_string(packet.length()));
    return cells;
}

std::string legend(const v1::Ladder& ladder, const std::vector<std::int64_t>& errors_ns, const Paint& paint) {
    const bool with_errors =
        std::any_of(errors_ns.begin(), errors_ns.end(), [](std::int64_t error_ns) { return error_ns != 0; });
    std::vector<std::string> header = {"", "TAP", "CLIENT", "SERVER", "INSIDE"};
    if (with_errors) header.insert(header.begin() + 2, "TIMES");
    TextTable table(std::move(header));
    for (int i = 0; i < ladder.columns_size(); ++i) {
        const v1::PathLeg& leg = ladder.columns(i);
        std::vector<Cell> cells = {{std::to_string(i + 1)},
                                   {printable(leg.tap()), Style::strong},
                                   {printable(leg.client())},
                                   {printable(leg.server())},
                                   {tunnel_text(leg)}};
        if (with_errors) {
            const auto column = static_cast<std::size_t>(i);
            const std::int64_t error_ns = column < errors_ns.size() ? errors_ns[column] : 0;
            cells.insert(cells.begin() + 2, Cell{error_ns != 0 ? "±" + duration_text(error_ns) : "", Style::plain});
        }
        table.add(std::move(cells));
    }
    return table.text(paint, 1 << 20);
}

bool has_cell_missing(const v1::Ladder& ladder, std::initializer_list<std::string_view> why) {
    for (const v1::LadderRow& row : ladder.rows())
        for (const v1::LadderCell& cell : row.cells())
            if (std::find(why.begin(), why.end(), cell.missing()) != why.end()) return true;
    return false;
}

}  // namespace

std::string tcp_flags_text(std::uint32_t flags) {
    constexpr std::array<const char*, 8> names = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    constexpr std::array<std::size_t, 8> order = {1, 0, 2, 3, 4, 5, 6, 7};  // SYN first: that is how they are spoken of
    std::string text;
    for (const std::size_t bit : order)
        if (flags & (1u << bit)) text += (text.empty() ? "" : ",") + std::string(names[bit]);
    return text.empty() ? "-" : text;
}

std::vector<unsigned> connection_of_column(const v1::Ladder& ladder, const v1::Path& path) {
    const std::vector<unsigned> of_leg = connection_of_leg(path);
    std::vector<unsigned> connections;
    for (const v1::PathLeg& column : ladder.columns())
        for (int i = 0; i < path.legs_size(); ++i)
            if (path.legs(i).leg_id() == column.leg_id()) {
                connections.push_back(of_leg[static_cast<std::size_t>(i)]);
                break;
            }
    if (connections.size() != static_cast<std::size_t>(ladder.columns_size()))
        connections.clear();  // of another revision
    return connections;
}

std::string ladder_view(const v1::Ladder& ladder, const LadderLook& look, const Paint& paint) {
    const bool absolute = look.absolute;
    const std::size_t columns = look.columns;
    const SequenceStarts starts(ladder);
    const TimeNs start = ladder.rows().empty() ? 0 : ladder.rows(0).time_ns();
    std::string text = paint(Style::strong, "ladder of path " + printable(ladder.path_id())) +
                       (absolute || start == 0 ? "" : "  begins " + time_text(start, 6)) + "\n\n" +
                       legend(ladder, look.delay_errors_ns, paint);

    const std::vector<std::string> fixed_header = {absolute ? "TIME" : "SECONDS", "FLAGS", "SEQ", "ACK", "LENGTH"};
    TextTable fixed(fixed_header);
    for (const v1::LadderRow& row : ladder.rows()) fixed.add(packet_cells(row, starts, start, absolute));
    const std::size_t fixed_width = fixed.width() + 2;
    constexpr std::size_t tap_width = 13;  // "+1.23 ms ▶" and the gap
    const auto tap_count = static_cast<std::size_t>(ladder.columns_size());
    const std::size_t room = columns > fixed_width ? columns - fixed_width : 0;
    const std::size_t per_block = std::max<std::size_t>(1, std::min(tap_count, room / tap_width));
    for (std::size_t begin = 0; begin < tap_count; begin += per_block) {
        const std::size_t end = std::min(tap_count, begin + per_block);
        std::vector<std::string> header = fixed_header;
        for (std::size_t i = begin; i < end; ++i)
            header.push_back(cut(std::to_string(i + 1) + " " + printable(ladder.columns(static_cast<int>(i)).tap()),
                                 std::max<std::size_t>(tap_width - 2, (room / per_block) - 2)));
        TextTable table(std::move(header));
        for (int n = 0; n < ladder.rows_size(); ++n) {
            const v1::LadderRow& row = ladder.rows(n);
            if (const int run = look.fold ? acknowledgements_from(ladder, n) : 0; run >= folded_row_count_min) {
                table.add({{row_time(row, start, absolute), Style::faint},
                           {"… " + std::to_string(run) + " ACKs", Style::faint}});
                n += run - 1;
                continue;
            }
            std::vector<Cell> cells = packet_cells(row, starts, start, absolute);
            const auto first = first_seen(row);
            for (std::size_t i = begin; i < end; ++i) cells.push_back(tap_cell(row, i, first == i, look.connections));
            table.add(std::move(cells));
        }
        text += "\n" + table.text(paint, std::max(columns, fixed_width + tap_width));  // never cut a delay
    }
    std::string legend_line =
        "● first seen here   ▶ to the server   ◀ to the client   +time since the tap before   ✕ not seen here";
    if (has_cell_missing(ladder, {"lost", "capture_gap"})) legend_line += "   lost: sent again   gap: of the capture";
    if (has_cell_missing(ladder, {"recut"}))
        legend_line += "   ≡ here in other segments (so many): the stream was cut anew";
    if (!look.connections.empty() && look.connections.front() != look.connections.back())
        legend_line += "   · other side of the relay";
    return text + "\n" + paint(Style::faint, wrap(legend_line, columns, ""));
}

std::vector<std::int64_t> delay_error_of_column(const v1::Ladder& ladder, const v1::Path& path) {
    const auto leg_of = [&](int column) {
        for (int i = 0; column >= 0 && i < path.legs_size(); ++i)
            if (path.legs(i).leg_id() == ladder.columns(column).leg_id()) return i;
        return -1;
    };
    std::vector<std::int64_t> errors_ns;
    for (int column = 0; column < ladder.columns_size(); ++column) {
        std::int64_t error_ns = 0;
        for (const v1::PathLink& link : path.links())
            if (static_cast<int>(link.from()) == leg_of(column - 1) && static_cast<int>(link.to()) == leg_of(column))
                for (const v1::PathDelay& delay : link.delays()) error_ns = std::max(error_ns, delay.error_ns());
        errors_ns.push_back(error_ns);
    }
    return errors_ns;
}

std::string ladder_lines(const v1::Ladder& ladder) {
    using Json = nlohmann::ordered_json;
    std::string lines;
    for (const v1::LadderRow& row : ladder.rows()) {
        Json json = {{"path_id", ladder.path_id()}, {"direction", row.direction()},
                     {"time_ns", row.time_ns()},    {"retransmission", row.retransmission()},
                     {"marks", row.marks()},        {"cells", Json::array()}};
        for (int i = 0; i < row.cells_size() && i < ladder.columns_size(); ++i) {
            const v1::LadderCell& cell = row.cells(i);
            Json one = {{"tap", ladder.columns(i).tap()}, {"seen", cell.seen()}};
            if (cell.seen()) {
                one.update(Json{{"time_ns", cell.time_ns()},
                                {"seq", cell.seq()},
                                {"ack", cell.ack()},
                                {"length", cell.length()},
                                {"flags", cell.flags()},
                                {"ttl", cell.ttl()},
                                {"ip_id", cell.ip_id()},
                                {"window", cell.window()}});
            }
            if (cell.has_delay_ns()) one["delay_ns"] = cell.delay_ns();
            if (cell.has_delay_error_ns()) one["delay_error_ns"] = cell.delay_error_ns();
            if (!cell.missing().empty()) one["missing"] = cell.missing();
            if (cell.carriers() != 0) one["carriers"] = cell.carriers();
            json["cells"].push_back(std::move(one));
        }
        lines += json_line(json) + "\n";
    }
    return lines;
}

std::string ladder_document(const v1::Ladder& ladder) {
    std::string rows = ladder_lines(ladder);
    if (!rows.empty()) rows.pop_back();
    for (std::size_t end = rows.find('\n'); end != std::string::npos; end = rows.find('\n', end + 2))
        rows.replace(end, 1, ",\n");
    return "{\"path_id\": " + json_line(ladder.path_id()) + ", \"rows\": [\n" + rows +
           "\n], \"partial\": " + json_line(ladder.partial()) + "}\n";
}

}  // namespace clew::cli
