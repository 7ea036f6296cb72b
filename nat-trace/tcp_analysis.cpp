// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/tcp_analysis.h"

#include <algorithm>

namespace clew {

void DelayStatistics::merge(const DelayStatistics& other) {
    count += other.count;
    sum_ns += other.sum_ns;
    max_ns = std::max(max_ns, other.max_ns);
    std::array<std::uint32_t, delay_bin_count> sums{};
    std::uint32_t highest = 0;
    for (std::size_t i = 0; i < delay_bin_count; ++i) {
        sums[i] = std::uint32_t{bins[i]} + other.bins[i];
        highest = std::max(highest, sums[i]);
    }
    const bool halve = highest > 0xffff;
    for (std::size_t i = 0; i < delay_bin_count; ++i)
        bins[i] = static_cast<std::uint16_t>(halve ? sums[i] / 2 : sums[i]);
}

DurationNs DelayStatistics::quantile(double share) const {
    std::uint64_t total = 0;
    for (const std::uint16_t bin : bins) total += bin;
    if (total == 0) return 0;
    const double wanted = share * static_cast<double>(total);
    double before = 0;
    for (std::size_t i = 0; i < delay_bin_count; ++i) {
        if (bins[i] == 0 || before + bins[i] < wanted) {
            before += bins[i];
            continue;
        }
        const DurationNs low = delay_bin_floor(i);
        const DurationNs high = i + 1 < delay_bin_count ? delay_bin_floor(i + 1) : max_ns;
        const auto inside = static_cast<DurationNs>(static_cast<double>(high - low) * (wanted - before) / bins[i]);
        return std::min(low + inside, max_ns);
    }
    return max_ns;
}

}  // namespace clew
