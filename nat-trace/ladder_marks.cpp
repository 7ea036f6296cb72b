// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/ladder_marks.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace clew {
namespace {

constexpr TcpFlags flag_fin = 0x01, flag_syn = 0x02, flag_rst = 0x04;
constexpr DurationNs duplicate_apart_max_ns = 100 * ns_per_ms;
constexpr std::size_t duplicate_rows_apart_max = 16;  // of the same segment: a stream of equal datagrams is long

const PacketHeader* first_seen(const LadderRow& row) {
    for (const LadderCell& cell : row.cells)
        if (cell.seen) return &cell.header;
    return nullptr;
}

/// a is behind b in a stream's sequence space.
bool is_behind(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; }

/// Flags and windows, as each packet bears them; keep-alives against what its sender sent before.
void mark_segments(std::vector<PlacedRow>& rows) {
    struct Sent {
        bool any = false;
        std::uint32_t end = 0;
    };
    std::map<std::pair<std::size_t, Direction>, Sent> sent;
    for (PlacedRow& placed : rows) {
        LadderRow& row = *placed.row;
        const PacketHeader& header = *first_seen(row);
        const bool opens_or_ends = (header.flags & (flag_syn | flag_fin | flag_rst)) != 0;
        if ((header.flags & flag_rst) != 0) row.marks |= ladder_reset;
        if (header.window == 0 && !opens_or_ends) row.marks |= ladder_zero_window;
        Sent& before = sent[{placed.transport, row.direction}];
        if (before.any && !opens_or_ends && header.length <= 1 && placed.offset == before.end - 1) {
            row.marks |= ladder_keep_alive;
            row.retransmission = false;
        }
        const std::uint32_t end = placed.offset + placed.length;
        if (!before.any || is_behind(end, before.end)) before = {true, end};
    }
}

/// The same packet twice at one tap: same IP id and TTL, close together. A retransmission has a new id.
void mark_duplicates(std::vector<PlacedRow>& rows) {
    std::vector<std::pair<std::size_t, std::size_t>> places;  // of a group the earlier first
    places.reserve(rows.size());
    for (std::size_t n = 0; n < rows.size(); ++n) places.emplace_back(rows[n].group, n);
    std::sort(places.begin(), places.end());
    const auto is_copy = [](const LadderCell& a, const LadderCell& b) {
        return a.seen && b.seen && a.header.ip_id != 0 && a.header.ip_id == b.header.ip_id &&
               a.header.ttl == b.header.ttl && b.header.time_ns - a.header.time_ns <= duplicate_apart_max_ns;
    };
    for (std::size_t late = 1; late < places.size(); ++late) {
        LadderRow& row = *rows[places[late].second].row;
        for (std::size_t early = late; early-- > 0 && late - early <= duplicate_rows_apart_max;) {
            if (places[early].first != places[late].first) break;
            const LadderRow& before = *rows[places[early].second].row;
            for (std::size_t leg = 0; leg < row.cells.size(); ++leg)
                if (is_copy(before.cells[leg], row.cells[leg])) {
                    row.marks |= ladder_duplicate;
                    row.retransmission = false;
                }
        }
    }
}

class Gaps {
  public:
    Gaps(std::vector<PlacedRow>& rows, const std::vector<std::size_t>& transport_of_leg, const LadderStreams& streams,
         const PathClocks& clocks, bool tcp)
        : rows_(rows),
          transport_of_leg_(transport_of_leg),
          streams_(streams),
          clocks_(clocks),
          tcp_(tcp),
          spans_(transport_of_leg.size()) {
        std::size_t group_count = 0;
        for (const PlacedRow& placed : rows) group_count = std::max(group_count, placed.group + 1);
        for (const std::size_t transport : transport_of_leg)
            transport_count_ = std::max(transport_count_, transport + 1);
        last_of_group_.resize(group_count * transport_count_);
        for (std::size_t n = 0; n < rows.size(); ++n) {
            const PlacedRow& placed = rows[n];
            for (std::size_t leg = 0; leg < spans_.size(); ++leg) {
                const LadderCell& cell = placed.row->cells[leg];
                if (!cell.seen) continue;
                spans_[leg].add(cell.header.time_ns);
                last_of_group_[placed.group * transport_count_ + transport_of_leg_[leg]] = n;
                const std::uint32_t length = sequence_length(cell.header);
                if (length != 0 && is_of_stream(leg, placed))
                    segments_[{leg, placed.stream, placed.row->direction}].add(placed.stream_offset, length,
                                                                               placed.group, cell.header.time_ns);
            }
        }
        for (auto& [stream, segments] : segments_) segments.sort();
        find_acknowledged();
    }

