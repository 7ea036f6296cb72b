// SPDX-License-Identifier: Apache-2.0
// A path's packets at all its taps as one pcapng: an interface a tap, the same packet id for the same packet.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "wire/path.pb.h"
#include "wire/pcapng.h"

namespace clew::control {

struct CaptureLook {
    std::vector<std::string> taps;  ///< only these; empty: all
    std::string direction;          ///< "to_server", "to_client", or empty: both
    std::uint32_t snap_length = 0;  ///< 0: not cut; packets come cut
    bool aligned = false;           ///< times by the first tap's clock, where the difference is known
    bool strip_tunnels = false;     ///< packets come without them
};

/// Several paths into one file: their interfaces first (add), then all packets in the order of time (write).
class PathCapture {
  public:
    explicit PathCapture(const CaptureLook& look) : look_(look) {}

    void add(const v1::Path& path, const v1::Ladder& ladder);
    std::size_t packet_count() const { return packets_.size(); }
    std::size_t whole_count() const;  ///< of them, packets that were kept; the others are headers alone
    bool had_tunnels() const { return had_tunnels_; }
    /// Packets of the ladders that no vault had headers of.
    std::size_t without_headers() const { return without_headers_; }

    /// `status` gives the taps' counters.
    void write(wire::PcapngWriter& writer, const v1::Status& status) const;

  private:
    struct Packet {
        std::string tap;
        std::int64_t time_ns = 0;
        std::uint32_t wire_length = 0;
        std::uint64_t id = 0;
        std::string frame;
        std::string comment;
        bool whole = false;
    };
    std::string description_of(const std::string& tap) const;
    void add_row(const v1::Path& path, const v1::Ladder& ladder, const v1::LadderRow& row,
                 const std::vector<std::int64_t>& offsets);
    bool wants(const std::string& tap) const;

    CaptureLook look_;
    std::map<std::string, std::string> description_of_tap_;
    std::vector<Packet> packets_;
    std::uint64_t next_id_ = 1;
    bool had_tunnels_ = false;
    std::size_t without_headers_ = 0;
};

}  // namespace clew::control
