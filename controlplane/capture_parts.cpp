// SPDX-License-Identifier: Apache-2.0
#include "controlplane/capture_parts.h"

#include <string_view>

namespace clew::control {
namespace {

std::uint64_t counter_of(const v1::Status& status, const std::string& tap, std::string_view name, bool& known) {
    std::uint64_t sum = 0;
    for (const v1::ObserverStatus& observer : status.observers())
        for (const v1::StatusCounter& counter : observer.counters())
            if (counter.tap() == tap && counter.name() == name) {
                sum += counter.value();
                known = true;
            }
    return sum;
}

std::string with_thousands(std::size_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

}  // namespace

std::string whole_text(std::size_t whole, std::size_t all) {
    if (whole == all) return with_thousands(all) + (all == 1 ? " packet, whole" : " packets, whole");
    if (whole == 0) return with_thousands(all) + (all == 1 ? " packet" : " packets") + ", headers only";
    return with_thousands(whole) + " packets whole, of " + with_thousands(all - whole) + " the headers only";
}

bool has_tunnel(const std::string& segment) {
    constexpr std::string_view between = " / ", vlan = "vlan ";
    if (segment.empty() || segment == "-") return false;
    for (std::size_t at = 0;;) {
        if (segment.compare(at, vlan.size(), vlan) != 0) return true;
        const std::size_t next = segment.find(between, at);
        if (next == std::string::npos) return false;
        at = next + between.size();
    }
}

void write_tap_statistics(wire::PcapngWriter& writer, const std::map<std::string, TapInterface>& interface_of_tap,
                          const v1::Status& status, TimeNs time_ns) {
    for (const auto& [tap, interface] : interface_of_tap) {
        bool known = false;
        wire::PcapngStatistics statistics;
        statistics.interface = interface.number;
        statistics.time_ns = time_ns;
        statistics.comment = interface.comment;
        const std::uint64_t received = counter_of(status, tap, "tap_packets", known);
        const std::uint64_t dropped = counter_of(status, tap, "tap_missed_by_nic", known) +
                                      counter_of(status, tap, "tap_dropped_by_kernel", known);
        if (known) {
            statistics.received = received;
            statistics.dropped = dropped;
            statistics.comment += (statistics.comment.empty() ? "" : "; ") + ("received and dropped of tap " + tap) +
                                  " since its sensor started";
        }
        writer.statistics(statistics);
    }
}

}  // namespace clew::control