    void mark() {
        for (std::size_t n = 0; n < rows_.size(); ++n) {
            LadderRow& row = *rows_[n].row;
            bool any_later = false;
            const std::size_t count = row.cells.size();
            for (std::size_t i = count; i-- > 0;) {  // against the direction of travel
                const std::size_t leg = row.direction == Direction::to_server ? i : count - 1 - i;
                LadderCell& cell = row.cells[leg];
                any_later |= cell.seen;
                if (cell.seen || !was_watched(leg, rows_[n])) continue;
                const bool own = was_on_side_of(leg, row);
                if (!own && row.retransmission) continue;  // a proxy passes bytes on once
                const Cut cut = cut_otherwise(leg, rows_[n]);
                any_later |= cut.held == Held::whole;
                if (cut.held == Held::whole) set_recut(row, leg, cut);
                if (cut.held != Held::no || !own) continue;
                cell.missing = any_later ? Missing::capture_gap : at_the_end(n, leg);
            }
        }
    }

  private:
    struct Span {
        TimeNs first = 0, last = 0;
        void add(TimeNs time) {
            first = first == 0 ? time : std::min(first, time);
            last = std::max(last, time);
        }
    };

    struct Segment {
        std::uint32_t offset, end;
        std::size_t group;
        TimeNs time;
        auto operator<=>(const Segment&) const = default;
        bool is_again(const Segment& other) const {
            return offset == other.offset && end == other.end && group == other.group;
        }
    };

    /// What a leg saw of one direction, once each however often it was sent.
    struct Segments {
        std::vector<Segment> list;
        std::uint32_t length_max = 0;
        void add(std::uint32_t offset, std::uint32_t length, std::size_t group, TimeNs time) {
            list.push_back({offset, offset + length, group, time});
            length_max = std::max(length_max, length);
        }
        void sort() {
            std::sort(list.begin(), list.end());
            list.erase(std::unique(list.begin(), list.end(),
                                   [](const Segment& first, const Segment& again) { return first.is_again(again); }),
                       list.end());
        }
    };

    bool is_of_stream(std::size_t leg, const PlacedRow& placed) const {
        return streams_.stream_of(transport_of_leg_[leg], placed.row->direction) == placed.stream;
    }

    /// A tap of the leg's own connection saw the packet: it was on the way to the leg, or came from there.
    bool was_on_side_of(std::size_t leg, const LadderRow& row) const {
        for (std::size_t i = 0; i < row.cells.size(); ++i)
            if (row.cells[i].seen && transport_of_leg_[i] == transport_of_leg_[leg]) return true;
        return false;
    }

    /// The leg has the same stream, and packets were seen there before and after: it was captured.
    bool was_watched(std::size_t leg, const PlacedRow& placed) const {
        return is_of_stream(leg, placed) && spans_[leg].first != 0 && spans_[leg].first < placed.row->time_ns &&
               placed.row->time_ns < spans_[leg].last;
    }

    enum class Held : std::uint8_t { no, partly, whole };
    /// How much of a row's bytes other segments hold, how many they are, and when the last of them passed.
    struct Cut {
        Held held = Held::no;
        std::uint16_t carriers = 0;
        TimeNs last_ns = 0;
    };

    /// Whether other segments at this leg hold these bytes: somebody cut the stream anew.
    Cut cut_otherwise(std::size_t leg, const PlacedRow& placed) const {
        Cut cut;
        if (!tcp_ || placed.length == 0) return cut;
        const auto found = segments_.find({leg, placed.stream, placed.row->direction});
        if (found == segments_.end()) return cut;
        const auto& [list, length_max] = found->second;
        const std::uint32_t begin = placed.stream_offset, end = begin + placed.length;
        std::uint32_t held = begin;  // up to here without a hole
        const std::uint32_t from = begin > length_max ? begin - length_max : 0;
        for (auto at = std::lower_bound(list.begin(), list.end(), Segment{from, 0, 0, 0});
             at != list.end() && at->offset < end; ++at) {
            if (at->group == placed.group || at->end <= begin) continue;
            cut.held = Held::partly;
            if (at->offset > held || at->end <= held) continue;
            held = at->end;
            ++cut.carriers;
            cut.last_ns = std::max(cut.last_ns, at->time);
        }
        if (held >= end && cut.held == Held::partly) cut.held = Held::whole;
        return cut;
    }

