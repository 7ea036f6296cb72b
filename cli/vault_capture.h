// SPDX-License-Identifier: Apache-2.0
// Packets out of all vaults into one pcapng, page after page as they come: an interface a tap. Nothing is written
// before there is a packet.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "cli/api_client.h"
#include "controlplane/capture_parts.h"
#include "controlplane/path_capture.h"

namespace clew::cli {

struct VaultCaptured {
    std::size_t packets = 0, whole = 0;
    bool had_tunnels = false;
    std::string partial;  ///< why not everything is in it; empty when it is
};

class VaultCapture {
  public:
    /// `open` gives the place to write to, once there is something to write.
    VaultCapture(const control::CaptureLook& look, std::function<wire::PcapngWriter::Write()> open)
        : look_(look), open_(std::move(open)) {}

    /// Asks page after page until nothing is left or `count_max` packets are written.
    Result<VaultCaptured> run(ApiClient& api, PacketsRequest request, std::size_t count_max);
    bool failed() const { return writer_ && writer_->failed(); }

  private:
    void write(const v1::CapturedPacketList& page);
    std::uint32_t interface_of(const v1::CapturedLeg& leg);

    control::CaptureLook look_;
    std::function<wire::PcapngWriter::Write()> open_;
    std::optional<wire::PcapngWriter> writer_;
    std::map<std::string, control::TapInterface> interfaces_;
    TimeNs last_ns_ = 0;
    VaultCaptured done_;
};

}  // namespace clew::cli
