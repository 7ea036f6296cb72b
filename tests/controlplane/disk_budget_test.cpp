// SPDX-License-Identifier: Apache-2.0
// The oldest hours leave a real store when its rows take more than their budget: of all tables, and no more than must.
#include "controlplane/store/disk_budget.h"

#include <memory>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/native_block.h"
#include "controlplane/store/rollup.h"
#include "controlplane/store/schema.h"
#include "tests/controlplane/random_rows.h"
#include "tests/controlplane/store_fixture.h"

namespace clew::store {
namespace {

constexpr std::uint32_t first_hour_s = 1'699'999'200, hour_s = 3600, hour_count = 5;
constexpr std::uint32_t now_s = first_hour_s + hour_count * hour_s - 600;
constexpr std::uint64_t paths_an_hour = 200;

class DiskBudgetTest : public StoreTest {
  protected:
    void SetUp() override {
        StoreTest::SetUp();
        if (IsSkipped()) return;
        settings_ = settings();
        settings_.retention_hours = 500'000;  // the test's hours are long gone
        ASSERT_NE(open(settings_), nullptr);  // makes the tables
        auto client = ClickHouseClient::connect(settings_);
        ASSERT_TRUE(client) << client.error().sentence;
        client_ = std::move(*client);
    }
    void TearDown() override {
        client_.reset();
        StoreTest::TearDown();
    }
    std::string ask(const std::string& sql, std::string_view data = {}) {
        return must_ask(*client_, settings_, sql, data);
    }
    void fill() {
        RandomRows rows(17);
        std::uint64_t id = 0;
        for (std::uint32_t hour = 0; hour < hour_count; ++hour) {
            std::vector<v1::Path> paths;
            std::vector<StoredLeg> legs;
            for (std::uint64_t i = 0; i < paths_an_hour; ++i) {
                ++id;
                paths.push_back(rows.path(id, 1, static_cast<std::int64_t>(id)));
                legs.push_back(rows.leg(id, 1));
            }
            const std::uint32_t stored_at = first_hour_s + hour * hour_s + 60;
            const auto of_paths = path_rows(paths, stored_at);
            ASSERT_TRUE(of_paths);
            ask(of_paths->sql, of_paths->block);
            const InsertRows of_legs = leg_rows(legs, stored_at);
            ask(of_legs.sql, of_legs.block);
        }
        const Rollup rollup(*client_, settings_);
        for (std::uint32_t hour = 0; hour + 1 < hour_count; ++hour)
            ASSERT_TRUE(rollup.make(first_hour_s + hour * hour_s, std::int64_t{now_s} * ns_per_s));
        ASSERT_TRUE(rollup.make_slice(first_hour_s + (hour_count - 1) * hour_s, std::int64_t{now_s} * ns_per_s));
    }
    /// Rows of each table that has any of this hour.
    std::uint64_t tables_of(std::uint32_t hour) {
        const std::string answer = ask(
            "SELECT uniqExact(table) FROM system.parts WHERE database = currentDatabase() AND active AND rows > 0 AND "
            "partition_id = '" +
            std::to_string(first_hour_s + hour * hour_s) + "' FORMAT RowBinary");
        return RowReader(answer).number<std::uint64_t>();
    }
    DiskUse kept(std::uint64_t bytes_max) {
        settings_.bytes_max = bytes_max;
        const auto use = DiskBudget(*client_, settings_).keep();
        EXPECT_TRUE(use) << use.error().sentence;
        return use ? *use : DiskUse{};
    }
    DiskUse use() { return kept(0); }
    std::uint32_t keep(std::uint64_t bytes_max) { return kept(bytes_max).hours_left; }
    StoreSettings settings_;
    std::unique_ptr<ClickHouseClient> client_;
};

TEST_F(DiskBudgetTest, TheOldestHoursLeaveAllTablesAndNoMoreThanMust) {
    fill();
    const DiskUse whole = use();
    EXPECT_EQ(whole.hour_count, hour_count);
    EXPECT_EQ(whole.oldest_s, first_hour_s);
    EXPECT_GT(tables_of(0), 5u);  // legs, paths and what is rolled up
    EXPECT_EQ(keep(0), 0u);       // no limit
    EXPECT_EQ(keep(whole.bytes), 0u);
    EXPECT_EQ(keep(whole.bytes - 1), 1u);
    EXPECT_EQ(tables_of(0), 0u);
    const DiskUse rest = use();
    EXPECT_EQ(rest.oldest_s, first_hour_s + hour_s);
    EXPECT_EQ(rest.hour_count, hour_count - 1);
    EXPECT_LT(rest.bytes, whole.bytes);
    EXPECT_EQ(keep(rest.bytes), 0u);
    const std::string paths = ask("SELECT count() FROM paths FORMAT RowBinary");
    EXPECT_EQ(RowReader(paths).number<std::uint64_t>(), paths_an_hour * (hour_count - 1));
    const auto rolled = Rollup(*client_, settings_).rolled(1);
    ASSERT_TRUE(rolled && *rolled);
    EXPECT_EQ((*rolled)->from_s, first_hour_s + hour_s);
}

TEST_F(DiskBudgetTest, TheNewestHourStays) {
    EXPECT_EQ(use().hour_count, 0u);
    EXPECT_EQ(keep(1), 0u);
    fill();
    EXPECT_EQ(keep(1), hour_count - 1);
    const DiskUse rest = use();
    EXPECT_EQ(rest.hour_count, 1u);
    EXPECT_EQ(rest.oldest_s, first_hour_s + (hour_count - 1) * hour_s);
    EXPECT_EQ(keep(1), 0u);
}

}  // namespace
}  // namespace clew::store
