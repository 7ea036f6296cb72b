// SPDX-License-Identifier: Apache-2.0
// The parameters that several of the API's routes have, and how a message is written.
#pragma once

#include <google/protobuf/message.h>

#include "controlplane/api_route.h"
#include "controlplane/frame_wish.h"
#include "controlplane/store/filter.h"
#include "controlplane/store/overview.h"

namespace clew::control {

constexpr std::int64_t time_max = std::int64_t{1} << 62;
constexpr std::int64_t text_bytes_max = 200;
constexpr std::int64_t bpf_bytes_max = 2000;

std::string to_json(const google::protobuf::Message& message);

inline ApiParameter since(bool required) {
    return {"since_ns", ParameterKind::time, required, 0, time_max, 0, "the time from which on, in ns since 1970"};
}
inline ApiParameter until() {
    return {"until_ns", ParameterKind::time, false, 0, time_max, 0, "the time until which; 0: now"};
}
inline ApiParameter filter() {
    return {"filter",
            ParameterKind::text,
            false,
            0,
            store::filter_bytes_max,
            0,
            "the filter language; fields lists its fields"};
}
inline ApiParameter count(const char* name, std::int64_t min, std::int64_t max, std::int64_t fallback,
                          const char* text) {
    return {name, ParameterKind::number, false, min, max, fallback, text};
}
inline ApiParameter buckets(std::int64_t min) {
    return count("buckets", min, store::bucket_count_max, 60, "into how many equal times the range is divided");
}
inline ApiParameter limit() {
    return count("limit", 1, store::overview_count_max, 50, "how many at most; the largest are kept");
}

inline ApiParameter headers_only() {
    return {"headers_only",
            ParameterKind::flag,
            false,
            0,
            1,
            0,
            "frames are headers built back, even where the packet is kept"};
}
inline ApiParameter strip_tunnels() {
    return {"strip_tunnels", ParameterKind::flag, false, 0, 1, 0, "frames without their tunnels"};
}
inline ApiParameter bpf() {
    return {"bpf",
            ParameterKind::text,
            false,
            0,
            bpf_bytes_max,
            0,
            "a capture filter (pcap-filter(7)) on the innermost IP packet"};
}
inline ApiParameter snap() { return count("snap", 0, 0xffff, 0, "frames are cut at so many bytes; 0: not"); }

/// What a request with these three wants, frames included.
inline FrameWish frame_wish(const ApiArguments& arguments) {
    return {.frames = true,
            .headers_only = arguments.number("headers_only") != 0,
            .strip_tunnels = arguments.number("strip_tunnels") != 0,
            .snap_length = static_cast<std::uint32_t>(arguments.number("snap"))};
}

}  // namespace clew::control