    /// Its delay is counted from the tap before that saw the packet.
    void set_recut(LadderRow& row, std::size_t leg, const Cut& cut) const {
        LadderCell& cell = row.cells[leg];
        cell.missing = Missing::recut;
        cell.carriers = cut.carriers;
        const bool up = row.direction == Direction::to_server;
        for (std::size_t at = leg; at != (up ? 0 : row.cells.size() - 1);) {
            const LadderCell& before = row.cells[up ? --at : ++at];
            if (!before.seen) continue;
            cell.has_delay = clocks_.comparable(at, leg);
            if (cell.has_delay) cell.delay_ns = cut.last_ns - before.header.time_ns;
            return;
        }
    }

    /// Of each row, whether the other side acknowledged it later; from the end on, the furthest acknowledgement.
    void find_acknowledged() {
        acknowledged_.resize(rows_.size());
        std::map<std::pair<std::size_t, Direction>, std::uint32_t> furthest;
        for (std::size_t n = rows_.size(); n-- > 0;) {
            const PlacedRow& placed = rows_[n];
            const Direction back =
                placed.row->direction == Direction::to_server ? Direction::to_client : Direction::to_server;
            const auto ack = furthest.find({placed.transport, back});
            acknowledged_[n] = ack != furthest.end() && !is_behind(placed.offset + placed.length, ack->second);
            if (!placed.has_ack) continue;
            const auto [own, is_new] =
                furthest.try_emplace({placed.transport, placed.row->direction}, placed.ack_offset);
            if (!is_new && is_behind(placed.ack_offset, own->second)) own->second = placed.ack_offset;
        }
    }

    /// No tap behind it saw the packet either. What was sent again was lost; what was acknowledged without that
    /// arrived.
    Missing at_the_end(std::size_t n, std::size_t leg) const {
        const std::size_t transport = transport_of_leg_[leg];
        if (!tcp_ || rows_[n].length == 0) return Missing::unknown;
        if (last_of_group_[rows_[n].group * transport_count_ + transport] > n) return Missing::lost;
        return acknowledged_[n] && rows_[n].transport == transport ? Missing::capture_gap : Missing::unknown;
    }

    std::vector<PlacedRow>& rows_;
    const std::vector<std::size_t>& transport_of_leg_;
    const LadderStreams& streams_;
    const PathClocks& clocks_;
    bool tcp_;
    std::vector<Span> spans_;                                                       ///< of each leg
    std::map<std::tuple<std::size_t, std::size_t, Direction>, Segments> segments_;  ///< leg, stream
    std::size_t transport_count_ = 0;
    std::vector<std::size_t> last_of_group_;  ///< and transport: group * transport_count_ + transport
    std::vector<bool> acknowledged_;
};

}  // namespace

std::uint32_t sequence_length(const PacketHeader& header) {
    return header.length + ((header.flags & flag_syn) != 0) + ((header.flags & flag_fin) != 0);
}

void mark_ladder(std::vector<PlacedRow>& rows, const std::vector<std::size_t>& legs_transport,
                 const LadderStreams& streams, const PathClocks& clocks, bool tcp) {
    if (tcp) mark_segments(rows);
    mark_duplicates(rows);
    Gaps(rows, legs_transport, streams, clocks, tcp).mark();
}

const char* to_text(Missing missing) {
    switch (missing) {
        case Missing::no: return "";
        case Missing::lost: return "lost";
        case Missing::capture_gap: return "capture_gap";
        case Missing::recut: return "recut";
        case Missing::unknown: break;
    }
    return "unknown";
}

std::vector<const char*> to_texts(LadderMarks marks) {
    constexpr std::array names = {std::pair{ladder_duplicate, "duplicate"},
                                  std::pair{ladder_zero_window, "zero_window"}, std::pair{ladder_reset, "reset"},
                                  std::pair{ladder_keep_alive, "keep_alive"}};
    std::vector<const char*> texts;
    for (const auto& [mark, name] : names)
        if ((marks & mark) != 0) texts.push_back(name);
    return texts;
}

}  // namespace clew
