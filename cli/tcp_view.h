// SPDX-License-Identifier: Apache-2.0
// What a leg's TCP analysis tells a person, and its JSON. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "wire/leg.pb.h"

namespace clew::cli {

/// Labels with their lines; only what there is to tell.
std::vector<std::pair<std::string, std::vector<std::string>>> tcp_lines(const v1::TcpAnalysis& tcp);

nlohmann::ordered_json tcp_json(const v1::TcpAnalysis& tcp);

}  // namespace clew::cli
