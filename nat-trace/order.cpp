// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/order.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "nat-trace/chains.h"
#include "nat-trace/check.h"
#include "nat-trace/evidence.h"

namespace clew {
namespace {

constexpr double weight_ttl = 4;     // a direction's TTL fell
constexpr double agreeing_ttls = 5;  // times so much when both fell, each its own way: outweighs all late time stamps
constexpr double weight_handshake = 5;  // SYN or SYN-ACK, clearly apart in time
constexpr double weight_sample = 3;     // a payload packet, clearly apart in time
constexpr double samples_weight_max = 2 * weight_sample * window_sample_count_max;
constexpr double weight_unclear = 0.5;  // apart by less than the clocks' error
constexpr double weight_address = 6;    // an order that changes fewer ends
constexpr double weight_mac = 3;
constexpr double weight_link = 4;  // the two directions of one link, mirrored apart
constexpr std::size_t swap_round_max = 16;
constexpr std::size_t improved_leg_count_max = 16;  // of more legs the votes alone decide

double by_time(DurationNs later_by, DurationNs error, double weight) {
    if (later_by == 0) return 0;
    const double w = std::llabs(later_by) > error ? weight : weight_unclear;
    return later_by > 0 ? w : -w;
}

/// The same of two legs' times.
double by_clocks(const CommonTime& common, TimeNs first, TimeNs second, double weight) {
    const auto later = common.later(first, second, std::max<DurationNs>(common.error_ns, stamp_error_ns_min));
    return by_time(later.by, 0, later.clear ? weight : weight_unclear);
}

double by_ttl(std::uint8_t upstream, std::uint8_t downstream) {
    if (upstream == 0 || downstream == 0) return 0;
    const int fall = int{upstream} - int{downstream};
    if (fall == 0 || std::abs(fall) > 16) return 0;  // written anew on the way
    return fall > 0 ? weight_ttl : -weight_ttl;
}

/// One device receives what the upstream leg's frames are sent to, and sends the downstream leg's.
double by_mac(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    const auto meet = [&](const WindowLeg& up, const WindowLeg& down) {
        const MacAddress& mac = window.segment(up.segment).server_mac;
        return mac == window.segment(down.segment).client_mac && mac != MacAddress{};
    };
    return weight_mac * (meet(a, b) - meet(b, a));
}

double by_handshake(const WindowLeg& a, const WindowLeg& b, const CommonTime& common) {
    double weight = 0;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const WindowFlow& x = a.flow(d);
        const WindowFlow& y = b.flow(d);
        // A SYN proxy's own SYN-ACK is another packet than the server's, and says nothing.
        if (d == Direction::to_client && x.has_isn && y.has_isn && x.isn != y.isn) continue;
        if (x.syn_count > 1 || y.syn_count > 1) continue;
        const TimeNs s = a.at(x.syn);
        const TimeNs t = b.at(y.syn);
        if (s == 0 || t == 0) continue;
        const double later = by_clocks(common, s, t, weight_handshake);
        weight += d == Direction::to_server ? later : -later;
    }
    return weight;
}

double by_samples(const WindowLeg& a, const WindowLeg& b, const CommonTime& common) {
    double weight = 0;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const SampleMatch match = match_samples(a, b, d);
        for (std::size_t i = 0; i < match.count; ++i) {
            const TimeNs s = a.at(a.flow(d).samples[match.pairs[i].a].time);
            const TimeNs t = b.at(b.flow(d).samples[match.pairs[i].b].time);
            if (s == 0 || t == 0) continue;
            const double later = by_clocks(common, s, t, weight_sample);
            weight += d == Direction::to_server ? later : -later;
        }
    }
    return weight;
}

/// What a neighbourhood costs: an end that changes may be a gateway, an end that changes back hardly is.
double address_cost(const WindowLeg& a, const WindowLeg& b) {
    return weight_address * ((a.client != b.client) + (a.server != b.server));
}

/// Of RFC 1918, RFC 6598 (a carrier's own) or RFC 4193.
bool is_private(const IpAddress& address) {
    if (!address.is_v4()) return (address.bytes[0] & 0xfe) == 0xfc;
    const auto in = [ip = address.v4()](std::uint32_t net, int bits) { return (ip ^ net) >> (32 - bits) == 0; };
    return in(0x0a00'0000, 8) || in(0xac10'0000, 12) || in(0xc0a8'0000, 16) || in(0x6440'0000, 10);
}

