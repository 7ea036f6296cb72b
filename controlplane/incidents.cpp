// SPDX-License-Identifier: Apache-2.0
#include "controlplane/incidents.h"

#include <fmt/format.h>

#include <algorithm>
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

/// Where the last quarter of the time begins.
int split_of(const v1::Histogram& histogram) { return histogram.buckets_size() - histogram.buckets_size() / 4; }

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
        std::uint64_t part[2] = {}, whole[2] = {};
        std::vector<Portion> points;
        for (int i = 0; i < histogram.buckets_size(); ++i) {
            const std::uint64_t some = i < series.counts_size() ? series.counts(i) : 0;
            const bool late = i >= split_of(histogram);
            part[late] += some;
            whole[late] += histogram.buckets(i).paths();
            points.push_back(portion(some, histogram.buckets(i).paths()));
        }
        const Portion pool = portion(part[0], whole[0]), own = portion(part[1], whole[1]);
        if (whole[0] < incident_paths_min || part[1] < incident_paths_min) continue;
        if (!stands_out(own, pool.share(), pool)) continue;
        v1::Incident incident;
        incident.set_kind("reset-sender");
        incident.set_subject(series.value());
        incident.set_value(own.share());
        incident.set_usual(pool.share());
        incident.set_sentence(fmt::format("{:.1f} % of the paths were reset {}; before it was {:.1f} %",
                                          own.share() * 100, sender_words(series.value()), pool.share() * 100));
        incident.set_severity(own.share() / std::max(pool.share(), 0.01));
        incident.set_paths(part[1]);
        incident.set_filter("path.reset_by == " + series.value());
        put_shares(histogram.since_ns(), histogram.step_ns(), points, share_floor(pool.share()), incident);
        *out.add_incidents() = std::move(incident);
    }
    return out.incidents_size() > before;
}

/// `senders_told`: the resets are told already, by who sent them.
void add_surges(const v1::Histogram& histogram, bool senders_told, v1::IncidentList& out) {
    const int split = split_of(histogram);
    for (const SurgeRule& rule : surge_rules) {
        if (senders_told && std::string_view(rule.kind) == "resets") continue;
        std::uint64_t part[2] = {}, whole[2] = {};
        std::vector<Portion> points;
        for (int i = 0; i < histogram.buckets_size(); ++i) {
            const v1::HistogramBucket& bucket = histogram.buckets(i);
            part[i >= split] += (bucket.*rule.count)();
            whole[i >= split] += bucket.paths();
            points.push_back(portion((bucket.*rule.count)(), bucket.paths()));
        }
        const Portion pool = portion(part[0], whole[0]), own = portion(part[1], whole[1]);
        const double before = pool.share(), now = own.share();
        if (whole[0] < incident_paths_min || part[1] < incident_paths_min) continue;
        if (!stands_out(own, before, pool)) continue;
        v1::Incident incident;
        incident.set_kind(rule.kind);
        incident.set_subject(rule.kind);
        incident.set_value(now);
        incident.set_usual(before);
        incident.set_sentence(fmt::format("{:.1f} % {}; before it was {:.1f} %", now * 100, rule.words, before * 100));
        incident.set_severity(now / std::max(before, 0.01));
        incident.set_paths(part[1]);
        incident.set_filter(rule.filter);
        put_shares(histogram.since_ns(), histogram.step_ns(), points, share_floor(before), incident);
        *out.add_incidents() = std::move(incident);
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
