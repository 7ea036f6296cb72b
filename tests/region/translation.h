// SPDX-License-Identifier: Apache-2.0
// What an LVS/DPVS FULLNAT balancer does to TCP connections, without any I/O: frames in, frames out.
//
// Client to server: the client's address becomes one of our own, the VIP becomes a server; the sequence grows by a
// random constant; the SYN loses its timestamps option; the first segment after the SYN that has room tells the server
// the client's address in a TOA option. Server to client: the sequence is kept. A service with SYN proxy answers the
// client's SYN itself, keeps no state until the client's ACK proves the cookie, and from then on shifts both
// directions.
//
// Time and randomness come in by parameter. Single thread. Every limit is named below, every overflow counted.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/region/tcp_frame.h"

namespace clew::region {

using TimeNs = std::int64_t;

struct Service {
    Address vip;
    bool synproxy = false;
};

struct Server {
    Address address;
    Mac mac{};
};

struct Settings {
    std::vector<Service> services;
    std::vector<Server> servers;           ///< taken in turn
    std::vector<std::uint32_t> local_ips;  ///< the balancer's own addresses towards the servers
    Mac client_side_mac{};                 ///< of our interface towards the clients
    Mac server_side_mac{};
    std::size_t session_count_max = 65536;  ///< then SYNs are dropped and counted
    TimeNs idle_ns_max = 90'000'000'000;    ///< an open session without packets leaves
    TimeNs closed_ns_max = 2'000'000'000;   ///< a closed one stays this long, for what is still on its way
    TimeNs syn_retry_ns = 1'000'000'000;    ///< SYN proxy: how long to wait for the server's answer before asking again
    unsigned syn_retry_count_max = 4;
    std::size_t held_frame_count_max = 8;  ///< SYN proxy: client's segments kept until the server answers
};

struct Counters {
    std::uint64_t sessions_opened = 0, sessions_closed = 0, sessions_idle = 0, sessions_refused_full = 0;
    std::uint64_t frames_foreign = 0;  ///< not for a service or session of ours
    std::uint64_t frames_ttl_expired = 0;
    std::uint64_t frames_held_dropped = 0;  ///< more than held_frame_count_max before the server answered
    std::uint64_t cookies_wrong = 0;
    std::uint64_t toa_added = 0, toa_no_room = 0;
};

/// What one connection became: the ground truth.
struct Session {
    Service service;
    Address client, local;
    Server server;
    Mac client_mac{};
    std::uint32_t client_isn = 0;
    std::uint32_t delta_to_server = 0;  ///< added to the client's sequence
    std::uint32_t delta_to_client = 0;  ///< added to the server's sequence; 0 without SYN proxy
    TimeNs opened_ns = 0, last_ns = 0;
    enum class State : std::uint8_t { connecting, open, closed } state = State::open;  // connecting: SYN proxy only
    bool reset = false;
    bool fin_to_server = false, fin_to_client = false;
    bool toa_done = false;
    unsigned toa_tries = 0, syn_tries = 0;
    std::uint32_t cookie = 0;
    std::vector<std::uint8_t> syn_options;  ///< SYN proxy: of the SYN sent to the server
    std::uint16_t window = 0;
    std::deque<TcpFrame> held;
};

class Translation {
  public:
    /// Called when a session's addresses and deltas are known (opened = true) and when it leaves (false, with the
    /// reason).
    using Report = std::function<void(const Session&, bool opened, const char* reason)>;

    Translation(Settings settings, std::uint64_t seed, Report report);

    struct Output {
        bool to_server = false;
        TcpFrame frame;
    };

    /// A frame from the clients' side, or from the servers' side. What is to be sent is appended, sealed, to `out`.
    void from_client(TcpFrame frame, TimeNs now, std::vector<Output>& out);
    void from_server(TcpFrame frame, TimeNs now, std::vector<Output>& out);

    /// To be called about once a second: expiry, and SYN retries of the SYN proxy.
    void tick(TimeNs now, std::vector<Output>& out);

    const Counters& counters() const { return counters_; }
    std::size_t session_count() const { return sessions_.size(); }

  private:
    using ClientKey = std::pair<Address, Address>;  // client, VIP
    using ServerKey = std::pair<Address, Address>;  // server, local

    Session* open(const Service& service, const TcpFrame& frame, TimeNs now);
    void close(const ClientKey& key, const char* reason);
    bool choose_local(Session& session);
    void answer_syn(const Service& service, const TcpFrame& syn, TimeNs now, std::vector<Output>& out);
    void accept_ack(const Service& service, TcpFrame& frame, TimeNs now, std::vector<Output>& out);
    void ask_server(Session& session, std::vector<Output>& out);
    void server_answered(Session& session, const TcpFrame& frame, TimeNs now, std::vector<Output>& out);
    void forward_to_server(Session& session, TcpFrame frame, TimeNs now, std::vector<Output>& out);
    void add_toa(Session& session, TcpFrame& frame);
    void note_end(Session& session, const TcpFrame& frame, bool to_server);
    std::uint32_t cookie(const TcpFrame& frame, std::uint64_t minute, unsigned mss_step) const;
    const Service* find_service(Address vip) const;

    Settings settings_;
    Report report_;
    Counters counters_;
    std::mt19937_64 random_;
    std::uint64_t secret_;
    std::size_t next_server_ = 0, next_local_ = 0;
    std::map<ClientKey, Session> sessions_;
    std::map<ServerKey, ClientKey> by_server_;
};

/// "10.0.0.1:80".
std::string to_text(Address address);

}  // namespace clew::region
