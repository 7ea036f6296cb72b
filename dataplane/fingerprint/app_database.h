// SPDX-License-Identifier: Apache-2.0
// The signatures of app_signatures.def, compiled by Hyperscan. Compiling takes a tenth of a second, so the build does
// it (app_database_maker.cpp) and programs take up what it left; where that does not fit the machine they compile anew.
#pragma once

#include <cstdint>
#include <vector>

struct hs_database;

namespace clew::sensor {

enum class Carrier : std::uint8_t { tcp, udp, any };

/// The signatures' expressions of one transport. `transport`: tcp or udp.
std::vector<const char*> expressions_of(Carrier transport);

/// The signatures of one transport, for every machine with AVX2; a match's id is the signature's place in the list. The
/// caller frees it. A signature that does not compile is a programmer's error.
hs_database* compile_signatures(Carrier transport);

/// The same out of the build, or compiled. `transport`: tcp or udp.
hs_database* load_signatures(Carrier transport);

}  // namespace clew::sensor
