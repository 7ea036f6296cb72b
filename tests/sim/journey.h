// SPDX-License-Identifier: Apache-2.0
// A journey: one connection on its way from a client through gateways to a server, past taps and sockets. Says what the
// legs look like there and what is true about them. For hand-written tests and for the seeded simulation alike.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/engine.h"
#include "nat-trace/leg.h"
#include "nat-trace/link.h"

namespace clew::sim {

Endpoint at(std::string_view text);  ///< "10.0.0.7:443"

/// Randomness and time stamps of one simulated world.
struct World {
    explicit World(std::uint64_t seed) : random(seed) {}

    std::mt19937_64 random;
    LegId next_id = 1;
    DurationNs late_ns_max = 0;           ///< time stamps are late by up to this, each packet for itself
    std::uint32_t lost_per_thousand = 0;  ///< packets that a tap misses, each for itself
    std::uint32_t time_error_ns = 1000;   ///< what the legs state
    DurationNs hop_ns = 60 * ns_per_us;   ///< every gateway and wire adds about this

    std::uint32_t number() { return static_cast<std::uint32_t>(random() >> 32); }
    std::uint64_t below(std::uint64_t limit) { return random() % limit; }
    TimeNs stamp(TimeNs when) {
        return when + (late_ns_max > 0 ? static_cast<DurationNs>(below(static_cast<std::uint64_t>(late_ns_max))) : 0);
    }
    DurationNs hop() { return hop_ns / 2 + static_cast<DurationNs>(below(static_cast<std::uint64_t>(hop_ns))); }
};

/// What really happened: legs from client to server, and the kind of each neighbourhood.
struct Truth {
    std::string kind;  ///< of journey: "snat+fullnat", …
    std::vector<Leg> legs;
    std::vector<LinkKind> hops;
};

/// One transport connection as its first gateway sees it; gateways change it on the way.
struct Stream {
    Protocol protocol = Protocol::tcp;
    Endpoint client;
    Endpoint server;
    std::uint32_t isn[2] = {};
    std::uint16_t ip_id[2] = {};
    std::uint32_t tsval[2] = {};
    std::uint8_t ttl[2] = {64, 64};
    std::uint64_t payload[2] = {};  ///< hash of the request and of the response
    std::uint16_t payload_length[2] = {120, 600};
    std::uint32_t exchanges = 1;  ///< requests, with their responses
    bool timestamps = true;
    bool answered = true;      ///< false: the SYN meets silence
    bool from_middle = false;  ///< the capture began after the handshake
    std::vector<Hint> hints;
};

class Journey {
  public:
    /// A TCP connection from `client` to `server`, beginning at `start`.
    static Journey tcp(World& world, std::string_view client, std::string_view server, TimeNs start);
    static Journey dns(World& world, std::string_view client, std::string_view server, TimeNs start, std::uint16_t id,
                       std::uint64_t name_hash);
    static Journey ping(World& world, std::string_view client, std::string_view server, TimeNs start, int count = 2);

    Stream& stream() { return stream_; }

    // Where it is seen. `vni` 0: no tunnel.
    Journey& tap(TapId tap, std::uint32_t vni = 0);
    /// The socket of the client at the start, of a server or a proxy's front further on, of a proxy's back after it.
    Journey& socket(TapId on, std::uint32_t netns, std::uint32_t pid, std::string_view command);

    // What it passes.
    Journey& router();
    Journey& snat(std::string_view client);
    Journey& dnat(std::string_view server);
    Journey& fullnat(std::string_view client, std::string_view server);
    /// LVS/DPVS: shifts the client's sequence numbers, takes timestamps off the SYN, adds TOA.
    Journey& delta_fullnat(std::string_view client, std::string_view server, bool toa = true);
    /// The same, answering the client's handshake itself first; shifts both directions.
    Journey& syn_proxy(std::string_view client, std::string_view server, bool toa = true);
    /// A proxy in TCP mode that sends a PROXY v2 header.
    Journey& proxy(std::string_view client, std::string_view server);
    /// A proxy in HTTP mode that gives the request an id.
    Journey& http_proxy(std::string_view client, std::string_view server, std::string_view request_id);

    Truth done();

  private:
    struct Sight {
        Stream stream;
        Observer observer = Observer::mirror;
        TapId tap = 0;
        std::uint32_t vni = 0;
        std::uint32_t netns = 0;
        Process process;
        DurationNs way = 0;  ///< from the start of this transport connection
        bool behind_syn_proxy = false;
        std::size_t part = 0;  ///< counts transport connections, from the client on
    };
    struct Part {
        DurationNs length = 0;
        DurationNs syn_proxy_at = -1;
    };

    Journey(World& world, TimeNs start) : world_(&world), start_(start) {}
    void route();
    void pass(LinkKind kind);
    Leg leg_of(const Sight& sight, TimeNs start, DurationNs length, DurationNs proxy_at);
    void fill_tcp(Leg& leg, const Sight& sight, TimeNs start, DurationNs length, DurationNs proxy_at);
    void fill_datagrams(Leg& leg, const Sight& sight, TimeNs start, DurationNs length);
    /// False: the tap missed it.
    bool add_packet(Leg& leg, const Sight& sight, Direction d, TimeNs when, std::uint32_t seq, std::uint32_t ack,
                    std::uint16_t length, std::uint64_t hash, std::uint16_t ip_id);
    void relay(std::string_view client, std::string_view server);

    World* world_;
    TimeNs start_;
    Stream stream_;
    std::vector<Sight> sights_;
    std::vector<LinkKind> hops_;  ///< between sights
    std::vector<Part> parts_ = {Part{}};
    Endpoint last_client_;  ///< at the last sight
    Endpoint last_server_;
    bool relayed_since_ = false;
    bool behind_syn_proxy_ = false;
    std::string kind_;
};

}  // namespace clew::sim
