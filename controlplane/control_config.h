// SPDX-License-Identifier: Apache-2.0
// What configs/control.yaml says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/store/store.h"
#include "nat-trace/engine.h"
#include "nat-trace/result.h"
#include "wire/collector.h"

namespace clew::control {

/// The inventory: what a gateway with this address is called. Gateways are found without it.
struct GatewayName {
    std::string name;
    std::string address;  ///< MAC, tunnel end, or an address that it writes or serves, as `clew gateways` prints it
};
constexpr std::size_t gateway_name_count_max = 10'000;

struct ControlConfig {
    wire::CollectorSettings wire;
    std::string own_key_file;  ///< empty: no encryption
    std::string api_address = "127.0.0.1";
    std::uint16_t api_port = 7480;
    std::string console_directory;  ///< the console's files; named in the file it must be there, else it may be missing
    bool console_named = false;
    store::StoreSettings store;
    EngineLimits engine;
    std::vector<GatewayName> gateways;
    std::string profile_file;  ///< where what is learnt of gateways is kept; empty: it is learnt anew
};

/// Reads and checks the file. Does not open the key file: see read_keys().
Result<ControlConfig> load_control_config(const std::string& path);

/// Reads the key file that the configuration names into config.wire.
Result<void> read_keys(ControlConfig& config);

}  // namespace clew::control
