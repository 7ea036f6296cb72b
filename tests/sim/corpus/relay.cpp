// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/relay.h"

#include <utility>

#include "tests/sim/corpus/told_proxy.h"

namespace clew::corpus {
namespace {

bool is_http(Relay relay) { return relay >= Relay::http_plain; }

void put16(std::string& out, std::size_t v) {
    out.push_back(static_cast<char>(v >> 8)), out.push_back(static_cast<char>(v));
}

void add_header(std::string& message, const std::string& line) {
    message.insert(message.find("\r\n\r\n"), "\r\n" + line);
}

/// Puts "name: value" in the place of the header of this name; false when it is not there.
bool replace_header(std::string& message, const std::string& name, const std::string& value) {
    const std::size_t at = message.find("\r\n" + name + ": ");
    if (at == std::string::npos || at > message.find("\r\n\r\n")) return false;
    const std::size_t from = at + 4 + name.size();
    message.replace(from, message.find("\r\n", from) - from, value);
    return true;
}

std::string header_of(const std::string& message, const std::string& name) {
    const std::size_t at = message.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t from = at + 4 + name.size();
    return message.substr(from, message.find("\r\n", from) - from);
}

std::string request_id_of(const std::string& message) {
    for (const char* name : request_id_names)
        if (std::string id = header_of(message, name); !id.empty()) return id;
    return {};
}

/// Lives as long as the hooks of the two ends that hold it.
class RelaySide {
  public:
    RelaySide(Connection& c, std::size_t n, Events& events, Rng& rng)
        : c_(c),
          n_(n),
          kind_(*c.conversations[n].relay),
          events_(events),
          rng_(rng.fork()),
          requests_(c.written.empty(), c.written.empty() ? Lengths{} : request_lengths(c.written[n])),
          responses_(c.written.empty(), c.written.empty() ? Lengths{} : response_lengths(c.written[n + 1])) {
        if (is_told(kind_)) told_.emplace(kind_);
        if (n > 0 && is_http(kind_))
            header_expected_ =
                c.conversations[n - 1].relay == Relay::proxy_v1 || c.conversations[n - 1].relay == Relay::proxy_v2;
    }

    Tcp& down() { return *c_.conversations[n_].server_end; }
    Tcp& up() { return *c_.conversations[n_ + 1].client_end; }

    void accepted() {
        if (kind_ == Relay::proxy_v1) held_ = proxy_v1_header(down().remote(), down().local());
        if (kind_ == Relay::proxy_v2)
            held_ = proxy_v2_header(down().remote(), down().local(), rng_.chance(0.3) ? rng_.hex(24) : "");
        if (!told_) open_later();
    }
    void opened() {
        if (told_ && !early_success_) down().send(told_->success());
        // The PROXY header goes out by itself, as haproxy sends it.
        if (!held_.empty()) up().send(held_);
        up_open_ = true;
        if (!waiting_.empty()) up().send(waiting_);
        waiting_.clear();
        if (close_up_) up().close();
    }
    void from_client(const std::string& bytes) {
        if (told_ && !told_->is_asked()) return negotiate(bytes);
        if (!is_http(kind_)) return to_server(bytes);
        header_held_ += bytes;
        if (header_expected_) {
            const std::size_t length = proxy_header_length(header_held_);
            if (length == 0) return;
            header_held_.erase(0, length);
            header_expected_ = false;
        }
        const std::string text = std::exchange(header_held_, {});
        requests_.feed(text, [this](const std::string& message) {
            if (!c_.written.empty()) return to_server(c_.written[n_ + 1][requests_passed_++].request);
            std::string out = rewritten_request(message, kind_, down().remote(), rng_);
            if (kind_ == Relay::http_request_id) id_ = request_id_of(out);
            to_server(out);
        });
    }
    void from_server(const std::string& bytes) {
        if (!is_http(kind_)) return to_client(bytes);
        responses_.feed(bytes, [this](const std::string& message) {
            if (!c_.written.empty()) return to_client(c_.written[n_][responses_passed_++].response);
            to_client(rewritten_response(message, id_));
        });
    }
    void client_closed() {
        events_.after(delay_ns, [this] {
            if (up_open_) up().close();
            close_up_ = true;
            down().close();
        });
    }
    void server_closed() {
        events_.after(delay_ns, [this] { down().close(), up().close(); });
    }
    void client_ended() {
        events_.after(delay_ns, [this] {
            if (!up().has_ended() && up_open_ && !close_up_) up().abort();
        });
    }
    void server_ended() {
        events_.after(delay_ns, [this] {
            if (!down().has_ended()) down().close();
        });
    }

  private:
    using Lengths = std::vector<std::size_t>;
    static constexpr Nanoseconds delay_ns = 30 * ns_us;

    void open_later() {
        events_.after(rng_.between(20, 150) * ns_us, [this] {
            const Conversation& next = c_.conversations[n_ + 1];
            up().connect(next.client, next.server);
        });
    }
    void negotiate(std::string bytes) {
        std::string to_send;
        told_->receive(bytes, to_send);
        if (told_->is_asked()) {
            early_success_ = kind_ == Relay::connect && rng_.chance(0.2);
            if (early_success_) to_send += told_->success();
            open_later();
        }
        if (!to_send.empty()) events_.after(delay_ns, [this, to_send] { down().send(to_send); });
        if (!bytes.empty()) to_server(bytes);
    }

