// SPDX-License-Identifier: Apache-2.0
// What an ERSPAN header (type II or III, draft-foschiano-erspan) tells besides its session: which way the mirrored
// frame went through its port, and when. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/bytes.h"
#include "nat-trace/time.h"

namespace clew::sensor {

enum class MirrorDirection : std::uint8_t { unknown = 0, ingress = 1, egress = 2 };

struct ErspanHeader {
    std::uint8_t type = 2;  ///< 2 or 3
    std::uint16_t session = 0;
    MirrorDirection direction = MirrorDirection::unknown;  ///< type III only
    std::uint32_t stamp = 0;                               ///< type III, in units of `granularity`
    DurationNs granularity = 0;                            ///< 0: no stamp whose unit is known
};

/// `at` is Decapped::erspan_offset into the frame; decap has checked the length.
inline ErspanHeader read_erspan_header(const std::uint8_t* at) {
    ErspanHeader header;
    header.type = at[0] >> 4 == 1 ? 2 : 3;
    header.session = load_be16(at + 2) & 0x3ff;
    if (header.type == 2) return header;
    const std::uint16_t last = load_be16(at + 10);
    header.direction = last & 0x8 ? MirrorDirection::egress : MirrorDirection::ingress;
    header.stamp = load_be32(at + 4);
    const unsigned unit = last >> 1 & 3u;
    header.granularity = unit == 0 ? 100'000 : unit == 1 ? 100 : 0;
    return header;
}

/// The stamp as a time: it counts its unit since the epoch modulo 2^32, and the time it means is the one nearest to
/// when the frame was received.
inline std::optional<TimeNs> erspan_time(const ErspanHeader& header, TimeNs received_ns) {
    if (header.granularity == 0) return std::nullopt;
    const auto now = static_cast<std::uint64_t>(received_ns / header.granularity);
    const auto behind = static_cast<std::int32_t>(header.stamp - static_cast<std::uint32_t>(now));
    return (static_cast<std::int64_t>(now) + behind) * header.granularity;
}

}  // namespace clew::sensor
