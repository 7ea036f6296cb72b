// SPDX-License-Identifier: Apache-2.0
// After a restart the engine starts anew from the store's legs. This reconciles what it says with the paths stored
// before: revisions go on growing, a path whose legs stand in other paths now is retracted, and a path of which the
// engine knows a part only (the rest left its window) stays as it was stored. One thread; pure.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "nat-trace/time.h"
#include "wire/path.pb.h"

namespace clew::control {

/// Greater than any revision given before `now`, as long as no path changed more than four times a second since it
/// began.
std::uint32_t revision_base(TimeNs now);

class Restart {
  public:
    /// `stored`: the live paths of the time from `refilled_since_ns` on. `refilled`: ids of the legs given to the
    /// engine.
    Restart(const std::vector<v1::Path>& stored, const std::unordered_set<std::string>& refilled,
            TimeNs refilled_since_ns);

    /// Whether the engine's path is to be stored; remembers it until finish().
    bool admit(const v1::Path& path);

    /// The retractions of stored paths that the engine did not find again. Call it once, when the engine has settled.
    std::vector<v1::Path> finish(std::uint32_t revision);

  private:
    struct Kept {
        std::string path_id;
        std::unordered_set<std::string> legs;
    };
    std::unordered_map<std::string, std::vector<std::string>> unseen_;  ///< stored path, its legs
    std::unordered_map<std::string, std::size_t> kept_of_leg_;          ///< leg, index into kept_
    std::vector<Kept> kept_;
    std::unordered_map<std::string, std::string> path_of_leg_;  ///< as the engine says now, until finish()
    bool finished_ = false;
};

}  // namespace clew::control
