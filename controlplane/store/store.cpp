// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/store.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <span>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/disk_budget.h"
#include "controlplane/store/filter.h"
#include "controlplane/store/native_block.h"
#include "controlplane/store/overview.h"
#include "controlplane/store/path_search.h"
#include "controlplane/store/rollup.h"
#include "controlplane/store/schema.h"
#include "wire/convert.h"

namespace clew::store {
namespace {

/// Rows of one INSERT; it becomes one part of the table, which is there whole or not at all. A batch is never split
/// over two: its sequence number would say that it is stored when half of it is.
constexpr std::size_t insert_row_count_max = 100'000;

std::uint32_t now_s() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

bool is_plain_name(std::string_view name) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !name.empty() && (name[0] < '0' || name[0] > '9') && std::ranges::all_of(name, plain);
}

class ClickHouseStore : public Store {
  public:
    ClickHouseStore(const StoreSettings& settings, std::unique_ptr<ClickHouseClient> client)
        : settings_(settings),
          client_(std::move(client)),
          overview_(*client_, settings_),
          rollup_(*client_, settings_),
          disk_budget_(*client_, settings_) {}

    Result<void> make_schema();

    Result<void> insert_legs(const std::vector<StoredLeg>& legs) override;
    Result<void> insert_paths(const std::vector<v1::Path>& paths) override;
    Result<std::uint64_t> last_sequence(const std::string& observer, std::int64_t started_ns) override;
    Result<std::vector<StoredLeg>> legs_since(TimeNs since_ns, std::size_t count_max) override;
    Result<std::vector<Leg>> find_legs(const std::vector<LegWanted>& wanted) override;
    Result<v1::PathList> find_paths(const PathQuery& query) override;
    Result<std::optional<v1::Path>> find_path(const std::string& path_id) override;
    const Overview* overview() const override { return &overview_; }
    const Rollup* rollup() const override { return &rollup_; }
    const DiskBudget* disk_budget() const override { return &disk_budget_; }
    Result<void> ping() override { return client_->ping(); }

  private:
    Result<void> insert(const InsertRows& rows);
    Result<std::string> ask(std::string sql, std::vector<std::pair<std::string, std::string>> parameters,
                            bool bounded) const;
    Result<void> set_retention(const SchemaPlace& place);

