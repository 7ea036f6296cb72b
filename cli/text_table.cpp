// SPDX-License-Identifier: Apache-2.0
#include "cli/text_table.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace clew::cli {
namespace {

constexpr std::size_t gap = 2;

std::string line_text(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths, const Paint& paint,
                      std::size_t columns) {
    std::string line;
    std::size_t used = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const bool last = i + 1 == cells.size();
        const std::string text = last && used < columns ? cut(cells[i].text, columns - used) : cells[i].text;
        const std::string filling(widths[i] - std::min(widths[i], display_width(text)), ' ');
        const std::string painted = paint(cells[i].style, text);
        line += (cells[i].right ? filling + painted : painted + filling) + std::string(gap, ' ');
        used += widths[i] + gap;
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line + "\n";
}

}  // namespace

std::string share_text(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "-";
    if (part == 0) return "0";
    char text[32];
    std::snprintf(text, sizeof text, "%.3g %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
    return text;
}

std::vector<std::size_t> TextTable::widths() const {
    std::vector<std::size_t> widths;
    for (const std::string& title : header_) widths.push_back(display_width(title));
    for (const std::vector<Cell>& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
    return widths;
}

std::size_t TextTable::width() const {
    const std::vector<std::size_t> all = widths();
    return std::accumulate(all.begin(), all.end(), gap * (all.size() - 1));
}

std::string TextTable::text(const Paint& paint, std::size_t columns) const {
    const std::vector<std::size_t> all = widths();
    std::vector<Cell> titles;
    for (std::size_t i = 0; i < header_.size(); ++i)
        titles.push_back({header_[i], Style::faint, !rows_.empty() && i < rows_[0].size() && rows_[0][i].right});
    std::string text = line_text(titles, all, paint, columns);
    for (const std::vector<Cell>& row : rows_) text += line_text(row, all, paint, columns);
    return text;
}

}  // namespace clew::cli
