// SPDX-License-Identifier: Apache-2.0
// CURVE key pairs: made, written to a YAML file only its owner may read, and read back.
//     public: "40 characters, Z85"
//     secret: "40 characters, Z85"
#pragma once

#include <string>

#include "nat-trace/result.h"

namespace clew::wire {

struct CurveKeyPair {
    std::string public_key;
    std::string secret_key;
};

Result<CurveKeyPair> make_curve_keys();

/// Makes the file with mode 0600; never replaces one that is there.
Result<void> write_curve_keys(const std::string& path, const CurveKeyPair& keys);

/// Refuses a file that others may read.
Result<CurveKeyPair> read_curve_keys(const std::string& path);

/// Whether it has the form of a key: 40 characters of Z85.
bool is_curve_key(const std::string& text);

}  // namespace clew::wire
