// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/builder.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace clew::corpus {
namespace {

constexpr const char* tap_names[] = {"access", "edge", "core", "service", "rack", "pod", "deep", "last"};

std::uint16_t service_port(App app) {
    switch (app) {
        case App::tls:
        case App::quic: return 443;
        case App::bytes: return 6379;
        case App::dns:
        case App::dns_same: return 53;
        case App::udp:
        case App::udp_rejected: return 5060;
        default: return 80;
    }
}

Wrap wrap_of(const std::string& name) {
    if (name == "vlan") return Wrap::vlan;
    if (name == "vxlan") return Wrap::vxlan;
    if (name == "geneve") return Wrap::geneve;
    if (name == "gre") return Wrap::gre;
    if (name == "grekey") return Wrap::gre_key;
    return Wrap::ipip;
}

Mac mac(std::size_t link, unsigned instance, bool server_side) {
    return {0x02,
            0x00,
            static_cast<std::uint8_t>(server_side ? 0x5e : 0xc1),
            static_cast<std::uint8_t>(link),
            0,
            static_cast<std::uint8_t>(instance)};
}

/// The one instance that WorldSettings::slow_ns makes slow: of the second middlebox in the way.
constexpr std::size_t slow_box = 1;
constexpr unsigned slow_instance = 3;

std::string numbered(const char* format, std::size_t n) {
    char text[64];
    std::snprintf(text, sizeof text, format, n);
    return text;
}

/// Options that leave no room for a TOA: MD5 (RFC 2385) and AO (RFC 5925).
std::string crowded_options(Rng& rng) {
    return std::string("\x01\x01\x13\x12", 4) + rng.bytes(16) + std::string("\x1d\x10\x01\x02", 4) + rng.bytes(12);
}

}  // namespace

ConnectionBuilder::ConnectionBuilder(World& world, const ClassSpec& spec, Remains& remains, bool again)
    : world_(world),
      spec_(spec),
      remains_(remains),
      again_(again),
      rng_(world.rng_.fork()),
      connection_(std::make_unique<Connection>()) {}

unsigned ConnectionBuilder::instance() {
    if (!again_) remains_.instances.push_back(static_cast<unsigned>(rng_.below(4)));
    return remains_.instances.at(instance_number_++);
}

Rewrite ConnectionBuilder::rewrite(bool client, bool server) {
    if (!again_) {
        Rewrite drawn;
        const std::string number = std::to_string(link_number_);
        const char* base = v6_ ? "2001:db8:203:%zu::10" : "203.0.%zu.10";
        if (client && server) base = v6_ ? "2001:db8:10:%zu::10" : "10.2.%zu.10";
        if (client)
            drawn.client = world_
                               .pool((server ? "local" : "public") + number + (v6_ ? "v6" : ""),
                                     numbered(base, 100 + link_number_).c_str(), 4)
                               .next();
        if (server) {
            const Ip backends = Ip::parse(numbered(v6_ ? "2001:db8:100:%zu::10" : "10.1.%zu.10", link_number_).c_str());
            drawn.server =
                End{backends.plus(static_cast<std::uint32_t>(rng_.below(24))),
                    static_cast<std::uint16_t>(service_port(spec_.app) == 80 ? 8080 : service_port(spec_.app))};
        }
        remains_.rewrites.push_back(drawn);
    }
    const Rewrite out = remains_.rewrites.at(rewrite_number_++);
    if (out.client) client_ = *out.client;
    if (out.server) server_ = *out.server;
    return out;
}

std::uint32_t ConnectionBuilder::isn(bool of_client) {
    constexpr std::uint32_t scanner_isn = 0x2a2a2a2a;
    if (of_client && spec_.app == App::health_check) return 0;
    if (of_client && spec_.name == "scan") return scanner_isn;
    if (of_client && spec_.name == "syn-flood") return rng_.chance(0.5) ? rng_.word() : scanner_isn;
    // Proxies have good ones; the weak ones are the clients'.
    if (of_client && connection_->conversations.empty() && world_.settings_.conditions.low_entropy && rng_.chance(0.5))
        return rng_.chance(0.5) ? 0 : scanner_isn;
    return rng_.word();
}

