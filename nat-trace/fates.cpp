// SPDX-License-Identifier: Apache-2.0
// Where an opening died and who sent a reset: by the taps that saw it and those that did not, and by TTLs.
#include <algorithm>
#include <cstdlib>

#include "nat-trace/losses.h"

namespace clew {
namespace {

constexpr DurationNs unanswered_after_ns = ns_per_s;  ///< so long a SYN may wait before it is called unanswered

std::int16_t place_of(std::size_t n) { return static_cast<std::int16_t>(n); }

/// One transport connection of a path.
struct Run {
    const LegWindow& window;
    const std::vector<LegIndex>& legs;
    std::size_t first;
    std::size_t last;

    const WindowLeg& leg(std::size_t n) const { return window.leg(legs[n]); }
    ResetSeen reset(std::size_t n, Direction d) const {
        const OddLeg* odd = window.odd(leg(n));
        return odd == nullptr ? ResetSeen{} : odd->flow(d).reset;
    }
    IcmpErrorSeen icmp_error(std::size_t n, Direction d) const {
        const OddLeg* odd = window.odd(leg(n));
        return odd == nullptr ? IcmpErrorSeen{} : odd->flow(d).icmp_error;
    }
    bool any(bool (*holds)(const WindowLeg&)) const {
        for (std::size_t n = first; n <= last; ++n)
            if (!leg(n).is_socket() && holds(leg(n))) return true;
        return false;
    }
};

bool client_went_on(const WindowLeg& leg) {
    const WindowFlow& flow = leg.flow(Direction::to_server);
    return flow.first_ack != time_offset_unknown || flow.sample_count > 0;
}
bool server_spoke(const WindowLeg& leg) {
    const WindowFlow& flow = leg.flow(Direction::to_client);
    return flow.syn != time_offset_unknown || flow.sample_count > 0;
}
bool is_over(const WindowLeg& leg) {
    return leg.phase == LegPhase::ended || leg.last_ns - leg.first_ns > unanswered_after_ns;
}

/// The TTL of a direction's packets other than resets, 0 when there were none.
std::uint8_t usual_ttl(const WindowFlow& flow) {
    if (flow.sample_count > 0) return flow.data_ttl;
    return flow.syn != time_offset_unknown ? flow.first_ttl : 0;
}

/// Hops behind a sender: 64, 128 and 255 are what stacks begin with.
int hops_behind(std::uint8_t ttl) { return (ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255) - ttl; }

/// Leg n of a direction's travel through the run.
std::size_t along(const Run& run, Direction d, std::size_t n) {
    return d == Direction::to_server ? run.first + n : run.last - n;
}

enum class Came : std::uint8_t { all_the_way, from_between, not_known };

/// Whether a reset that `place` is the first to show came from the end behind it, by how much TTL it had lost.
Came how_it_came(const Run& run, Direction d, std::size_t place, const ResetSeen& reset) {
    const std::uint8_t usual = usual_ttl(run.leg(place).flow(d));
    if (usual != 0) return usual == reset.ttl ? Came::all_the_way : Came::from_between;
    // Nothing else came that way: what the other way loses between here and the end, this one must have lost as well.
    const std::size_t end = along(run, d, 0);
    const std::uint8_t here = usual_ttl(run.leg(place).flow(opposite(d)));
    const std::uint8_t there = usual_ttl(run.leg(end).flow(opposite(d)));
    if (here == 0 || there == 0 || end == place) return Came::not_known;
    const int lost = int{here} - int{there};
    if (lost <= 0) return Came::not_known;
    return hops_behind(reset.ttl) < lost ? Came::from_between : Came::all_the_way;
}

ResetBy end_of(const Run& run, Direction d, const Path& path) {
    const bool client = d == Direction::to_server;
    const bool relayed = client ? run.first > 0 : run.last + 1 < path.legs.size();
    return relayed ? ResetBy::relay : client ? ResetBy::client : ResetBy::server;
}

}  // namespace

void tell_opening(const LegWindow& window, const std::vector<LegIndex>& legs, std::size_t first, std::size_t last,
                  Path& path) {
    const Run run{window, legs, first, last};
    Opening opening;
    opening.first_leg = place_of(first);
    opening.last_leg = place_of(last);
    std::int16_t asked = no_place;     // the leg nearest to the server that saw the SYN
    std::int16_t answered = no_place;  // the leg nearest to the client that saw the SYN-ACK
    for (std::size_t n = first; n <= last; ++n) {
        if (run.leg(n).is_socket()) continue;
        const WindowFlow& to_server = run.leg(n).flow(Direction::to_server);
        if (asked == no_place) opening.syn_count = to_server.syn_count;
        if (to_server.syn != time_offset_unknown) asked = place_of(n);
        if (answered == no_place && run.leg(n).flow(Direction::to_client).syn != time_offset_unknown)
            answered = place_of(n);
        if (run.reset(n, Direction::to_client).time_ns != 0) opening.fate = OpeningFate::refused;
        if (opening.fate == OpeningFate::answered && run.icmp_error(n, Direction::to_server).count != 0)
            opening.fate = OpeningFate::unreachable;
    }
    if (asked == no_place) return;
    if (run.any(client_went_on) || (run.any(server_spoke) && answered == no_place)) {
        opening.fate = OpeningFate::answered;
    } else if (answered != no_place) {
        const bool nearer = answered > place_of(first) && !run.leg(static_cast<std::size_t>(answered) - 1).is_socket();
        if (!run.any(is_over)) return;
        opening.fate = nearer ? OpeningFate::answer_lost : OpeningFate::answered;
        if (nearer) opening.from_leg = answered, opening.to_leg = static_cast<std::int16_t>(answered - 1);
    } else if (opening.fate == OpeningFate::answered) {
        if (!run.any(is_over)) return;
        opening.fate = OpeningFate::unanswered;
        opening.from_leg = asked;
        if (asked < place_of(last)) opening.to_leg = static_cast<std::int16_t>(asked + 1);
    }
    path.openings.push_back(opening);
}

void tell_icmp_errors(const LegWindow& window, const std::vector<LegIndex>& legs, std::size_t first, std::size_t last,
                      Path& path) {
    const Run run{window, legs, first, last};
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        // It travels against the packets that it is about: the last leg of their way saw it first.
        for (std::size_t n = last - first + 1; n-- > 0;) {
            const std::size_t place = along(run, d, n);
            const IcmpErrorSeen error = run.icmp_error(place, d);
            if (error.count == 0) continue;
            path.icmp_errors.push_back({d, place_of(place), error, !run.leg(place).client.ip.is_v4()});
            break;
        }
    }
}

