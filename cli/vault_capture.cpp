// SPDX-License-Identifier: Apache-2.0
#include "cli/vault_capture.h"

#include <algorithm>

#include "cli/paint.h"
#include "cli/time_text.h"
#include "controlplane/partial.h"

namespace clew::cli {

std::uint32_t VaultCapture::interface_of(const v1::CapturedLeg& leg) {
    const std::string name = leg.tap().empty() ? leg.observer() : leg.tap();
    const auto known = interfaces_.find(name);
    if (known != interfaces_.end()) return known->second.number;
    const std::string description = "tap of " + leg.observer() + (look_.strip_tunnels ? "; tunnels taken off" : "");
    return interfaces_[name].number = writer_->add_interface({name, description, look_.snap_length});
}

void VaultCapture::write(const v1::CapturedPacketList& page) {
    std::map<std::string, const v1::CapturedLeg*> legs;
    for (const v1::CapturedLeg& leg : page.legs()) {
        legs[leg.leg_id()] = &leg;
        done_.had_tunnels |= control::has_tunnel(leg.segment());
    }
    for (const v1::CapturedPacket& packet : page.packets()) {
        const auto leg = legs.find(packet.leg_id());
        if (leg == legs.end() || packet.frame().empty()) continue;
        const std::string& tap = leg->second->tap();
        if (!look_.taps.empty() && std::find(look_.taps.begin(), look_.taps.end(), tap) == look_.taps.end()) continue;
        if (!look_.direction.empty() && packet.direction() != look_.direction) continue;
        if (!writer_) {
            writer_.emplace(open_());
            writer_->section("clew", "out of the sensors' vaults");
        }
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(packet.frame().data());
        writer_->packet({interface_of(*leg->second),
                         packet.time_ns(),
                         std::max(packet.wire_length(), static_cast<std::uint32_t>(packet.frame().size())),
                         {bytes, packet.frame().size()},
                         std::nullopt,
                         packet.whole() ? "" : "headers only"});
        last_ns_ = packet.time_ns();
        ++done_.packets;
        done_.whole += packet.whole();
    }
}

Result<VaultCaptured> VaultCapture::run(ApiClient& api, PacketsRequest request, std::size_t count_max) {
    for (std::size_t left = count_max; left > 0 && !failed(); left = count_max - std::min(count_max, done_.packets)) {
        request.count_max = static_cast<std::uint32_t>(std::min<std::size_t>(request.count_max, left));
        const Result<v1::CapturedPacketList> page = api.packets(request);
        if (!page && done_.packets == 0) return tl::make_unexpected(page.error());
        if (!page) {
            control::note_partial(done_.partial, page.error().sentence);
            break;
        }
        control::note_partial(done_.partial, page->partial());
        write(*page);
        if (page->next_ns() == 0) break;
        request.since_ns = page->next_ns();
        if (done_.packets >= count_max)
            control::note_partial(done_.partial, "only the first " + with_thousands(count_max) +
                                                     " packets; give more with --limit, or less time");
    }
    if (!writer_) return done_;
    const Result<v1::Status> status = api.status();
    control::write_tap_statistics(*writer_, interfaces_, status ? *status : v1::Status(), last_ns_);
    return done_;
}

}  // namespace clew::cli
