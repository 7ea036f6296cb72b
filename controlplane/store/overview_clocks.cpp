// SPDX-License-Identifier: Apache-2.0
// What the clocks of taps differ by, as links between them showed: median and bound, now and over time.
#include <map>
#include <set>
#include <utility>

#include "controlplane/store/overview_ask.h"
#include "controlplane/store/rollup_tables.h"

namespace clew::store {
namespace {

const std::string clocks_joined =
    "ARRAY JOIN link_from_clock AS from_clock, link_to_clock AS to_clock, link_offset_ns AS offset_ns, "
    "link_offset_error_ns AS offset_error";

/// One direction of a pair: the other's offset is the negative.
constexpr const char* pair_select =
    "least(from_clock, to_clock) AS a, greatest(from_clock, to_clock) AS b, count(), "
    "toInt64(quantile(0.5)(if(from_clock < to_clock, offset_ns, -offset_ns))), min(offset_error)";

/// Of roll-ups: the medians of their rows, weighed.
constexpr const char* rolled_pair_select =
    "clock_a AS a, clock_b AS b, toUInt64(greatest(0, sum(n))) AS paths, "
    "toInt64(quantileExactWeighted(0.5)(offset_mid, offset_n)), min(error_min)";

using PairKey = std::pair<std::string, std::string>;

PairKey read_pair(RowReader& row) {
    std::string a(row.text());
    std::string b(row.text());
    return {std::move(a), std::move(b)};
}

}  // namespace

Result<v1::ClockList> Overview::clocks(const OverviewQuery& query) const {
    const OverviewAsk store(client_, settings_);
    v1::ClockList list;
    list.set_since_ns(query.since_ns);
    list.set_step_ns(query.step_ns());
    std::string& partial = *list.mutable_partial();
    const std::string only = "AND offset_error > 0 AND from_clock != to_clock ";
    const auto rolled = store.rolled(query);
    const std::string pairs = "ORDER BY a, b LIMIT " + std::to_string(overview_count_max);
    auto answer = rolled ? store.ask_rolled(query, *rolled, clock_minutes, rolled_pair_select,
                                            "GROUP BY a, b HAVING paths > 0 " + pairs, partial)
                         : store.ask(query, pair_select, only + "GROUP BY a, b " + pairs, partial, clocks_joined);
    if (!answer) return tl::make_unexpected(answer.error());
    std::map<PairKey, int> place;
    std::set<std::string> clocks;
    RowReader row(*answer);
    while (!row.at_end()) {
        const PairKey key = read_pair(row);
        place[key] = list.pairs_size();
        clocks.insert({key.first, key.second});
        v1::ClockPair& pair = *list.add_pairs();
        pair.set_from(key.first);
        pair.set_to(key.second);
        pair.set_paths(row.number<std::uint64_t>());
        pair.set_offset_ns(row.number<std::int64_t>());
        pair.set_error_ns(row.number<std::int64_t>());
    }
    if (auto good = whole(row); !good) return tl::make_unexpected(good.error());
    for (const std::string& clock : clocks) list.add_clocks(clock);
    if (query.bucket_count == 0 || !partial.empty()) return list;
    const auto count = static_cast<int>(query.step_count());
    auto over_time = rolled ? store.ask_rolled(query, *rolled, clock_minutes,
                                               minute_bucket_sql() + " AS bucket, " + std::string(rolled_pair_select),
                                               "GROUP BY bucket, a, b HAVING paths > 0 LIMIT 100000", partial)
                            : store.ask(query, bucket_sql() + " AS bucket, " + pair_select,
                                        only + "GROUP BY bucket, a, b LIMIT 100000", partial, clocks_joined);
    if (!over_time) return tl::make_unexpected(over_time.error());
    RowReader point(*over_time);
    while (!point.at_end()) {
        const auto at = static_cast<int>(point.number<std::uint32_t>());
        const PairKey key = read_pair(point);
        point.number<std::uint64_t>();
        const auto offset = point.number<std::int64_t>();
        const auto error = point.number<std::int64_t>();
        const auto known = place.find(key);
        if (!point.ok() || known == place.end() || at >= count) continue;
        v1::ClockPair& pair = *list.mutable_pairs(known->second);
        while (pair.offsets_ns_size() < count) {
            pair.add_offsets_ns(0);
            pair.add_errors_ns(0);
        }
        pair.set_offsets_ns(at, offset);
        pair.set_errors_ns(at, error);
    }
    if (auto good = whole(point); !good) return tl::make_unexpected(good.error());
    return list;
}

}  // namespace clew::store
