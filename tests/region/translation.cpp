// SPDX-License-Identifier: Apache-2.0
#include "tests/region/translation.h"

#include <array>

namespace clew::region {

namespace {

constexpr std::array<std::uint16_t, 8> mss_steps{536,  1200, 1300, 1360,
                                                 1400, 1410, 1440, 1460};  // a cookie has 3 bits for it
constexpr unsigned toa_try_count_max = 3;
constexpr TimeNs cookie_period_ns = 60'000'000'000;
constexpr std::uint16_t proxy_window = 29200;
constexpr std::uint16_t local_port_min = 1024;

std::uint64_t mix(std::uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

std::array<std::uint8_t, 4> mss_option(std::uint16_t mss) {
    return {option_mss, 4, static_cast<std::uint8_t>(mss >> 8), static_cast<std::uint8_t>(mss)};
}

}  // namespace

Translation::Translation(Settings settings, std::uint64_t seed, Report report)
    : settings_(std::move(settings)), report_(std::move(report)), random_(seed), secret_(random_()) {}

const Service* Translation::find_service(Address vip) const {
    for (const Service& service : settings_.services)
        if (service.vip == vip) return &service;
    return nullptr;
}

void Translation::from_client(TcpFrame frame, TimeNs now, std::vector<Output>& out) {
    const Service* service = find_service(frame.target());
    if (!service) {
        ++counters_.frames_foreign;
        return;
    }
    if (frame.ttl() <= 1) {
        ++counters_.frames_ttl_expired;
        return;
    }
    const ClientKey key{frame.source(), frame.target()};
    auto found = sessions_.find(key);
    const bool syn = frame.has(tcp_syn) && !frame.has(tcp_ack);
    if (syn && found != sessions_.end() && frame.seq() != found->second.client_isn) {  // the port is used again
        close(key, "port reused");
        found = sessions_.end();
    }
    if (syn && service->synproxy) return answer_syn(*service, frame, now, out);
    if (found == sessions_.end() && service->synproxy) return accept_ack(*service, frame, now, out);
    if (found == sessions_.end() && !syn) {
        ++counters_.frames_foreign;
        return;
    }
    Session* session = found == sessions_.end() ? open(*service, frame, now) : &found->second;
    if (!session) return;
    if (found == sessions_.end()) report_(*session, true, "");
    if (session->state != Session::State::connecting) return forward_to_server(*session, std::move(frame), now, out);
    if (session->held.size() >= settings_.held_frame_count_max) {
        ++counters_.frames_held_dropped;
        return;
    }
    session->held.push_back(std::move(frame));
}

Session* Translation::open(const Service& service, const TcpFrame& frame, TimeNs now) {
    if (sessions_.size() >= settings_.session_count_max) {
        ++counters_.sessions_refused_full;
        return nullptr;
    }
    Session session;
    session.service = service;
    session.client = frame.source();
    session.client_mac = frame.source_mac();
    session.client_isn = frame.seq();
    session.server = settings_.servers[next_server_++ % settings_.servers.size()];
    session.delta_to_server = static_cast<std::uint32_t>(random_());
    session.opened_ns = session.last_ns = now;
    if (!choose_local(session)) {
        ++counters_.sessions_refused_full;
        return nullptr;
    }
    ++counters_.sessions_opened;
    const ClientKey key{session.client, service.vip};
    by_server_[{session.server.address, session.local}] = key;
    return &(sessions_[key] = std::move(session));
}

bool Translation::choose_local(Session& session) {
    const std::size_t port_count = 65536 - local_port_min;
    for (std::size_t tries = 0; tries < port_count; ++tries) {
        const std::size_t n = next_local_++;
        session.local = {settings_.local_ips[n % settings_.local_ips.size()],
                         static_cast<std::uint16_t>(local_port_min + n / settings_.local_ips.size() % port_count)};
        if (!by_server_.contains({session.server.address, session.local})) return true;
    }
    return false;
}

void Translation::close(const ClientKey& key, const char* reason) {
    const auto found = sessions_.find(key);
    report_(found->second, false, reason);
    by_server_.erase({found->second.server.address, found->second.local});
    sessions_.erase(found);
    ++counters_.sessions_closed;
}

void Translation::forward_to_server(Session& session, TcpFrame frame, TimeNs now, std::vector<Output>& out) {
    session.last_ns = now;
    note_end(session, frame, true);
    frame.set_seq(frame.seq() + session.delta_to_server);
    if (frame.has(tcp_ack)) frame.set_ack(frame.ack() - session.delta_to_client);
    frame.shift_sack(0U - session.delta_to_client);
    if (frame.has(tcp_syn))
        frame.strip_option(option_timestamps);
    else
        add_toa(session, frame);
    frame.set_source(session.local);
    frame.set_target(session.server.address);
    frame.set_ttl(static_cast<std::uint8_t>(frame.ttl() - 1));
    frame.set_macs(session.server.mac, settings_.server_side_mac);
    frame.seal();
    out.push_back({true, std::move(frame)});
}

void Translation::add_toa(Session& session, TcpFrame& frame) {
    if (session.toa_done || frame.has(tcp_rst)) return;
    const Address& c = session.client;
    const std::array<std::uint8_t, 8> option{option_toa,
                                             8,
                                             static_cast<std::uint8_t>(c.port >> 8),
                                             static_cast<std::uint8_t>(c.port),
                                             static_cast<std::uint8_t>(c.ip >> 24),
                                             static_cast<std::uint8_t>(c.ip >> 16),
                                             static_cast<std::uint8_t>(c.ip >> 8),
                                             static_cast<std::uint8_t>(c.ip)};
    session.toa_done = frame.add_option(option);
    ++(session.toa_done ? counters_.toa_added : counters_.toa_no_room);
    if (++session.toa_tries == toa_try_count_max) session.toa_done = true;
}

void Translation::from_server(TcpFrame frame, TimeNs now, std::vector<Output>& out) {
    const auto found = by_server_.find({frame.source(), frame.target()});
    if (found == by_server_.end()) {
        ++counters_.frames_foreign;
        return;
    }
    if (frame.ttl() <= 1) {
        ++counters_.frames_ttl_expired;
        return;
    }
    Session& session = sessions_.at(found->second);
    if (session.state == Session::State::connecting) return server_answered(session, frame, now, out);
    if (session.service.synproxy && frame.has(tcp_syn)) {  // the server repeats its answer: our ACK was lost
        TcpFrame ack = TcpFrame::make(session.local, session.server.address, tcp_ack, frame.ack(), frame.seq() + 1,
                                      session.window, {});
        ack.set_macs(session.server.mac, settings_.server_side_mac);
        ack.seal();
        out.push_back({true, std::move(ack)});
        return;
    }
    session.last_ns = now;
    note_end(session, frame, false);
    frame.set_seq(frame.seq() + session.delta_to_client);
    if (frame.has(tcp_ack)) frame.set_ack(frame.ack() - session.delta_to_server);
    frame.shift_sack(0U - session.delta_to_server);
    frame.set_source(session.service.vip);
    frame.set_target(session.client);
    frame.set_ttl(static_cast<std::uint8_t>(frame.ttl() - 1));
    frame.set_macs(session.client_mac, settings_.client_side_mac);
    frame.seal();
    out.push_back({false, std::move(frame)});
}

void Translation::note_end(Session& session, const TcpFrame& frame, bool to_server) {
    if (frame.has(tcp_fin)) (to_server ? session.fin_to_server : session.fin_to_client) = true;
    if (frame.has(tcp_rst)) session.reset = true;
    if (session.reset || (session.fin_to_server && session.fin_to_client)) session.state = Session::State::closed;
}

std::uint32_t Translation::cookie(const TcpFrame& frame, std::uint64_t minute, unsigned mss_step) const {
    std::uint64_t hash = mix(secret_ ^ (std::uint64_t{frame.source().ip} << 32 | frame.target().ip));
    hash = mix(hash ^ (std::uint64_t{frame.source().port} << 48 | std::uint64_t{frame.target().port} << 32 | minute));
    return static_cast<std::uint32_t>(hash & ~std::uint64_t{7}) | mss_step;
}

void Translation::answer_syn(const Service& service, const TcpFrame& syn, TimeNs now, std::vector<Output>& out) {
    TcpFrame copy = syn;
    const std::span<std::uint8_t> mss = copy.option(option_mss);
    const unsigned wanted = mss.size() == 2 ? static_cast<unsigned>(mss[0] << 8 | mss[1]) : 536U;
    unsigned step = 0;
    while (step + 1 < mss_steps.size() && mss_steps[step + 1] <= wanted) ++step;
    const std::uint32_t isn = cookie(syn, static_cast<std::uint64_t>(now / cookie_period_ns), step);
    TcpFrame answer = TcpFrame::make(service.vip, syn.source(), tcp_syn | tcp_ack, isn, syn.seq() + 1, proxy_window,
                                     mss_option(mss_steps[step]));
    answer.set_macs(syn.source_mac(), settings_.client_side_mac);
    answer.seal();
    out.push_back({false, std::move(answer)});
}

void Translation::accept_ack(const Service& service, TcpFrame& frame, TimeNs now, std::vector<Output>& out) {
    const std::uint32_t claimed = frame.ack() - 1;
    const auto minute = static_cast<std::uint64_t>(now / cookie_period_ns);
    const bool right =
        claimed == cookie(frame, minute, claimed & 7) || claimed == cookie(frame, minute - 1, claimed & 7);
    if (!frame.has(tcp_ack) || frame.has(tcp_rst) || frame.has(tcp_fin) || !right) {
        ++counters_.cookies_wrong;
        return;
    }
    Session* session = open(service, frame, now);
    if (!session) return;
    session->client_isn = frame.seq() - 1;
    session->cookie = claimed;
    session->state = Session::State::connecting;
    session->window = frame.window();
    const auto option = mss_option(mss_steps[claimed & 7]);
    session->syn_options.assign(option.begin(), option.end());
    session->held.push_back(std::move(frame));
    ask_server(*session, out);
}

void Translation::ask_server(Session& session, std::vector<Output>& out) {
    ++session.syn_tries;
    TcpFrame syn = TcpFrame::make(session.local, session.server.address, tcp_syn,
                                  session.client_isn + session.delta_to_server, 0, session.window, session.syn_options);
    syn.set_macs(session.server.mac, settings_.server_side_mac);
    syn.seal();
    out.push_back({true, std::move(syn)});
}

void Translation::server_answered(Session& session, const TcpFrame& frame, TimeNs now, std::vector<Output>& out) {
    if (frame.has(tcp_rst)) {
        TcpFrame reset = TcpFrame::make(session.service.vip, session.client, tcp_rst | tcp_ack, session.cookie + 1,
                                        session.client_isn + 1, 0, {});
        reset.set_macs(session.client_mac, settings_.client_side_mac);
        reset.seal();
        out.push_back({false, std::move(reset)});
        session.state = Session::State::closed;
        session.last_ns = now;
        return;
    }
    if (!frame.has(tcp_syn) || !frame.has(tcp_ack)) {
        ++counters_.frames_foreign;
        return;
    }
    session.delta_to_client = session.cookie - frame.seq();
    session.state = Session::State::open;
    report_(session, true, "");
    std::deque<TcpFrame> held = std::move(session.held);
    session.held.clear();
    for (TcpFrame& kept : held) forward_to_server(session, std::move(kept), now, out);
}

void Translation::tick(TimeNs now, std::vector<Output>& out) {
    std::vector<std::pair<ClientKey, const char*>> leaving;
    for (auto& [key, session] : sessions_) {
        const TimeNs idle_ns = now - session.last_ns;
        if (session.state == Session::State::closed && idle_ns > settings_.closed_ns_max)
            leaving.emplace_back(key, session.reset ? "reset" : "fin");
        else if (session.state == Session::State::connecting && session.syn_tries >= settings_.syn_retry_count_max)
            leaving.emplace_back(key, "server does not answer");
        else if (session.state == Session::State::connecting &&
                 now - session.opened_ns > settings_.syn_retry_ns * session.syn_tries)
            ask_server(session, out);
        else if (session.state == Session::State::open && idle_ns > settings_.idle_ns_max) {
            leaving.emplace_back(key, "idle");
            ++counters_.sessions_idle;
        }
    }
    for (const auto& [key, reason] : leaving) close(key, reason);
}

std::string to_text(Address address) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8)
        text += std::to_string(address.ip >> shift & 255) + (shift ? "." : ":");
    return text + std::to_string(address.port);
}

}  // namespace clew::region
