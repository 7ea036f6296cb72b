// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_recorder.h"

#include <algorithm>

#include "dataplane/status_counter.h"
#include "nat-trace/check.h"
#include "wire/recording_id.h"

namespace clew::sensor {
PacketRecorder::PacketRecorder(std::vector<vault::PacketRule> rules, bool on_demand, std::vector<std::string> taps,
                               std::vector<vault::PacketAppender*> appenders)
    : rules_(std::move(rules)), on_demand_(on_demand), taps_(std::move(taps)), appenders_(std::move(appenders)) {}

std::vector<vault::PacketRule> PacketRecorder::rules_with(const std::vector<vault::PacketRule>& recordings,
                                                          const std::vector<vault::PacketRule>& rules, bool on_demand) {
    std::vector<vault::PacketRule> all = recordings;
    if (!on_demand) {
        all.insert(all.end(), rules.begin(), rules.end());
        if (rules.empty() && !all.empty()) all.emplace_back();  // as without recordings: everything is kept
    } else if (all.empty()) {
        all.emplace_back().from = INT64_MAX;  // no rule at all would keep everything
    }
    return all;
}

Result<vault::PacketRule> PacketRecorder::rule_of(const v1::Recording& wanted, TimeNs now) const {
    vault::PacketRule rule;
    for (const std::string& name : wanted.taps()) {
        const auto tap = std::find(taps_.begin(), taps_.end(), name);
        if (tap != taps_.end()) rule.taps.push_back(static_cast<TapId>(tap - taps_.begin()));
    }
    if (wanted.taps_size() != 0 && rule.taps.empty()) return fail(ErrorKind::nothing_found, "it has no such tap");
    if (wanted.duration_ns() <= 0 || wanted.duration_ns() > duration_ns_max)
        return fail(ErrorKind::usage, "a recording lasts up to 24 hours");
    rule.inner_bpf = wanted.bpf();
    rule.until = now + wanted.duration_ns();
    if (wanted.snap_length() != 0) rule.frame_bytes_max = wanted.snap_length();
    return rule;
}

Result<void> PacketRecorder::apply(const std::vector<On>& recordings) {
    std::vector<vault::PacketRule> rules;
    for (const On& one : recordings) rules.push_back(one.rule);
    const auto policy = vault::PacketPolicy::compile(rules_with(rules, rules_, on_demand_));
    if (!policy) return tl::make_unexpected(policy.error());
    for (vault::PacketAppender* appender : appenders_) appender->set_policy(*policy);
    return {};
}

/// False when there was none to drop.
template <class IsOver>
bool PacketRecorder::drop(IsOver&& is_over) {
    if (std::erase_if(recordings_, is_over) == 0) return false;
    CLEW_CHECK(apply(recordings_));  // they compiled before
    return true;
}

Result<TimeNs> PacketRecorder::record(const v1::Recording& wanted, TimeNs now) {
    const std::lock_guard lock(mutex_);
    drop([now](const On& one) { return one.rule.until < now; });
    if (wanted.end()) {
        if (!drop([&wanted](const On& one) { return one.id == wanted.id(); }))
            return fail(ErrorKind::nothing_found, "it has no such recording");
        return now;
    }
    if (recordings_.size() >= recording_count_max)
        return fail(ErrorKind::failed, "it has " + std::to_string(recording_count_max) +
                                           " recordings already; end one of them, or wait until one ends");
    auto rule = rule_of(wanted, now);
    if (!rule) return tl::make_unexpected(rule.error());
    auto recordings = recordings_;
    recordings.push_back({wanted.id(), *rule});
    if (const auto applied = apply(recordings); !applied) return tl::make_unexpected(applied.error());
    recordings_ = std::move(recordings);
    return rule->until;
}

void PacketRecorder::expire(TimeNs now) {
    const std::lock_guard lock(mutex_);
    drop([now](const On& one) { return one.rule.until < now; });
}

std::vector<v1::Counter> PacketRecorder::count() const {
    const std::lock_guard lock(mutex_);
    std::vector<v1::Counter> counters;
    counters.push_back(make_counter("vault_recordings", {}, recordings_.size(), "recordings that are on now"));
    for (std::size_t i = 0; i < recordings_.size(); ++i) {
        const vault::PacketRule& one = recordings_[i].rule;
        std::string text = one.inner_bpf.empty() ? "every packet" : one.inner_bpf;
        for (const TapId tap : one.taps) text += (tap == one.taps.front() ? " at " : ", ") + taps_[tap];
        if (one.frame_bytes_max != vault::PacketRule::unlimited)
            text += ", " + std::to_string(one.frame_bytes_max) + " bytes of each";
        text += " (" + wire::recording_id_text(recordings_[i].id) + ")";
        counters.push_back(make_counter("vault_recording_" + std::to_string(i + 1) + "_until_ns", {},
                                        static_cast<std::uint64_t>(one.until), text));
    }
    return counters;
}

}  // namespace clew::sensor
