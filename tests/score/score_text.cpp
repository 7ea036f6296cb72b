// SPDX-License-Identifier: Apache-2.0
// Reading the truth and the answer, and printing the score.
#include <cmath>
#include <cstdio>
#include <functional>
#include <istream>
#include <nlohmann/json.hpp>

#include "tests/score/score.h"

namespace clew::score {

namespace {

using nlohmann::json;

ScoredLeg to_leg(const json& value) {
    ScoredLeg leg;
    leg.tap = value.at("tap").get<std::string>();
    leg.client = value.at("client").get<std::string>();
    leg.server = value.at("server").get<std::string>();
    if (value.contains("vni") && !value.at("vni").is_null()) leg.vni = value.at("vni").get<std::uint32_t>();
    leg.first_ns = value.at("first_ns").get<std::int64_t>();
    return leg;
}

Connection to_connection(const json& value) {
    Connection connection;
    connection.id = value.value("id", "");
    connection.kind_of_connection = value.at("class").get<std::string>();
    connection.proto = value.at("proto").get<std::string>();
    for (const json& leg : value.at("legs")) connection.legs.push_back(to_leg(leg));
    connection.hops = value.at("hops").get<std::vector<std::string>>();
    if (connection.hops.size() + 1 < connection.legs.size()) throw std::runtime_error("fewer hops than pairs of legs");
    return connection;
}

Answer to_answer(const json& value) {
    Answer answer;
    answer.proto = value.at("proto").get<std::string>();
    for (const json& leg : value.at("legs")) answer.legs.push_back(to_leg(leg));
    if (!value.contains("links")) return answer;
    for (const json& link : value.at("links"))
        answer.links.push_back({link.at("from").get<std::size_t>(), link.at("to").get<std::size_t>(),
                                link.value("kind", ""), link.value("grade", "")});
    return answer;
}

template <typename T>
Result<std::vector<T>> read_lines(std::istream& in, const std::string& name,
                                  const std::function<T(const json&)>& convert) {
    std::vector<T> values;
    std::string line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        try {
            values.push_back(convert(json::parse(line)));
        } catch (const std::exception& error) {
            return fail(ErrorKind::failed,
                        name + ":" + std::to_string(number) + ": not a line of this format: " + error.what());
        }
    }
    return values;
}

std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return {};
    return std::round(static_cast<double>(part) / static_cast<double>(whole) * 1e6) / 1e6;
}

struct Ratios {
    std::optional<double> precision, precision_ab, recall, order, kind;
    explicit Ratios(const Counts& c)
        : precision(ratio(c.pairs_right, c.pairs)),
          precision_ab(ratio(c.pairs_ab_right, c.pairs_ab)),
          recall(ratio(c.neighbours_found, c.neighbours)),
          order(ratio(c.whole_in_order, c.whole)),
          kind(ratio(c.kinds_right, c.neighbours_found)) {}
};

json or_null(std::optional<double> value) { return value ? json(*value) : json(nullptr); }

std::string cell(std::optional<double> value) {
    if (!value) return "-";
    char text[32];
    std::snprintf(text, sizeof text, "%.4f", *value);
    return text;
}

}  // namespace

Result<std::vector<Connection>> read_truth(std::istream& in, const std::string& name) {
    return read_lines<Connection>(in, name, to_connection);
}

Result<std::vector<Answer>> read_answer(std::istream& in, const std::string& name) {
    return read_lines<Answer>(in, name, to_answer);
}

std::string to_json(const Score& score) {
    json table = json::object();
    for (const auto& [name, c] : score.classes) {
        const Ratios r(c);
        table[name] = {{"precision", or_null(r.precision)},
                       {"precision_ab", or_null(r.precision_ab)},
                       {"recall", or_null(r.recall)},
                       {"order", or_null(r.order)},
                       {"kind", or_null(r.kind)},
                       {"neighbours", c.neighbours},
                       {"legs", c.legs},
                       {"legs_missed", c.legs - c.legs_found}};
    }
    table["all"]["legs_invented"] = score.legs_invented;
    return table.dump();
}

std::string to_table(const Score& score) {
    std::string text;
    auto row = [&text](const std::string& name, const Counts& c) {
        const Ratios r(c);
        char line[256];
        std::snprintf(line, sizeof line, "%-34.80s%10s%10s%10s%8s%8s%9llu%8llu\n", name.c_str(),
                      cell(r.precision).c_str(), cell(r.precision_ab).c_str(), cell(r.recall).c_str(),
                      cell(r.order).c_str(), cell(r.kind).c_str(), static_cast<unsigned long long>(c.neighbours),
                      static_cast<unsigned long long>(c.legs - c.legs_found));
        text += line;
    };
    char head[256];
    std::snprintf(head, sizeof head, "%-34s%10s%10s%10s%8s%8s%9s%8s\n", "class", "precision", "A+B", "recall", "order",
                  "kind", "pairs", "missed");
    text += head;
    if (score.classes.contains("all")) row("all", score.classes.at("all"));
    for (const auto& [name, counts] : score.classes)
        if (name != "all") row(name, counts);
    return text + "legs invented: " + std::to_string(score.legs_invented) + "\n";
}

}  // namespace clew::score
