// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/name_pool.h"

#include "nat-trace/check.h"

namespace clew {

std::uint32_t NamePool::hold(std::string_view text) {
    if (text.empty()) return no_name;
    const auto [at, added] = by_text_.try_emplace(std::string(text), no_name);
    if (added) {
        if (free_.empty()) {
            free_.push_back(static_cast<std::uint32_t>(names_.size()));
            names_.emplace_back();
        }
        at->second = free_.back();
        free_.pop_back();
        names_[at->second].text = text;
    }
    ++names_[at->second].holders;
    return at->second;
}

void NamePool::let_go(std::uint32_t name) {
    if (name == no_name) return;
    Held& held = names_[name];
    CLEW_CHECK(held.holders > 0);
    if (--held.holders != 0) return;
    by_text_.erase(held.text);
    held.text.clear();
    free_.push_back(name);
}

std::string_view NamePool::text(std::uint32_t name) const {
    return name == no_name ? std::string_view() : std::string_view(names_[name].text);
}

std::size_t NamePool::memory_bytes() const {
    constexpr std::size_t node_bytes = sizeof(std::string) + 32;
    return names_.capacity() * sizeof(Held) + by_text_.size() * node_bytes;
}

}  // namespace clew
