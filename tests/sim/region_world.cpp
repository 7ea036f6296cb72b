// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/region_world.h"

#include <algorithm>
#include <string>

namespace clew::sim {
namespace {

enum TapNumber : TapId { tenant_tap, edge_tap, servers_tap, sockets_tap };

constexpr std::size_t client_count = 6;
constexpr std::uint32_t tenant_vnis[] = {100, 200};

std::string endpoint(const std::string& ip, std::uint64_t port) { return ip + ":" + std::to_string(port); }

class RegionMaker {
  public:
    explicit RegionMaker(const RegionSettings& settings) : settings_(settings), world_(settings.seed) {
        world_.late_ns_max = settings.late_ns_max;
        world_.lost_per_thousand = settings.lost_per_thousand;
        world_.time_error_ns = static_cast<std::uint32_t>(settings.late_ns_max);
    }

    Region make() {
        Region region;
        region.taps = {{"tenant", "one"}, {"edge", "one"}, {"servers", "one"}, {"host/sockets", "one"}};
        TimeNs now = settings_.start_ns;
        for (std::size_t n = 0; n < settings_.journeys; ++n) {
            now +=
                1 + static_cast<TimeNs>(world_.below(static_cast<std::uint64_t>(2e9 / settings_.journeys_per_second)));
            region.truths.push_back(journey(now));
        }
        return region;
    }

  private:
    bool with_agent() { return world_.below(1000) < static_cast<std::uint64_t>(settings_.agent_share * 1000); }

    /// Ports go round and are used again after a while; two tenants use the same addresses.
    std::string client() {
        const std::uint64_t n = client_number_++;
        return endpoint("10.0.0." + std::to_string(2 + n % client_count), 32768 + n / client_count % 28'000);
    }
    std::string public_end() { return endpoint("203.0.113.9", 1024 + public_port_++ % 60'000); }
    std::string local_end() {
        const std::uint64_t n = local_port_++;
        return endpoint("10.1.0." + std::to_string(1 + n % 4), 1024 + n / 4 % 60'000);
    }
    std::string server(int port = 8080) {
        return endpoint("10.1.0." + std::to_string(20 + world_.below(2)), static_cast<std::uint64_t>(port));
    }
    std::string request_id() { return std::to_string(world_.random()) + "-id"; }

    Truth journey(TimeNs start) {
        const std::uint64_t which = world_.below(100);
        if (which < 8) return dns(start);
        if (which < 12) return ping(start);
        Journey j = Journey::tcp(world_, client(), endpoint("198.51.100.10", 80 + which % 3), start);
        j.stream().exchanges = static_cast<std::uint32_t>(1 + world_.below(3));
        if (which < 16) j.stream().answered = false;
        const bool agents = with_agent() && j.stream().answered;
        const std::uint32_t pid = static_cast<std::uint32_t>(1000 + world_.below(50));
        if (agents) j.socket(sockets_tap, 11, pid, "curl");
        j.tap(tenant_tap, tenant_vnis[world_.below(2)]).snat(public_end()).tap(edge_tap);
        balance(j, which, agents);
        if (agents) j.socket(sockets_tap, 20, 2000, "nginx");
        return j.done();
    }

    void balance(Journey& j, std::uint64_t which, bool agents) {
        if (which < 16) {
            j.dnat(server()).tap(servers_tap);
        } else if (which < 28) {
            j.dnat(server()).tap(servers_tap);
        } else if (which < 40) {
            j.fullnat(local_end(), server()).tap(servers_tap);
        } else if (which < 55) {
            j.delta_fullnat(local_end(), server(), which % 3 != 0).tap(servers_tap);
        } else if (which < 67) {
            j.syn_proxy(local_end(), server()).tap(servers_tap);
        } else if (which < 83) {
            if (agents) j.socket(sockets_tap, 30, 3000, "haproxy");
            j.proxy(local_end(), server());
            if (agents) j.socket(sockets_tap, 30, 3000, "haproxy");
            j.tap(servers_tap);
        } else {
            if (agents) j.socket(sockets_tap, 30, 3001, "nginx");
            j.http_proxy(local_end(), server(), request_id());
            if (agents) j.socket(sockets_tap, 30, 3001, "nginx");
            j.tap(servers_tap);
        }
    }

    /// Few names, asked again and again.
    Truth dns(TimeNs start) {
        Journey j = Journey::dns(world_, client(), "198.51.100.53:53", start,
                                 static_cast<std::uint16_t>(world_.random()), 1 + world_.below(5));
        return j.tap(tenant_tap, 100).snat(public_end()).tap(edge_tap).dnat("10.1.0.53:53").tap(servers_tap).done();
    }
    Truth ping(TimeNs start) {
        const std::string id = std::to_string(1 + world_.below(60'000));
        const std::string other = std::to_string(1 + world_.below(60'000));
        Journey j = Journey::ping(world_, "10.0.0.2:" + id, "198.51.100.10:" + id, start);
        j.tap(tenant_tap, 100).snat("203.0.113.9:" + other);
        j.stream().server.port = j.stream().client.port;
        return j.tap(edge_tap).done();
    }

    RegionSettings settings_;
    World world_;
    std::uint64_t client_number_ = 0;
    std::uint64_t public_port_ = 0;
    std::uint64_t local_port_ = 0;
};

}  // namespace

std::vector<Leg> Region::legs_in_time() const {
    std::vector<Leg> legs;
    for (const Truth& truth : truths) legs.insert(legs.end(), truth.legs.begin(), truth.legs.end());
    std::stable_sort(legs.begin(), legs.end(), [](const Leg& a, const Leg& b) { return a.last_ns < b.last_ns; });
    return legs;
}

Region make_region(const RegionSettings& settings) { return RegionMaker(settings).make(); }

}  // namespace clew::sim
