// SPDX-License-Identifier: Apache-2.0
// What makes a capture hard. Each is a modifier that any class can have; `--condition` names them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clew::corpus {

struct Conditions {
    bool loss = false;            ///< 1 % of the frames are missing at each tap, one by one
    bool loss_burst = false;      ///< 1 % of the time each tap sees nothing, milliseconds at once
    bool one_way = false;         ///< taps see only what goes to the server
    bool one_way_return = false;  ///< taps see only what goes to the client
    bool one_way_mixed = false;   ///< every second tap sees the one, the others the other way
    bool asymmetric = false;      ///< the way back runs over another tap on half of the links
    bool duplicate = false;       ///< every frame mirrored twice on half of the taps, every fifth on the others
    bool reorder = false;         ///< time stamps off by up to 30 µs, so that neighbours change places
    bool unsorted = false;        ///< the file's order is not that of its time stamps
    bool middle = false;          ///< capture starts when most connections are long open
    bool reuse = false;           ///< half of the connections have the address and port of one that just ended
    bool one_tap = false;         ///< both sides of a gateway on one tap
    bool hairpin = false;         ///< the last link is seen by the first tap again
    bool tenants = false;         ///< overlapping client addresses in several VNIs at the same time
    bool low_entropy = false;     ///< half of the clients have an initial sequence number of 0 or a constant
    bool flood = false;           ///< ten unanswered SYNs for each connection
    bool clocks = false;          ///< each tap its own clock: ±100 ms, ±50 ppm
    bool network_loss = false;    ///< 1 % of the packets are lost on each link, and sent again
};

struct ConditionName {
    std::string_view name;
    bool Conditions::*member;
    std::string_view text;
};

/// All of them, in the order of the documentation.
const std::vector<ConditionName>& condition_names();

/// Sets the named ones ("loss,clocks"); gives the first unknown name, or nothing.
std::string set_conditions(std::string_view list, Conditions& conditions);

}  // namespace clew::corpus
