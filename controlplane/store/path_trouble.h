// SPDX-License-Identifier: Apache-2.0
// What is wrong with one path, in figures that are searched and sorted by. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire/path.pb.h"

namespace clew::store {

/// Stands in the columns of delays for "not known". Delays may be below 0, within the ± of two clocks.
constexpr std::int64_t delay_unknown_ns = -(std::int64_t{1} << 62);

struct PathTrouble {
    std::int64_t added_ns = delay_unknown_ns;    ///< over all its links: of each the mean towards the server
    std::int64_t slowest_ns = delay_unknown_ns;  ///< the largest of them
    std::uint32_t lost = 0;                      ///< on the wire between its taps, and sent again
    std::uint32_t gaps = 0;                      ///< passed one of its taps and was not captured there
    std::vector<std::string> reset_by;           ///< "client", "server", "relay", "middlebox": each once
    std::uint16_t oddness = 0;                   ///< the order of "abnormal first": 0 where nothing is wrong
};

/// Oddness adds up points: losses, retransmissions, the largest delay beyond its ± and 1 ms, and closed windows by
/// their logarithm; a reset of a connection that was open, and more where a box in between sent it; an opening that
/// died, ICMP errors, a loop. Little for what a scanner leaves: refused openings and legs that stand alone.
PathTrouble trouble_of(const v1::Path& path);

/// An SQL expression over the columns of a row from before the score was kept: the same, as far as those tell.
extern const char* const oddness_of_old_rows_sql;

}  // namespace clew::store
