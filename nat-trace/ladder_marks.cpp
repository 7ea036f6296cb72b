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
    std::map<std::size_t, std::vector<PlacedRow*>> groups;
    for (PlacedRow& placed : rows) groups[placed.group].push_back(&placed);
    const auto is_copy = [](const LadderCell& a, const LadderCell& b) {
        return a.seen && b.seen && a.header.ip_id != 0 && a.header.ip_id == b.header.ip_id &&
               a.header.ttl == b.header.ttl && b.header.time_ns - a.header.time_ns <= duplicate_apart_max_ns;
    };
    for (auto& [number, group] : groups)
        for (std::size_t late = 1; late < group.size(); ++late)
            for (std::size_t early = late - std::min(late, duplicate_rows_apart_max); early < late; ++early)
                for (std::size_t leg = 0; leg < group[late]->row->cells.size(); ++leg)
                    if (is_copy(group[early]->row->cells[leg], group[late]->row->cells[leg])) {
                        group[late]->row->marks |= ladder_duplicate;
                        group[late]->row->retransmission = false;
                    }
}

class Gaps {
  public:
    Gaps(std::vector<PlacedRow>& rows, const std::vector<std::size_t>& transport_of_leg, bool tcp)
        : rows_(rows), transport_of_leg_(transport_of_leg), tcp_(tcp), spans_(transport_of_leg.size()) {
        for (std::size_t n = 0; n < rows.size(); ++n) {
            const PlacedRow& placed = rows[n];
            last_of_group_[placed.group] = n;
            for (std::size_t leg = 0; leg < spans_.size(); ++leg) {
                const LadderCell& cell = placed.row->cells[leg];
                if (!cell.seen) continue;
                spans_[leg].add(cell.header.time_ns);
                const std::uint32_t length = sequence_length(cell.header);
                if (length != 0)
                    segments_[{leg, placed.transport, placed.row->direction}].add(placed.offset, length, placed.group);
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
                const Cut cut = cut_otherwise(leg, rows_[n]);
                any_later |= cut == Cut::whole;
                if (cut == Cut::whole) cell.missing = Missing::recut;
                if (cut != Cut::no) continue;
                cell.missing = any_later ? Missing::capture_gap : at_the_end(n);
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
        auto operator<=>(const Segment&) const = default;
    };

    /// What a leg saw of one direction, once each however often it was sent.
    struct Segments {
        std::vector<Segment> list;
        std::uint32_t length_max = 0;
        void add(std::uint32_t offset, std::uint32_t length, std::size_t group) {
            list.push_back({offset, offset + length, group});
            length_max = std::max(length_max, length);
        }
        void sort() {
            std::sort(list.begin(), list.end());
            list.erase(std::unique(list.begin(), list.end()), list.end());
        }
    };

    /// The leg is of the same connection, and packets were seen there before and after: it was captured.
    bool was_watched(std::size_t leg, const PlacedRow& placed) const {
        return transport_of_leg_[leg] == placed.transport && spans_[leg].first != 0 &&
               spans_[leg].first < placed.row->time_ns && placed.row->time_ns < spans_[leg].last;
    }

    enum class Cut : std::uint8_t { no, partly, whole };

    /// Whether other segments at this leg hold these bytes: somebody cut the stream anew.
    Cut cut_otherwise(std::size_t leg, const PlacedRow& placed) const {
        if (!tcp_ || placed.length == 0) return Cut::no;
        const auto found = segments_.find({leg, placed.transport, placed.row->direction});
        if (found == segments_.end()) return Cut::no;
        const auto& [list, length_max] = found->second;
        const std::uint32_t end = placed.offset + placed.length;
        std::uint32_t held = placed.offset;  // up to here without a hole
        bool any = false;
        const std::uint32_t from = placed.offset > length_max ? placed.offset - length_max : 0;
        for (auto at = std::lower_bound(list.begin(), list.end(), Segment{from, 0, 0});
             at != list.end() && at->offset < end; ++at) {
            if (at->group == placed.group || at->end <= placed.offset) continue;
            any = true;
            if (at->offset <= held) held = std::max(held, at->end);
        }
        return held >= end ? Cut::whole : any ? Cut::partly : Cut::no;
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
    Missing at_the_end(std::size_t n) const {
        if (!tcp_ || rows_[n].length == 0) return Missing::unknown;
        if (last_of_group_.at(rows_[n].group) > n) return Missing::lost;
        return acknowledged_[n] ? Missing::capture_gap : Missing::unknown;
    }

    std::vector<PlacedRow>& rows_;
    const std::vector<std::size_t>& transport_of_leg_;
    bool tcp_;
    std::vector<Span> spans_;                                                       ///< of each leg
    std::map<std::tuple<std::size_t, std::size_t, Direction>, Segments> segments_;  ///< leg, transport
    std::map<std::size_t, std::size_t> last_of_group_;
    std::vector<bool> acknowledged_;
};

}  // namespace

std::uint32_t sequence_length(const PacketHeader& header) {
    return header.length + ((header.flags & flag_syn) != 0) + ((header.flags & flag_fin) != 0);
}

void mark_ladder(std::vector<PlacedRow>& rows, const std::vector<std::size_t>& legs_transport, bool tcp) {
    if (tcp) mark_segments(rows);
    mark_duplicates(rows);
    Gaps(rows, legs_transport, tcp).mark();
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
