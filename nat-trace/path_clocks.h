// SPDX-License-Identifier: Apache-2.0
// The clocks of a path's taps, brought to that of its first leg by what its links know of them. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "nat-trace/path.h"

namespace clew {

class PathClocks {
  public:
    explicit PathClocks(const Path& path);

    /// What the clock of the first leg showed when that of `leg` showed `time`; `time` itself where nothing tells.
    TimeNs aligned(std::size_t leg, TimeNs time) const;
    /// The times of both legs compare: their taps have one clock, or what it differs by is known.
    bool comparable(std::size_t a, std::size_t b) const { return lines_[a].island == lines_[b].island; }

  private:
    /// aligned = time - shift - drift * (time - base_ns_)
    struct Line {
        double shift_ns = 0;
        double drift = 0;
        std::size_t island = 0;  ///< the first of the legs that compare with it
    };
    TimeNs base_ns_ = 0;
    std::vector<Line> lines_;  ///< by leg
};

}  // namespace clew
