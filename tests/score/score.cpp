// SPDX-License-Identifier: Apache-2.0
#include "tests/score/score.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

namespace clew::score {

namespace {

using LegKey = std::tuple<std::string, std::string, std::string, std::string, std::optional<std::uint32_t>>;

/// A leg of the truth: connection and position in it.
struct Place {
    std::size_t connection = 0, position = 0;

    auto operator<=>(const Place&) const = default;
};

struct Start {
    std::int64_t first_ns = 0;
    Place place;

    auto operator<=>(const Start&) const = default;
};

/// Where a true leg stands in the answer.
struct Found {
    std::size_t path = 0, index = 0;
};

class Grading {
  public:
    Grading(const std::vector<Connection>& truth, const std::vector<Answer>& answer, std::int64_t slack_ns)
        : truth_(truth), answer_(answer), slack_ns_(slack_ns) {
        for (std::size_t c = 0; c < truth.size(); ++c)
            for (std::size_t i = 0; i < truth[c].legs.size(); ++i)
                starts_[truth[c].legs[i].key(truth[c].proto)].push_back({truth[c].legs[i].first_ns, {c, i}});
        for (auto& [key, starts] : starts_) std::sort(starts.begin(), starts.end());
    }

    Score run() {
        for (std::size_t p = 0; p < answer_.size(); ++p) recognise(p);
        for (std::size_t p = 0; p < answer_.size(); ++p) grade_pairs(p);
        for (std::size_t c = 0; c < truth_.size(); ++c) grade_connection(c);
        return std::move(score_);
    }

  private:
    template <typename Change>
    void count(const Connection& connection, Change change) {
        change(score_.classes[connection.kind_of_connection]);
        change(score_.classes["all"]);
    }

    std::optional<Place> true_leg(const ScoredLeg& leg, const std::string& proto) const {
        const auto starts = starts_.find(LegKey(leg.key(proto)));
        if (starts == starts_.end()) return {};
        const Start* best = nullptr;
        auto distance = [&](const Start& s) { return std::llabs(s.first_ns - leg.first_ns); };
        for (const Start& start : starts->second)
            if (!best || distance(start) < distance(*best)) best = &start;
        if (distance(*best) > slack_ns_ || found_.contains(best->place)) return {};
        return best->place;
    }

    void recognise(std::size_t p) {
        std::vector<std::optional<Place>>& members = members_.emplace_back();
        for (const ScoredLeg& leg : answer_[p].legs) {
            const std::optional<Place> place = true_leg(leg, answer_[p].proto);
            if (place)
                found_[*place] = {p, members.size()};
            else
                ++score_.legs_invented;
            members.push_back(place);
        }
    }

    const AnsweredLink* link_between(std::size_t p, std::size_t a, std::size_t b) const {
        const AnsweredLink* found = nullptr;
        for (const AnsweredLink& link : answer_[p].links)
            if (std::minmax(link.from, link.to) == std::minmax(a, b)) found = &link;
        return found;
    }

    void grade_pairs(std::size_t p) {
        const auto& members = members_[p];
        for (std::size_t i = 0; i < members.size(); ++i)
            for (std::size_t j = i + 1; j < members.size(); ++j) {
                if (!members[i] || !members[j]) continue;
                const bool right = members[i]->connection == members[j]->connection;
                const AnsweredLink* link = link_between(p, i, j);
                const bool sure = link && (link->grade == "A" || link->grade == "B");
                count(truth_[members[i]->connection], [&](Counts& c) {
                    ++c.pairs;
                    c.pairs_right += right;
                    c.pairs_ab += sure;
                    c.pairs_ab_right += sure && right;
                });
            }
    }

    const Found* find(std::size_t connection, std::size_t position) const {
        const auto found = found_.find({connection, position});
        return found == found_.end() ? nullptr : &found->second;
    }

    void grade_connection(std::size_t c) {
        const Connection& connection = truth_[c];
        bool whole = connection.legs.size() > 1;
        for (std::size_t i = 0; i < connection.legs.size(); ++i)
            count(connection, [&](Counts& n) { ++n.legs, n.legs_found += find(c, i) != nullptr; });
        for (std::size_t i = 0; i + 1 < connection.legs.size(); ++i) {
            const Found *a = find(c, i), *b = find(c, i + 1);
            const bool together = a && b && a->path == b->path;
            whole = whole && together;
            const AnsweredLink* link = together ? link_between(a->path, a->index, b->index) : nullptr;
            count(connection, [&](Counts& n) {
                ++n.neighbours;
                n.neighbours_found += together;
                n.kinds_right += link && link->kind == connection.hops[i];
            });
        }
        if (!whole) return;
        bool ordered = true;
        for (std::size_t i = 0; i + 1 < connection.legs.size(); ++i)
            ordered = ordered && find(c, i)->index < find(c, i + 1)->index;
        count(connection, [&](Counts& n) { ++n.whole, n.whole_in_order += ordered; });
    }

    const std::vector<Connection>& truth_;
    const std::vector<Answer>& answer_;
    const std::int64_t slack_ns_;
    std::map<LegKey, std::vector<Start>> starts_;
    std::map<Place, Found> found_;
    std::vector<std::vector<std::optional<Place>>> members_;  // for each path its legs' places
    Score score_;
};

}  // namespace

Score score(const std::vector<Connection>& truth, const std::vector<Answer>& answer, std::int64_t slack_ns) {
    return Grading(truth, answer, slack_ns).run();
}

}  // namespace clew::score