    const StoreSettings settings_;
    std::unique_ptr<ClickHouseClient> client_;
    const Overview overview_;
    const Rollup rollup_;
    const DiskBudget disk_budget_;
};

Result<std::string> ClickHouseStore::ask(std::string sql, std::vector<std::pair<std::string, std::string>> parameters,
                                         bool bounded) const {
    ClickHouseCall call;
    call.sql = std::move(sql);
    call.parameters = std::move(parameters);
    call.database = settings_.database;
    call.bounded = bounded;
    return client_->must_succeed(call);
}

Result<void> ClickHouseStore::make_schema() {
    const SchemaPlace place{
        .database = settings_.database, .cluster = settings_.cluster, .retention_hours = settings_.retention_hours};
    const auto run = [this](const std::vector<std::string>& statements) -> Result<void> {
        for (const std::string& sql : statements) {
            ClickHouseCall call;
            call.sql = sql;
            if (auto made = client_->must_succeed(call); !made) return tl::make_unexpected(made.error());
        }
        return {};
    };
    if (auto made = run(schema_base_statements(place)); !made) return made;
    auto answer = ask("SELECT max(version) FROM schema_versions FORMAT RowBinary", {}, false);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto found = RowReader(*answer).number<std::uint32_t>();
    if (found > schema_version) {
        return fail(ErrorKind::failed, "the store's tables are of version " + std::to_string(found) +
                                           ", this program knows version " + std::to_string(schema_version) +
                                           ": use the later program or another store directory");
    }
    for (std::uint32_t version = found + 1; version <= schema_version; ++version) {
        if (auto made = run(schema_statements(place, version)); !made) return made;
        const std::string note =
            "INSERT INTO " + settings_.database + ".schema_versions (version) SELECT " + std::to_string(version);
        if (auto noted = run({note}); !noted) return noted;
    }
    return set_retention(place);
}

Result<void> ClickHouseStore::set_retention(const SchemaPlace& place) {
    auto answer = ask(
        "SELECT countIf(position(create_table_query, 'TTL ') > 0 AND position(create_table_query, {ttl:String}) = 0) "
        "FROM system.tables WHERE database = currentDatabase() AND name IN ('legs', 'paths') FORMAT RowBinary",
        {{"ttl", "toIntervalHour(" + std::to_string(place.retention_hours) + ")"}}, false);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto others = RowReader(*answer).number<std::uint64_t>();
    answer =
        ask("SELECT countIf(position(create_table_query, {ttl:String}) = 0) FROM system.tables WHERE database = "
            "currentDatabase() AND (name = 'rolled_hours' OR name LIKE '%\\_minutes' OR name LIKE '%\\_hours' OR name "
            "LIKE '%address\\_paths') "
            "FORMAT RowBinary",
            {{"ttl", "toIntervalHour(" + std::to_string(place.retention_hours + 1) + ")"}}, false);
    if (!answer) return tl::make_unexpected(answer.error());
    if (others + RowReader(*answer).number<std::uint64_t>() == 0) return {};
    for (const std::string& sql : schema_retention_statements(place)) {
        if (auto changed = ask(sql, {}, false); !changed) return tl::make_unexpected(changed.error());
    }
    return {};
}

Result<void> ClickHouseStore::insert(const InsertRows& rows) {
    ClickHouseCall call;
    call.sql = rows.sql;
    call.data = rows.block;
    call.database = settings_.database;
    // One block, written as it is: durable when the answer comes, and never in a server's own queue.
    call.settings = {{"async_insert", "0"}};
    if (auto inserted = client_->must_succeed(call); !inserted) return tl::make_unexpected(inserted.error());
    return {};
}

bool same_batch(const StoredLeg& a, const StoredLeg& b) {
    return a.sequence == b.sequence && a.started_ns == b.started_ns && a.observer == b.observer;
}

Result<void> ClickHouseStore::insert_legs(const std::vector<StoredLeg>& legs) {
    for (auto begin = legs.begin(); begin != legs.end();) {
        auto end = begin + std::min<std::ptrdiff_t>(legs.end() - begin, insert_row_count_max);
        while (end != legs.end() && same_batch(*end, *std::prev(end))) ++end;
        if (auto inserted = insert(leg_rows(std::span(begin, end), now_s())); !inserted) return inserted;
        begin = end;
    }
    return {};
}

Result<void> ClickHouseStore::insert_paths(const std::vector<v1::Path>& paths) {
    if (paths.empty()) return {};
    auto rows = path_rows(paths, now_s());
    if (!rows) return tl::make_unexpected(rows.error());
    return insert(*rows);
}

Result<std::uint64_t> ClickHouseStore::last_sequence(const std::string& observer, std::int64_t started_ns) {
    auto answer =
        ask("SELECT max(sequence) FROM legs WHERE observer_name = {observer:String} AND started_ns = "
            "{started:Int64} FORMAT RowBinary",
            {{"observer", escape_parameter(observer)}, {"started", std::to_string(started_ns)}}, false);
    if (!answer) return tl::make_unexpected(answer.error());
    return RowReader(*answer).number<std::uint64_t>();
}

Result<std::vector<StoredLeg>> ClickHouseStore::legs_since(TimeNs since_ns, std::size_t count_max) {
    auto answer = ask(
        "SELECT body, tap, clock, observer_name, started_ns, sequence FROM legs "
        "WHERE last_ns >= {since:Int64} AND stored_at >= toDateTime({stored:UInt32}) AND (leg_id, revision) IN "
        "(SELECT leg_id, max(revision) FROM legs WHERE last_ns >= {since:Int64} AND stored_at >= "
        "toDateTime({stored:UInt32}) "
        "GROUP BY leg_id ORDER BY max(last_ns) DESC LIMIT {count:UInt64}) "
        "LIMIT 1 BY leg_id FORMAT RowBinary",
        {{"since", std::to_string(since_ns)}, {"stored", stored_since(since_ns)}, {"count", std::to_string(count_max)}},
        false);
    if (!answer) return tl::make_unexpected(answer.error());
    std::vector<StoredLeg> legs;
    std::size_t unreadable_count = 0;
    v1::Leg message;
    for (RowReader row(*answer); !row.at_end();) {
        const std::string_view body = row.text();
        StoredLeg stored;
        stored.tap = row.text();
        stored.clock = row.text();
        stored.observer = row.text();
        stored.started_ns = row.number<std::int64_t>();
        stored.sequence = row.number<std::uint64_t>();
        if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a leg");
        const bool parsed = message.ParseFromArray(body.data(), static_cast<int>(body.size()));
        auto leg = parsed ? wire::decode(message) : Result<Leg>(fail(ErrorKind::failed, "no leg"));
        if (!leg) {
            ++unreadable_count;
            continue;
        }
        stored.leg = *leg;
        legs.push_back(std::move(stored));
    }
    if (unreadable_count > 0)
        std::fprintf(stderr, "%zu legs in the store cannot be read and are left out\n", unreadable_count);
    std::ranges::sort(legs, [](const StoredLeg& a, const StoredLeg& b) {
        return std::pair(a.leg.first_ns, a.leg.id) < std::pair(b.leg.first_ns, b.leg.id);
    });
    return legs;
}

Result<std::vector<Leg>> ClickHouseStore::find_legs(const std::vector<LegWanted>& wanted) {
    std::vector<Leg> legs;
    if (wanted.empty()) return legs;
    std::string ids;
    TimeNs from = wanted.front().first_ns, to = from;
    for (const LegWanted& one : wanted) {
        ids += (ids.empty() ? "" : ",") + std::to_string(one.id);
        from = std::min(from, one.first_ns);
        to = std::max(to, one.first_ns);
    }
    auto answer = ask("SELECT argMax(body, revision) FROM legs WHERE leg_id IN (" + ids +
                          ") AND toStartOfMinute(fromUnixTimestamp64Nano(first_ns)) BETWEEN "
                          "toStartOfMinute(fromUnixTimestamp64Nano({from:Int64})) AND "
                          "toStartOfMinute(fromUnixTimestamp64Nano({to:Int64})) GROUP BY leg_id FORMAT RowBinary",
                      {{"from", std::to_string(from)}, {"to", std::to_string(to)}}, true);
    if (!answer) return tl::make_unexpected(answer.error());
    v1::Leg message;
    for (RowReader row(*answer); !row.at_end();) {
        const std::string_view body = row.text();
        if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a leg");
        if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) continue;
        if (auto leg = wire::decode(message)) legs.push_back(*leg);
    }
    return legs;
}

