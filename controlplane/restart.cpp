// SPDX-License-Identifier: Apache-2.0
#include "controlplane/restart.h"

#include <algorithm>

namespace clew::control {

std::uint32_t revision_base(TimeNs now) {
    constexpr TimeNs first_day = 1'735'689'600 * ns_per_s;  // 2025-01-01
    constexpr std::int64_t revisions_per_s = 4;
    // 32 bits last for 34 years.
    return static_cast<std::uint32_t>(std::max<std::int64_t>(0, (now - first_day) / (ns_per_s / revisions_per_s)));
}

Restart::Restart(const std::vector<v1::Path>& stored, const std::unordered_set<std::string>& refilled,
                 TimeNs refilled_since_ns) {
    for (const v1::Path& path : stored) {
        // A younger leg that is missing was not stored yet: its observer sends it again.
        const bool left_behind = std::any_of(path.legs().begin(), path.legs().end(), [&](const v1::PathLeg& leg) {
            return !refilled.contains(leg.leg_id()) && leg.last_ns() < refilled_since_ns;
        });
        if (left_behind) {
            Kept kept{path.path_id(), {}};
            for (const v1::PathLeg& leg : path.legs()) {
                kept.legs.insert(leg.leg_id());
                kept_of_leg_[leg.leg_id()] = kept_.size();
            }
            kept_.push_back(std::move(kept));
            continue;
        }
        auto& legs = unseen_[path.path_id()];
        for (const v1::PathLeg& leg : path.legs()) legs.push_back(leg.leg_id());
    }
}

bool Restart::admit(const v1::Path& path) {
    if (!finished_) {
        unseen_.erase(path.path_id());
        for (const v1::PathLeg& leg : path.legs()) path_of_leg_[leg.leg_id()] = path.path_id();
    }
    if (path.legs().empty()) return true;
    const auto found = kept_of_leg_.find(path.legs(0).leg_id());
    if (found == kept_of_leg_.end()) return true;
    const Kept& kept = kept_[found->second];
    const bool part_of_it = static_cast<std::size_t>(path.legs_size()) < kept.legs.size() &&
                            std::all_of(path.legs().begin(), path.legs().end(),
                                        [&kept](const v1::PathLeg& leg) { return kept.legs.contains(leg.leg_id()); });
    return !part_of_it;
}

std::vector<v1::Path> Restart::finish(std::uint32_t revision) {
    std::vector<v1::Path> retractions;
    for (const auto& [id, legs] : unseen_) {
        for (const std::string& leg : legs) {
            const auto now_in = path_of_leg_.find(leg);
            if (now_in == path_of_leg_.end() || now_in->second == id) continue;
            v1::Path& retraction = retractions.emplace_back();
            retraction.set_path_id(id);
            retraction.set_revision(revision);
            retraction.set_retracted(true);
            retraction.set_merged_into(now_in->second);
            break;
        }
    }
    finished_ = true;
    unseen_.clear();
    path_of_leg_.clear();
    return retractions;
}

}  // namespace clew::control
