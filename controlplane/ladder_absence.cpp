// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ladder_absence.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace clew::control {
namespace {

constexpr std::string_view socket_observer = "socket";
constexpr std::string_view log_count = "vault_headers", log_oldest = "vault_headers_oldest_ns";
constexpr std::string_view log_dropped = "vault_headers_dropped";  // and where

/// What an observer's counters tell of its header log.
struct HeaderLog {
    bool there = false;
    TimeNs oldest_ns = 0;  ///< 0: it is empty
    bool dropped = false;
};

HeaderLog log_of(const v1::ObserverStatus& observer) {
    HeaderLog log;
    for (const v1::StatusCounter& counter : observer.counters()) {
        if (!counter.tap().empty()) continue;
        const std::string_view name = counter.name();
        log.there |= name == log_count;
        if (name == log_oldest) log.oldest_ns = static_cast<TimeNs>(counter.value());
        log.dropped |= name.starts_with(log_dropped) && counter.value() != 0;
    }
    return log;
}

}  // namespace

LadderAbsence why_no_rows(const v1::Path& path, const std::vector<v1::ObserverStatus>& observers, bool answered,
                          bool time_chosen) {
    std::set<std::string> taps;
    TimeNs last_ns = 0;
    for (const v1::PathLeg& leg : path.legs()) {
        if (leg.observer() == socket_observer) continue;
        taps.insert(leg.tap());
        last_ns = std::max<TimeNs>(last_ns, leg.last_ns());
    }
    if (taps.empty()) return {.why = "sockets"};
    if (!answered) return {.why = "away"};
    if (time_chosen) return {.why = "time"};
    bool dropped = false, any_log = false, all_later = true;
    TimeNs kept_since_ns = INT64_MAX;
    for (const v1::ObserverStatus& observer : observers) {
        const auto is_wanted = [&taps](const std::string& tap) { return taps.contains(tap); };
        if (!observer.connected() || std::none_of(observer.taps().begin(), observer.taps().end(), is_wanted)) continue;
        const HeaderLog log = log_of(observer);
        if (!log.there) continue;
        any_log = true;
        dropped |= log.dropped;
        all_later &= log.oldest_ns > last_ns;
        if (log.oldest_ns != 0) kept_since_ns = std::min(kept_since_ns, log.oldest_ns);
    }
    if (!any_log) return {.why = "ring"};
    if (all_later) return {.why = "old", .kept_since_ns = kept_since_ns};
    return {.why = dropped ? "dropped" : "unknown"};
}

}  // namespace clew::control
