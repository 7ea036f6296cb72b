// SPDX-License-Identifier: Apache-2.0
// In which form a caller wants packets. Plain value.
#pragma once

#include <cstdint>

#include "wire/leg.pb.h"

namespace clew::control {

struct FrameWish {
    bool frames = false;            ///< none at all otherwise: header fields only
    bool headers_only = false;      ///< headers built back, even where the packet is kept
    bool strip_tunnels = false;     ///< without what stands around the innermost IP packet, but for Ethernet
    std::uint32_t snap_length = 0;  ///< 0: not cut

    void apply(v1::HeaderRequest& request) const {
        request.set_frames(frames);
        request.set_headers_only(headers_only);
        request.set_strip_tunnels(strip_tunnels);
        request.set_snap_length(snap_length);
    }
};

}  // namespace clew::control
