// SPDX-License-Identifier: Apache-2.0
// Paths' packets at all their taps as one pcapng: an interface a tap, the same packet id for the same packet. Slice of
// time after slice of time; what is written is not kept.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "controlplane/capture_parts.h"
#include "nat-trace/time.h"
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

class PathCapture {
  public:
    PathCapture(const CaptureLook& look, wire::PcapngWriter& writer) : look_(look), writer_(writer) {}

    /// A ladder whose cells with from <= time < until go into this slice. It may have more on both sides: a packet that
    /// passed one tap before a slice's border and another behind it has one id then.
    void add(const v1::Path& path, const v1::Ladder& ladder, TimeNs from, TimeNs until);
    void write_slice();  ///< in the order of time
    /// `status` gives the taps' counters; `partial`, if any, stands in the last blocks' comments.
    void finish(const v1::Status& status, const std::string& partial);

    std::size_t packet_count() const { return count_; }
    std::size_t whole_count() const {
        return whole_;
    }  ///< of them, packets that were kept; the others are headers alone
    bool had_tunnels() const { return had_tunnels_; }
    /// Packets of the ladders that no vault had headers of.
    std::size_t without_headers() const { return without_headers_; }

    /// Before what is missing, in a comment of the file's last block.
    static constexpr const char* partial_mark = "not every packet is in this file: ";

  private:
    struct Packet {
        std::uint32_t interface = 0;
        TimeNs time_ns = 0;
        std::uint32_t wire_length = 0;
        std::uint64_t id = 0;
        std::string frame;
        std::string comment;
    };
    struct Tap {
        std::uint32_t interface = 0;
        std::size_t count = 0, whole = 0;
    };
    /// A row that stands in two slices, by the first cell that was seen: path, column, time, seq, ack, IP id.
    using RowKey = std::tuple<std::string, int, TimeNs, std::uint32_t, std::uint32_t, std::uint32_t>;
    /// Segments that were cut anew share a row, but are no one packet.
    using IdOfLength = std::map<std::uint32_t, std::uint64_t>;

    struct Slice {
        const v1::Path& path;
        const v1::Ladder& ladder;
        TimeNs from = 0, until = 0;
    };
    void add_interfaces(const v1::Path& path, const v1::Ladder& ladder);
    void add_row(const Slice& slice, const v1::LadderRow& row);
    void add_cell(const Slice& slice, const v1::LadderRow& row, int column, IdOfLength& ids);
    TimeNs time_of(const v1::LadderCell& cell) const;
    bool wants(const std::string& tap) const;

    CaptureLook look_;
    wire::PcapngWriter& writer_;
    std::map<std::string, Tap> taps_;
    std::vector<Packet> packets_;  ///< of this slice
    std::map<RowKey, IdOfLength> rows_of_both_, rows_of_next_;
    std::uint64_t next_id_ = 1;
    std::size_t count_ = 0, whole_ = 0, without_headers_ = 0;
    TimeNs last_ns_ = 0;
    bool began_ = false, had_tunnels_ = false;
};

}  // namespace clew::control
