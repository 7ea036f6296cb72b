// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/conditions.h"

namespace clew::corpus {

const std::vector<ConditionName>& condition_names() {
    static const std::vector<ConditionName> names{
        {"loss", &Conditions::loss, "1 % of the frames missing at each tap, one by one"},
        {"loss-burst", &Conditions::loss_burst, "1 % of the time each tap sees nothing, milliseconds at once"},
        {"one-way", &Conditions::one_way, "taps see only what goes to the server"},
        {"one-way-return", &Conditions::one_way_return, "taps see only what goes to the client"},
        {"one-way-mixed", &Conditions::one_way_mixed, "every second tap sees one way, the others the other"},
        {"asymmetric", &Conditions::asymmetric, "the way back over another tap, on half of the links"},
        {"duplicate", &Conditions::duplicate, "frames mirrored twice"},
        {"reorder", &Conditions::reorder, "time stamps off by up to 30 µs: neighbours change places"},
        {"unsorted", &Conditions::unsorted, "the file's order is not that of its time stamps"},
        {"middle", &Conditions::middle, "capture starts when most connections are long open"},
        {"reuse", &Conditions::reuse, "addresses and ports used again within seconds"},
        {"one-tap", &Conditions::one_tap, "both sides of a gateway on one tap"},
        {"hairpin", &Conditions::hairpin, "the last link is seen by the first tap again"},
        {"tenants", &Conditions::tenants, "overlapping client addresses in several VNIs"},
        {"low-entropy", &Conditions::low_entropy, "half of the clients have an ISN of 0 or a constant"},
        {"flood", &Conditions::flood, "ten unanswered SYNs for each connection"},
        {"clocks", &Conditions::clocks, "each tap its own clock: ±100 ms, ±50 ppm"},
        {"network-loss", &Conditions::network_loss, "1 % lost on each link, and sent again"},
    };
    return names;
}

std::string set_conditions(std::string_view list, Conditions& conditions) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        const std::string_view name = list.substr(0, comma);
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
        if (name.empty() || name == "clean") continue;
        bool known = false;
        for (const ConditionName& candidate : condition_names())
            if (candidate.name == name) conditions.*candidate.member = known = true;
        if (!known) return std::string(name);
    }
    return {};
}

}  // namespace clew::corpus
