// SPDX-License-Identifier: Apache-2.0
#include "cli/sensor_view.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/path_jsonl.h"
#include "cli/status_view.h"
#include "cli/text_table.h"

namespace clew::cli {
namespace {

constexpr double ns_per_second = 1e9;

struct Rated {
    std::string tap;  ///< empty: the whole sensor's
    std::string name;
    std::string text;
    std::uint64_t value = 0;
    double per_second = 0;
};

using Key = std::pair<std::string, std::string>;  ///< tap and name

const v1::ObserverStatus* find_observer(const v1::Status& status, const v1::ObserverStatus& like) {
    for (const v1::ObserverStatus& observer : status.observers())
        if (observer.name() == like.name() && observer.started_ns() == like.started_ns()) return &observer;
    return nullptr;
}

/// Counters arrive once a second: the time between two of a sensor's own messages is nearer than the time between
/// looks.
double seconds_between(const v1::ObserverStatus* before, const v1::ObserverStatus& after, DurationNs span) {
    const DurationNs heard = before ? after.heard_ns() - before->heard_ns() : 0;
    return static_cast<double>(heard > 0 ? heard : span) / ns_per_second;
}

std::vector<Rated> rated(const v1::ObserverStatus* before, const v1::ObserverStatus& after, DurationNs span) {
    std::map<Key, std::uint64_t> earlier;
    if (before)
        for (const v1::StatusCounter& counter : before->counters())
            earlier[{counter.tap(), counter.name()}] = counter.value();
    const double seconds = seconds_between(before, after, span);
    std::vector<Rated> all;
    for (const v1::StatusCounter& counter : after.counters()) {
        const auto known = earlier.find({counter.tap(), counter.name()});
        const std::uint64_t grown =
            known != earlier.end() && counter.value() > known->second ? counter.value() - known->second : 0;
        all.push_back({counter.tap(), counter.name(), counter.text(), counter.value(),
                       seconds > 0 ? static_cast<double>(grown) / seconds : 0});
    }
    return all;
}

std::string rate_text(double value, const char* unit) {
    constexpr const char* prefixes[] = {"", "k", "M", "G", "T"};
    std::size_t prefix = 0;
    while (value >= 1000 && prefix + 1 < std::size(prefixes)) {
        value /= 1000;
        ++prefix;
    }
    char text[48];
    std::snprintf(text, sizeof text, value >= 100 || value == 0 ? "%.0f %s%s" : "%.3g %s%s", value, prefixes[prefix],
                  unit);
    return text;
}

/// One tap's row: what it sees a second and what it lost.
void add_tap_row(TextTable& table, const std::string& tap, const std::vector<Rated>& all) {
    double packets = 0, bytes = 0, lost_rate = 0;
    std::uint64_t lost = 0, seen = 0;
    for (const Rated& one : all) {
        if (one.tap != tap) continue;
        if (one.name == "tap_packets") packets = one.per_second, seen = one.value;
        if (one.name == "tap_bytes") bytes = one.per_second;
        if (!counts_a_loss(one.name)) continue;
        lost += one.value;
        lost_rate += one.per_second;
    }
    table.add({{printable(tap)},
               {rate_text(packets, "pps"), Style::strong, true},
               {rate_text(bytes * 8, "bit/s"), Style::plain, true},
               {with_thousands(seen), Style::plain, true},
               {with_thousands(lost), lost != 0 ? Style::bad : Style::good, true},
               {rate_text(lost_rate, "/s"), lost_rate > 0 ? Style::bad : Style::plain, true}});
}

std::string counters_text(const std::vector<Rated>& all, bool losses, const Paint& paint, std::size_t columns) {
    TextTable table({"COUNT", "A SECOND", "WHERE", "COUNTER", "MEANING"});
    bool any = false;
    for (const Rated& one : all) {
        if (one.value == 0 || counts_a_loss(one.name) != losses) continue;
        any = true;
        table.add({{with_thousands(one.value), losses ? Style::bad : Style::plain, true},
                   {rate_text(one.per_second, "/s"), Style::plain, true},
                   {printable(one.tap)},
                   {printable(one.name)},
                   {printable(one.text)}});
    }
    return any ? table.text(paint, columns) : std::string();
}

std::string one_sensor(const v1::ObserverStatus* before, const v1::ObserverStatus& after, DurationNs span,
                       const Paint& paint, std::size_t columns) {
    const auto all = rated(before, after, span);
    std::string text = paint(Style::strong, printable(after.name())) + "  " +
                       (after.connected() ? paint(Style::good, "connected") : paint(Style::bad, "away")) + "\n";
    TextTable taps({"TAP", "PACKETS", "BITS", "SEEN", "LOST", "LOST A SECOND"});
    for (const std::string& tap : after.taps()) add_tap_row(taps, tap, all);
    text += taps.text(paint, columns);
    const std::string losses = counters_text(all, true, paint, columns);
    text += losses.empty() ? "\n" + paint(Style::good, "Nothing was dropped or refused.") + "\n"
                           : "\n" + paint(Style::bad, "Dropped, refused or not understood:") + "\n" + losses;
    return text + "\nCounted:\n" + counters_text(all, false, paint, columns);
}

}  // namespace

std::string sensor_view(const v1::Status& before, const v1::Status& after, DurationNs span, const Paint& paint,
                        std::size_t columns) {
    std::string text;
    for (const v1::ObserverStatus& observer : after.observers())
        if (observer.kind() == "sensor")
            text += (text.empty() ? "" : "\n") +
                    one_sensor(find_observer(before, observer), observer, span, paint, columns);
    return text;
}

std::string sensor_document(const v1::Status& before, const v1::Status& after, DurationNs span) {
    auto json = nlohmann::ordered_json::array();
    for (const v1::ObserverStatus& observer : after.observers()) {
        if (observer.kind() != "sensor") continue;
        nlohmann::ordered_json one = {{"name", observer.name()},
                                      {"connected", observer.connected()},
                                      {"counters", nlohmann::ordered_json::array()}};
        for (const Rated& counter : rated(find_observer(before, observer), observer, span))
            one["counters"].push_back({{"name", counter.name},
                                       {"tap", counter.tap},
                                       {"value", counter.value},
                                       {"per_second", counter.per_second},
                                       {"is_loss", counts_a_loss(counter.name)},
                                       {"text", counter.text}});
        json.push_back(std::move(one));
    }
    return json_line(nlohmann::ordered_json{{"sensors", std::move(json)}});
}

}  // namespace clew::cli