void ConnectionBuilder::draw_ends() {
    const bool nat64 = spec_.chain.find("nat64") != std::string_view::npos;
    v6_ = nat64 || spec_.chain.starts_with("v6");
    if (again_) return;
    const std::uint64_t n = world_.opened_;
    const bool tenants = world_.settings_.conditions.tenants;
    remains_.vni = static_cast<std::uint32_t>(100 + (tenants ? n % 4 : rng_.below(8)));
    const std::uint32_t service = static_cast<std::uint32_t>(rng_.below(8));
    Ip vip = Ip::parse("198.51.100.10").plus(service);
    if (nat64) {
        Ip prefix = Ip::parse("64:ff9b::");
        std::copy_n(vip.bytes.begin(), 4, prefix.bytes.begin() + 12);
        vip = prefix;
    } else if (v6_) {
        vip = Ip::parse("2001:db8:ffff::10").plus(service);
    }
    remains_.server = {vip, service_port(spec_.app)};
    if (spec_.chain.find("connect") != std::string_view::npos) remains_.server.port = 3128;
    if (spec_.chain.find("socks") != std::string_view::npos) remains_.server.port = 1080;
    const bool one_source = spec_.app == App::health_check || spec_.name == "scan";
    if (one_source)
        remains_.client =
            world_.pool(std::string(spec_.name), spec_.name == "scan" ? "192.0.2.66" : "10.3.0.4", 1, true).next();
    else
        remains_.client =
            world_.pool(v6_ ? "clients6" : "clients", v6_ ? "2001:db8:1::100" : "10.0.1.0", 2000, true).next();
    if (spec_.name == "scan")
        remains_.server = {Ip::parse("198.51.100.10").plus(static_cast<std::uint32_t>(n % 200)),
                           static_cast<std::uint16_t>(1 + n % 1000)};
    if (spec_.name == "syn-flood")
        remains_.client = {Ip::v4(rng_.word() % 0x60000000 + 0x20000000),
                           static_cast<std::uint16_t>(1024 + rng_.below(64000))};
    if (tenants && n % 4 != 0 && remains_.client.ip.v6 == world_.tenant_client_.ip.v6 && !one_source &&
        spec_.name != "syn-flood") {
        // The same addresses as the tenant before, at nearly the same time.
        remains_.client = world_.tenant_client_;
        remains_.server.ip = world_.tenant_server_.ip;
    }
    if (spec_.name != "syn-flood") world_.tenant_client_ = remains_.client, world_.tenant_server_ = remains_.server;
}

void ConnectionBuilder::begin(Host& client, const End& from, const End& to) {
    Conversation conversation;
    conversation.route = std::make_unique<Route>(world_.events_, world_.capture_, rng_.fork(),
                                                 world_.settings_.conditions.network_loss ? 0.01 : 0);
    conversation.client_host = &client;
    conversation.client = client_ = from;
    conversation.server = server_ = to;
    conversation.client_isn = isn(true), conversation.server_isn = isn(false);
    connection_->conversations.push_back(std::move(conversation));
    connection_->hops.emplace_back();
}

View ConnectionBuilder::view(const std::vector<std::string>& wraps, unsigned next_instance) {
    View out;
    const bool one_tap = world_.settings_.conditions.one_tap;
    out.tap = world_.capture_.tap(tap_names[std::min<std::size_t>(one_tap ? link_number_ / 2 : link_number_, 7)]);
    for (std::size_t i = 0; i < wraps.size(); ++i) {
        Layer layer;
        layer.type = wrap_of(wraps[i]);
        if (layer.type == Wrap::vlan)
            layer.id = static_cast<std::uint32_t>(100 + link_number_);
        else if (layer.type != Wrap::gre && layer.type != Wrap::ipip)
            layer.id = link_number_ == 0 ? remains_.vni : static_cast<std::uint32_t>(5000 + 10 * link_number_ + i);
        if (layer.type != Wrap::vlan) {
            layer.client_end = Ip::parse("172.16.0.10")
                                   .plus(static_cast<std::uint32_t>(256 * (16 * link_number_ + i) + last_instance_));
            layer.server_end = Ip::parse("172.24.0.10")
                                   .plus(static_cast<std::uint32_t>(256 * (16 * link_number_ + i) + next_instance));
        }
        out.wrapping.layers.push_back(layer);
    }
    out.wrapping.client_mac = mac(link_number_, last_instance_, false);
    out.wrapping.server_mac = mac(link_number_, next_instance, true);
    return out;
}

