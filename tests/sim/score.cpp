// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/score.h"

#include <algorithm>
#include <cstdio>
#include <unordered_map>

namespace clew::sim {
namespace {

struct Origin {
    std::size_t truth = 0;
    std::size_t position = 0;
};
struct Found {
    PathId path = 0;
    std::size_t position = 0;
};

}  // namespace

std::map<std::string, Score> score(const std::vector<Truth>& truths, const std::map<PathId, Path>& paths) {
    std::map<std::string, Score> out;
    std::unordered_map<LegId, Origin> origins;
    for (std::size_t t = 0; t < truths.size(); ++t)
        for (std::size_t p = 0; p < truths[t].legs.size(); ++p) origins[truths[t].legs[p].id] = {t, p};
    std::unordered_map<LegId, Found> found;
    for (const auto& [id, path] : paths) {
        for (std::size_t i = 0; i < path.legs.size(); ++i) {
            found[path.legs[i].leg] = {id, i};
            const Origin a = origins.at(path.legs[i].leg);
            for (std::size_t j = i + 1; j < path.legs.size(); ++j) {
                const bool right = origins.at(path.legs[j].leg).truth == a.truth;
                const bool ab = j == i + 1 && path.links[i].grade <= Grade::b;
                for (Score* s : {&out["all"], &out[truths[a.truth].kind]}) {
                    ++s->pairs, s->pairs_right += right;
                    s->pairs_ab += ab, s->pairs_ab_right += ab && right;
                }
            }
        }
    }
    for (const Truth& truth : truths) {
        bool whole = truth.legs.size() > 1;
        bool in_order = true;
        Score s;
        for (std::size_t i = 0; i + 1 < truth.legs.size(); ++i) {
            ++s.neighbours;
            const auto a = found.find(truth.legs[i].id);
            const auto b = found.find(truth.legs[i + 1].id);
            if (a == found.end() || b == found.end() || a->second.path != b->second.path) {
                whole = false;
                continue;
            }
            ++s.neighbours_found;
            const Path& path = paths.at(a->second.path);
            s.kinds_right +=
                b->second.position == a->second.position + 1 && path.links[a->second.position].kind == truth.hops[i];
            in_order &= b->second.position > a->second.position;
        }
        for (Score* sum : {&out["all"], &out[truth.kind]}) {
            sum->neighbours += s.neighbours, sum->neighbours_found += s.neighbours_found,
                sum->kinds_right += s.kinds_right;
            sum->whole += whole, sum->in_order += whole && in_order;
        }
    }
    return out;
}

void keep_latest(std::vector<Path> drained, std::map<PathId, Path>& live) {
    for (Path& path : drained) {
        if (path.retracted)
            live.erase(path.id);
        else
            live[path.id] = std::move(path);
    }
}

std::string to_text(const std::map<std::string, Score>& scores) {
    std::string out =
        "class                                precision      A+B   recall    order     kind  neighbours\n";
    for (const auto& [kind, s] : scores) {
        char line[160];
        std::snprintf(line, sizeof line, "%-36s %9.6f %8.6f %8.6f %8.6f %8.6f %11zu\n", kind.c_str(), s.precision(),
                      s.precision_ab(), s.recall(), s.order(), s.kind(), s.neighbours);
        out += line;
    }
    return out;
}

}  // namespace clew::sim
