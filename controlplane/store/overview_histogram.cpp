// SPDX-License-Identifier: Apache-2.0
// Counts over time, and facets: what values the fields of the matching paths have, and how many paths each.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

#include "controlplane/store/overview_ask.h"
#include "controlplane/store/rollup_tables.h"

namespace clew::store {
namespace {

/// A field whose values are worth counting: `sql` gives the array of its values, as text, of one path.
struct FacetField {
    std::string_view name;  ///< of the filter language
    std::string_view sql;
};

constexpr std::array facet_fields = {
    FacetField{"path.unlinked", "[toString(unlinked)]"},
    FacetField{"path.grade", "if(grade = '', [], [toString(grade)])"},
    FacetField{"link.kind", "arrayMap(x -> toString(x), kinds)"},
    FacetField{"leg.end", "arrayMap(x -> toString(x), ends)"},
    FacetField{"path.reset_by", "arrayMap(x -> toString(x), reset_by)"},
    FacetField{"proto", "[toString(proto)]"},
    FacetField{"path.hops", "[toString(leg_count)]"},
    FacetField{"tap", "arrayMap(x -> toString(x), taps)"},
    FacetField{"process", "arrayMap(x -> toString(x), processes)"},
    FacetField{"gw.instance", "arrayFilter(x -> x != '', arrayDistinct(arrayMap(x -> toString(x), link_gateway)))"},
    FacetField{"path.service",
               "[concat(if(startsWith(toString(client_seen_server_ip), '::ffff:'), "
               "replaceOne(toString(client_seen_server_ip), '::ffff:', ''), "
               "concat('[', toString(client_seen_server_ip), ']')), ':', toString(client_seen_server_port))]"},
    FacetField{"path.client", "[replaceOne(toString(client_ip), '::ffff:', '')]"},
    FacetField{"path.server", "[replaceOne(toString(server_ip), '::ffff:', '')]"},
    FacetField{"vxlan.vni",
               "arrayMap(x -> toString(bitAnd(x, 4294967295)), arrayFilter(x -> bitShiftRight(x, 32) = 2, layer_ids))"},
};

const FacetField* find_facet_field(std::string_view name) {
    const auto found = std::ranges::find(facet_fields, name, &FacetField::name);
    return found == facet_fields.end() ? nullptr : &*found;
}

/// What a bucket counts: the paths of which `sql` is true.
struct BucketCount {
    std::string_view sql;
    void (v1::HistogramBucket::*set)(std::uint64_t);
};

constexpr std::array bucket_counts = {BucketCount{"1", &v1::HistogramBucket::set_paths},
                                      BucketCount{"unlinked != 'linked'", &v1::HistogramBucket::set_unlinked},
                                      BucketCount{"has(ends, 'reset')", &v1::HistogramBucket::set_resets},
                                      BucketCount{"retransmissions > 0", &v1::HistogramBucket::set_retransmitting}};
constexpr std::string_view no_field = " ";  ///< begins what stands beside the facets and is no field's name

/// Where facets and buckets are counted in one pass: a path's buckets, as pairs beside its facets'.
std::string bucket_pairs_sql() {
    std::string pairs;
    for (std::size_t i = 0; i < bucket_counts.size(); ++i)
        pairs += (i == 0 ? "" : ", ") + ("if(" + std::string(bucket_counts[i].sql) + ", [('" + std::string(no_field)) +
                 std::to_string(i) + "', toString(" + bucket_sql() + "))], [])";
    return "arrayConcat(" + pairs + ")";
}

v1::Histogram empty_histogram(const OverviewQuery& query) {
    v1::Histogram histogram;
    histogram.set_since_ns(query.since_ns);
    histogram.set_until_ns(query.until_ns);
    histogram.set_step_ns(query.step_ns());
    const std::int64_t count = query.step_count();
    for (std::int64_t i = 0; i < count; ++i) histogram.add_buckets();
    return histogram;
}

/// `times`: what each count is multiplied by.
Result<void> fill_buckets(std::string_view answer, std::uint64_t times, v1::Histogram& histogram) {
    RowReader row(answer);
    while (!row.at_end()) {
        const auto at = static_cast<int>(row.number<std::uint32_t>());
        v1::HistogramBucket bucket;
        for (const BucketCount& one : bucket_counts) (bucket.*one.set)(times * row.number<std::uint64_t>());
        if (row.ok() && at < histogram.buckets_size()) *histogram.mutable_buckets(at) = bucket;
    }
    return whole(row);
}

/// One of bucket_pairs_sql().
void fill_bucket(std::string_view field, std::string_view value, std::uint64_t paths, v1::Histogram& histogram) {
    std::size_t count = 0;
    int at = 0;
    const std::string_view number = field.substr(no_field.size());
    std::from_chars(number.data(), number.data() + number.size(), count);
    std::from_chars(value.data(), value.data() + value.size(), at);
    if (count < bucket_counts.size() && at < histogram.buckets_size())
        (histogram.mutable_buckets(at)->*bucket_counts[count].set)(paths);
}

/// The counts of an empty histogram, and what cut them.
Result<void> count_buckets(const OverviewAsk& store, const OverviewQuery& query,
                           const std::optional<RolledRange>& rolled, CountedPart& part, v1::Histogram& histogram) {
    std::string counts;
    for (const BucketCount& one : bucket_counts) counts += ", countIf(" + std::string(one.sql) + ")";
    std::string& partial = *histogram.mutable_partial();
    const auto answer =
        rolled
            ? store.ask_rolled(query, *rolled, path_minutes,
                               minute_bucket_sql() +
                                   " AS bucket, toUInt64(greatest(0, sum(n))), toUInt64(greatest(0, sumIf(n, unlinked "
                                   "!= 'linked'))), toUInt64(greatest(0, sum(resets))), toUInt64(greatest(0, "
                                   "sum(retransmitting)))",
                               "GROUP BY bucket", partial)
            : store.ask(query, bucket_sql() + " AS bucket" + counts, "GROUP BY bucket", partial, {}, &part);
    if (!answer) return tl::make_unexpected(answer.error());
    if (part.one_in > 1) histogram.set_one_in(part.one_in);
    return fill_buckets(*answer, part.one_in, histogram);
}

Result<void> fill_series(std::string_view answer, std::uint64_t times, v1::Histogram& histogram) {
    struct Cell {
        std::uint32_t at;
        std::uint64_t count;
    };
    std::map<std::string, std::vector<Cell>> cells;
    std::map<std::string, std::uint64_t> totals;
    RowReader row(answer);
    while (!row.at_end()) {
        const auto at = row.number<std::uint32_t>();
        const std::string value(row.text());
        const auto count = times * row.number<std::uint64_t>();
        cells[value].push_back({at, count});
        totals[value] += count;
    }
    std::vector<std::pair<std::uint64_t, std::string>> order;
    for (const auto& [value, total] : totals) order.emplace_back(total, value);
    std::ranges::sort(order, [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    for (std::size_t i = 0; i < order.size(); ++i) {
        const bool rest = i >= facet_series_count_max;
        v1::ValueSeries* series = rest && i > facet_series_count_max
                                      ? histogram.mutable_series(static_cast<int>(facet_series_count_max))
                                      : histogram.add_series();
        if (series->counts_size() == 0) {
            series->set_value(rest ? "…" : order[i].second);
            for (int k = 0; k < histogram.buckets_size(); ++k) series->add_counts(0);
        }
        series->set_total(series->total() + order[i].first);
        for (const Cell& cell : cells[order[i].second])
            if (static_cast<int>(cell.at) < series->counts_size())
                series->set_counts(static_cast<int>(cell.at), series->counts(static_cast<int>(cell.at)) + cell.count);
    }
    return whole(row);
}

}  // namespace

std::string facet_field_names() {
    std::string names;
    for (const FacetField& field : facet_fields) names += (names.empty() ? "" : ", ") + std::string(field.name);
    return names;
}

std::string facet_pairs_sql() {
    std::string pairs = "[('', '')]";  // the path itself: its count is the number of paths
    for (const FacetField& field : facet_fields)
        pairs += ", arrayMap(x -> ('" + std::string(field.name) + "', x), " + std::string(field.sql) + ")";
    return "arrayConcat(" + pairs + ")";
}

Result<v1::Histogram> Overview::histogram(const OverviewQuery& query) const {
    const FacetField* by = query.by.empty() ? nullptr : find_facet_field(query.by);
    if (!query.by.empty() && by == nullptr)
        return fail(ErrorKind::usage, "by: paths cannot be counted by that; it is one of " + facet_field_names());
    v1::Histogram histogram = empty_histogram(query);
    const OverviewAsk store(client_, settings_);
    const auto rolled = store.rolled(query);
    CountedPart part{.one_in = rolled ? 1u : 0u, .light = by == nullptr};  // both questions count the same
    if (auto counted = count_buckets(store, query, rolled, part, histogram); !counted)
        return tl::make_unexpected(counted.error());
    std::string& partial = *histogram.mutable_partial();
    if (by == nullptr || !histogram.partial().empty()) return histogram;
    histogram.set_by(query.by);
    const auto answer =
        rolled
            ? store.ask_rolled(
                  query, *rolled, facet_minutes, minute_bucket_sql() + " AS bucket, value, toUInt64(sum(n)) AS paths",
                  "WHERE field = '" + std::string(by->name) + "' GROUP BY bucket, value HAVING sum(n) > 0", partial)
            : store.ask(query, bucket_sql() + " AS bucket, arrayJoin(" + std::string(by->sql) + ") AS value, count()",
                        "GROUP BY bucket, value", partial, {}, &part);
    if (!answer) return tl::make_unexpected(answer.error());
    if (auto filled = fill_series(*answer, part.one_in, histogram); !filled) return tl::make_unexpected(filled.error());
    return histogram;
}

Result<v1::FacetList> Overview::facets(const OverviewQuery& query) const {
    v1::FacetList list;
    const std::uint32_t count_max = std::clamp(query.count_max, 1u, overview_count_max);
    const OverviewAsk store(client_, settings_);
    const auto rolled = store.rolled(query);
    CountedPart part{.one_in = rolled ? 1u : 0u};
    v1::Histogram* const over_time = query.bucket_count > 0 ? list.mutable_histogram() : nullptr;
    if (over_time != nullptr) *over_time = empty_histogram(query);
    if (over_time != nullptr && rolled)
        if (auto counted = count_buckets(store, query, rolled, part, *over_time); !counted)
            return tl::make_unexpected(counted.error());
    const bool beside = over_time != nullptr && !rolled;
    const std::string order = " ORDER BY field, n DESC, value LIMIT " + std::to_string(count_max + 1) + " BY field" +
                              (beside ? ", if(startsWith(field, '" + std::string(no_field) + "'), value, '')" : "");
    const std::string pairs =
        beside ? "arrayConcat(" + facet_pairs_sql() + ", " + bucket_pairs_sql() + ")" : facet_pairs_sql();
    const auto answer =
        rolled ? store.ask_rolled(query, *rolled, facet_minutes,
                                  "(field, value), field, value, toUInt64(greatest(0, sum(n))) AS n",
                                  "GROUP BY field, value HAVING n > 0" + order, *list.mutable_partial())
               : store.ask(query, "arrayJoin(" + pairs + ") AS pair, pair.1 AS field, pair.2 AS value, count() AS n",
                           "GROUP BY pair" + order, *list.mutable_partial(), {}, &part);
    if (!answer) return tl::make_unexpected(answer.error());
    if (part.one_in > 1) list.set_one_in(part.one_in);
    if (beside) {
        over_time->set_one_in(list.one_in());
        over_time->set_partial(list.partial());
    }
    std::map<std::string, v1::Facet> found;
    RowReader row(*answer);
    while (!row.at_end()) {
        row.text();  // the pair, again as its parts
        row.text();
        const std::string field(row.text());
        const std::string value(row.text());
        const auto paths = part.one_in * row.number<std::uint64_t>();
        if (field.empty()) {
            list.set_paths(paths);
            continue;
        }
        if (beside && field.starts_with(no_field)) {
            fill_bucket(field, value, paths, *over_time);
            continue;
        }
        v1::Facet& facet = found[field];
        facet.set_more(static_cast<std::uint32_t>(facet.values_size()) == count_max);
        if (facet.more()) continue;
        v1::FacetValue& one = *facet.add_values();
        one.set_value(value);
        one.set_paths(paths);
    }
    if (auto good = whole(row); !good) return tl::make_unexpected(good.error());
    for (const FacetField& field : facet_fields) {
        v1::Facet& facet = *list.add_facets();
        facet = found[std::string(field.name)];
        facet.set_field(std::string(field.name));
    }
    return list;
}

}  // namespace clew::store
