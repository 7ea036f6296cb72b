// SPDX-License-Identifier: Apache-2.0
// Header archives: capture files in and out of the header log's format, with the code that a sensor runs live.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/region_json.h"
#include "cli/replay.h"
#include "nat-trace/result.h"

namespace clew::cli {

struct PackOutcome {
    std::uint64_t packets = 0;  ///< read from the captures
    std::uint64_t headers = 0;  ///< packed: those that are on a leg
    std::uint64_t tcp_headers = 0;
    std::uint64_t legs = 0;           ///< a leg counts once in each block it has packets in
    std::uint64_t bytes = 0;          ///< of the archive, index included
    std::uint64_t capture_bytes = 0;  ///< of the capture files
    std::uint64_t encode_ns = 0;      ///< sorting and encoding, without reading and checking
    std::vector<Remark> counters;     ///< what did not become a header, with its reason
    std::vector<std::string> damaged_files;
};

/// Packs, then decodes every block again and compares it with what went in, bit by bit; a difference is a failure.
Result<PackOutcome> pack_captures(const std::vector<TapFile>& taps, const std::string& to, bool payload_checks);

struct UnpackOutcome {
    std::uint64_t packets = 0;
    std::string damage;  ///< what could not be read, and from where on
};

/// Writes header-only packets as pcapng: an interface a tap.
Result<UnpackOutcome> unpack_archive(const std::string& from, const std::string& to);

}  // namespace clew::cli
