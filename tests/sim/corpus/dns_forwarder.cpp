// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/dns_forwarder.h"

#include <memory>

namespace clew::corpus {
namespace {

constexpr std::size_t id_bytes = 2, question_at = 12;
constexpr Nanoseconds remembered_ns = 700 * ns_ms;

class Forwarder {
  public:
    Forwarder(Connection& c, Events& events, Rng& rng)
        : front_(c.conversations[0]),
          back_(c.conversations[1]),
          memory_(*c.memory),
          events_(events),
          rng_(rng.fork()),
          front_ids_(*front_.server_host, rng),
          back_ids_(*back_.client_host, rng) {}

    void from_client(const Packet& query) {
        const std::string question = query.payload.substr(question_at);
        const auto known = memory_.answers.find(question);
        if (known != memory_.answers.end() && known->second.until > events_.now())
            return answer(query, query.payload.substr(0, id_bytes) + known->second.message.substr(id_bytes));
        const std::string id = rng_.bytes(id_bytes);
        waiting_.insert_or_assign(id, query);
        Packet p = packet(back_.client, back_.server, back_ids_, back_.client_host->ttl);
        p.payload = id + query.payload.substr(id_bytes);
        events_.after(rng_.between(20, 200) * ns_us, [this, p] { back_.route->from_client(p); });
    }
    void from_server(const Packet& response) {
        const auto waits = waiting_.find(response.payload.substr(0, id_bytes));
        if (waits == waiting_.end()) return;
        const Packet query = waits->second;
        waiting_.erase(waits);
        memory_.answers[query.payload.substr(question_at)] = {response.payload, events_.now() + remembered_ns};
        answer(query, query.payload.substr(0, id_bytes) + response.payload.substr(id_bytes));
    }

  private:
    static Packet packet(const End& from, const End& to, IpIds& ids, std::uint8_t ttl) {
        Packet p;
        p.protocol = proto_udp;
        p.set_from(from), p.set_to(to);
        p.ttl = ttl;
        p.ip_id = ids.next();
        p.dont_fragment = p.ip_id == 0;
        return p;
    }
    void answer(const Packet& query, const std::string& message) {
        Packet p = packet(query.to(), query.from(), front_ids_, front_.server_host->ttl);
        p.payload = message;
        events_.after(rng_.between(20, 200) * ns_us, [this, p] { front_.route->from_server(p); });
    }

    Conversation& front_;
    Conversation& back_;
    DnsMemory& memory_;
    Events& events_;
    Rng rng_;
    IpIds front_ids_, back_ids_;
    std::map<std::string, Packet> waiting_;  ///< by the forwarder's id
};

}  // namespace

void make_forwarder(Connection& c, Events& events, Rng& rng) {
    const auto forwarder = std::make_shared<Forwarder>(c, events, rng);
    c.conversations[0].route->to_server = [forwarder](const Packet& p) { forwarder->from_client(p); };
    c.conversations[1].route->to_client = [forwarder](const Packet& p) { forwarder->from_server(p); };
}

}  // namespace clew::corpus
