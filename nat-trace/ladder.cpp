// SPDX-License-Identifier: Apache-2.0
// Packets are lined up by their place in the stream: the offset from the initial sequence number is the same at every
// tap of one transport connection, whatever the gateways between added to it. What came twice is told apart by IP id
// and order.
#include "nat-trace/ladder.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "nat-trace/ladder_marks.h"
#include "nat-trace/ladder_streams.h"
#include "nat-trace/path_clocks.h"

namespace clew {
namespace {

constexpr TcpFlags flag_fin = 0x01;
constexpr TcpFlags flag_syn = 0x02;
constexpr TcpFlags flag_rst = 0x04;
constexpr TcpFlags flag_ack = 0x10;
constexpr std::size_t recut_count_max = 4;  ///< so many segments that begin alike are compared with each

/// What is known of a leg's place in the path.
struct Place {
    std::size_t transport = 0;  ///< counts relays passed, from the client on
    std::size_t handshake = 0;  ///< counts SYN proxies passed
    bool new_ip_ids = false;    ///< the link before it rewrites IP ids
    std::array<std::uint32_t, direction_count> base{};
    std::array<bool, direction_count> has_base{};
};

/// Packets with one key are one packet, or retransmissions of one another. Packed, for there are many to be sorted:
/// transport, handshake, direction and offset; payload length, the acknowledged offset, and the flags that matter.
struct Key {
    std::uint64_t place = 0, what = 0;
    auto operator<=>(const Key&) const = default;

