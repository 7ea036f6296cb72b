// SPDX-License-Identifier: Apache-2.0
// Several capture files as one stream in the order of their time stamps. One thread. Holds one burst of each file.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/region_json.h"
#include "dataplane/packet.h"
#include "nat-trace/result.h"

namespace clew::cli {

class MergedCaptures {
  public:
    /// Opens all files; the packets of taps[i] bear the number tap_ids[i].
    static Result<MergedCaptures> open(const std::vector<TapFile>& taps, const std::vector<TapId>& tap_ids);

    /// Gives back what take() lent and reads on; false at the end of all files.
    bool advance();

    /// Time stamp of the packet that take() will begin with.
    TimeNs time_ns() const { return earliest()->time_ns(); }

    /// The next packets: all of one file, at least one, and no more of them that are stamped at or after `before`.
    std::span<const sensor::Packet> take(TimeNs before);

    /// How far apart the files' first packets are stamped.
    DurationNs start_spread_ns() const { return start_spread_ns_; }

    std::vector<std::string> damaged_files() const;

  private:
    struct Reader {
        std::unique_ptr<sensor::PacketSource> source;
        std::array<sensor::Packet, sensor::burst_packet_count_max> burst;
        std::size_t begin = 0, end = 0;

        bool empty() const { return begin == end; }
        TimeNs time_ns() const { return burst[begin].time_ns; }
        void fill();
    };

    Reader* earliest() const;

    std::vector<std::unique_ptr<Reader>> readers_;  ///< those that are not used up
    std::vector<std::unique_ptr<Reader>> used_up_;
    Reader* lent_ = nullptr;
    DurationNs start_spread_ns_ = 0;
};

}  // namespace clew::cli
