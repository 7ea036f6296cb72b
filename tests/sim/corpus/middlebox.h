// SPDX-License-Identifier: Apache-2.0
// What gateways do to packets, one class a row of the field table in docs: nothing here knows who will look at it.
#pragma once

#include <deque>
#include <optional>

#include "tests/sim/corpus/events.h"
#include "tests/sim/corpus/host.h"
#include "tests/sim/corpus/route.h"

namespace clew::corpus {

/// The ends as written behind a box; what is not given stays.
struct Rewrite {
    std::optional<End> client, server;
};

/// Rewrites addresses and keeps all else: netfilter, OVS, IPVS-NAT; without a rewrite a router, a tunnel gateway or a
/// balancer in DR mode. ICMP: the echo id is the client's port. `ttl_step` 0 for a bridge.
class Nat : public Middlebox {
  public:
    explicit Nat(Rewrite rewrite, std::uint8_t ttl_step = 1) : rewrite_(rewrite), ttl_step_(ttl_step) {}
    void pass(Way way, Packet packet, const Emit& emit) override;

  protected:
    /// To the server: remembers who the ends were and writes the new ones; to the client: writes the old ones back.
    void translate(Way way, Packet& packet);
    void translate_error(Packet& error);

    Rewrite rewrite_;
    End client_before_, server_before_;

  private:
    std::uint8_t ttl_step_;
};

/// A router that does harm: it loses every SYN, or every answer to one, or it resets connections: at the SYN, or once
/// the client has sent something, then towards both ends.
class Saboteur : public Nat {
  public:
    Saboteur(Fault what, bool at_syn, Rng& rng)
        : Nat(Rewrite{}),
          at_syn_(at_syn),
          ttl_(rng.chance(0.5) ? 64 : 255),
          id_(static_cast<std::uint16_t>(rng.word())) {
        fault = what;
    }
    void pass(Way way, Packet packet, const Emit& emit) override;

  private:
    Packet reset(const Packet& seen, bool back);

    bool at_syn_;
    bool done_ = false;
    std::uint8_t ttl_;
    std::uint16_t id_;
};

/// IPv6 clients to an IPv4 server: new IP header, new IP-ID, the MSS cut to fit the larger header.
class Nat64 : public Nat {
  public:
    Nat64(Rewrite rewrite, Rng& rng) : Nat(rewrite), id_(static_cast<std::uint16_t>(rng.word())) {}
    void pass(Way way, Packet packet, const Emit& emit) override;

  private:
    std::uint16_t id_;
};

/// LVS and DPVS in FULLNAT mode: a random offset on the client's sequence numbers, none on the server's.
class DeltaFullnat : public Nat {
  public:
    enum class Toa : std::uint8_t { none, first_ack, first_payload };
    struct Settings {
        Toa toa = Toa::first_ack;
        std::uint8_t toa_kind = 254;
        bool keep_timestamps = false;
    };
    DeltaFullnat(Rewrite rewrite, Settings settings, std::uint32_t delta)
        : Nat(rewrite), settings_(settings), delta_(delta) {}
    void pass(Way way, Packet packet, const Emit& emit) override;

  private:
    void add_toa(Packet& packet);

    Settings settings_;
    std::uint32_t delta_;
    std::uint32_t client_isn_ = 0;
};

/// A firewall that hides both ends' initial sequence numbers behind its own (ASA, pf modulate state).
class IsnFirewall : public Nat {
  public:
    struct Settings {
        bool clear_timestamps = false, new_ip_id = false;
    };
    IsnFirewall(Rewrite rewrite, Settings settings, Rng rng) : Nat(rewrite), settings_(settings), rng_(rng) {
        for (std::uint32_t& delta : delta_) delta = rng_.word();
    }
    void pass(Way way, Packet packet, const Emit& emit) override;

  private:
    Settings settings_;
    Rng rng_;
    std::uint32_t delta_[2];
};

/// Answers the client's SYN itself with a cookie and opens the server's side only when the client has acked.
/// netfilter's keeps the client's ISN and shifts the server's; with FULLNAT (DPVS) both are shifted.
class SynProxy : public Nat {
  public:
    struct Settings {
        bool shift_client = false;  ///< FULLNAT: the client's sequence numbers are shifted as well
        bool timestamps = false;    ///< negotiated in the cookie; the server's values are shifted
        bool toa = false;
    };
    SynProxy(Events& events, Rewrite rewrite, Settings settings, Rng rng);
    void pass(Way way, Packet packet, const Emit& emit) override;

  private:
    Packet own(const Packet& model, Way way, std::uint8_t flags);
    void from_client(Packet packet, const Emit& emit);
    void from_server(Packet packet, const Emit& emit);
    void forward(Way way, Packet packet, const Emit& emit);

    Events& events_;
    Settings settings_;
    Rng rng_;
    enum class State : std::uint8_t { fresh, cookie_sent, opening, open } state_ = State::fresh;
    std::uint32_t cookie_, delta_client_, delta_server_ = 0, client_isn_ = 0, tsval_shift_ = 0, tsval_base_;
    std::uint16_t id_;
    Packet syn_;
    std::deque<Packet> held_;
};

}  // namespace clew::corpus
