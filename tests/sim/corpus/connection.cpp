// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/connection.h"

#include "tests/sim/corpus/dns_forwarder.h"
#include "tests/sim/corpus/http2_talk.h"
#include "tests/sim/corpus/relay.h"
#include "tests/sim/corpus/told_proxy.h"

namespace clew::corpus {
namespace {

/// The client's side of the talk.
class ClientSide {
  public:
    ClientSide(Connection& c, Events& events) : c_(c), events_(events) {
        const auto relay = c.conversations.front().relay;
        if (relay && is_told(*relay)) told_.emplace(*relay, c.told, c.conversations[1].server);
    }
    Tcp& tcp() { return *c_.conversations.front().client_end; }

    void connected() {
        if (!told_) return next();
        events_.after(30 * ns_us, [this] { tcp().send(told_->begin()); });
    }

    void next() {
        if (c_.client_at == c_.said_on(0).size()) {
            if (c_.talk.closing == Closing::client) tcp().close();
            if (c_.talk.closing == Closing::client_reset) tcp().abort();
            return;
        }
        const Exchange& e = c_.said_on(0)[c_.client_at];
        if (!e.request.empty()) events_.after(e.pause_ns, [this, &e] { tcp().send(e.request); });
    }
    void received(const std::string& bytes) {
        std::string rest = bytes;
        if (told_ && !told_->is_done()) {
            std::string to_send;
            told_->receive(rest, to_send);
            if (!to_send.empty()) tcp().send(to_send);
            if (!told_->is_done()) return;
            next();
        }
        if (rest.empty()) return;
        c_.readers[0].feed(rest, [this](const std::string&) {
            ++c_.client_at;
            next();
        });
    }

  private:
    Connection& c_;
    Events& events_;
    std::optional<ToldClient> told_;
};

class ServerSide {
  public:
    ServerSide(Connection& c, Events& events) : c_(c), events_(events) {}
    Tcp& tcp() { return *c_.conversations.back().server_end; }

    void connected() {
        if (!c_.talk.exchanges.empty() && c_.talk.exchanges[0].request.empty()) answer();
    }
    void received(const std::string& bytes) {
        std::string rest = bytes;
        if (c_.proxy_expected) {
            c_.proxy_held += bytes;
            const std::size_t length = proxy_header_length(c_.proxy_held);
            if (length == 0) return;
            rest = c_.proxy_held.substr(length);
            c_.proxy_expected = false;
        }
        c_.readers[1].feed(rest, [this](const std::string&) { answer(); });
    }

  private:
    void answer() {
        const auto& said = c_.said_on(c_.conversations.size() - 1);
        const Exchange& e = said[c_.server_at++];
        const bool last = c_.server_at == said.size();
        events_.after(e.think_ns, [this, &e, last] {
            tcp().send(e.response);
            if (!last) return;
            if (c_.talk.closing == Closing::server) tcp().close();
            if (c_.talk.closing == Closing::server_reset) events_.after(300 * ns_ms, [this] { tcp().abort(); });
        });
    }

