// SPDX-License-Identifier: Apache-2.0
// Which payloads may match one of the signatures (app_signatures.def), told by their first bytes: most payloads match
// none, and to know that costs a few loads where a scan takes a tenth of a microsecond. Says yes to every payload that
// a signature matches, and to some others. Made once; any thread may ask.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace clew::sensor {

class FirstBytes {
  public:
    static constexpr std::size_t place_count = 16;  ///< so many bytes are looked at

    /// Expressions as Hyperscan reads them with HS_FLAG_DOTALL, each anchored by ^: literals, escapes, classes, groups,
    /// alternatives and repetitions.
    explicit FirstBytes(std::span<const char* const> expressions);

    bool may_match(std::span<const std::uint8_t> payload) const {
        Branches left = all_;
        const std::size_t count = std::min(payload.size(), place_count);
        for (std::size_t place = 0; place < count; ++place) {
            const Branches& fit = fitting_[place][payload[place]];
            for (std::size_t i = 0; i < left.size(); ++i) left[i] &= fit[i];
            if ((left[0] | left[1]) == 0) return false;
        }
        return true;
    }

  private:
    /// A bit for each signature, and for each alternative that stands at a signature's very beginning.
    static constexpr std::size_t branch_count_max = 128;
    using Branches = std::array<std::uint64_t, branch_count_max / 64>;
    friend class FirstBytesMaker;

    Branches all_{};
    std::array<Branches, place_count> any_{};  ///< those that any byte fits, which fitting_ has as well
    std::array<std::array<Branches, 256>, place_count> fitting_{};
};

}  // namespace clew::sensor
