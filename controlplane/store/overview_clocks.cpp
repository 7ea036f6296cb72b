// SPDX-License-Identifier: Apache-2.0
// What the clocks of taps differ by, as links between them showed: median and bound, now and over time.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
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
    "least(from_clock, to_clock) AS a, greatest(from_clock, to_clock) AS b, count() AS pair_paths, "
    "toInt64(quantile(0.5)(if(from_clock < to_clock, offset_ns, -offset_ns))), min(offset_error)";

/// Of roll-ups: the medians of their rows, weighed.
constexpr const char* rolled_pair_select =
    "clock_a AS a, clock_b AS b, toUInt64(greatest(0, sum(n))) AS pair_paths, "
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
    // Of more pairs those that most paths showed.
    const std::uint64_t pair_max = settings_.clock_pair_count_max, point_max = settings_.clock_point_count_max;
    const std::string pairs = "ORDER BY pair_paths DESC, a, b LIMIT " + std::to_string(pair_max + 1);
    const std::string points = "ORDER BY bucket, pair_paths DESC, a, b LIMIT " + std::to_string(point_max + 1);
    auto answer = rolled ? store.ask_rolled(query, *rolled, clock_minutes, rolled_pair_select,
                                            "GROUP BY a, b HAVING pair_paths > 0 " + pairs, partial)
                         : store.ask(query, pair_select, only + "GROUP BY a, b " + pairs, partial, clocks_joined);
    if (!answer) return tl::make_unexpected(answer.error());
    std::map<PairKey, int> place;
    std::set<std::string> clocks;
    RowReader row(*answer);
    while (!row.at_end()) {
        const PairKey key = read_pair(row);
        if (place.size() == pair_max) {
            add_reason(partial, "there are more than " + std::to_string(pair_max) +
                                    " pairs of clocks; those that most paths showed are here");
            break;
        }
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
    std::sort(list.mutable_pairs()->begin(), list.mutable_pairs()->end(),
              [](const v1::ClockPair& x, const v1::ClockPair& y) {
                  return std::tie(x.from(), x.to()) < std::tie(y.from(), y.to());
              });
    for (int i = 0; i < list.pairs_size(); ++i) place[{list.pairs(i).from(), list.pairs(i).to()}] = i;
    for (const std::string& clock : clocks) list.add_clocks(clock);
    if (query.bucket_count == 0 || answer->empty()) return list;
    const auto count = static_cast<int>(query.step_count());
    auto over_time = rolled ? store.ask_rolled(query, *rolled, clock_minutes,
                                               minute_bucket_sql() + " AS bucket, " + std::string(rolled_pair_select),
                                               "GROUP BY bucket, a, b HAVING pair_paths > 0 " + points, partial)
                            : store.ask(query, bucket_sql() + " AS bucket, " + pair_select,
                                        only + "GROUP BY bucket, a, b " + points, partial, clocks_joined);
    if (!over_time) return tl::make_unexpected(over_time.error());
    RowReader point(*over_time);
    for (std::uint64_t n = 0; !point.at_end(); ++n) {
        if (n == point_max) {
            add_reason(partial, "the pairs have more than " + std::to_string(point_max) +
                                    " points over time: the last ones are missing; narrow the time or ask for fewer");
            break;
        }
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
