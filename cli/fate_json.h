// SPDX-License-Identifier: Apache-2.0
// What became of a path's packets, as keys of its JSON line: `losses`, `openings`, `resets` of the path, `loss` of a
// link, `missed` and `loop` of a leg's directions. Keys of which there is nothing to tell are left out.
#pragma once

#include <nlohmann/json.hpp>

#include "wire/path.pb.h"

namespace clew::cli {

void add_fates(const v1::Path& path, nlohmann::ordered_json& json);
void add_flow_fates(const v1::PathFlow& flow, nlohmann::ordered_json& json);
void add_link_losses(const v1::PathLink& link, nlohmann::ordered_json& json);

}  // namespace clew::cli
