// SPDX-License-Identifier: Apache-2.0
// A YAML document as a plain tree with line numbers. Bounded: text length, depth and node count have limits; anchors,
// aliases, tags, duplicate keys and several documents are refused, so nothing can grow beyond what was written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/result.h"

namespace clew::configs {

constexpr std::size_t yaml_bytes_max = 256u << 10;
constexpr std::size_t yaml_depth_max = 16;
constexpr std::size_t yaml_node_count_max = 65'536;

struct YamlNode {
    enum class Kind { none, scalar, list, map };  ///< none: the key stands there without a value

    Kind kind = Kind::none;
    bool quoted = false;          ///< scalars only
    int line = 0;                 ///< counted from 1
    std::string key;              ///< of an item of a map
    std::string text;             ///< scalars only
    std::vector<YamlNode> items;  ///< of a list or a map, in the order of the file
};

/// `name` stands in front of every sentence, with the line: "configs/sensor.yaml:7: …".
Result<YamlNode> parse_yaml_tree(std::string_view text, const std::string& name);

/// Quoted for a sentence: control characters replaced, cut after 60 characters.
std::string quote_for_sentence(std::string_view text);

}  // namespace clew::configs
