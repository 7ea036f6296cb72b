// SPDX-License-Identifier: Apache-2.0
// Texts that many hold and few differ in, each once, under a small number; one that nobody holds any more makes room.
// One thread. Not larger than what holds the numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace clew {

constexpr std::uint32_t no_name = 0xffff'ffff;

class NamePool {
  public:
    std::uint32_t hold(std::string_view text);  ///< no_name for an empty one; let go of it once
    void let_go(std::uint32_t name);            ///< no_name is let go of as well
    std::string_view text(std::uint32_t name) const;
    std::size_t size() const { return by_text_.size(); }
    std::size_t memory_bytes() const;

  private:
    struct Held {
        std::string text;
        std::uint32_t holders = 0;
    };
    std::vector<Held> names_;
    std::vector<std::uint32_t> free_;
    std::unordered_map<std::string, std::uint32_t> by_text_;
};

}  // namespace clew
