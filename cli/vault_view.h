// SPDX-License-Identifier: Apache-2.0
// `clew vault status`, for a person and for programs, out of the sensors' counters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/paint.h"
#include "nat-trace/time.h"
#include "wire/path.pb.h"

namespace clew::cli {

struct VaultState {
    std::string observer;
    bool connected = false;
    std::uint64_t bytes = 0, bytes_max = 0, headers = 0;
    TimeNs oldest_ns = 0;
    std::uint64_t dropped = 0;                ///< headers that never reached the log, for any reason
    std::uint64_t expired = 0;                ///< headers that left because of the budget
    std::vector<v1::StatusCounter> counters;  ///< all of the vault's, as counted
};

std::vector<VaultState> vaults_of(const v1::Status& status);
std::string vault_table(const std::vector<VaultState>& vaults, TimeNs now, const Paint& paint);
/// One JSON object a line; `document`: one array.
std::string vault_lines(const std::vector<VaultState>& vaults, bool document);

}  // namespace clew::cli
