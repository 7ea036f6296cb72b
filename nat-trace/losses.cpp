// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/losses.h"

#include <algorithm>
#include <cstdlib>

#include "nat-trace/evidence.h"

namespace clew {
namespace {

constexpr std::uint16_t reordered_ms_max = 3;  // missing for no longer: out of order, not lost (as Wireshark has it)
constexpr std::uint32_t stream_compared_max = 1U
                                              << 30;  // beyond, offsets modulo 2^32 no longer tell before from behind
constexpr std::uint8_t syn_count_saturated = 255;
constexpr int not_known = -1;

/// One tap of one direction.
struct Station {
    std::int16_t place = no_place;
    const WindowLeg* leg = nullptr;
    const WindowFlow* flow = nullptr;
    const OddFlow* odd = nullptr;
    bool aligned = false;
    std::uint32_t base = 0;   ///< the ISN, or where the first sample of the first tap would have it
    std::uint32_t start = 0;  ///< offsets below were not captured, or came before the capture began
    std::uint32_t end = 0;
    bool knows_start = false;  ///< of the stream: what lies below `start` was missed
};

/// How one part of the stream fared at one tap.
struct Passing {
    int copies = not_known;
    bool late = false;    ///< behind what follows it, be it for a moment
    bool absent = false;  ///< so late that a copy must have been lost
    int passed = 0;
};

class Telling {
  public:
    Telling(const LegWindow& window, const std::vector<LegIndex>& legs, std::size_t first, std::size_t last, Path& path)
        : window_(window), legs_(legs), first_(first), last_(last), path_(path) {
        over_ = true;
        for (std::size_t n = first; n <= last; ++n) {
            const WindowLeg& leg = window.leg(legs[n]);
            over_ = over_ && leg.phase == LegPhase::ended;
            closed_ = closed_ || leg.end == LegEnd::fin;
        }
    }

    void tell(Direction direction) {
        direction_ = direction;
        if (is_uneventful()) return;
        gather();
        if (stations_.empty()) return;
        if (stations_[0].leg->protocol != Protocol::tcp) return tell_datagrams();
        tell_handshake();
        align();
        std::erase_if(stations_, [](const Station& s) { return !s.aligned; });
        learn_acked();
        if (is_plain()) return;
        tell_stream();
    }

  private:
    bool is_uneventful() const;
    void gather();
    void align();
    bool align_with(Station& station, const Station& other) const;
    bool is_plain() const;
    void tell_datagrams();
    void tell_handshake();
    void tell_handshake_of(std::size_t begin, std::size_t end, bool answered, bool went_on);
    void tell_stream();
    std::vector<std::uint32_t> bounds() const;
    Passing passing_at(const Station& station, std::uint32_t offset) const;
    void learn_acked();
    bool fill_passing(std::uint32_t offset);
    void tell_part(std::uint32_t offset, std::uint32_t bytes);
    void add(LossFate fate, std::int16_t from, std::int16_t to, std::uint32_t offset, std::uint32_t bytes, int times,
             bool handshake);
    void count(const LossCase& part, bool is_more);