    Connection& c_;
    Events& events_;
};

Packet refusal(const Packet& syn, std::uint8_t ttl) {
    Packet rst;
    rst.set_from(syn.to()), rst.set_to(syn.from());
    rst.ttl = ttl;
    rst.flags = tcp_rst | tcp_ack;
    rst.ack = syn.seq + 1;
    return rst;
}

void make_client_end(Connection& c, std::size_t n, Events& events, Rng& rng, Tcp::Hooks hooks) {
    Conversation& conversation = c.conversations[n];
    hooks.transmit = [&conversation](Packet p) { conversation.route->from_client(std::move(p)); };
    conversation.client_end =
        std::make_unique<Tcp>(events, *conversation.client_host, rng.fork(), conversation.client_isn, std::move(hooks));
    conversation.route->to_client = [&conversation](Packet p) { conversation.client_end->receive(p); };
}

void make_server_end(Connection& c, std::size_t n, Events& events, Rng& rng, Tcp::Hooks hooks) {
    Conversation& conversation = c.conversations[n];
    hooks.transmit = [&conversation](Packet p) { conversation.route->from_server(std::move(p)); };
    conversation.server_end =
        std::make_unique<Tcp>(events, *conversation.server_host, rng.fork(), conversation.server_isn, std::move(hooks));
    conversation.route->to_server = [&conversation](Packet p) { conversation.server_end->receive(p); };
}

void start_tcp(Connection& c, Events& events, Rng& rng) {
    if (c.app == App::http2) c.written = http2_as_written(c, rng);
    c.readers.assign({MessageReader(c.talk.http, response_lengths(c.said_on(0))),
                      MessageReader(c.talk.http, request_lengths(c.said_on(c.conversations.size() - 1)))});
    const auto client = std::make_shared<ClientSide>(c, events);
    const auto server = std::make_shared<ServerSide>(c, events);
    make_client_end(c, 0, events, rng,
                    {{},
                     [client] { client->connected(); },
                     [client](const std::string& bytes) { client->received(bytes); },
                     [client] { client->tcp().close(); },
                     [&c] {
                         if (c.ended) c.ended();
                     }});
    for (std::size_t n = 0; n + 1 < c.conversations.size(); ++n) make_relay(c, n, events, rng);
    for (std::size_t n = 1; n < c.conversations.size(); ++n) {
        const Relay kind = *c.conversations[n - 1].relay;
        if (kind != Relay::bytes) c.proxy_expected = kind == Relay::proxy_v1 || kind == Relay::proxy_v2;
    }
    Conversation& last = c.conversations.back();
    if (c.app == App::silent) {
        last.route->to_server = [](const Packet&) {};
    } else if (c.app == App::refused) {
        last.route->to_server = [&last](const Packet& p) {
            if (p.has(tcp_syn)) last.route->from_server(refusal(p, last.server_host->ttl));
        };
    } else if (c.app == App::rejected) {
        last.route->to_server = [&last](const Packet& p) {
            last.route->from_server(port_unreachable(p, last.server_host->ttl, last.server_host->id_counter++));
        };
    } else {
        make_server_end(c, c.conversations.size() - 1, events, rng,
                        {{},
                         [server] { server->connected(); },
                         [server](const std::string& bytes) { server->received(bytes); },
                         [server] { server->tcp().close(); },
                         {}});
    }
    const Conversation& first = c.conversations.front();
    c.conversations.front().client_end->connect(first.client, first.server);
}

/// Sends datagrams from both ends of a connection without a transport connection.
class DatagramEnds {
  public:
    DatagramEnds(Connection& c, Events& events, Rng& rng)
        : c_(c),
          events_(events),
          v_(c.conversations.front()),
          last_(c.conversations.back()),
          client_ids_(*v_.client_host, rng),
          server_ids_(*last_.server_host, rng),
          echo_seq_(static_cast<std::uint16_t>(rng.chance(0.8) ? 1 : rng.below(60'000))) {}

    void send_next() {
        if (at_ == c_.datagrams.requests.size()) {
            if (c_.ended) c_.ended();
            return;
        }
        const auto& [pause, payload] = c_.datagrams.requests[at_++];
        events_.after(pause, [this, &payload] {
            Packet p = packet(v_.client, v_.server, *v_.client_host, client_ids_, payload);
            p.echo_request = true;
            p.echo_seq = echo_seq_++;
            v_.route->from_client(std::move(p));
            send_next();
        });
    }
    void at_server(const Packet& request) {
        if (c_.app == App::udp_rejected) {
            last_.route->from_server(port_unreachable(request, last_.server_host->ttl, server_ids_.next()));
            return;
        }
        if (answered_ == c_.datagrams.responses.size()) return;
        for (const std::string& payload : c_.datagrams.responses[question_of(request)]) {
            Packet p = packet(request.to(), request.from(), *last_.server_host, server_ids_, payload);
            p.echo_seq = request.echo_seq;
            if (c_.app == App::ping) p.payload = request.payload;
            if (c_.memory) p.payload.replace(0, 2, request.payload, 0, 2);  // the forwarder's id
            events_.after(500 * ns_us, [this, p] { last_.route->from_server(p); });
        }
        ++answered_;
    }

  private:
    /// Behind a forwarder not all questions come, so that what is asked tells, not how many were before.
    std::size_t question_of(const Packet& request) const {
        constexpr std::size_t question_at = 12;
        if (!c_.memory) return answered_;
        std::size_t n = 0;
        while (c_.datagrams.requests[n].second.compare(question_at, std::string::npos, request.payload, question_at) !=
               0)
            ++n;
        return n;
    }

    Packet packet(const End& from, const End& to, const Host& host, IpIds& ids, const std::string& payload) const {
        Packet p;
        p.protocol = c_.app == App::ping ? proto_icmp : proto_udp;
        p.set_from(from), p.set_to(to);
        p.ttl = host.ttl;
        p.ip_id = ids.next();
        p.dont_fragment = p.ip_id == 0;
        p.payload = payload;
        return p;
    }

    Connection& c_;
    Events& events_;
    Conversation& v_;
    Conversation& last_;
    IpIds client_ids_, server_ids_;
    std::uint16_t echo_seq_;
    std::size_t at_ = 0, answered_ = 0;
};

}  // namespace

std::vector<std::size_t> request_lengths(const std::vector<Exchange>& said) {
    std::vector<std::size_t> out;
    for (const Exchange& e : said)
        if (!e.request.empty()) out.push_back(e.request.size());
    return out;
}

std::vector<std::size_t> response_lengths(const std::vector<Exchange>& said) {
    std::vector<std::size_t> out;
    for (const Exchange& e : said) out.push_back(e.response.size());
    return out;
}

void start(Connection& c, Events& events, Rng rng) {
    if (!is_datagram(c.app)) return start_tcp(c, events, rng);
    const auto ends = std::make_shared<DatagramEnds>(c, events, rng);
    c.conversations.front().route->to_client = [](const Packet&) {};
    c.conversations.back().route->to_server = [ends](const Packet& p) { ends->at_server(p); };
    if (c.memory) make_forwarder(c, events, rng);
    ends->send_next();
}

}  // namespace clew::corpus