void ConnectionBuilder::end_link(unsigned next_instance) {
    Link link;
    View whole = view(wraps_, next_instance);
    const bool split = world_.settings_.conditions.asymmetric && link_number_ % 2 == 0 &&
                       spec_.chain.find("dr:") == std::string_view::npos;  // those are asymmetric already
    if (!direct_.empty()) {
        whole.sees[index(Way::to_client)] = false;
        View back = view({}, next_instance);
        back.wrapping.client_mac = mac(link_number_, 200, false);  // the router, not the balancer
        back.sees[index(Way::to_server)] = false;
        link.views = {whole, back};
        link.return_past = static_cast<int>(now().route->boxes.size()) - 2;
    } else if (split) {
        View back = whole;
        back.tap = world_.capture_.tap(std::string(tap_names[std::min<std::size_t>(link_number_, 7)]) + "-b");
        whole.sees[index(Way::to_client)] = back.sees[index(Way::to_server)] = false;
        link.views = {whole, back};
    } else {
        link.views = {whole};
    }
    link.delay_ns[0] = rng_.between(10, 150) * ns_us;
    link.delay_ns[1] = rng_.between(10, 150) * ns_us;
    if (link_number_ == 0) link.delay_ns[0] += static_cast<Nanoseconds>(rng_.exponential(4e6));
    link.jitter_ns = rng_.between(1, 40) * ns_us;
    now().route->links.push_back(std::move(link));
    wraps_.clear();
    last_instance_ = next_instance;
    ++link_number_;
}

void ConnectionBuilder::add_box(const std::string& kind, std::unique_ptr<Middlebox> box) {
    box->delay_ns = rng_.between(5, 60) * ns_us;
    if (now().route->boxes.size() == slow_box && last_instance_ == slow_instance)
        box->delay_ns += world_.settings_.slow_ns;
    now().route->boxes.push_back(std::move(box));
    connection_->hops.back().push_back(kind);
}

void ConnectionBuilder::add_header_box(const std::string& name, const std::vector<std::string>& flags) {
    const auto flag = [&flags](const char* wanted) {
        return std::find(flags.begin(), flags.end(), wanted) != flags.end();
    };
    if (name == "router" || name == "bridge")
        return add_box("forward", std::make_unique<Nat>(Rewrite{}, name == "router" ? 1 : 0));
    if (name == "eats" || name == "mutes" || name == "resets") {
        const auto fault = name == "eats"    ? Middlebox::Fault::eats_syn
                           : name == "mutes" ? Middlebox::Fault::eats_answer
                                             : Middlebox::Fault::resets;
        return add_box("forward", std::make_unique<Saboteur>(fault, flag("syn"), rng_));
    }
    if (name == "snat") return add_box("snat", std::make_unique<Nat>(rewrite(true, false)));
    if (name == "dnat") return add_box("dnat", std::make_unique<Nat>(rewrite(false, true)));
    if (name == "nat" || name == "fullnat") return add_box("fullnat", std::make_unique<Nat>(rewrite(true, true)));
    if (name == "nat64") {
        v6_ = false;
        Rewrite to = rewrite(true, false);
        Ip embedded = Ip::v4(0);  // RFC 6052: the last four bytes
        std::copy_n(server_.ip.bytes.begin() + 12, 4, embedded.bytes.begin());
        to.server = server_ = End{embedded, server_.port};
        return add_box("nat64", std::make_unique<Nat64>(to, rng_));
    }
    if (name == "fw") {
        const Rewrite to = flag("pat") ? rewrite(true, false) : Rewrite{};
        return add_box(flag("pat") ? "snat" : "forward",
                       std::make_unique<IsnFirewall>(to, IsnFirewall::Settings{flag("nots"), flag("id")}, rng_.fork()));
    }
    if (name == "synproxy") {
        const bool fullnat = flag("fullnat");
        const Rewrite to = fullnat ? rewrite(true, true) : Rewrite{};
        return add_box(
            fullnat ? "fullnat" : "forward",
            std::make_unique<SynProxy>(
                world_.events_, to, SynProxy::Settings{fullnat, flag("ts"), fullnat && rng_.chance(0.5)}, rng_.fork()));
    }
    if (name == "delta") {
        DeltaFullnat::Settings settings;
        if (flag("data")) settings.toa = DeltaFullnat::Toa::first_payload;
        if (flag("notoa")) settings.toa = DeltaFullnat::Toa::none;
        settings.keep_timestamps = flag("ts");
        constexpr std::uint8_t kinds[] = {254, 200, 252, 253};
        settings.toa_kind = kinds[rng_.below(4)];
        return add_box("fullnat", std::make_unique<DeltaFullnat>(rewrite(true, true), settings, rng_.word()));
    }
    std::fprintf(stderr, "clew-sim: class %s: unknown word '%s' in its chain\n", std::string(spec_.name).c_str(),
                 name.c_str());
    std::abort();
}

