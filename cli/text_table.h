// SPDX-License-Identifier: Apache-2.0
// A plain table for a terminal: columns as wide as their widest cell, two spaces between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/paint.h"

namespace clew::cli {

struct Cell {
    std::string text;
    Style style = Style::plain;
    bool right = false;  ///< numbers: lined up at their last digit
};

std::string share_text(std::uint64_t part, std::uint64_t whole);  ///< "2.5 %", "0"; "-" of nothing

class TextTable {
  public:
    explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}

    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    bool empty() const { return rows_.empty(); }
    std::size_t width() const;  ///< of the widest line

    /// The last column is cut where it would pass `columns`.
    std::string text(const Paint& paint, std::size_t columns) const;

  private:
    std::vector<std::size_t> widths() const;

    std::vector<std::string> header_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace clew::cli
