// SPDX-License-Identifier: Apache-2.0
// The check sum of the vault's files: the low 32 bits of XXH3-64.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/hash.h"

namespace clew::vault {

inline std::uint32_t check_of(std::span<const std::uint8_t> bytes) {
    return static_cast<std::uint32_t>(sensor::hash_bytes(bytes.data(), bytes.size()));
}

}  // namespace clew::vault