/// Gateways hide private addresses of clients behind public ones, and open private servers at public addresses.
double by_scope(const WindowLeg& a, const WindowLeg& b) {
    const auto outwards = [](const IpAddress& from, const IpAddress& to) {
        return int{is_private(from)} - int{is_private(to)};
    };
    return weight_unclear * (outwards(a.client.ip, b.client.ip) - outwards(a.server.ip, b.server.ip));
}

/// No packet passed two taps that see one way each: the addresses tell, or else the way there is named first.
double by_way(const WindowLeg& a, const WindowLeg& b) {
    const double scope = by_scope(a, b);
    if (scope != 0) return scope;
    return a.flow(Direction::to_server).packets != 0 ? weight_unclear : -weight_unclear;
}

/// A link whose directions two ports mirrored: its legs stand side by side.
bool halves_of_link(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    const Segment& x = window.segment(a.segment);
    const Segment& y = window.segment(b.segment);
    return x.client_mac == y.client_mac && x.server_mac == y.server_mac && x.client_mac != MacAddress{} &&
           a.same_ends(b) && are_complementary(a, b);
}

/// The tap saw a direction's packets but missed its SYN: when the leg began is not known.
bool missed_handshake(const WindowLeg& leg) {
    return std::any_of(leg.flows.begin(), leg.flows.end(), [](const WindowFlow& flow) {
        return flow.packets != 0 && flow.has_isn && flow.syn == time_offset_unknown;
    });
}

/// Neither saw a packet of that direction.
bool nothing_came(const WindowLeg& a, const WindowLeg& b, Direction d) {
    return a.flow(d).packets == 0 && b.flow(d).packets == 0;
}

double weigh_order(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    const double ahead = by_ttl(a.flow(Direction::to_server).data_ttl, b.flow(Direction::to_server).data_ttl);
    const double back = by_ttl(b.flow(Direction::to_client).data_ttl, a.flow(Direction::to_client).data_ttl);
    // Where packets go one way only, clocks are guessed, and the TTL of that way is what there is.
    const bool one_way =
        a.clock != b.clock && (nothing_came(a, b, Direction::to_server) || nothing_came(a, b, Direction::to_client));
    double weight = (ahead + back) * (ahead * back > 0 || one_way ? agreeing_ttls : 1);
    weight += by_mac(window, a, b);
    const CommonTime common = common_time(window, a, b);
    if (common.known) {
        weight += by_handshake(a, b, common);
        // The samples are looked at where they can tip the scales.
        if (std::fabs(weight) <= samples_weight_max) weight += by_samples(a, b, common);
        if (weight == 0 && are_complementary(a, b)) weight += by_way(a, b);
        if (weight == 0 && !missed_handshake(a) && !missed_handshake(b))
            weight += by_clocks(common, a.first_ns, b.first_ns, weight_unclear);
    }
    if (a.clock != b.clock) {
        const DurationNs x = answer_gap(a);
        const DurationNs y = answer_gap(b);
        if (weight == 0 && !common.known && are_complementary(a, b)) weight += by_way(a, b);
        // Clocks of one region rarely stand far apart: better than no order at all.
        if (weight == 0 && !common.known) weight += by_time(b.first_ns - a.first_ns, 0, weight_unclear / 2);
        if (x > 0 && y > 0)
            weight += by_time(x - y, std::max(time_error_of(a, b), stamp_error_ns_min), weight_handshake);
    }
    return weight;
}

/// The legs of one connection, and how much speaks for each standing before each other.
class Arrangement {
  public:
    Arrangement(const LegWindow& window, std::span<const LegIndex> legs) : window_(window), legs_(legs) {
        for (std::size_t i = 0; i < size(); ++i)
            for (std::size_t j = i + 1; j < size(); ++j) {
                weights_[i][j] = weigh_order(window_, leg(i), leg(j));
                weights_[j][i] = -weights_[i][j];
                links_ += halves_[i][j] = halves_[j][i] = halves_of_link(window_, leg(i), leg(j));
            }
    }
    std::size_t size() const { return legs_.size(); }
    double sum(std::size_t i) const {
        double total = 0;
        for (std::size_t j = 0; j < size(); ++j) total += i == j ? 0 : weights_[i][j];
        return total;
    }

    double cost(std::span<const std::uint8_t> order) const {
        double total = address_costs(order);
        for (std::size_t i = 0; i < size(); ++i)
            for (std::size_t j = i + 1; j < size(); ++j) total -= weights_[order[i]][order[j]];
        return total;
    }

