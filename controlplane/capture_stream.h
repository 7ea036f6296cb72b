// SPDX-License-Identifier: Apache-2.0
// Paths' packets as a pcapng that is made while it is read: a slice of time after the other is asked for, lined up and
// written, so that a long connection takes no more memory than a short one. Used by the API and by `clew pcap`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "controlplane/ladder_source.h"
#include "controlplane/path_capture.h"
#include "nat-trace/result.h"
#include "wire/pcapng.h"

namespace clew::control {

class CaptureStream {
  public:
    struct Sources {
        /// A path's ladder with frames in a time; 0 = no bound.
        std::function<Result<v1::Ladder>(const v1::Path&, TimeNs from, TimeNs to)> ladder;
        std::function<v1::Status()> status;
        TimeNs now = 0;  ///< where paths that still live end
    };

    /// Packets in [from, to); 0 = no bound.
    CaptureStream(std::vector<v1::Path> paths, const CaptureLook& look, TimeNs from, TimeNs to, Sources sources);
    CaptureStream(const CaptureStream&) = delete;
    CaptureStream& operator=(const CaptureStream&) = delete;

    /// The next piece of the file, at most piece_bytes_max; empty: it ended. Nothing is written where there is no
    /// packet. Asks as long as it takes to find one, or until `left` says that nobody waits.
    std::string next(const std::function<bool()>& left = {});

    const PathCapture& capture() const { return capture_; }
    const std::string& partial() const { return partial_; }  ///< what is missing, as far as is known by now

    static constexpr std::size_t piece_bytes_max = 1u << 20;
    static constexpr std::uint64_t slice_packet_count = 20'000;  ///< aimed at, over all taps

  private:
    TimeSpan span_of(const v1::Path& path) const;
    Result<v1::Ladder> ask(const v1::Path& path, TimeNs until);
    TimeNs sure_until(TimeNs complete_ns);
    void make_slice();

    std::vector<v1::Path> paths_;
    TimeNs from_, to_;
    Sources sources_;
    std::string made_;  ///< of the file, from given_ on not given yet
    std::size_t given_ = 0;
    wire::PcapngWriter writer_;
    PathCapture capture_;
    TimeSpan all_;   ///< the slices' first begin and last end
    TimeNs at_ = 0;  ///< where the next slice begins
    DurationNs slice_ns_ = 0;
    DurationNs margin_ns_ = 0;  ///< around a slice: what a packet takes through all taps, by any of their clocks
    bool ended_ = false;
    std::string partial_;
};

}  // namespace clew::control
