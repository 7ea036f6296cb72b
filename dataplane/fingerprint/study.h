// SPDX-License-Identifier: Apache-2.0
// The close look at a leg's first packets: initial sequence numbers, SYN options, stream heads, samples and hints go
// into the leg's cold part and its parts. Never called for the bulk of a connection. One thread.
#pragma once

#include <memory>
#include <span>

#include "dataplane/decap.h"
#include "dataplane/fingerprint/http.h"
#include "dataplane/fingerprint/stream_head.h"
#include "dataplane/leg_state.h"
#include "dataplane/packet.h"
#include "dataplane/reasons.h"
#include "dataplane/transport.h"

namespace clew::sensor {

class AppScanner;

/// One packet of a leg, parsed.
struct SeenPacket {
    const Packet* packet = nullptr;
    const Decapped* decapped = nullptr;
    const Transport* transport = nullptr;
    Side side = 0;

    std::span<const std::uint8_t> payload() const {
        return {packet->bytes + transport->payload_offset, transport->payload_captured};
    }
};

/// What the look found that the control plane should hear of soon.
struct StudyFindings {
    bool handshake_over = false;
    bool first_payload = false;
    bool hint = false;
};

class Study {
  public:
    Study(ReasonCounters& counters, LegParts& parts);
    ~Study();

    /// `advances`: the payload is new, no repetition. Call before the hot part is updated with this packet.
    StudyFindings look(HotLeg& hot, ColdLeg& cold, const SeenPacket& seen, bool advances);

  private:
    void look_at_handshake(HotLeg& hot, ColdLeg& cold, const SeenPacket& seen, StudyFindings& findings);
    void look_at_options(ColdLeg& cold, const SeenPacket& seen, StudyFindings& findings);
    void look_at_uoa(ColdLeg& cold, const SeenPacket& seen, StudyFindings& findings);
    void look_at_stream(ColdLeg& cold, const SeenPacket& seen, bool by_client, bool advances, StudyFindings& findings);
    std::size_t look_at_asking(ColdLeg& cold, const SeenPacket& seen, bool by_client, std::uint32_t offset,
                               std::span<const std::uint8_t> payload, StudyFindings& findings);
    void look_at_http(ColdLeg& cold, const SeenPacket& seen, std::span<const std::uint8_t> payload,
                      StudyFindings& findings);
    bool look_at_http2(ColdLeg& cold, const SeenPacket& seen, std::uint32_t offset,
                       std::span<const std::uint8_t> payload, StudyFindings& findings);
    void add_http_hints(ColdLeg& cold, const SeenPacket& seen, const HttpHead& head, StudyFindings& findings);
    void end_http2(const HotLeg& hot, ColdLeg& cold);
    void look_at_datagram(ColdLeg& cold, const SeenPacket& seen, StudyFindings& findings);
    void add_hint(ColdLeg& cold, HintKind kind, const SeenPacket& seen, std::span<const std::uint8_t> value,
                  StudyFindings& findings);

    ReasonCounters& counters_;
    LegParts& parts_;
    std::unique_ptr<AppScanner> scanner_;
};

constexpr TcpFlags tcp_fin = 0x01, tcp_syn = 0x02, tcp_reset = 0x04, tcp_ack = 0x10;

}  // namespace clew::sensor
