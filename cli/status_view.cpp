// SPDX-License-Identifier: Apache-2.0
#include "cli/status_view.h"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/path_jsonl.h"
#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

/// A counter with whom it belongs to.
struct Counted {
    std::string owner;
    v1::StatusCounter counter;
};

std::vector<Counted> all_counters(const v1::Status& status) {
    std::vector<Counted> counters;
    for (const v1::ObserverStatus& observer : status.observers())
        for (const v1::StatusCounter& counter : observer.counters())
            counters.push_back({counter.tap().empty() ? observer.name() : counter.tap(), counter});
    for (const v1::StatusCounter& counter : status.counters()) counters.push_back({"control plane", counter});
    return counters;
}

std::string observers_text(const v1::Status& status, TimeNs now, const Paint& paint, std::size_t columns) {
    if (status.observers().empty()) return paint(Style::warning, "No sensor or agent has connected yet.") + "\n";
    TextTable table({"OBSERVER", "KIND", "STATE", "RUNNING", "HEARD", "VERSION", "TAPS"});
    for (const v1::ObserverStatus& observer : status.observers()) {
        std::string taps;
        for (const std::string& tap : observer.taps()) taps += (taps.empty() ? "" : ", ") + printable(tap);
        const auto age = [&](TimeNs time) {
            return time > 0 ? age_text(std::max<DurationNs>(0, now - time)) : std::string("-");
        };
        table.add({{printable(observer.name()), Style::strong},
                   {printable(observer.kind())},
                   {observer.connected() ? "connected" : "away", observer.connected() ? Style::good : Style::bad},
                   {age(observer.started_ns())},
                   {age(observer.heard_ns()) + (observer.heard_ns() > 0 ? " ago" : "")},
                   {printable(observer.program_version())},
                   {taps}});
    }
    return table.text(paint, columns);
}

std::string counters_text(const std::vector<Counted>& counters, Style style, const Paint& paint, std::size_t columns) {
    TextTable table({"COUNT", "WHERE", "COUNTER", "MEANING"});
    for (const Counted& one : counters)
        table.add({{with_thousands(one.counter.value()), style, true},
                   {printable(one.owner)},
                   {printable(one.counter.name())},
                   {printable(one.counter.text())}});
    return table.text(paint, columns);
}

nlohmann::ordered_json counters_json(const google::protobuf::RepeatedPtrField<v1::StatusCounter>& counters) {
    auto json = nlohmann::ordered_json::array();
    for (const v1::StatusCounter& counter : counters)
        json.push_back(
            {{"name", counter.name()}, {"tap", counter.tap()}, {"value", counter.value()}, {"text", counter.text()}});
    return json;
}

}  // namespace

bool counts_a_loss(std::string_view name) {
    for (const char* word : {"drop",
                             "miss",
                             "lost",
                             "evict",
                             "bad",
                             "error",
                             "refus",
                             "full",
                             "fail",
                             "cut",
                             "overflow",
                             "malformed",
                             "truncated",
                             "too_",
                             "other_version",
                             "unknown",
                             "discard",
                             "overwritten",
                             "without_room",
                             "unsupported",
                             "not_echo",
                             "fragments_later",
                             "mirrored_twice",
                             "short",
                             "live_leg"})
        if (name.find(word) != std::string_view::npos) return true;
    return false;
}

std::string status_view(const v1::Status& status, TimeNs now, const Paint& paint, std::size_t columns) {
    std::vector<Counted> losses, others;
    for (Counted& one : all_counters(status)) {
        if (one.counter.value() == 0) continue;
        (counts_a_loss(one.counter.name()) ? losses : others).push_back(std::move(one));
    }
    std::stable_sort(losses.begin(), losses.end(),
                     [](const Counted& a, const Counted& b) { return a.counter.value() > b.counter.value(); });
    std::string text = paint(Style::strong, "clew-control " + printable(status.version())) + "\n\n" +
                       observers_text(status, now, paint, columns) + "\n";
    if (losses.empty())
        text += paint(Style::good, "Nothing was lost or refused.") + "\n";
    else
        text += paint(Style::bad, "Lost, refused or not understood:") + "\n" +
                counters_text(losses, Style::bad, paint, columns);
    if (!others.empty()) text += "\nCounted:\n" + counters_text(others, Style::plain, paint, columns);
    return text;
}

std::string status_document(const v1::Status& status) {
    nlohmann::ordered_json json = {{"version", status.version()}, {"observers", nlohmann::ordered_json::array()}};
    for (const v1::ObserverStatus& observer : status.observers()) {
        nlohmann::ordered_json one = {{"name", observer.name()},
                                      {"kind", observer.kind()},
                                      {"connected", observer.connected()},
                                      {"started_ns", observer.started_ns()},
                                      {"heard_ns", observer.heard_ns()},
                                      {"program_version", observer.program_version()},
                                      {"taps", nlohmann::ordered_json::array()},
                                      {"counters", counters_json(observer.counters())}};
        for (const std::string& tap : observer.taps()) one["taps"].push_back(tap);
        json["observers"].push_back(std::move(one));
    }
    json["counters"] = counters_json(status.counters());
    return json_line(json);
}

}  // namespace clew::cli
