// SPDX-License-Identifier: Apache-2.0
// The score of an answer against a labelled corpus' truth. It knows the two file formats and nothing of Clew's engine.
//
// A printed leg is paired with the true leg of the same (tap, protocol, client, server, overlay id) whose first packet
// is nearest in time, at most `slack_ns` away; a true leg is taken once. Then, overall ("all") and for each class of
// connection: precision   of the pairs of legs put in one path, the share that belongs to one connection (all; and of
// those joined
//             directly by a link of grade A or B)
// recall      of the true neighbouring pairs, the share that ended in one path
// order       of the connections found whole, the share with their legs in the true order
// kind        of the neighbouring pairs found, the share whose direct link bears the true hop kind
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "nat-trace/result.h"

namespace clew::score {

constexpr std::int64_t slack_ns_default = 2'000'000;  ///< a leg's first packets may be told apart by a duplicate

struct ScoredLeg {
    std::string tap, client, server;
    std::optional<std::uint32_t> vni;
    std::int64_t first_ns = 0;

    auto key(const std::string& proto) const { return std::tie(tap, proto, client, server, vni); }
};

/// A line of truth.jsonl. hops[i] stands between legs[i] and legs[i+1].
struct Connection {
    std::string id, kind_of_connection, proto;
    std::vector<ScoredLeg> legs;
    std::vector<std::string> hops;
};

struct AnsweredLink {
    std::size_t from = 0, to = 0;
    std::string kind, grade;
};

/// A line of the answer: one path.
struct Answer {
    std::string proto;
    std::vector<ScoredLeg> legs;
    std::vector<AnsweredLink> links;
};

/// Plain counts; the ratios are made of them.
struct Counts {
    std::uint64_t pairs = 0, pairs_right = 0, pairs_ab = 0, pairs_ab_right = 0;
    std::uint64_t neighbours = 0, neighbours_found = 0, kinds_right = 0;
    std::uint64_t whole = 0, whole_in_order = 0;
    std::uint64_t legs = 0, legs_found = 0;
};

struct Score {
    std::map<std::string, Counts> classes;  ///< by class, and "all"
    std::uint64_t legs_invented = 0;        ///< printed, but true nowhere
};

Result<std::vector<Connection>> read_truth(std::istream& in, const std::string& name);
Result<std::vector<Answer>> read_answer(std::istream& in, const std::string& name);

Score score(const std::vector<Connection>& truth, const std::vector<Answer>& answer,
            std::int64_t slack_ns = slack_ns_default);

std::string to_json(const Score& score);
std::string to_table(const Score& score);

}  // namespace clew::score