void tell_resets(const LegWindow& window, const std::vector<LegIndex>& legs, std::size_t first, std::size_t last,
                 Path& path) {
    const Run run{window, legs, first, last};
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        std::int16_t before = no_place;  // the last leg on the way that carries this direction and did not see it
        for (std::size_t n = 0; n <= last - first; ++n) {
            const std::size_t place = along(run, d, n);
            if (run.leg(place).is_socket()) continue;
            const ResetSeen reset = run.reset(place, d);
            if (reset.time_ns == 0) {
                // A tap that sees nothing of this direction cannot tell.
                if (run.leg(place).flow(d).packets != 0 || run.leg(place).flow(opposite(d)).packets != 0)
                    before = place_of(place);
                continue;
            }
            ResetSender origin;
            origin.direction = d;
            origin.to_leg = place_of(place);
            origin.time_ns = reset.time_ns;
            const Came came = how_it_came(run, d, place, reset);
            origin.certain = came != Came::not_known || before != no_place;
            const bool between = came == Came::from_between || (came == Came::not_known && before != no_place);
            origin.by = between ? ResetBy::middlebox : end_of(run, d, path);
            if (between) origin.from_leg = before;
            path.resets.push_back(origin);
            break;
        }
    }
}

std::string_view icmp_error_text(bool v6, std::uint8_t type, std::uint8_t code) {
    if (v6) {
        if (type == 2) return "packet too big";
        if (type == 3) return "time exceeded";
        if (type == 4) return "parameter problem";
        constexpr std::string_view codes[] = {"destination unreachable (no route)",
                                              "destination unreachable (prohibited)",
                                              "destination unreachable (beyond scope)",
                                              "destination unreachable (address)", "destination unreachable (port)"};
        return code < 5 ? codes[code] : "destination unreachable";
    }
    if (type == 11) return "time exceeded";
    if (type == 12) return "parameter problem";
    constexpr std::string_view codes[] = {
        "destination unreachable (network)", "destination unreachable (host)", "destination unreachable (protocol)",
        "destination unreachable (port)",    "fragmentation needed",           "source route failed"};
    if (code < 6) return codes[code];
    return code == 9 || code == 10 || code == 13 ? "destination unreachable (prohibited)" : "destination unreachable";
}

std::string_view to_text(LossFate fate) {
    switch (fate) {
        case LossFate::network: return "network";
        case LossFate::capture_gap: return "capture-gap";
        case LossFate::unknown: break;
    }
    return "unknown";
}

std::string_view to_text(OpeningFate fate) {
    switch (fate) {
        case OpeningFate::answered: return "answered";
        case OpeningFate::refused: return "refused";
        case OpeningFate::unanswered: return "unanswered";
        case OpeningFate::answer_lost: return "answer-lost";
        case OpeningFate::unreachable: break;
    }
    return "unreachable";
}

std::string_view to_text(ResetBy by) {
    switch (by) {
        case ResetBy::client: return "client";
        case ResetBy::server: return "server";
        case ResetBy::relay: return "relay";
        case ResetBy::middlebox: break;
    }
    return "middlebox";
}

}  // namespace clew
