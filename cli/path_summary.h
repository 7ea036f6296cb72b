// SPDX-License-Identifier: Apache-2.0
// What a path comes down to: who speaks with whom, through what, at what cost, and what is wrong with it.
#pragma once

#include <string>
#include <vector>

#include "nat-trace/time.h"
#include "wire/path.pb.h"

namespace clew::cli {

/// What all links between taps added together, there and back: sums of means. Between taps of one clock the errors do
/// not add up, since only the first and the last stamp matter; over different clocks, and there and back, they do.
struct AddedDelay {
    DurationNs sum_ns = 0;
    DurationNs error_ns = 0;
    unsigned measured = 0;  ///< directions of links, and spans, that have samples
    unsigned missing = 0;   ///< directions of links between packet taps that have none: the sum is a lower bound
};

/// Which transport connection each leg is of: 0 on the client's side, one more behind each relay.
std::vector<unsigned> connection_of_leg(const v1::Path& path);

AddedDelay added_delay(const v1::Path& path);
std::string added_delay_text(
    const AddedDelay& added);  ///< "412 ±2 µs", "≥ 412 ±2 µs" when some are missing, "-" when all are

/// The link's delay in the direction; null where it was not measured.
const v1::PathDelay* delay_of(const v1::PathLink& link, const std::string& direction);

/// Between two packet taps: a socket has no packets to compare.
bool is_measurable(const v1::Path& path, const v1::PathLink& link);

std::string proto_text(const v1::Path& path);         ///< "tcp tls", "tcp tls, http" where a proxy changed it
std::string server_names_text(const v1::Path& path);  ///< "example.org"; empty when none was told
std::string process_text(const v1::PathLeg& leg);     ///< "curl[4711]"; empty when not known
/// The server as the client knows it, where a gateway stands between (a VIP); empty when it is the server itself.
std::string called_address(const v1::Path& path);

const v1::PathLeg* client_leg(const v1::Path& path);  ///< the first; null for a path without legs
const v1::PathLeg* server_leg(const v1::Path& path);

std::string hops_text(const v1::Path& path);    ///< "snat → fullnat"; forwards only where there is nothing else
std::string worst_grade(const v1::Path& path);  ///< "A" … "D"; "-" without links

/// What a person should look at, worst first, in a few words each: "reset", "no answer", "12 retransmissions".
std::vector<std::string> abnormalities(const v1::Path& path);

/// Why a leg stands alone, as a sentence: "no-candidate" → "no other tap saw …".
std::string unlinked_text(const std::string& reason);

/// The shortest prefix of at least eight characters that tells the list's paths apart.
std::size_t id_prefix_length(const v1::PathList& list);

}  // namespace clew::cli