    const LegWindow& window_;
    const std::vector<LegIndex>& legs_;
    std::size_t first_, last_;
    Path& path_;
    bool over_ = false;    ///< no leg goes on
    bool closed_ = false;  ///< by FINs: everything arrived
    Direction direction_ = Direction::to_server;
    std::vector<Station> stations_;  ///< in the direction of travel
    std::vector<Passing> passing_;   ///< beside them
    std::uint32_t acked_ = 0;        ///< offsets below were acknowledged
};

/// Every tap saw the same, from one SYN to the end: what most connections are, told without gathering anything.
bool Telling::is_uneventful() const {
    bool any = false;
    std::uint64_t seen = 0;
    for (std::size_t n = first_; n <= last_; ++n) {
        const WindowLeg& leg = window_.leg(legs_[n]);
        const WindowFlow& flow = leg.flow(direction_);
        if (leg.is_socket() || flow.packets == 0) continue;
        const bool tcp = leg.protocol == Protocol::tcp;
        if (window_.odd(leg) != nullptr || (tcp && (flow.syn_count != 1 || !flow.has_isn))) return false;
        const std::uint64_t here = tcp ? flow.next_seq - flow.isn : flow.packets;
        if (any && over_ && here != seen) return false;
        seen = here;
        any = true;
    }
    return true;
}

void Telling::gather() {
    stations_.clear();
    for (std::size_t n = 0; n <= last_ - first_; ++n) {
        const std::size_t place = direction_ == Direction::to_server ? first_ + n : last_ - n;
        const WindowLeg& leg = window_.leg(legs_[place]);
        const WindowFlow& flow = leg.flow(direction_);
        if (leg.is_socket() || flow.packets == 0) continue;
        Station station;
        station.place = static_cast<std::int16_t>(place);
        station.leg = &leg;
        station.flow = &flow;
        if (const OddLeg* odd = window_.odd(leg)) station.odd = &odd->flow(direction_);
        if (station.odd != nullptr && station.odd->marks_forgotten != 0) path_.losses_partial = true;
        if (station.odd != nullptr)
            path_.legs[place].flows[static_cast<std::size_t>(direction_)].loop = station.odd->loop;
        stations_.push_back(station);
    }
}

/// By packets that both saw; else where both saw the stream's end.
bool Telling::align_with(Station& station, const Station& other) const {
    const SampleMatch match = match_samples(*other.leg, *station.leg, direction_);
    const bool same_end = station.leg->end == LegEnd::fin && other.leg->end == LegEnd::fin;
    if (match.count == 0 && !same_end) return false;
    const std::uint32_t delta =
        match.count > 0 ? station.flow->samples[match.pairs[0].b].seq - other.flow->samples[match.pairs[0].a].seq
                        : station.flow->next_seq - other.flow->next_seq;
    station.base = other.base + delta;
    station.aligned = true;
    return true;
}

/// Gives every tap the same offsets, whatever gateways shifted. Where one saw the SYN, the others were to see the rest.
void Telling::align() {
    bool any = false;
    for (Station& s : stations_)
        if (s.flow->has_isn) s.base = s.flow->isn, s.aligned = s.knows_start = any = true;
    for (Station& s : stations_)
        if (!any && s.flow->sample_count > 0) s.base = s.flow->samples[0].seq - 1, s.aligned = any = true;
    for (std::size_t round = 0; round < stations_.size(); ++round)
        for (Station& s : stations_)
            for (const Station& other : stations_)
                if (!s.aligned && other.aligned) align_with(s, other);
    const bool begun = std::ranges::any_of(stations_, [](const Station& s) { return s.flow->syn_count > 0; });
    for (Station& s : stations_) {
        if (!s.aligned) continue;
        s.knows_start = s.knows_start || begun;
        s.end = s.flow->next_seq - s.base;
        const bool saw_syn = s.flow->syn != time_offset_unknown;
        s.start = saw_syn ? 1 : s.flow->sample_count > 0 ? s.flow->samples[0].seq - s.base : s.end;
        if (s.end > stream_compared_max || s.start > s.end) s.aligned = false;
    }
}

void Telling::learn_acked() {
    acked_ = 0;
    for (const Station& s : stations_) {
        if (closed_) acked_ = std::max(acked_, s.end);
        if (s.odd == nullptr || !s.odd->has_acked) continue;
        const std::uint32_t acked = s.odd->acked - s.base;
        if (acked <= stream_compared_max) acked_ = std::max(acked_, acked);
    }
}

/// Every tap saw everything once.
bool Telling::is_plain() const {
    for (const Station& s : stations_) {
        if (s.odd != nullptr && !s.odd->marks.empty()) return false;
        if (s.knows_start && s.start > 1) return false;
        if (s.end < acked_ || (over_ && s.end != stations_[0].end)) return false;
    }
    return true;
}

void Telling::tell_datagrams() {
    if (!over_) return;
    std::uint64_t passed = 0;
    for (std::size_t n = stations_.size(); n-- > 0;) {
        const std::uint64_t seen = stations_[n].flow->packets;
        if (seen < passed)
            add(LossFate::capture_gap, stations_[n].place, stations_[n].place, 0, 0, static_cast<int>(passed - seen),
                false);
        if (n + 1 < stations_.size() && seen > passed)
            add(LossFate::unknown, stations_[n].place, stations_[n + 1].place, 0, 0, static_cast<int>(seen - passed),
                false);
        passed = std::max(passed, seen);
    }
}

/// Between a SYN proxy's two sides no handshake packet passes.
void Telling::tell_handshake() {
    const Direction back = opposite(direction_);
    bool answered = false;  // it arrived
    bool went_on = false;   // and so did the answer
    for (std::size_t n = first_; n <= last_; ++n) {
        const WindowLeg& leg = window_.leg(legs_[n]);
        const WindowFlow& client = leg.flow(Direction::to_server);
        went_on |= client.first_ack != time_offset_unknown || client.sample_count > 0;
        answered |=
            direction_ == Direction::to_server ? leg.flow(back).has_isn || leg.flow(back).sample_count > 0 : went_on;
    }
    const auto is_proxied = [&](std::size_t a, std::size_t b) {
        const auto [low, high] = std::minmax(stations_[a].place, stations_[b].place);
        for (std::int16_t n = low; n < high; ++n)
            if (path_.links[static_cast<std::size_t>(n)].changes &
                static_cast<std::uint16_t>(MiddleboxChange::answered_handshake))
                return true;
        return false;
    };
    std::size_t begin = 0;
    for (std::size_t n = 1; n <= stations_.size(); ++n) {
        if (n < stations_.size() && !is_proxied(n - 1, n)) continue;
        tell_handshake_of(begin, n, answered, went_on);
        begin = n;
    }
}

void Telling::tell_handshake_of(std::size_t begin, std::size_t end, bool answered, bool went_on) {
    // A tap that saw a part of the handshake was there when the other part passed.
    bool any = false;
    for (std::size_t n = begin; n < end; ++n)
        for (const WindowFlow& flow : stations_[n].leg->flows) any |= flow.syn_count > 0;
    if (!any) return;
    int passed = answered ? 1 : 0;
    std::int16_t next = no_place;
    for (std::size_t n = end; n-- > begin;) {
        const Station& s = stations_[n];
        int seen = s.flow->syn_count;
        if (s.odd != nullptr && s.odd->loop.laps > 0) seen -= s.odd->loop.laps;  // one packet, many times
        if (seen < 0 || s.flow->syn_count == syn_count_saturated) continue;
        if (seen < passed) add(LossFate::capture_gap, s.place, s.place, 0, 1, passed - seen, true);
        // A SYN that nobody ever answers is sent again for that reason, whatever was lost.
        if (seen > passed && (next != no_place || went_on))
            add(went_on ? LossFate::network : LossFate::unknown, s.place, next, 0, 1, seen - passed, true);
        passed = std::max(passed, seen);
        next = s.place;
    }
}

std::vector<std::uint32_t> Telling::bounds() const {
    std::vector<std::uint32_t> out{acked_ == 0 ? 1 : acked_};
    for (const Station& s : stations_) {
        out.push_back(s.knows_start ? 1 : s.start);
        out.push_back(s.start);
        out.push_back(s.end);
        if (s.odd == nullptr) continue;
        for (const StreamMark& m : s.odd->marks) {
            out.push_back(m.seq - s.base);
            out.push_back(m.seq - s.base + m.length);
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

Passing Telling::passing_at(const Station& station, std::uint32_t offset) const {
    Passing out;
    if (offset < station.start) {
        if (station.knows_start) out.copies = 0;
    } else if (offset < station.end) {
        out.copies = 1;
    } else if (over_ || offset < acked_) {
        out.copies = 0;
    }
    if (station.odd == nullptr || offset >= station.end) return out;
    for (const StreamMark& m : station.odd->marks)
        if (offset - (m.seq - station.base) < m.length) {
            // Before the first packet that was seen, a first copy is no repetition.
            out.copies = offset < station.start && m.copies > 0 ? m.copies - 1 : m.copies;
            out.late = m.late;
            out.absent = m.late && m.missing_ms > reordered_ms_max;
        }
    return out;
}

/// From the last tap to the first: how often the part passed there at least. False when every tap saw it once.
bool Telling::fill_passing(std::uint32_t offset) {
    const std::size_t size = stations_.size();
    passing_.assign(size, Passing{});
    bool plain = true;
    int passed = offset < acked_ ? 1 : 0;
    bool first_copy_behind = false;  // a tap farther on saw the first copy
    bool late_behind = false;        // the next tap saw a later copy first
    for (std::size_t n = size; n-- > 0;) {
        Passing& p = passing_[n];
        p = passing_at(stations_[n], offset);
        plain = plain && (p.copies == 1 || p.copies == not_known) && !p.absent;
        if (p.copies == not_known) continue;
        const bool saw_first = p.copies > 0 && !p.late;
        if (saw_first && late_behind && !first_copy_behind) ++passed;
        if (p.absent && first_copy_behind) passed = std::max(passed, p.copies + 1);
        passed = std::max(passed, p.copies);
        p.passed = passed;
        late_behind = p.copies > 0 && p.absent;
        first_copy_behind = first_copy_behind || saw_first;
    }
    return !plain;
}

void Telling::tell_part(std::uint32_t offset, std::uint32_t bytes) {
    if (!fill_passing(offset)) return;
    const Passing* next = nullptr;
    std::int16_t next_place = no_place;
    for (std::size_t n = stations_.size(); n-- > 0;) {
        const Passing& p = passing_[n];
        if (p.copies == not_known) continue;
        const std::int16_t place = stations_[n].place;
        if (p.passed > p.copies) add(LossFate::capture_gap, place, place, offset, bytes, p.passed - p.copies, false);
        if (next == nullptr) {
            if (p.passed > 1) add(LossFate::network, place, no_place, offset, bytes, p.passed - 1, false);
        } else if (p.passed > next->passed) {
            const bool sent_again = p.passed > 1;
            add(sent_again ? LossFate::network : LossFate::unknown, place, next_place, offset, bytes,
                p.passed - next->passed, false);
        }
        next = &p;
        next_place = place;
    }
    if (next != nullptr && next->absent && next->passed == next->copies)
        add(LossFate::network, no_place, next_place, offset, bytes, 1, false);
}

void Telling::tell_stream() {
    const std::vector<std::uint32_t> cuts = bounds();
    for (std::size_t n = 0; n + 1 < cuts.size(); ++n) tell_part(cuts[n], cuts[n + 1] - cuts[n]);
}

/// In the link behind the leg (where the next taps did not see the direction, the first of their links), or in the leg.
/// `is_more`: it continues what is counted already.
void Telling::count(const LossCase& part, bool is_more) {
    const auto d = static_cast<std::size_t>(direction_);
    const std::uint32_t times = is_more ? 0 : part.times;
    const std::uint64_t bytes = part.handshake ? 0 : std::uint64_t{part.bytes} * part.times;
    if (part.to_leg == no_place || part.from_leg == no_place) return;
    if (part.fate == LossFate::capture_gap) {
        PathLeg::Counters& flow = path_.legs[static_cast<std::size_t>(part.from_leg)].flows[d];
        flow.missed += times;
        flow.missed_bytes += bytes;
        return;
    }
    const bool up = direction_ == Direction::to_server;
    SegmentLoss& loss = path_.links[static_cast<std::size_t>(up ? part.from_leg : part.from_leg - 1)].loss[d];
    const bool lost = part.fate == LossFate::network;
    (lost ? loss.lost : loss.unknown) += times;
    (lost ? loss.lost_bytes : loss.unknown_bytes) += bytes;
}

void Telling::add(LossFate fate, std::int16_t from, std::int16_t to, std::uint32_t offset, std::uint32_t bytes,
                  int times, bool handshake) {
    const LossCase part{direction_, fate, handshake, from, to, offset, bytes, static_cast<std::uint32_t>(times)};
    for (LossCase& c : path_.losses) {
        if (c.direction != direction_ || c.fate != fate || c.from_leg != from || c.to_leg != to) continue;
        if (c.times != part.times || c.handshake || handshake || bytes == 0 || c.offset + c.bytes != offset) continue;
        c.bytes += bytes;
        return count(part, true);
    }
    count(part, false);
    if (path_.losses.size() < loss_case_count_max)
        path_.losses.push_back(part);
    else
        ++path_.losses_untold;
}

}  // namespace

void tell_losses(const LegWindow& window, const std::vector<LegIndex>& legs, Path& path) {
    path.losses.clear();
    path.losses_untold = 0;
    path.losses_partial = false;
    path.openings.clear();
    path.resets.clear();
    path.icmp_errors.clear();
    std::size_t first = 0;
    for (std::size_t n = 0; n < legs.size(); ++n) {
        if (n + 1 < legs.size() && path.links[n].kind != LinkKind::relay) continue;
        Telling telling(window, legs, first, n, path);
        telling.tell(Direction::to_server);
        telling.tell(Direction::to_client);
        tell_icmp_errors(window, legs, first, n, path);
        if (path.protocol == Protocol::tcp) {
            tell_opening(window, legs, first, n, path);
            tell_resets(window, legs, first, n, path);
        }
        first = n + 1;
    }
}

}  // namespace clew
