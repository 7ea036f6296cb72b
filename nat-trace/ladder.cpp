// SPDX-License-Identifier: Apache-2.0
// Packets are lined up by their place in the stream: the offset from the initial sequence number is the same at every
// tap of one transport connection, whatever the gateways between added to it. What came twice is told apart by IP id
// and order.
#include "nat-trace/ladder.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "nat-trace/ladder_marks.h"

namespace clew {
namespace {

constexpr TcpFlags flag_fin = 0x01;
constexpr TcpFlags flag_syn = 0x02;
constexpr TcpFlags flag_rst = 0x04;
constexpr TcpFlags flag_ack = 0x10;
constexpr DurationNs relay_early_ns =
    ns_per_ms;  ///< how much too early a proxy's packet may seem, by the time stamps' error

/// What is known of a leg's place in the path.
struct Place {
    std::size_t transport = 0;  ///< counts relays passed, from the client on
    std::size_t handshake = 0;  ///< counts SYN proxies passed
    bool new_ip_ids = false;    ///< the link before it rewrites IP ids
    std::array<std::uint32_t, direction_count> base{};
    std::array<bool, direction_count> has_base{};
};

/// Packets with one key are one packet, or retransmissions of one another.
using Key = std::tuple<std::size_t, std::size_t, Direction, std::uint32_t, std::uint32_t, std::uint32_t, std::uint16_t>;

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
    if (path.protocol != Protocol::tcp) return {0, 0, h.direction, h.seq, h.length, h.payload_check, 0};
    const std::uint32_t offset = h.seq - place.base[d];
    const std::uint32_t ack_offset = h.ack - place.base[1 - d];
    const auto kind = static_cast<std::uint16_t>(h.flags & (flag_syn | flag_fin | flag_rst));
    const bool bare_ack = h.length == 0 && kind == 0;
    const bool handshake =
        (kind & flag_syn) != 0 || (bare_ack && h.direction == Direction::to_server && offset == 1 && ack_offset == 1);
    return {place.transport, handshake ? place.handshake : 0, h.direction, offset,
            h.length,        bare_ack ? ack_offset : 0,       kind};
}

struct Seen {
    std::size_t leg = 0;
    PacketHeader header;
};

class RowBuilder {
  public:
    RowBuilder(const Path& path, const std::vector<Place>& places) : path_(path), places_(places) {}

    /// All packets of one key; each becomes a cell of one row.
    void add(std::vector<Seen>& group, std::size_t transport) {
        const Direction d = group[0].header.direction;
        std::stable_sort(group.begin(), group.end(), [d](const Seen& a, const Seen& b) {
            if (a.leg != b.leg) return d == Direction::to_server ? a.leg < b.leg : a.leg > b.leg;
            return a.header.time_ns < b.header.time_ns;
        });
        const std::size_t first = rows_.size();
        for (const Seen& s : group) {
            std::size_t place = find(first, s);
            if (place == rows_.size()) {
                rows_.emplace_back();
                rows_.back().row.direction = d;
                rows_.back().row.cells.resize(path_.legs.size());
                rows_.back().transport = transport;
                rows_.back().group = first;
            }
            LadderCell& cell = rows_[place].row.cells[s.leg];
            cell.seen = true;
            cell.header = s.header;
        }
        mark_retransmissions(first);
    }

