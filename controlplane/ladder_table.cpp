// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ladder_table.h"

#include <bit>
#include <limits>
#include <string>

#include "nat-trace/ladder.h"

namespace clew::control {
namespace {

static_assert(std::endian::native == std::endian::little, "the arrays are little-endian");

template <typename Number>
void put(std::string& to, Number value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::uint8_t mark_bits(const v1::LadderRow& row) {
    std::uint8_t bits = 0;
    for (unsigned bit = 1; bit < 256; bit <<= 1)
        for (const char* name : to_texts(static_cast<LadderMarks>(bit)))
            for (const std::string& mark : row.marks())
                if (mark == name) bits |= static_cast<std::uint8_t>(bit);
    return bits;
}

std::uint8_t missing_number(const v1::LadderCell& cell) {
    for (const Missing missing : {Missing::lost, Missing::capture_gap, Missing::unknown, Missing::recut})
        if (cell.missing() == to_text(missing)) return static_cast<std::uint8_t>(missing);
    return 0;
}

void put_cell(const v1::LadderCell& cell, std::int64_t start_ns, v1::LadderTable& table) {
    put(*table.mutable_seen(), static_cast<std::uint8_t>(cell.seen()));
    put(*table.mutable_missing(), missing_number(cell));
    put(*table.mutable_time(), static_cast<double>(cell.seen() ? cell.time_ns() - start_ns : 0));
    put(*table.mutable_seq(), cell.seq());
    put(*table.mutable_ack(), cell.ack());
    put(*table.mutable_length(), cell.length());
    put(*table.mutable_flags(), static_cast<std::uint16_t>(cell.flags()));
    put(*table.mutable_ttl(), static_cast<std::uint8_t>(cell.ttl()));
    put(*table.mutable_ip_id(), static_cast<std::uint16_t>(cell.ip_id()));
    put(*table.mutable_window(), cell.window());
    put(*table.mutable_delay(),
        cell.has_delay_ns() ? static_cast<float>(cell.delay_ns()) : std::numeric_limits<float>::quiet_NaN());
}

}  // namespace

v1::LadderTable to_table(const v1::Ladder& ladder) {
    v1::LadderTable table;
    table.set_path_id(ladder.path_id());
    table.set_partial(ladder.partial());
    *table.mutable_columns() = ladder.columns();
    table.set_rows(static_cast<std::uint32_t>(ladder.rows_size()));
    const std::int64_t start_ns = ladder.rows().empty() ? 0 : ladder.rows(0).time_ns();
    table.set_start_ns(start_ns);
    for (const v1::LadderRow& row : ladder.rows()) {
        put(*table.mutable_to_server(), static_cast<std::uint8_t>(row.direction() == "to_server"));
        put(*table.mutable_retransmission(), static_cast<std::uint8_t>(row.retransmission()));
        put(*table.mutable_marks(), mark_bits(row));
        put(*table.mutable_row_time(), static_cast<double>(row.time_ns() - start_ns));
        for (int i = 0; i < ladder.columns_size(); ++i)
            put_cell(i < row.cells_size() ? row.cells(i) : v1::LadderCell(), start_ns, table);
    }
    return table;
}

}  // namespace clew::control
