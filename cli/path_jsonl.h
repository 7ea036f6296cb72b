// SPDX-License-Identifier: Apache-2.0
// A path as one line of JSON: what `clew replay`, `clew paths` and `clew path show` print for programs. The keys up to
// `evidence` and `unlinked` are the corpus format's; the others say more. Times and counts are numbers, times in ns.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "wire/path.pb.h"

namespace clew::cli {

/// One line, no newline at its end. The same path gives the same line.
std::string path_line(const v1::Path& path);

/// {"paths": [lines …], "partial": "why, or empty"}: one document, one path a line.
std::string path_document(const v1::PathList& list);

/// A message of the API as the API itself prints it, as one line.
std::string message_json(const google::protobuf::Message& message);

/// Any JSON as one line; invalid UTF-8 is replaced, never thrown at.
std::string json_line(const nlohmann::ordered_json& json);

/// One leg as in a path's line.
nlohmann::ordered_json leg_json(const v1::PathLeg& leg);

}  // namespace clew::cli