    std::size_t transport() const { return place >> 49; }
    Direction direction() const { return static_cast<Direction>(place >> 32 & 1); }
};

Key make_key(std::size_t transport, std::size_t handshake, Direction direction, std::uint32_t offset,
             std::uint16_t length, std::uint32_t ack_offset, std::uint16_t kind) {
    return {static_cast<std::uint64_t>(transport) << 49 | static_cast<std::uint64_t>(handshake & 0xffff) << 33 |
                static_cast<std::uint64_t>(direction) << 32 | offset,
            std::uint64_t{length} << 48 | std::uint64_t{ack_offset} << 16 | kind};
}

struct Row {
    LadderRow row;
    std::size_t transport = 0;
    std::size_t group = 0;  ///< rows of one key
    bool merged = false;    ///< its cells went to another row
};

std::vector<Place> places_of(const Path& path) {
    std::vector<Place> places(path.legs.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
        Place& p = places[i];
        for (std::size_t d = 0; d < direction_count; ++d) {
            p.has_base[d] = path.legs[i].flows[d].has_isn;
            p.base[d] = path.legs[i].flows[d].isn;
        }
        if (i == 0 || i > path.links.size()) continue;
        const Link& link = path.links[i - 1];
        p.transport = places[i - 1].transport + (link.kind == LinkKind::relay);
        const auto has = [&link](MiddleboxChange c) { return (link.changes & static_cast<std::uint16_t>(c)) != 0; };
        p.handshake = places[i - 1].handshake + has(MiddleboxChange::answered_handshake);
        p.new_ip_ids = has(MiddleboxChange::changed_ip_id);
    }
    // Where a leg's own start was not seen, its neighbours' and the link's delta tell it.
    const auto carry = [&](std::size_t from, std::size_t to, const Link& link, bool downstream) {
        if (places[from].transport != places[to].transport) return;
        for (std::size_t d = 0; d < direction_count; ++d) {
            if (places[to].has_base[d] || !places[from].has_base[d]) continue;
            const auto delta = static_cast<std::uint32_t>(link.has_delta[d] ? link.delta[d] : 0);
            places[to].base[d] = places[from].base[d] + (downstream ? delta : 0U - delta);
            places[to].has_base[d] = true;
        }
    };
    for (std::size_t round = 0; round < 2; ++round) {
        for (std::size_t i = 1; i < places.size() && i <= path.links.size(); ++i)
            carry(i - 1, i, path.links[i - 1], true);
        for (std::size_t i = places.size(); i-- > 1;)
            if (i <= path.links.size()) carry(i, i - 1, path.links[i - 1], false);
        // Nothing known anywhere: positions count from the first leg's zero.
        for (std::size_t d = 0; round == 0 && d < direction_count; ++d)
            for (std::size_t i = 0; i < places.size(); ++i)
                if (!places[i].has_base[d] && (i == 0 || places[i].transport != places[i - 1].transport))
                    places[i].has_base[d] = true;
    }
    return places;
}

Key key_of(const Path& path, const Place& place, const PacketHeader& h) {
    const auto d = static_cast<std::size_t>(h.direction);
    if (path.protocol != Protocol::tcp) return make_key(0, 0, h.direction, h.seq, h.length, h.payload_check, 0);
    const std::uint32_t offset = h.seq - place.base[d];
    const std::uint32_t ack_offset = h.ack - place.base[1 - d];
    const auto kind = static_cast<std::uint16_t>(h.flags & (flag_syn | flag_fin | flag_rst));
    const bool bare_ack = h.length == 0 && kind == 0;
    const bool handshake =
        (kind & flag_syn) != 0 || (bare_ack && h.direction == Direction::to_server && offset == 1 && ack_offset == 1);
    return make_key(place.transport, handshake ? place.handshake : 0, h.direction, offset, h.length,
                    bare_ack ? ack_offset : 0, kind);
}

/// A packet at a leg of the path. In order, packets of one key are side by side, legs in the order of the packets' way,
/// of one leg the earlier first.
struct Seen {
    Key key;
    std::uint32_t way = 0;     ///< how many legs it passed before this
    std::uint32_t number = 0;  ///< among the headers, in the order of legs and times
    auto operator<=>(const Seen&) const = default;
};

bool ip_ids_comparable(const std::vector<Place>& places, std::size_t a, std::size_t b) {
    for (std::size_t i = std::min(a, b) + 1; i <= std::max(a, b); ++i)
        if (places[i].new_ip_ids) return false;
    return true;
}

/// The rows of one key that a leg's packets may still join, each once. Constant time a packet, however many are equal.
class OpenRows {
  public:
    /// `rows` from `first` on, none of which the leg has a cell in.
    OpenRows(const std::vector<Row>& rows, std::size_t first, const std::vector<Place>& places, std::size_t leg)
        : first_(first), taken_(rows.size() - first, false) {
        for (std::size_t n = first; n < rows.size(); ++n) {
            bool has_id = false;
            const std::vector<LadderCell>& cells = rows[n].row.cells;
            for (std::size_t other = 0; other < cells.size(); ++other) {
                if (!cells[other].seen || cells[other].header.ip_id == 0 || !ip_ids_comparable(places, other, leg))
                    continue;
                by_id_[cells[other].header.ip_id].rows.push_back(n);
                has_id = true;
            }
            any_.rows.push_back(n);
            if (!has_id) without_id_.rows.push_back(n);
        }
    }

    /// The row with this IP id, else the first that could be the packet's; nothing when it is a new one.
    std::optional<std::size_t> take(std::uint16_t ip_id) {
        if (ip_id == 0) return take_from(any_);
        const auto same = by_id_.find(ip_id);
        if (same != by_id_.end())
            if (const auto row = take_from(same->second)) return row;
        return take_from(without_id_);
    }

  private:
    struct Queue {
        std::vector<std::size_t> rows;
        std::size_t next = 0;
    };
    std::optional<std::size_t> take_from(Queue& queue) {
        while (queue.next < queue.rows.size()) {
            const std::size_t row = queue.rows[queue.next++];
            if (taken_[row - first_]) continue;
            taken_[row - first_] = true;
            return row;
        }
        return std::nullopt;
    }

    std::size_t first_;
    std::vector<bool> taken_;
    std::unordered_map<std::uint16_t, Queue> by_id_;
    Queue any_, without_id_;
};

class RowBuilder {
  public:
    /// `headers` have aligned times; `stamped_ns`: of each the time as it was.
    RowBuilder(const Path& path, const std::vector<Place>& places, const PathClocks& clocks,
               std::span<const PacketHeader> headers, std::span<const TimeNs> stamped_ns)
        : path_(path),
          places_(places),
          clocks_(clocks),
          headers_(headers),
          stamped_ns_(stamped_ns),
          streams_(places.empty() ? 0 : places.back().transport + 1) {}