Result<v1::PathList> ClickHouseStore::find_paths(const PathQuery& query) {
    return search_paths(*client_, settings_, query);
}

Result<std::optional<v1::Path>> ClickHouseStore::find_path(const std::string& path_id) {
    const auto id = wire::parse_id(path_id);
    if (!id) return fail(ErrorKind::usage, "'" + path_id + "' is not the id of a path; it has 16 hex digits");
    auto answer =
        ask("SELECT body FROM paths WHERE path_id = {id:UInt64} ORDER BY revision DESC LIMIT 1 FORMAT RowBinary",
            {{"id", std::to_string(*id)}}, true);
    if (!answer) return tl::make_unexpected(answer.error());
    if (answer->empty()) return std::optional<v1::Path>();
    const std::string_view body = RowReader(*answer).text();
    v1::Path path;
    if (!path.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
        return fail(ErrorKind::failed, "path " + path_id + " in the store cannot be read");
    }
    return path;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreSettings& settings) {
    if (!is_plain_name(settings.database)) {
        return fail(ErrorKind::usage,
                    "'" + settings.database + "' is not a name for the store's database; use letters, digits and _");
    }
    if (!settings.cluster.empty() && !is_plain_name(settings.cluster)) {
        return fail(ErrorKind::usage,
                    "'" + settings.cluster + "' is not a name of a cluster; use letters, digits and _");
    }
    auto client = ClickHouseClient::connect(settings);
    if (!client) return tl::make_unexpected(client.error());
    auto store = std::make_unique<ClickHouseStore>(settings, std::move(*client));
    if (auto made = store->make_schema(); !made) return tl::make_unexpected(made.error());
    return store;
}

}  // namespace clew::store
