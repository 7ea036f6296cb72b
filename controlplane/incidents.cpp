// SPDX-License-Identifier: Apache-2.0
#include "controlplane/incidents.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/incident_figures.h"

namespace clew::control {
namespace {

struct SurgeRule {
    const char* kind;
    const char* words;
    const char* filter;
    std::uint64_t (v1::HistogramBucket::*count)() const;
};

const SurgeRule surge_rules[] = {
    {"unlinked", "of what was seen is not linked to anything", "path.unlinked != linked",
     &v1::HistogramBucket::unlinked},
    {"resets", "of the paths ended by a reset", "leg.end == reset", &v1::HistogramBucket::resets},
    {"retransmissions", "of the paths saw retransmissions", "path.retransmissions > 0",
     &v1::HistogramBucket::retransmitting},
};

/// A part of a histogram's paths, in its last quarter beside what came before.
struct Shares {
    Portion usual, late;
    std::vector<Portion> points;
    bool stand_out() const {
        return usual.of >= incident_paths_min && late.some >= incident_paths_min &&
               stands_out(late, usual.share(), usual);
    }
};
Shares shares_of(const v1::Histogram& histogram, const std::function<std::uint64_t(int bucket)>& part_of) {
    Shares shares;
    const int split = histogram.buckets_size() - histogram.buckets_size() / 4;
    for (int i = 0; i < histogram.buckets_size(); ++i) {
        const Portion point = portion(part_of(i), histogram.buckets(i).paths());
        Portion& sum = i < split ? shares.usual : shares.late;
        sum = {sum.some + point.some, sum.of + point.of};
        shares.points.push_back(point);
    }
    return shares;
}

/// All but what it is called and says.
void add_surge(const Shares& shares, const v1::Histogram& histogram, v1::Incident incident, v1::IncidentList& out) {
    incident.set_value(shares.late.share());
    incident.set_usual(shares.usual.share());
    incident.set_severity(shares.late.share() / std::max(shares.usual.share(), 0.01));
    incident.set_paths(static_cast<std::uint64_t>(shares.late.some));
    put_shares(histogram.since_ns(), histogram.step_ns(), shares.points, share_floor(shares.usual.share()), incident);
    *out.add_incidents() = std::move(incident);
}

const char* sender_words(const std::string& by) {
    if (by == "client") return "by their clients";
    if (by == "server") return "by their servers";
    return by == "relay" ? "by a proxy" : "by something in between (a firewall, a load balancer)";
}

/// Resets by who sent them, over time: `histogram` counts path.reset_by. Says whether one stands out.
bool add_reset_senders(const v1::Histogram& histogram, v1::IncidentList& out) {
    if (histogram.by() != "path.reset_by") return false;
    const int before = out.incidents_size();
    for (const v1::ValueSeries& series : histogram.series()) {
        const Shares shares =
            shares_of(histogram, [&](int i) { return i < series.counts_size() ? series.counts(i) : std::uint64_t{0}; });
        if (!shares.stand_out()) continue;
        v1::Incident incident;
        incident.set_kind("reset-sender");
        incident.set_subject(series.value());
        incident.set_sentence(fmt::format("{:.1f} % of the paths were reset {}; before it was {:.1f} %",
                                          shares.late.share() * 100, sender_words(series.value()),
                                          shares.usual.share() * 100));
        incident.set_filter("path.reset_by == " + series.value());
        add_surge(shares, histogram, std::move(incident), out);
    }
    return out.incidents_size() > before;
}

/// `senders_told`: the resets are told already, by who sent them.
void add_surges(const v1::Histogram& histogram, bool senders_told, v1::IncidentList& out) {
    for (const SurgeRule& rule : surge_rules) {
        if (senders_told && std::string_view(rule.kind) == "resets") continue;
        const Shares shares = shares_of(histogram, [&](int i) { return (histogram.buckets(i).*rule.count)(); });
        if (!shares.stand_out()) continue;
        v1::Incident incident;
        incident.set_kind(rule.kind);
        incident.set_subject(rule.kind);
        incident.set_sentence(fmt::format("{:.1f} % {}; before it was {:.1f} %", shares.late.share() * 100, rule.words,
                                          shares.usual.share() * 100));
        incident.set_filter(rule.filter);
        add_surge(shares, histogram, std::move(incident), out);
    }
}

void add_observers(const v1::Status& status, v1::IncidentList& out) {
    for (const v1::ObserverStatus& observer : status.observers()) {
        if (observer.connected()) continue;
        v1::Incident incident;
        incident.set_kind("observer");
        incident.set_subject(observer.name());
        std::string taps;
        for (const std::string& tap : observer.taps()) taps += (taps.empty() ? "" : ", ") + tap;
        incident.set_where(taps);
        incident.set_sentence(fmt::format("{} {} is not connected: nothing is seen at {}", observer.kind(),
                                          observer.name(), taps.empty() ? "its taps" : taps));
        incident.set_severity(100);
        incident.set_since_ns(observer.heard_ns());
        *out.add_incidents() = std::move(incident);
    }
}

void add_clocks(const v1::ClockList& clocks, v1::IncidentList& out) {
    for (const v1::ClockPair& pair : clocks.pairs()) {
        if (pair.error_ns() <= incident_clock_error_ns) continue;
        v1::Incident incident;
        incident.set_kind("clock");
        incident.set_subject(pair.from() + " – " + pair.to());
        incident.set_value(static_cast<double>(pair.error_ns()));
        incident.set_sentence(fmt::format("the clocks {} and {} are known to ±{} only: delays between them say little",
                                          pair.from(), pair.to(), duration_text(pair.error_ns())));
        incident.set_severity(static_cast<double>(pair.error_ns()) / static_cast<double>(incident_clock_error_ns));
        incident.set_since_ns(clocks.since_ns());
        incident.set_paths(pair.paths());
        incident.set_unit("ns");
        for (const std::int64_t error : pair.errors_ns())
            incident.add_points(error == 0 ? -1.0 : static_cast<double>(error));
        *out.add_incidents() = std::move(incident);
    }
}

}  // namespace

bool is_shown_by_filter(const v1::Incident& incident) {
    return incident.kind() == "reset-sender" ||
           std::ranges::any_of(surge_rules, [&](const SurgeRule& rule) { return incident.kind() == rule.kind; });
}

v1::IncidentList find_incidents(const IncidentSources& sources) {
    v1::IncidentList list;
    list.set_since_ns(sources.gateways.since_ns());
    list.set_step_ns(sources.gateways.step_ns());
    add_observers(sources.status, list);
    add_gateway_incidents(sources.gateways, list);
    const bool senders_told = add_reset_senders(sources.histogram, list);
    add_surges(sources.histogram, senders_told, list);
    add_clocks(sources.clocks, list);
    std::stable_sort(list.mutable_incidents()->begin(), list.mutable_incidents()->end(),
                     [](const v1::Incident& a, const v1::Incident& b) { return a.severity() > b.severity(); });
    while (list.incidents_size() > incident_count_max) list.mutable_incidents()->RemoveLast();
    for (const std::string& partial :
         {sources.gateways.partial(), sources.histogram.partial(), sources.clocks.partial()})
        if (list.partial().empty()) list.set_partial(partial);
    return list;
}

}  // namespace clew::control
