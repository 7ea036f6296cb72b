// SPDX-License-Identifier: Apache-2.0
// `clew vault status`, for a person and for programs, out of the sensors' counters.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/paint.h"
#include "nat-trace/time.h"
#include "wire/path.pb.h"

namespace clew::cli {

/// The header log or the packet log of a sensor.
struct VaultLogState {
    bool present = false;
    std::uint64_t bytes = 0, bytes_max = 0, bytes_open = 0;
    std::uint64_t raw_bytes = 0;  ///< packets before compression
    std::uint64_t packets = 0;
    TimeNs oldest_ns = 0;
    std::uint64_t dropped = 0;  ///< what never reached the log, for any reason
};

struct VaultTapState {
    std::uint64_t kept = 0, kept_bytes = 0, not_chosen = 0, dropped = 0;
    TimeNs oldest_ns = 0;
};

/// What the control plane switched the packet log on for.
struct VaultRecording {
    TimeNs until_ns = 0;
    std::string what;
};

struct VaultState {
    std::string observer;
    bool connected = false;
    VaultLogState headers, packets;
    std::map<std::string, VaultTapState> taps;  ///< of the packet log
    std::vector<VaultRecording> recordings;
    std::vector<v1::StatusCounter> counters;  ///< all of the vault's, as counted
};

std::vector<VaultState> vaults_of(const v1::Status& status);
std::string vault_table(const std::vector<VaultState>& vaults, TimeNs now, const Paint& paint);
/// One JSON object a line; `document`: one array.
std::string vault_lines(const std::vector<VaultState>& vaults, bool document);

}  // namespace clew::cli