    void expect(std::size_t row_count) { rows_.reserve(row_count); }

    /// All packets of one key, in order; each becomes a cell of one row.
    void add(std::span<const Seen> group) {
        const Direction d = group[0].key.direction();
        const std::size_t transport = group[0].key.transport(), first = rows_.size();
        if (are_one_packet(group)) {
            Row& row = new_row(d, transport, first);
            for (const Seen& s : group) fill(row, s);
            return;
        }
        std::optional<OpenRows> open;
        for (std::size_t i = 0; i < group.size(); ++i) {
            const Seen& s = group[i];
            if (i == 0 || s.way != group[i - 1].way) open.emplace(rows_, first, places_, leg_of(s));
            const auto taken = open->take(header_of(s).ip_id);
            fill(taken ? rows_[*taken] : new_row(d, transport, first), s);
        }
        mark_retransmissions(first);
    }

    /// Segments that were cut anew between two taps share a row where they begin at the same byte.
    void join_recut() {
        std::map<std::tuple<std::size_t, Direction, std::uint32_t>, std::vector<std::size_t>> begins;
        for (std::size_t n = 0; n < rows_.size(); ++n) {
            if (is_complete(rows_[n])) continue;
            const PacketHeader& h = *some_header(rows_[n]);
            if (h.length > 0 && !rows_[n].row.retransmission)
                begins[{rows_[n].transport, h.direction, place(rows_[n]).offset}].push_back(n);
        }
        for (auto& [begin, alike] : begins) {
            sort_by_time(alike);
            merge_alike(alike);
        }
    }

    /// Segments on both sides of a proxy share a row where they begin at the same byte of one stream.
    void join_streams() {
        if (places_.empty() || places_.back().transport == 0) return;
        std::vector<StreamSegment> segments;
        for (Row& r : rows_) {
            const PlacedRow placed = place(r);
            const PacketHeader& h = *some_header(r);
            if (h.length > 0 && !r.merged && !r.row.retransmission)
                segments.push_back({r.transport, h.direction, placed.offset, h.length, h.payload_check, earliest(r)});
        }
        streams_.find(segments);
        std::map<std::tuple<std::size_t, Direction, std::uint32_t>, std::vector<std::size_t>> begins;
        for (std::size_t n = 0; n < rows_.size(); ++n) {
            const PlacedRow placed = place(rows_[n]);
            const PacketHeader& h = *some_header(rows_[n]);
            if (h.length > 0 && !rows_[n].merged && !rows_[n].row.retransmission)
                begins[{placed.stream, h.direction, placed.stream_offset}].push_back(n);
        }
        for (auto& [begin, alike] : begins) {
            std::stable_sort(alike.begin(), alike.end(),
                             [&](std::size_t a, std::size_t b) { return rows_[a].transport < rows_[b].transport; });
            merge_alike(alike);
        }
    }

    /// Payload that a proxy passed on as it was shares one row.
    void join_relayed() {
        if (places_.empty() || places_.back().transport == 0) return;
        std::map<std::tuple<std::size_t, Direction, std::uint16_t, std::uint16_t>, std::vector<std::size_t>> payloads;
        for (std::size_t n = 0; n < rows_.size(); ++n) {
            const PacketHeader* h = some_header(rows_[n]);
            if (!rows_[n].merged && h->length > 0 && h->payload_check != 0)
                payloads[{rows_[n].transport, h->direction, h->length, h->payload_check}].push_back(n);
        }
        for (auto it = payloads.rbegin(); it != payloads.rend(); ++it) {
            const auto& [transport, direction, length, check] = it->first;
            if (transport == 0 || streams_.is_joined(transport, direction)) continue;
            const auto front = payloads.find({transport - 1, direction, length, check});
            if (front != payloads.end()) join(front->second, it->second, direction);
        }
    }

