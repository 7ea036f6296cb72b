// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/app_database.h"

#include <span>

#include <hs/hs.h>

namespace clew::sensor {
namespace {

#include "app_databases.inc"

}  // namespace

hs_database* load_signatures(Carrier transport) {
    const std::span<const unsigned char> made =
        transport == Carrier::udp ? std::span<const unsigned char>(made_of_udp) : std::span(made_of_tcp);
    hs_database_t* database = nullptr;
    const auto* bytes = reinterpret_cast<const char*>(made.data());
    if (hs_deserialize_database(bytes, made.size(), &database) == HS_SUCCESS) return database;
    return compile_signatures(transport);  // another release of Hyperscan than at the build
}

}  // namespace clew::sensor
