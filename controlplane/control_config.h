// SPDX-License-Identifier: Apache-2.0
// What configs/control.yaml says.
#pragma once

#include <cstdint>
#include <string>

#include "controlplane/store/store.h"
#include "nat-trace/engine.h"
#include "nat-trace/result.h"
#include "wire/collector.h"

namespace clew::control {

struct ControlConfig {
    wire::CollectorSettings wire;
    std::string own_key_file;  ///< empty: no encryption
    std::string api_address = "127.0.0.1";
    std::uint16_t api_port = 7480;
    store::StoreSettings store;
    EngineLimits engine;
};

/// Reads and checks the file. Does not open the key file: see read_keys().
Result<ControlConfig> load_control_config(const std::string& path);

/// Reads the key file that the configuration names into config.wire.
Result<void> read_keys(ControlConfig& config);

}  // namespace clew::control
