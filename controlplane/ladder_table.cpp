// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ladder_table.h"

#include <bit>
#include <limits>
#include <string>

namespace clew::control {
namespace {

static_assert(std::endian::native == std::endian::little, "the arrays are little-endian");

template <typename Number>
void put(std::string& to, Number value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void put_cell(const LadderCell& cell, std::int64_t start_ns, v1::LadderTable& table) {
    const PacketHeader header = cell.seen ? cell.header : PacketHeader{};
    put(*table.mutable_seen(), static_cast<std::uint8_t>(cell.seen));
    put(*table.mutable_missing(), static_cast<std::uint8_t>(cell.missing));
    put(*table.mutable_time(), static_cast<double>(cell.seen ? cell.aligned_ns - start_ns : 0));
    put(*table.mutable_seq(), header.seq);
    put(*table.mutable_ack(), header.ack);
    put(*table.mutable_length(), std::uint32_t{header.length});
    put(*table.mutable_flags(), static_cast<std::uint16_t>(header.flags));
    put(*table.mutable_ttl(), header.ttl);
    put(*table.mutable_ip_id(), header.ip_id);
    put(*table.mutable_window(), std::uint32_t{header.window});
    put(*table.mutable_delay(),
        cell.has_delay ? static_cast<float>(cell.delay_ns) : std::numeric_limits<float>::quiet_NaN());
}

}  // namespace

v1::LadderTable to_table(const v1::Ladder& head, std::span<const LadderRow> rows, std::span<const std::size_t> legs,
                         std::span<const double> delay_errors_ns) {
    v1::LadderTable table;
    table.set_path_id(head.path_id());
    table.set_partial(head.partial());
    *table.mutable_columns() = head.columns();
    for (const double error : delay_errors_ns) put(*table.mutable_delay_error(), error);
    table.set_rows(static_cast<std::uint32_t>(rows.size()));
    const std::int64_t start_ns = rows.empty() ? 0 : rows[0].time_ns;
    table.set_start_ns(start_ns);
    for (const LadderRow& row : rows) {
        put(*table.mutable_to_server(), static_cast<std::uint8_t>(row.direction == Direction::to_server));
        put(*table.mutable_retransmission(), static_cast<std::uint8_t>(row.retransmission));
        put(*table.mutable_marks(), row.marks);
        put(*table.mutable_row_time(), static_cast<double>(row.time_ns - start_ns));
        for (const std::size_t leg : legs) put_cell(row.cells[leg], start_ns, table);
    }
    return table;
}

}  // namespace clew::control
