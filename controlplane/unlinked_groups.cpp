// SPDX-License-Identifier: Apache-2.0
#include "controlplane/unlinked_groups.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace clew::control {

v1::UnlinkedList group_unlinked(const v1::PathList& paths) {
    std::map<std::tuple<std::string, std::string, std::string>, v1::UnlinkedGroup> groups;
    for (const v1::Path& path : paths.paths()) {
        if (path.legs_size() != 1 || path.unlinked() == "linked") continue;
        const v1::PathLeg& leg = path.legs(0);
        v1::UnlinkedGroup& group = groups[{path.unlinked(), leg.tap(), path.proto()}];
        if (group.count() == 0) {
            group.set_reason(path.unlinked());
            group.set_tap(leg.tap());
            group.set_proto(path.proto());
            group.set_first_ns(path.first_ns());
        }
        group.set_count(group.count() + 1);
        group.set_first_ns(std::min(group.first_ns(), path.first_ns()));
        group.set_last_ns(std::max(group.last_ns(), path.last_ns()));
        if (group.examples_size() == unlinked_example_count_max) continue;
        *group.add_examples() = leg;
        group.add_example_paths(path.path_id());
    }
    std::vector<const v1::UnlinkedGroup*> sorted;
    for (const auto& [key, group] : groups) sorted.push_back(&group);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto* a, const auto* b) { return a->count() > b->count(); });
    v1::UnlinkedList list;
    for (const v1::UnlinkedGroup* group : sorted) *list.add_groups() = *group;
    list.set_partial(paths.partial());
    return list;
}

}  // namespace clew::control
