// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/truth.h"

#include <vector>

namespace clew::corpus {
namespace {

std::string leg_text(const View& view, const std::string& tap) {
    const auto vni = view.wrapping.overlay_id();
    return R"({"tap": ")" + tap + R"(", "client": ")" + to_text(view.client) + R"(", "server": ")" +
           to_text(view.server) + R"(", "vni": )" + (vni ? std::to_string(*vni) : "null") + R"(, "first_ns": )" +
           std::to_string(view.first_ns) + "}";
}

const char* proto_of(App app) {
    if (app == App::ping) return "icmp";
    return is_datagram(app) ? "udp" : "tcp";
}

}  // namespace

std::string joined_kind(const std::string& first, const std::string& second) {
    for (const char* strong : {"relay", "nat64"})
        if (first == strong || second == strong) return strong;
    if (first == "forward") return second;
    if (second == "forward" || first == second) return first;
    return "fullnat";
}

std::string truth_line(const Connection& connection, const std::vector<std::string>& tap_names) {
    std::string legs, hops, between = "forward";
    for (std::size_t c = 0; c < connection.conversations.size(); ++c) {
        const Conversation& conversation = connection.conversations[c];
        for (std::size_t l = 0; l < conversation.route->links.size(); ++l) {
            if (l > 0) between = joined_kind(between, connection.hops[c][l - 1]);
            for (const View& view : conversation.route->links[l].views) {
                if (view.frames == 0) continue;
                if (!legs.empty()) {
                    hops += (hops.empty() ? "\"" : ", \"") + between + "\"";
                    legs += ", ";
                }
                legs += leg_text(view, tap_names[static_cast<std::size_t>(view.tap)]);
                between = "forward";
            }
        }
        if (conversation.relay) between = "relay";
    }
    if (legs.empty()) return {};
    return R"({"id": "c)" + std::to_string(connection.number) + R"(", "class": ")" + connection.class_name +
           R"(", "proto": ")" + proto_of(connection.app) + R"(", "legs": [)" + legs + R"(], "hops": [)" + hops + "]}\n";
}

}  // namespace clew::corpus
