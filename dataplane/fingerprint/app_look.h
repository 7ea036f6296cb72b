// SPDX-License-Identifier: Apache-2.0
// The look at a leg's first payloads that names its application protocol and the server it asks for (SNI, Host, DNS
// question) and puts them into the leg's cold part. One thread.
#pragma once

#include <span>

#include "dataplane/fingerprint/app_scanner.h"
#include "dataplane/fingerprint/study.h"
#include "dataplane/leg_state.h"

namespace clew::sensor {

constexpr std::uint8_t scanned_payload_count = 3;  ///< of each side, until the application is known

/// Keeps what an HTTP request names as its server, without the port; true when that was new.
bool name_server(LegParts& parts, ColdLeg& cold, std::string_view host);

/// `payload` is the packet's, without a PROXY header. True when something new was learnt.
bool look_at_app(AppScanner& scanner, LegParts& parts, ColdLeg& cold, const SeenPacket& seen,
                 std::span<const std::uint8_t> payload);

}  // namespace clew::sensor
