// SPDX-License-Identifier: Apache-2.0
// Capture files through the sensor's pipeline and the engine in this process: what runs live, but for the source. The
// same files give the same paths in the same order. One thread, no network, no root.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/region_json.h"
#include "nat-trace/engine.h"
#include "wire/path.pb.h"

namespace clew::cli {

constexpr DurationNs replay_tick_ns = 100 * ns_per_ms;  ///< of capture time between two ticks of the engine

/// One counter, with its English text.
struct Remark {
    std::string name;
    std::string text;
    std::uint64_t count = 0;
};

struct ReplayOutcome {
    std::vector<v1::Path> paths;  ///< by time of their first packet
    v1::GatewayList gateways;     ///< learnt from all of them
    std::uint64_t packets = 0;
    std::uint64_t legs = 0;
    std::uint64_t legs_without_path = 0;             ///< 0, or something is wrong with the program
    std::vector<Remark> counters;                    ///< of the pipeline, those above 0, with their English text
    std::vector<std::string> damaged_files;          ///< a sentence for each file that ended early
    std::optional<v1::LinkExplanation> explanation;  ///< where two legs were asked about and both were seen
};

/// `explained`: two legs to weigh against each other when all are in.
Result<ReplayOutcome> replay(const std::vector<TapFile>& taps,
                             const std::optional<std::array<LegId, 2>>& explained = {});

}  // namespace clew::cli
