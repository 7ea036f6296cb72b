// SPDX-License-Identifier: Apache-2.0
// Strict YAML: every key must be known, every value of its type and range; an error names file, line, key, value,
// remedy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/result.h"

namespace clew::configs {

/// One mapping of a document. Take every key you know, then call finish(); the first mistake is kept and returned
/// there.
class YamlMap {
  public:
    static Result<YamlMap> parse_file(const std::string& path);
    static Result<YamlMap> parse_text(std::string_view text, std::string name = "text");

    /// Leave the value as it is when the key is absent.
    void take(const char* key, std::string& value);
    void take(const char* key, bool& value);
    void take(const char* key, std::uint16_t& value, std::uint16_t min, std::uint16_t max);
    void take(const char* key, std::uint32_t& value, std::uint32_t min, std::uint32_t max);
    void take(const char* key, std::uint64_t& value, std::uint64_t min, std::uint64_t max);
    void take(const char* key, std::vector<std::string>& value);
    void take(const char* key, std::vector<std::uint32_t>& value, std::uint32_t min, std::uint32_t max);

    void require(const char* key);  ///< absent is an error
    bool has(const char* key) const;

    /// A nested mapping (empty when absent), and a list of mappings. The finish() of the outermost map speaks for all.
    YamlMap map(const char* key);
    std::vector<YamlMap> list(const char* key);

    /// A mistake only the caller can see: "taps[1].source: 'foo' is not a source; use af_xdp:IF, …".
    void mistake(const char* key, std::string_view problem_and_remedy);

    /// The first mistake in the document so far, or an unknown key of this map or of one in it.
    Result<void> finish();

  private:
    struct State;
    explicit YamlMap(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace clew::configs
