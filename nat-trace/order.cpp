// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/order.h"

#include <algorithm>
#include <cstdlib>

#include "nat-trace/evidence.h"

namespace clew {
namespace {

constexpr double weight_ttl = 4;     // a direction's TTL fell
constexpr double agreeing_ttls = 5;  // times so much when both fell, each its own way: outweighs all late time stamps
constexpr double weight_handshake = 5;  // SYN or SYN-ACK, clearly apart in time
constexpr double weight_sample = 3;     // a payload packet, clearly apart in time
constexpr double weight_unclear = 0.5;  // apart by less than the clocks' error
constexpr double weight_address = 6;    // an order that changes fewer ends
constexpr double weight_mac = 3;
constexpr std::size_t swap_round_max = 16;
// Time stamps that were polled are late by up to an interval that the sensor may not have stated.
constexpr DurationNs stamp_error_ns_min = 2 * ns_per_us;

double by_time(DurationNs later_by, DurationNs error, double weight) {
    if (later_by == 0) return 0;
    const double w = std::llabs(later_by) > error ? weight : weight_unclear;
    return later_by > 0 ? w : -w;
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

double by_handshake(const WindowLeg& a, const WindowLeg& b, DurationNs shift, DurationNs error) {
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
        const DurationNs later_by = t - shift - s;
        weight += by_time(d == Direction::to_server ? later_by : -later_by, error, weight_handshake);
    }
    return weight;
}

double by_samples(const WindowLeg& a, const WindowLeg& b, DurationNs shift, DurationNs error) {
    double weight = 0;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const SampleMatch match = match_samples(a, b, d);
        for (std::size_t i = 0; i < match.count; ++i) {
            const TimeNs s = a.at(a.flow(d).samples[match.pairs[i].a].time);
            const TimeNs t = b.at(b.flow(d).samples[match.pairs[i].b].time);
            if (s == 0 || t == 0) continue;
            const DurationNs later_by = t - shift - s;
            weight += by_time(d == Direction::to_server ? later_by : -later_by, error, weight_sample);
        }
    }
    return weight;
}

/// What a neighbourhood costs: an end that changes may be a gateway, an end that changes back hardly is.
double address_cost(const WindowLeg& a, const WindowLeg& b) {
    return weight_address * ((a.client != b.client) + (a.server != b.server));
}

class Arrangement {
  public:
    Arrangement(const LegWindow& window, const std::vector<LegIndex>& legs)
        : window_(window), legs_(legs), size_(legs.size()) {
        weights_.resize(size_ * size_);
        for (std::size_t i = 0; i < size_; ++i)
            for (std::size_t j = i + 1; j < size_; ++j) {
                weights_[i * size_ + j] = upstream_weight(window_, leg(i), leg(j));
                weights_[j * size_ + i] = -weights_[i * size_ + j];
            }
    }
    double weight(std::size_t i, std::size_t j) const { return weights_[i * size_ + j]; }
    const WindowLeg& leg(std::size_t i) const { return window_.leg(legs_[i]); }
    double sum(std::size_t i) const {
        double total = 0;
        for (std::size_t j = 0; j < size_; ++j) total += weight(i, j);
        return total;
    }

    double cost(const std::vector<std::size_t>& order) const {
        double total = 0;
        for (std::size_t i = 0; i < size_; ++i)
            for (std::size_t j = i + 1; j < size_; ++j) total -= weight(order[i], order[j]);
        for (std::size_t i = 0; i + 1 < size_; ++i) total += address_cost(leg(order[i]), leg(order[i + 1]));
        return total;
    }

