// SPDX-License-Identifier: Apache-2.0
#include "controlplane/gateway_names.h"

#include <algorithm>
#include <string_view>

namespace clew::control {
namespace {

bool is_known_by(const v1::Gateway& gateway, std::string_view address) {
    return std::string_view(gateway.known_by()).ends_with(std::string(" ").append(address));
}

bool has_address(const v1::Gateway& gateway, const std::string& address) {
    const auto is_it = [&](const std::string& one) { return one == address; };
    return std::any_of(gateway.pool().begin(), gateway.pool().end(), is_it) ||
           std::any_of(gateway.services().begin(), gateway.services().end(), is_it);
}

}  // namespace

void name_gateways(const std::vector<GatewayName>& names, v1::GatewayList& list) {
    for (v1::Gateway& gateway : *list.mutable_gateways()) {
        auto found = std::find_if(names.begin(), names.end(),
                                  [&](const GatewayName& one) { return is_known_by(gateway, one.address); });
        if (found == names.end())
            found = std::find_if(names.begin(), names.end(),
                                 [&](const GatewayName& one) { return has_address(gateway, one.address); });
        if (found != names.end()) gateway.set_name(found->name);
    }
    for (const GatewayName& one : names) {
        v1::GatewayInventory& entry = *list.add_inventory();
        entry.set_address(one.address);
        entry.set_name(one.name);
    }
}

}  // namespace clew::control
