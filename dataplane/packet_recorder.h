// SPDX-License-Identifier: Apache-2.0
// Recordings: what the control plane switches the packet log on for, a capture filter and a time each. They stand
// before the configuration's rules, end by themselves, and are forgotten when the sensor ends. Any thread; time comes
// in.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/vault/packet_appender.h"
#include "wire/leg.pb.h"

namespace clew::sensor {

class PacketRecorder {
  public:
    static constexpr std::size_t recording_count_max = 8;  ///< at a time: every packet may be held against each
    static constexpr DurationNs duration_ns_max = 24 * 3600 * ns_per_s;

    /// `rules`: the configuration's; with `on_demand` nothing is kept but recordings. Appenders are borrowed.
    PacketRecorder(std::vector<vault::PacketRule> rules, bool on_demand, std::vector<std::string> taps,
                   std::vector<vault::PacketAppender*> appenders);

    /// When it ends: `now` where it is to end one. Fails with one sentence.
    Result<TimeNs> record(const v1::Recording& wanted, TimeNs now);
    /// Takes those that are over out of the workers' way.
    void expire(TimeNs now);
    /// How many there are, and for each until when, and its id.
    std::vector<v1::Counter> count() const;

    /// The rules that hold when these recordings are on.
    static std::vector<vault::PacketRule> rules_with(const std::vector<vault::PacketRule>& recordings,
                                                     const std::vector<vault::PacketRule>& rules, bool on_demand);

  private:
    struct On {
        std::uint32_t id;
        vault::PacketRule rule;
    };
    Result<vault::PacketRule> rule_of(const v1::Recording& wanted, TimeNs now) const;
    Result<void> apply(const std::vector<On>& recordings);
    template <class IsOver>
    bool drop(IsOver&& is_over);

    const std::vector<vault::PacketRule> rules_;
    const bool on_demand_;
    const std::vector<std::string> taps_;
    const std::vector<vault::PacketAppender*> appenders_;
    mutable std::mutex mutex_;
    std::vector<On> recordings_;
};

}  // namespace clew::sensor
