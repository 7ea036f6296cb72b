// SPDX-License-Identifier: Apache-2.0
// Names a payload's application protocol. Most payloads match no signature (app_signatures.def), which their first
// bytes tell (first_bytes.h); of the others Hyperscan finds every signature in one pass, and the small parser of each
// candidate decides. The compiled signatures (app_database.h) are one for the process; an AppScanner holds what one
// thread needs to scan and allocates only when made.
#pragma once

#include <cstdint>

#include "dataplane/fingerprint/app_check.h"
#include "dataplane/fingerprint/first_bytes.h"
#include "nat-trace/app.h"

struct hs_database;
struct hs_scratch;

namespace clew::sensor {

constexpr std::uint32_t app_scan_bytes = 96;

class AppScanner {
  public:
    AppScanner();
    ~AppScanner();
    AppScanner(const AppScanner&) = delete;
    AppScanner& operator=(const AppScanner&) = delete;

    /// unknown: nothing fits. mDNS and LLMNR are told from DNS by their ports.
    App name(const PayloadLook& look, bool datagram);

  private:
    const hs_database* tcp_ = nullptr;
    const hs_database* udp_ = nullptr;
    const FirstBytes& tcp_first_bytes_;
    const FirstBytes& udp_first_bytes_;
    hs_scratch* scratch_ = nullptr;
};

}  // namespace clew::sensor
