// SPDX-License-Identifier: Apache-2.0
// The part of the sensor's configuration that is about whole packets: vault.packets.
#pragma once

#include "configs/yaml_reader.h"
#include "dataplane/sensor_config.h"

namespace clew::sensor {

/// `vault` is the file's map of that name; the configuration's taps are taken before.
void take_packet_log(configs::YamlMap& vault, SensorConfig& config);

}  // namespace clew::sensor