    /// Payload that a proxy passed on as it was shares one row.
    void join_relayed() {
        std::map<std::tuple<std::size_t, Direction, std::uint16_t, std::uint16_t>, std::vector<std::size_t>> payloads;
        for (std::size_t n = 0; n < rows_.size(); ++n) {
            const PacketHeader* h = some_header(rows_[n]);
            if (h->length > 0 && h->payload_check != 0)
                payloads[{rows_[n].transport, h->direction, h->length, h->payload_check}].push_back(n);
        }
        for (auto& [key, list] : payloads)
            std::sort(list.begin(), list.end(),
                      [&](std::size_t a, std::size_t b) { return earliest(rows_[a]) < earliest(rows_[b]); });
        for (auto it = payloads.rbegin(); it != payloads.rend(); ++it) {
            const auto& [transport, direction, length, check] = it->first;
            if (transport == 0) continue;
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
        for (Row& r : rows_) placed.push_back(place(r));
        std::vector<std::size_t> transports;
        for (const Place& p : places_) transports.push_back(p.transport);
        mark_ladder(placed, transports, path_.protocol == Protocol::tcp);
        std::vector<LadderRow> out;
        for (Row& r : rows_) out.push_back(std::move(r.row));
        return out;
    }

  private:
    PlacedRow place(Row& r) const {
        PlacedRow placed{.row = &r.row, .transport = r.transport, .group = r.group};
        for (std::size_t leg = 0; leg < r.row.cells.size(); ++leg) {
            const LadderCell& cell = r.row.cells[leg];
            if (!cell.seen || places_[leg].transport != r.transport) continue;
            const auto d = static_cast<std::size_t>(cell.header.direction);
            placed.offset = cell.header.seq - places_[leg].base[d];
            placed.length =
                cell.header.length + ((cell.header.flags & flag_syn) != 0) + ((cell.header.flags & flag_fin) != 0);
            placed.has_ack = (cell.header.flags & flag_ack) != 0;
            placed.ack_offset = cell.header.ack - places_[leg].base[1 - d];
            break;
        }
        return placed;
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

    bool ip_ids_comparable(std::size_t a, std::size_t b) const {
        for (std::size_t i = std::min(a, b) + 1; i <= std::max(a, b); ++i)
            if (places_[i].new_ip_ids) return false;
        return true;
    }

    /// The row that the packet belongs to: with its IP id, else the first that could be; rows_.size() when it is a new
    /// one.
    std::size_t find(std::size_t first, const Seen& s) const {
        std::size_t fallback = rows_.size();
        for (std::size_t n = first; n < rows_.size(); ++n) {
            const std::vector<LadderCell>& cells = rows_[n].row.cells;
            if (cells[s.leg].seen) continue;
            bool contradicts = false;
            for (std::size_t leg = 0; leg < cells.size(); ++leg) {
                if (!cells[leg].seen || cells[leg].header.ip_id == 0 || s.header.ip_id == 0 ||
                    !ip_ids_comparable(leg, s.leg))
                    continue;
                if (cells[leg].header.ip_id == s.header.ip_id) return n;
                contradicts = true;
            }
            if (!contradicts && fallback == rows_.size()) fallback = n;
        }
        return fallback;
    }

    void mark_retransmissions(std::size_t first) {
        for (std::size_t n = first; n < rows_.size(); ++n) {
            const PacketHeader* h = some_header(rows_[n]);
            if (path_.protocol != Protocol::tcp || (h->length == 0 && (h->flags & (flag_syn | flag_fin)) == 0))
                continue;
            for (std::size_t m = first; m < rows_.size(); ++m)
                for (std::size_t leg = 0; leg < path_.legs.size(); ++leg) {
                    const LadderCell& mine = rows_[n].row.cells[leg];
                    const LadderCell& other = rows_[m].row.cells[leg];
                    if (m != n && mine.seen && other.seen && other.header.time_ns < mine.header.time_ns)
                        rows_[n].row.retransmission = true;
                }
        }
    }

    void join(const std::vector<std::size_t>& fronts, const std::vector<std::size_t>& backs, Direction direction) {
        std::vector<bool> taken(backs.size(), false);
        for (const std::size_t f : fronts)
            for (std::size_t b = 0; b < backs.size(); ++b) {
                if (taken[b]) continue;
                const DurationNs passed = earliest(rows_[backs[b]]) - earliest(rows_[f]);
                if ((direction == Direction::to_server ? passed : -passed) < -relay_early_ns) continue;
                taken[b] = true;
                for (std::size_t leg = 0; leg < path_.legs.size(); ++leg)
                    if (rows_[backs[b]].row.cells[leg].seen) rows_[f].row.cells[leg] = rows_[backs[b]].row.cells[leg];
                rows_[f].row.retransmission |= rows_[backs[b]].row.retransmission;
                rows_[backs[b]].merged = true;
                break;
            }
    }

    static void set_times(LadderRow& row) {
        TimeNs last = 0;
        const std::size_t count = row.cells.size();
        for (std::size_t n = 0; n < count; ++n) {
            LadderCell& cell = row.cells[row.direction == Direction::to_server ? n : count - 1 - n];
            if (!cell.seen) continue;
            if (last == 0) {
                row.time_ns = cell.header.time_ns;
            } else {
                cell.has_delay = true;
                cell.delay_ns = cell.header.time_ns - last;
            }
            last = cell.header.time_ns;
        }
    }

    const Path& path_;
    const std::vector<Place>& places_;
    std::vector<Row> rows_;
};

}  // namespace

std::vector<LadderRow> build_ladder(const Path& path, std::vector<PacketHeader> headers) {
    std::unordered_map<LegId, std::size_t> place_of_leg;
    for (std::size_t i = 0; i < path.legs.size(); ++i) place_of_leg.emplace(path.legs[i].leg, i);
    const std::vector<Place> places = places_of(path);
    std::sort(headers.begin(), headers.end());
    headers.erase(std::unique(headers.begin(), headers.end()), headers.end());
    std::map<Key, std::vector<Seen>> groups;
    for (const PacketHeader& h : headers) {
        const auto leg = place_of_leg.find(h.leg);
        if (leg == place_of_leg.end()) continue;
        groups[key_of(path, places[leg->second], h)].push_back({leg->second, h});
    }
    RowBuilder builder(path, places);
    for (auto& [key, group] : groups) builder.add(group, std::get<0>(key));
    if (path.protocol == Protocol::tcp) builder.join_relayed();
    return builder.finish();
}

}  // namespace clew
