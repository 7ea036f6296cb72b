// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/world.h"

#include <fstream>

#include "tests/sim/corpus/builder.h"
#include "tests/sim/corpus/dns_forwarder.h"
#include "tests/sim/corpus/truth.h"

namespace clew::corpus {
namespace {

constexpr int flood_per_connection = 10;
constexpr double capture_from_share = 0.8;  ///< condition `middle`: of the time in which connections start

Nanoseconds span_of(const WorldSettings& settings) {
    return static_cast<Nanoseconds>(static_cast<double>(settings.connections) / settings.rate * 1e9);
}

}  // namespace

World::World(WorldSettings settings)
    : settings_(std::move(settings)),
      start_(settings_.start_ns),
      span_(span_of(settings_)),
      events_(start_),
      rng_(settings_.seed),
      capture_(settings_.directory, settings_.conditions,
               settings_.conditions.middle
                   ? start_ + static_cast<Nanoseconds>(static_cast<double>(span_) * capture_from_share)
                   : start_,
               rng_.fork()) {}

World::~World() = default;

Pool& World::pool(const std::string& name, const char* base, std::uint32_t addresses, bool ephemeral) {
    const auto at = pools_.find(name);
    if (at != pools_.end()) return at->second;
    const std::uint32_t start = static_cast<std::uint32_t>(rng_.below(1'000'000));
    Pool fresh = ephemeral ? Pool(Ip::parse(base), addresses, 32768, 28000, start)
                           : Pool(Ip::parse(base), addresses, 1024, 64512, start);
    return pools_.emplace(name, fresh).first->second;
}

std::shared_ptr<DnsMemory> World::memory(std::uint64_t forwarder) {
    auto& memory = memories_[forwarder];
    if (!memory) memory = std::make_shared<DnsMemory>();
    return memory;
}

Host& World::host(const std::string& role, std::uint64_t number) {
    auto& host = hosts_[role + std::to_string(number)];
    if (!host) {
        host = std::make_unique<Host>(Host::any(rng_));
        if (role == "client")
            host->ttl = static_cast<std::uint8_t>(host->ttl - rng_.below(18));  // routers before the region
    }
    return *host;
}

/// Tells the views whose they are, and what is to happen on purpose.
void World::name(Connection& connection) {
    connection.number = opened_++;
    const std::string id = R"(", "connection": "c)" + std::to_string(connection.number);
    for (Conversation& conversation : connection.conversations)
        for (Link& link : conversation.route->links) {
            for (View& view : link.views) view.connection = connection.number;
            if (link.loops)
                capture_.note(R"({"what": "loop)" + id + R"(", "tap": ")" + capture_.tap_name(link.views[0].tap) +
                              "\"}");
        }
    for (Conversation& conversation : connection.conversations)
        for (std::size_t n = 0; n < conversation.route->boxes.size(); ++n)
            if (const auto fault = conversation.route->boxes[n]->fault; fault != Middlebox::Fault::none) {
                const auto& links = conversation.route->links;
                const char* what = fault == Middlebox::Fault::resets     ? "reset"
                                   : fault == Middlebox::Fault::eats_syn ? "syn-eaten"
                                                                         : "answer-eaten";
                capture_.note(std::string(R"({"what": ")") + what + id + R"(", "by": "middlebox", "from": ")" +
                              capture_.tap_name(links[n].views[0].tap) + R"(", "to": ")" +
                              capture_.tap_name(links[n + 1].views[0].tap) + "\"}");
                return;
            }
    const bool by_client = connection.talk.closing == Closing::client_reset;
    const bool by_server = connection.talk.closing == Closing::server_reset || connection.app == App::refused;
    if (connection.conversations.size() == 1 && (by_client || by_server))
        capture_.note(R"({"what": "reset)" + id + R"(", "by": ")" + (by_client ? "client" : "server") + "\"}");
}