    std::vector<LadderRow> finish() {
        std::erase_if(rows_, [](const Row& r) { return r.merged; });
        for (Row& r : rows_) set_times(r.row);
        std::stable_sort(rows_.begin(), rows_.end(),
                         [](const Row& a, const Row& b) { return a.row.time_ns < b.row.time_ns; });
        std::vector<PlacedRow> placed;
        placed.reserve(rows_.size());
        for (Row& r : rows_) placed.push_back(place(r));
        std::vector<std::size_t> transports;
        for (const Place& p : places_) transports.push_back(p.transport);
        mark_ladder(placed, transports, streams_, clocks_, path_.protocol == Protocol::tcp);
        std::vector<LadderRow> out;
        out.reserve(rows_.size());
        for (Row& r : rows_) {
            // Till here headers have aligned times.
            for (LadderCell& cell : r.row.cells)
                if (cell.seen) std::swap(cell.aligned_ns, cell.header.time_ns);
            out.push_back(std::move(r.row));
        }
        return out;
    }

  private:
    /// Each leg saw it once, and no IP id speaks against it: what most groups are, told without OpenRows.
    bool are_one_packet(std::span<const Seen> group) const {
        for (std::size_t i = 1; i < group.size(); ++i) {
            if (group[i].way == group[i - 1].way) return false;
            const std::uint16_t own = header_of(group[i]).ip_id;
            bool same = own == 0, other = false;
            for (std::size_t k = 0; k < i && !same; ++k) {
                const std::uint16_t id = header_of(group[k]).ip_id;
                if (id == 0 || !ip_ids_comparable(places_, leg_of(group[k]), leg_of(group[i]))) continue;
                same = id == own;
                other = true;
            }
            if (other && !same) return false;
        }
        return true;
    }
    const PacketHeader& header_of(const Seen& seen) const { return headers_[seen.number]; }
    std::size_t leg_of(const Seen& seen) const {
        return seen.key.direction() == Direction::to_server ? seen.way : places_.size() - 1 - seen.way;
    }
    void fill(Row& row, const Seen& seen) const {
        LadderCell& cell = row.row.cells[leg_of(seen)];
        cell.seen = true;
        cell.header = header_of(seen);
        cell.aligned_ns = stamped_ns_[seen.number];  // exchanged at the end
    }
    /// Every leg of its transport connection saw it: no other row of that can be the same.
    bool is_complete(const Row& r) const {
        for (std::size_t leg = 0; leg < places_.size(); ++leg)
            if (places_[leg].transport == r.transport && !r.row.cells[leg].seen) return false;
        return true;
    }
    Row& new_row(Direction direction, std::size_t transport, std::size_t group) {
        Row& row = rows_.emplace_back();
        row.row.direction = direction;
        row.row.cells.resize(path_.legs.size());
        row.transport = transport;
        row.group = group;
        return row;
    }
    PlacedRow place(Row& r) {
        PlacedRow placed{.row = &r.row, .transport = r.transport, .group = group_of(r)};
        for (std::size_t leg = 0; leg < r.row.cells.size(); ++leg) {
            const LadderCell& cell = r.row.cells[leg];
            if (!cell.seen || places_[leg].transport != r.transport) continue;
            const auto d = static_cast<std::size_t>(cell.header.direction);
            placed.offset = cell.header.seq - places_[leg].base[d];
            placed.length = sequence_length(cell.header);
            placed.has_ack = (cell.header.flags & flag_ack) != 0;
            placed.ack_offset = cell.header.ack - places_[leg].base[1 - d];
            break;
        }
        placed.stream = streams_.stream_of(r.transport, r.row.direction);
        placed.stream_offset = placed.offset - streams_.shift_of(r.transport, r.row.direction);
        return placed;
    }
    /// Of rows that a proxy's two sides share: the client side's.
    std::size_t group_of(const Row& r) const {
        std::size_t group = r.group;
        for (auto found = same_group_.find(group); found != same_group_.end(); found = same_group_.find(group))
            group = found->second;
        return group;
    }
    /// Rows that begin at one byte become one, where no leg saw both. Across a proxy their groups become one as well.
    void merge_alike(const std::vector<std::size_t>& alike) {
        for (std::size_t a = 0; a < alike.size(); ++a)
            for (std::size_t b = a + 1; b < alike.size() && b - a <= recut_count_max; ++b) {
                Row &first = rows_[alike[a]], &second = rows_[alike[b]];
                if (first.merged || second.merged || !no_leg_saw_both(alike[a], alike[b])) continue;
                if (first.transport != second.transport) same_group_[second.group] = first.group;
                merge(first, second);
            }
    }
    bool no_leg_saw_both(std::size_t a, std::size_t b) const {
        for (std::size_t leg = 0; leg < path_.legs.size(); ++leg)
            if (rows_[a].row.cells[leg].seen && rows_[b].row.cells[leg].seen) return false;
        return true;
    }
    static const PacketHeader* some_header(const Row& r) {
        for (const LadderCell& c : r.row.cells)
            if (c.seen) return &c.header;
        return nullptr;
    }
    static TimeNs earliest(const Row& r) {
        TimeNs time = 0;
        for (const LadderCell& c : r.row.cells)
            if (c.seen && (time == 0 || c.header.time_ns < time)) time = c.header.time_ns;
        return time;
    }