    /// Proxies read what has gathered, so that segments are cut anew.
    void to_server(const std::string& bytes) {
        waiting_ += bytes;
        events_.after(delay_ns, [this] {
            if (!up_open_ || waiting_.empty()) return;
            up().send(waiting_);
            waiting_.clear();
        });
    }
    void to_client(const std::string& bytes) {
        waiting_down_ += bytes;
        events_.after(delay_ns, [this] {
            if (!waiting_down_.empty()) down().send(waiting_down_);
            waiting_down_.clear();
        });
    }

    Connection& c_;
    std::size_t n_;
    Relay kind_;
    Events& events_;
    Rng rng_;
    MessageReader requests_, responses_;
    std::string id_, header_held_, held_, waiting_, waiting_down_;
    std::optional<ToldProxy> told_;
    bool early_success_ = false;  ///< it says so before it is
    std::size_t requests_passed_ = 0, responses_passed_ = 0;
    bool up_open_ = false, close_up_ = false, header_expected_ = false;
};

}  // namespace

std::string proxy_v1_header(const End& source, const End& destination) {
    return std::string("PROXY ") + (source.ip.v6 ? "TCP6 " : "TCP4 ") + to_text(source.ip) + " " +
           to_text(destination.ip) + " " + std::to_string(source.port) + " " + std::to_string(destination.port) +
           "\r\n";
}

std::string proxy_v2_header(const End& source, const End& destination, const std::string& unique_id) {
    std::string out("\r\n\r\n\0\r\nQUIT\n\x21", 13);
    const std::size_t size = source.ip.v6 ? 16 : 4;
    out.push_back(source.ip.v6 ? 0x21 : 0x11);
    put16(out, 2 * size + 4 + (unique_id.empty() ? 0 : 3 + unique_id.size()));
    for (const End* end : {&source, &destination})
        out.append(reinterpret_cast<const char*>(end->ip.bytes.data()), size);
    put16(out, source.port), put16(out, destination.port);
    if (unique_id.empty()) return out;
    out.push_back(5);  // PP2_TYPE_UNIQUE_ID
    put16(out, unique_id.size());
    return out + unique_id;
}

std::size_t proxy_header_length(const std::string& bytes) {
    if (bytes.rfind("PROXY ", 0) == 0) {
        const std::size_t end = bytes.find("\r\n");
        return end == std::string::npos ? 0 : end + 2;
    }
    if (bytes.size() < 16) return 0;
    const std::size_t length = 16u + static_cast<std::uint8_t>(bytes[14]) * 256u + static_cast<std::uint8_t>(bytes[15]);
    return bytes.size() < length ? 0 : length;
}

std::string rewritten_request(const std::string& message, Relay relay, const End& client, Rng& rng) {
    std::string out = message;
    switch (relay) {
        case Relay::http_request_id:
            if (request_id_of(out).empty()) add_header(out, "X-Request-ID: " + rng.hex(32));
            break;
        case Relay::http_traceparent: {
            const std::size_t at = out.find("traceparent: 00-");
            if (at != std::string::npos)
                replace_header(out, "traceparent", "00-" + out.substr(at + 16, 32) + "-" + rng.hex(16) + "-01");
            break;
        }
        case Relay::http_forwarded_for:
            // Behind other proxies the header grows to the right.
            if (const std::string before = header_of(out, "X-Forwarded-For"); !before.empty())
                replace_header(out, "X-Forwarded-For", before + ", " + to_text(client.ip));
            else
                add_header(out, "X-Forwarded-For: " + to_text(client.ip));
            add_header(out, "X-Forwarded-Proto: http");
            break;
        default: break;
    }
    if (!replace_header(out, "Connection", "keep-alive")) add_header(out, "Connection: keep-alive");
    return out;
}

std::string rewritten_response(const std::string& message, const std::string& request_id) {
    std::string out = message;
    if (!request_id.empty()) add_header(out, "X-Request-ID: " + request_id);
    replace_header(out, "Server", "gateway");
    add_header(out, "Via: 1.1 gateway");
    return out;
}

void make_relay(Connection& c, std::size_t n, Events& events, Rng& rng) {
    const auto side = std::make_shared<RelaySide>(c, n, events, rng);
    Conversation& front = c.conversations[n];
    Conversation& back = c.conversations[n + 1];
    front.server_end = std::make_unique<Tcp>(
        events, *front.server_host, rng.fork(), front.server_isn,
        Tcp::Hooks{[&front](Packet p) { front.route->from_server(std::move(p)); }, [side] { side->accepted(); },
                   [side](const std::string& bytes) { side->from_client(bytes); }, [side] { side->client_closed(); },
                   [side] { side->client_ended(); }});
    front.route->to_server = [&front](const Packet& p) { front.server_end->receive(p); };
    back.client_end = std::make_unique<Tcp>(
        events, *back.client_host, rng.fork(), back.client_isn,
        Tcp::Hooks{[&back](Packet p) { back.route->from_client(std::move(p)); }, [side] { side->opened(); },
                   [side](const std::string& bytes) { side->from_server(bytes); }, [side] { side->server_closed(); },
                   [side] { side->server_ended(); }});
    back.route->to_client = [&back](const Packet& p) { back.client_end->receive(p); };
}

}  // namespace clew::corpus
