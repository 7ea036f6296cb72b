// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/disk_budget.h"

#include <string>
#include <utility>
#include <vector>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/native_block.h"

namespace clew::store {

/// Of one table, the rows of one hour.
struct DiskBudget::Part {
    std::uint32_t hour_s = 0;
    std::string table;
    std::uint64_t bytes = 0;
};

/// Partitions are named by the second in which their hour begins. The marks of what is rolled up, by days, stay: they
/// are few, and count for nothing where the hour's rows have left.
Result<std::vector<DiskBudget::Part>> DiskBudget::parts() const {
    ClickHouseCall call;
    call.sql =
        "SELECT toUInt32OrZero(partition_id) AS hour, table, toUInt64(sum(bytes_on_disk)) FROM system.parts WHERE "
        "database = currentDatabase() AND active AND rows > 0 AND table NOT IN ('schema_versions', 'rolled_hours', "
        "'rolled_slices') GROUP BY hour, table HAVING hour > 0 ORDER BY hour, table = 'paths' DESC, table FORMAT "
        "RowBinary";
    call.database = settings_.database;
    const auto answer = client_.must_succeed(call);
    if (!answer) return tl::make_unexpected(answer.error());
    std::vector<Part> parts;
    RowReader row(*answer);
    while (!row.at_end()) {
        Part& part = parts.emplace_back();
        part.hour_s = row.number<std::uint32_t>();
        part.table = row.text();
        part.bytes = row.number<std::uint64_t>();
    }
    if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a row");
    return parts;
}

Result<DiskUse> DiskBudget::keep() const {
    const auto all = parts();
    if (!all) return tl::make_unexpected(all.error());
    DiskUse use;
    for (const Part& part : *all) use.bytes += part.bytes;
    auto part = all->begin();
    while (settings_.bytes_max != 0 && use.bytes > settings_.bytes_max && part->hour_s != all->back().hour_s) {
        ++use.hours_left;
        for (const std::uint32_t hour = part->hour_s; part->hour_s == hour; ++part) {
            if (auto dropped = drop(*part); !dropped) return tl::make_unexpected(dropped.error());
            use.bytes -= part->bytes;
        }
    }
    if (part != all->end()) use.oldest_s = part->hour_s;
    for (std::uint32_t before = 0; part != all->end(); ++part)
        use.hour_count += std::exchange(before, part->hour_s) != part->hour_s;
    return use;
}

Result<void> DiskBudget::drop(const Part& part) const {
    ClickHouseCall call;
    call.sql = "ALTER TABLE " + part.table + " DROP PARTITION ID '" + std::to_string(part.hour_s) + "'";
    call.database = settings_.database;
    call.settings = {{"max_partition_size_to_drop", "0"}};  // a guard against persons' mistakes
    if (auto dropped = client_.must_succeed(call); !dropped) return tl::make_unexpected(dropped.error());
    return {};
}

}  // namespace clew::store