/// Makes a connection last beyond the moment at which capture starts.
void World::stretch(Connection& connection) {
    constexpr std::size_t exchanges_min = 8;
    auto& exchanges = connection.talk.exchanges;
    if (!exchanges.empty() && connection.app != App::http_same && connection.app != App::health_check)
        while (exchanges.size() < exchanges_min) {
            Talk more = make_talk(connection.app, connection.signal, rng_);
            // Not a second TLS handshake in one connection.
            const std::size_t skip = connection.app == App::tls ? 1 : 0;
            connection.talk.http2.insert(connection.talk.http2.end(), more.http2.begin(), more.http2.end());
            exchanges.insert(exchanges.end(), more.exchanges.begin() + static_cast<std::ptrdiff_t>(skip),
                             more.exchanges.end());
        }
    for (std::size_t i = 1; i < exchanges.size(); ++i)
        if (!exchanges[i].request.empty()) exchanges[i].pause_ns += span_ / 5;
    for (std::size_t i = 1; i < exchanges.size(); ++i)
        if (exchanges[i].request.empty()) exchanges[i].request = "more";
    for (std::size_t i = 1; i < connection.datagrams.requests.size(); ++i)
        connection.datagrams.requests[i].first += span_ / 5;
}

void World::open(const ClassSpec& spec, std::shared_ptr<Remains> remains) {
    const bool again = remains != nullptr;
    if (!again) remains = std::make_shared<Remains>();
    auto built = ConnectionBuilder(*this, spec, *remains, again).build();
    Connection& connection = *built;
    name(connection);
    if (settings_.conditions.middle) stretch(connection);
    const bool tcp = connection.datagrams.requests.empty();
    if (settings_.conditions.reuse && tcp && !again)
        connection.ended = [this, &spec, remains] {
            events_.after(rng_.between(20 * ns_ms, 3 * ns_s), [this, &spec, remains] { open(spec, remains); });
        };
    connections_.push_back(std::move(built));
    start(connection, events_, rng_.fork());
    if (connections_.size() % 32 == 0) capture_.flush(events_.now());
}

/// One SYN from nowhere, never answered.
void World::flood() {
    static const ClassSpec spec{"syn-flood", App::silent, "router dnat", HttpSignal::none, "hard"};
    Remains remains;
    auto built = ConnectionBuilder(*this, spec, remains, false).build();
    name(*built);
    Conversation& only = built->conversations.front();
    only.route->to_server = only.route->to_client = [](const Packet&) {};
    Packet syn;
    syn.set_from(only.client), syn.set_to(only.server);
    syn.flags = tcp_syn;
    syn.seq = only.client_isn;
    syn.window = 1024;
    syn.ip_id = static_cast<std::uint16_t>(rng_.word());
    syn.ttl = static_cast<std::uint8_t>(rng_.between(100, 240));
    only.route->from_client(syn);
    connections_.push_back(std::move(built));
}

void World::write_truth(std::ostream& out) const {
    const std::vector<std::string> names = capture_.tap_names();
    for (const auto& connection : connections_) out << truth_line(*connection, names);
}

std::string World::run() {
    const std::uint64_t wanted = settings_.conditions.reuse ? settings_.connections / 2 : settings_.connections;
    const double gap_ns = static_cast<double>(span_) / static_cast<double>(std::max<std::uint64_t>(wanted, 1));
    Rng timing = rng_.fork();
    Nanoseconds at = start_;
    for (std::uint64_t i = 0; i < wanted; ++i) {
        at += static_cast<Nanoseconds>(timing.exponential(gap_ns));
        const ClassSpec& spec = *settings_.classes[i % settings_.classes.size()];
        events_.at(at, [this, &spec] { open(spec, nullptr); });
        for (int n = 0; settings_.conditions.flood && n < flood_per_connection; ++n)
            events_.at(at + timing.between(0, static_cast<Nanoseconds>(gap_ns)), [this] { flood(); });
    }
    events_.run();
    std::ofstream truth(settings_.directory + "/truth.jsonl");
    write_truth(truth);
    truth.flush();
    if (!truth) return "cannot write " + settings_.directory + "/truth.jsonl";
    return capture_.finish();
}

}  // namespace clew::corpus