    /// Nothing speaks against this order, and none changes fewer addresses.
    bool is_best(std::span<const std::uint8_t> order) const {
        for (std::size_t i = 0; i < size(); ++i)
            for (std::size_t j = i + 1; j < size(); ++j)
                if (weights_[order[i]][order[j]] < 0) return false;
        double least = -weight_link * links_;
        for (std::size_t i = 1; i < size(); ++i) {
            bool new_client = true;
            bool new_server = true;
            for (std::size_t j = 0; j < i; ++j) {
                new_client &= leg(i).client != leg(j).client;
                new_server &= leg(i).server != leg(j).server;
            }
            least += weight_address * (new_client + new_server);
        }
        return address_costs(order) <= least;
    }

  private:
    const WindowLeg& leg(std::size_t i) const { return window_.leg(legs_[i]); }
    double address_costs(std::span<const std::uint8_t> order) const {
        double total = 0;
        for (std::size_t i = 0; i + 1 < size(); ++i) {
            total += address_cost(leg(order[i]), leg(order[i + 1]));
            if (halves_[order[i]][order[i + 1]]) total -= weight_link;
        }
        return total;
    }

    const LegWindow& window_;
    std::span<const LegIndex> legs_;
    double weights_[chain_leg_count_max][chain_leg_count_max];  // filled as far as there are legs
    bool halves_[chain_leg_count_max][chain_leg_count_max];     // likewise
    int links_ = 0;
};

/// Moves single legs elsewhere as long as that makes the whole cheaper.
void improve(const Arrangement& all, std::span<std::uint8_t> order) {
    double best = all.cost(order);
    std::array<std::uint8_t, chain_leg_count_max> place;
    const std::span<std::uint8_t> tried(place.data(), order.size());
    bool moved = true;
    for (std::size_t round = 0; moved && round < swap_round_max; ++round) {
        moved = false;
        for (std::size_t from = 0; from < order.size(); ++from)
            for (std::size_t to = 0; to < order.size(); ++to) {
                if (from == to) continue;
                std::copy(order.begin(), order.end(), tried.begin());
                const auto at = tried.begin();
                if (from < to)
                    std::rotate(at + from, at + from + 1, at + to + 1);
                else
                    std::rotate(at + to, at + from, at + from + 1);
                const double cost = all.cost(tried);
                if (cost >= best - 1e-9) continue;
                best = cost;
                std::copy(tried.begin(), tried.end(), order.begin());
                moved = true;
            }
    }
}

/// Sorts by votes, then improves.
void order_taps(const LegWindow& window, std::span<LegIndex> legs) {
    if (legs.size() < 2) return;
    // From the same start whatever came first, so that ties fall alike.
    std::sort(legs.begin(), legs.end(), [&](LegIndex x, LegIndex y) { return window.leg(x).id < window.leg(y).id; });
    const Arrangement all(window, legs);
    std::array<std::uint8_t, chain_leg_count_max> places;
    std::array<double, chain_leg_count_max> sums;
    const std::span<std::uint8_t> order(places.data(), legs.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint8_t>(i), sums[i] = all.sum(i);
    std::sort(order.begin(), order.end(),
              [&](std::uint8_t x, std::uint8_t y) { return sums[x] != sums[y] ? sums[x] > sums[y] : x < y; });
    if (legs.size() <= improved_leg_count_max && !all.is_best(order)) improve(all, order);
    std::array<LegIndex, chain_leg_count_max> sorted;
    for (std::size_t i = 0; i < order.size(); ++i) sorted[i] = legs[order[i]];
    std::copy(sorted.begin(), sorted.begin() + order.size(), legs.begin());
}

}  // namespace

double upstream_weight(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    return weigh_order(window, a, b);
}

void order_chain(const LegWindow& window, std::span<LegIndex> legs) {
    CLEW_CHECK(legs.size() <= chain_leg_count_max);
    const auto rank = [&](LegIndex i) {
        const WindowLeg& leg = window.leg(i);
        return !leg.is_socket() ? 1 : leg.socket_role == SocketRole::server ? 2 : 0;
    };
    const auto end_of = [&](auto from, int wanted) {
        return std::partition(from, legs.end(), [&](LegIndex i) { return rank(i) == wanted; });
    };
    const auto taps = end_of(legs.begin(), 0);
    const auto servers = end_of(taps, 1);
    order_taps(window, std::span(legs.begin(), taps));
    order_taps(window, std::span(taps, servers));
    order_taps(window, std::span(servers, legs.end()));
}

}  // namespace clew