    /// The same bytes passed a tap before: a row whose packet is not its leg's first of the group.
    void mark_retransmissions(std::size_t first) {
        if (path_.protocol != Protocol::tcp) return;
        std::vector<TimeNs> earliest_at(path_.legs.size(), INT64_MAX);
        for (std::size_t n = first; n < rows_.size(); ++n)
            for (std::size_t leg = 0; leg < earliest_at.size(); ++leg)
                if (const LadderCell& cell = rows_[n].row.cells[leg]; cell.seen)
                    earliest_at[leg] = std::min(earliest_at[leg], cell.header.time_ns);
        for (std::size_t n = first; n < rows_.size(); ++n) {
            const PacketHeader* h = some_header(rows_[n]);
            if (h->length == 0 && (h->flags & (flag_syn | flag_fin)) == 0) continue;
            for (std::size_t leg = 0; leg < earliest_at.size(); ++leg) {
                const LadderCell& cell = rows_[n].row.cells[leg];
                rows_[n].row.retransmission |= cell.seen && earliest_at[leg] < cell.header.time_ns;
            }
        }
    }

    void sort_by_time(std::vector<std::size_t>& list) const {
        std::stable_sort(list.begin(), list.end(),
                         [&](std::size_t a, std::size_t b) { return earliest(rows_[a]) < earliest(rows_[b]); });
    }

    /// Each front takes the first packet behind that is left and did not pass before it could.
    void join(std::vector<std::size_t>& fronts, std::vector<std::size_t>& backs, Direction direction) {
        sort_by_time(fronts);
        sort_by_time(backs);
        std::size_t next = 0;
        for (const std::size_t f : fronts) {
            const TimeNs time = earliest(rows_[f]);
            while (direction == Direction::to_server && next < backs.size() &&
                   earliest(rows_[backs[next]]) < time - relay_early_ns)
                ++next;
            if (next == backs.size()) return;
            if (direction == Direction::to_client && earliest(rows_[backs[next]]) > time + relay_early_ns) continue;
            merge(rows_[f], rows_[backs[next++]]);
        }
    }

    static void merge(Row& front, Row& back) {
        for (std::size_t leg = 0; leg < back.row.cells.size(); ++leg)
            if (back.row.cells[leg].seen) front.row.cells[leg] = back.row.cells[leg];
        front.row.retransmission |= back.row.retransmission;
        back.merged = true;
    }

    void set_times(LadderRow& row) const {
        TimeNs last = 0;
        std::size_t last_leg = 0;
        const std::size_t count = row.cells.size();
        for (std::size_t n = 0; n < count; ++n) {
            const std::size_t leg = row.direction == Direction::to_server ? n : count - 1 - n;
            LadderCell& cell = row.cells[leg];
            if (!cell.seen) continue;
            if (last == 0) {
                row.time_ns = cell.header.time_ns;
            } else if (clocks_.comparable(last_leg, leg)) {
                cell.has_delay = true;
                cell.delay_ns = cell.header.time_ns - last;
            }
            last = cell.header.time_ns;
            last_leg = leg;
        }
    }

