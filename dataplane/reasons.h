// SPDX-License-Identifier: Apache-2.0
// The sensor's counters with their English text, made from reasons.def. A ReasonCounters has one writing thread; any
// thread may read it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace clew::sensor {

enum class Reason : std::uint8_t {
#define CLEW_COUNT(name, text) name,
#define CLEW_REASON(name, text) name,
#include "dataplane/reasons.def"
#undef CLEW_COUNT
#undef CLEW_REASON
    none  ///< no reason to refuse: also the number of reasons
};
constexpr std::size_t reason_count = static_cast<std::size_t>(Reason::none);

std::string_view reason_name(Reason reason);
std::string_view reason_text(Reason reason);
bool reason_means_loss(Reason reason);  ///< a CLEW_REASON line

class ReasonCounters {
  public:
    void add(Reason reason, std::uint64_t n = 1) {
        auto& value = values_[static_cast<std::size_t>(reason)];
        value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // one writer
    }
    std::uint64_t value(Reason reason) const {
        return values_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
    }

  private:
    std::array<std::atomic<std::uint64_t>, reason_count> values_{};
};

}  // namespace clew::sensor
