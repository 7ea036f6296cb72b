// SPDX-License-Identifier: Apache-2.0
// What captures out of the vaults have in common, with a path and without.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "nat-trace/time.h"
#include "wire/path.pb.h"
#include "wire/pcapng.h"

namespace clew::control {

/// "12 packets whole, of 3 the headers only".
std::string whole_text(std::size_t whole, std::size_t all);

/// The segment, in words, has more than VLAN tags.
bool has_tunnel(const std::string& segment);

struct TapInterface {
    std::uint32_t number = 0;
    std::string comment;  ///< for its statistics
};

/// A statistics block for each tap, at this time, with its counters where they are known.
void write_tap_statistics(wire::PcapngWriter& writer, const std::map<std::string, TapInterface>& interface_of_tap,
                          const v1::Status& status, TimeNs time_ns);

}  // namespace clew::control