Relay ConnectionBuilder::relay_of(const std::string& name, const std::string& flag) const {
    if (name == "forwarder") return Relay::dns_forwarder;
    if (name == "connect") return Relay::connect;
    if (name == "socks5") return Relay::socks5;
    if (name == "socks4") return Relay::socks4;
    if (name == "relay") return flag == "v1" ? Relay::proxy_v1 : flag == "v2" ? Relay::proxy_v2 : Relay::bytes;
    if (flag == "id") return Relay::http_request_id;
    if (flag == "trace") return Relay::http_traceparent;
    return flag == "for" ? Relay::http_forwarded_for : Relay::http_plain;
}

void ConnectionBuilder::add_relay(Relay relay, bool writes_http1) {
    Host& proxy = world_.host("proxy", link_number_ * 10 + last_instance_);
    now().server_host = &proxy;
    now().relay = relay;
    if (relay == Relay::dns_forwarder) connection_->memory = world_.memory(link_number_ * 10 + last_instance_);
    const Rewrite ends = rewrite(true, true);
    begin(proxy, *ends.client, *ends.server);
    now().writes_http1 = writes_http1;
}

/// What the client will tell its proxy.
void ConnectionBuilder::tell(const std::vector<std::string>& flags) {
    static const char* names[] = {"shop.example.com", "api.example.com", "db.example.net", "login.example.org"};
    for (const std::string& flag : flags) {
        if (flag == "name") connection_->told.name = names[rng_.below(4)];
        if (flag == "user") connection_->told.user = rng_.text(8, "abcdefghijklmnopqrstuvwxyz");
    }
}

void ConnectionBuilder::add_word(const std::string& word) {
    if (word == "v6") return;
    if (word.front() == '[') {
        wraps_ = words_of(std::string_view(word).substr(1, word.size() - 2), '/');
        return;
    }
    std::vector<std::string> parts = words_of(word, ':');
    const std::string name = parts.front();
    parts.erase(parts.begin());
    if (name == "loop") {
        loops_ = true;
        return;
    }
    end_link(instance());
    if (name == "connect" || name == "socks5" || name == "socks4") tell(parts);
    if (name == "forwarder") return add_relay(Relay::dns_forwarder, false);
    if (name == "relay" || name == "http" || name == "connect" || name == "socks5" || name == "socks4")
        return add_relay(relay_of(name, parts.empty() ? "" : parts[0]), parts.size() > 1 && parts[1] == "1");
    if (name == "dr") {
        // The balancer sees only what comes in; the servers answer past it.
        now().route->links.back().views.resize(1);
        now().route->links.back().views[0].sees[index(Way::to_client)] = false;
        add_box("forward", std::make_unique<Nat>(Rewrite{}, parts[0] == "l2" ? 0 : 1));
        direct_ = parts[0];
        if (direct_ != "l2") wraps_ = {direct_};
        return;
    }
    add_header_box(name, parts);
}

void ConnectionBuilder::end_chain() {
    end_link(instance());
    now().server_host = &world_.host("server", rng_.below(32));
    Link& last = now().route->links.back();
    last.loops = loops_;
    if (world_.settings_.conditions.hairpin && link_number_ > 1 && last.views.size() == 1) {
        const View& first = connection_->conversations[0].route->links[0].views[0];
        last.views[0].tap = first.tap;
        last.views[0].wrapping.layers = first.wrapping.layers;
    }
}

std::unique_ptr<Connection> ConnectionBuilder::build() {
    connection_->class_name = spec_.name;
    connection_->app = spec_.app;
    connection_->signal = spec_.signal;
    draw_ends();
    Host* client = &world_.host("client", rng_.below(500));
    if (spec_.chain.find("noroom") != std::string_view::npos) {
        client = &world_.host("crowded", rng_.below(8));
        client->timestamps = false;
        if (client->extra_options.empty()) client->extra_options = crowded_options(rng_);
    }
    last_instance_ = instance();
    begin(*client, remains_.client, remains_.server);
    std::string chain(spec_.chain);
    // Tenants have a VNI and a NAT gateway each.
    if (world_.settings_.conditions.tenants && !chain.starts_with("[vxlan] snat"))
        chain = (v6_ ? "[vxlan] router " : "[vxlan] snat ") + chain;
    for (const std::string& word : words_of(chain, ' ')) add_word(word);
    end_chain();
    Conversation& first = connection_->conversations.front();
    if (spec_.app == App::ping) first.server.port = first.client.port;
    if (is_datagram(spec_.app))
        connection_->datagrams = make_datagrams(spec_.app, rng_);
    else if (spec_.app != App::silent && spec_.app != App::refused && spec_.app != App::rejected)
        connection_->talk = make_talk(spec_.app, spec_.signal, rng_);
    return std::move(connection_);
}

}  // namespace clew::corpus