  private:
    const LegWindow& window_;
    const std::vector<LegIndex>& legs_;
    std::size_t size_;
    std::vector<double> weights_;
};

/// Sorts by votes, then moves single legs elsewhere as long as that makes the whole cheaper.
void order_taps(const LegWindow& window, std::vector<LegIndex>& legs) {
    if (legs.size() < 2) return;
    // From the same start whatever came first, so that ties fall alike.
    std::sort(legs.begin(), legs.end(), [&](LegIndex x, LegIndex y) { return window.leg(x).id < window.leg(y).id; });
    const Arrangement all(window, legs);
    std::vector<std::size_t> order(legs.size());
    std::vector<double> sums(legs.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i, sums[i] = all.sum(i);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return sums[x] > sums[y]; });
    double best = all.cost(order);
    bool moved = legs.size() > 1 && legs.size() <= 16;
    for (std::size_t round = 0; moved && round < swap_round_max; ++round) {
        moved = false;
        for (std::size_t from = 0; from < order.size(); ++from)
            for (std::size_t to = 0; to < order.size(); ++to) {
                if (from == to) continue;
                std::vector<std::size_t> tried = order;
                const std::size_t one = tried[from];
                tried.erase(tried.begin() + static_cast<std::ptrdiff_t>(from));
                tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(to), one);
                const double cost = all.cost(tried);
                if (cost >= best - 1e-9) continue;
                best = cost;
                order = std::move(tried);
                moved = true;
            }
    }
    std::vector<LegIndex> sorted;
    for (const std::size_t i : order) sorted.push_back(legs[i]);
    legs = std::move(sorted);
}

/// The tap saw a direction's packets but missed its SYN: when the leg began is not known.
bool missed_handshake(const WindowLeg& leg) {
    return std::any_of(leg.flows.begin(), leg.flows.end(), [](const WindowFlow& flow) {
        return flow.packets != 0 && flow.has_isn && flow.syn == time_offset_unknown;
    });
}

/// How long the leg waited for the server's answer: the longer, the farther it is from the server. -1 when not known.
DurationNs answer_gap(const WindowLeg& leg) {
    const TimeNs syn = leg.at(leg.flow(Direction::to_server).syn);
    const TimeNs answer = leg.at(leg.flow(Direction::to_client).syn);
    return syn == 0 || answer == 0 ? -1 : answer - syn;
}

}  // namespace

double upstream_weight(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    const double ahead = by_ttl(a.flow(Direction::to_server).data_ttl, b.flow(Direction::to_server).data_ttl);
    const double back = by_ttl(b.flow(Direction::to_client).data_ttl, a.flow(Direction::to_client).data_ttl);
    double weight = (ahead + back) * (ahead * back > 0 ? agreeing_ttls : 1);
    weight += by_mac(window, a, b);
    const CommonTime common = common_time(window, a, b);
    if (common.known) {
        const DurationNs error = std::max<DurationNs>(common.error_ns, stamp_error_ns_min);
        weight += by_handshake(a, b, common.shift_ns, error);
        weight += by_samples(a, b, common.shift_ns, error);
        if (weight == 0 && !missed_handshake(a) && !missed_handshake(b))
            weight += by_time(b.first_ns - common.shift_ns - a.first_ns, error, weight_unclear);
    }
    if (a.clock != b.clock) {
        const DurationNs x = answer_gap(a);
        const DurationNs y = answer_gap(b);
        // Clocks of one region rarely stand far apart: better than no order at all.
        if (weight == 0 && !common.known) weight += by_time(b.first_ns - a.first_ns, 0, weight_unclear / 2);
        if (x > 0 && y > 0)
            weight += by_time(x - y, std::max(time_error_of(a, b), stamp_error_ns_min), weight_handshake);
    }
    return weight;
}

void order_chain(const LegWindow& window, std::vector<LegIndex>& legs) {
    std::vector<LegIndex> clients;
    std::vector<LegIndex> taps;
    std::vector<LegIndex> servers;
    for (const LegIndex i : legs)
        if (!window.leg(i).is_socket()) taps.push_back(i);
    order_taps(window, taps);
    for (const LegIndex i : legs)
        if (window.leg(i).is_socket())
            (window.leg(i).socket_role == SocketRole::server ? servers : clients).push_back(i);
    order_taps(window, clients);
    order_taps(window, servers);
    legs = std::move(clients);
    legs.insert(legs.end(), taps.begin(), taps.end());
    legs.insert(legs.end(), servers.begin(), servers.end());
}

}  // namespace clew