    const Path& path_;
    const std::vector<Place>& places_;
    const PathClocks& clocks_;
    std::span<const PacketHeader> headers_;
    std::span<const TimeNs> stamped_ns_;
    std::vector<Row> rows_;
    LadderStreams streams_;
    std::unordered_map<std::size_t, std::size_t> same_group_;  ///< of a group behind a proxy: that before it
};

/// The path's headers by leg and time, each once; where each leg's begin, with the end behind them. They mostly come in
/// the order of time: then nothing is sorted.
std::vector<PacketHeader> by_leg(const Path& path, const std::vector<PacketHeader>& headers,
                                 std::vector<std::size_t>& begins) {
    std::unordered_map<LegId, std::uint32_t> place_of_leg;
    for (std::uint32_t i = 0; i < path.legs.size(); ++i) place_of_leg.emplace(path.legs[i].leg, i);
    constexpr std::uint32_t none = UINT32_MAX;
    std::vector<std::uint32_t> leg_of(headers.size(), none);
    begins.assign(path.legs.size() + 1, 0);
    for (std::size_t i = 0; i < headers.size(); ++i) {
        const auto found = place_of_leg.find(headers[i].leg);
        if (found == place_of_leg.end()) continue;
        leg_of[i] = found->second;
        ++begins[found->second + 1];
    }
    for (std::size_t leg = 1; leg < begins.size(); ++leg) begins[leg] += begins[leg - 1];
    std::vector<PacketHeader> ordered(begins.back());
    std::vector<std::size_t> next(begins);
    for (std::size_t i = 0; i < headers.size(); ++i)
        if (leg_of[i] != none) ordered[next[leg_of[i]]++] = headers[i];
    std::size_t kept = 0;
    for (std::size_t leg = 0; leg + 1 < begins.size(); ++leg) {
        const auto begin = ordered.begin() + static_cast<std::ptrdiff_t>(begins[leg]);
        auto end = ordered.begin() + static_cast<std::ptrdiff_t>(begins[leg + 1]);
        if (!std::is_sorted(begin, end)) std::sort(begin, end);
        end = std::unique(begin, end);
        begins[leg] = kept;
        const auto to = ordered.begin() + static_cast<std::ptrdiff_t>(kept);
        kept += static_cast<std::size_t>(end - begin);
        if (to != begin) std::move(begin, end, to);
    }
    begins.back() = kept;
    ordered.resize(kept);
    return ordered;
}

}  // namespace

std::vector<LadderRow> build_ladder(const Path& path, std::vector<PacketHeader> headers) {
    const std::vector<Place> places = places_of(path);
    std::vector<std::size_t> begins;
    headers = by_leg(path, headers, begins);
    std::vector<Seen> all;
    all.reserve(headers.size());
    const PathClocks clocks(path);
    std::vector<TimeNs> stamped_ns(headers.size());
    std::size_t most = 0;
    for (std::size_t leg = 0; leg < places.size(); ++leg) {
        most = std::max(most, begins[leg + 1] - begins[leg]);
        for (std::size_t i = begins[leg]; i < begins[leg + 1]; ++i) {
            PacketHeader& h = headers[i];
            stamped_ns[i] = std::exchange(h.time_ns, clocks.aligned(leg, h.time_ns));
            const std::size_t way = h.direction == Direction::to_server ? leg : places.size() - 1 - leg;
            all.push_back(
                {key_of(path, places[leg], h), static_cast<std::uint32_t>(way), static_cast<std::uint32_t>(i)});
        }
    }
    std::sort(all.begin(), all.end());
    RowBuilder builder(path, places, clocks, headers, stamped_ns);
    builder.expect(most + most / 8);
    for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
        while (end < all.size() && all[end].key == all[begin].key) ++end;
        builder.add(std::span(all).subspan(begin, end - begin));
    }
    if (path.protocol == Protocol::tcp) {
        builder.join_recut();
        builder.join_streams();
        builder.join_relayed();
    }
    return builder.finish();
}

}  // namespace clew
