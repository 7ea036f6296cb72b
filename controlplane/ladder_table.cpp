// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ladder_table.h"

#include <array>
#include <bit>
#include <limits>

#include "controlplane/api_parameters.h"

namespace clew::control {
namespace {

static_assert(std::endian::native == std::endian::little, "the arrays are little-endian");

constexpr std::uint32_t ladder_bytes_magic = 0x31544c43;  // "CLT1"
constexpr std::size_t ladder_bytes_unit = 8;

template <typename Number>
void put(std::string& to, Number value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void reserve(std::size_t rows, std::size_t cells, v1::LadderTable& table) {
    table.mutable_row_time()->reserve(rows * sizeof(double));
    for (std::string* bytes : {table.mutable_to_server(), table.mutable_retransmission(), table.mutable_marks()})
        bytes->reserve(rows);
    for (std::string* bytes : {table.mutable_seen(), table.mutable_missing(), table.mutable_ttl()})
        bytes->reserve(cells);
    for (std::string* words : {table.mutable_flags(), table.mutable_ip_id()}) words->reserve(cells * 2);
    for (std::string* words : {table.mutable_seq(), table.mutable_ack(), table.mutable_length(), table.mutable_window(),
                               table.mutable_delay()})
        words->reserve(cells * 4);
    table.mutable_time()->reserve(cells * sizeof(double));
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
    table.mutable_delay_error_ns()->Add(delay_errors_ns.begin(), delay_errors_ns.end());
    table.set_rows(static_cast<std::uint32_t>(rows.size()));
    const std::int64_t start_ns = rows.empty() ? 0 : rows[0].time_ns;
    table.set_start_ns(start_ns);
    reserve(rows.size(), rows.size() * legs.size(), table);
    for (const LadderRow& row : rows) {
        put(*table.mutable_to_server(), static_cast<std::uint8_t>(row.direction == Direction::to_server));
        put(*table.mutable_retransmission(), static_cast<std::uint8_t>(row.retransmission));
        put(*table.mutable_marks(), row.marks);
        put(*table.mutable_row_time(), static_cast<double>(row.time_ns - start_ns));
        for (const std::size_t leg : legs) put_cell(row.cells[leg], start_ns, table);
    }
    return table;
}

std::string to_bytes(v1::LadderTable table) {
    std::array<std::string, 15> arrays;  // the widest first, so that each begins at a multiple of its width
    std::size_t taken = 0;
    for (std::string* array :
         {table.mutable_row_time(), table.mutable_time(), table.mutable_seq(), table.mutable_ack(),
          table.mutable_length(), table.mutable_window(), table.mutable_delay(), table.mutable_flags(),
          table.mutable_ip_id(), table.mutable_to_server(), table.mutable_retransmission(), table.mutable_marks(),
          table.mutable_seen(), table.mutable_missing(), table.mutable_ttl()})
        arrays[taken++].swap(*array);
    const std::string head = to_json(table);
    std::string bytes;
    std::size_t size = 2 * ladder_bytes_unit + head.size();
    for (const std::string& array : arrays) size += array.size() + ladder_bytes_unit;
    bytes.reserve(size);
    put(bytes, ladder_bytes_magic);
    put(bytes, static_cast<std::uint32_t>(head.size()));
    const auto append = [&bytes](const std::string& array) {
        bytes += array;
        bytes.resize((bytes.size() + ladder_bytes_unit - 1) / ladder_bytes_unit * ladder_bytes_unit);
    };
    append(head);
    for (const std::string& array : arrays) append(array);
    return bytes;
}

}  // namespace clew::control
