// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/middlebox.h"

namespace clew::corpus {
namespace {

/// Shifts what `way` carries: its sequence numbers by `own`, and its acks (of the other way) back by `peer`.
void shift(Packet& p, std::uint32_t own, std::uint32_t peer) {
    p.seq += own;
    if (p.has(tcp_ack)) p.ack -= peer;
    for (auto& [left, right] : p.options.sack) left -= peer, right -= peer;
}

void clear_timestamps(Packet& p) {
    p.options.has_timestamps = false;
    if (p.has(tcp_syn)) p.options.other += std::string(10, '\x01');  // written over with NOPs, the length stays
}

constexpr std::size_t mtu = 1500;

}  // namespace

void Nat::translate(Way way, Packet& packet) {
    if (way == Way::to_server) {
        client_before_ = packet.from(), server_before_ = packet.to();
        if (rewrite_.client) packet.set_from(*rewrite_.client);
        if (rewrite_.server) packet.set_to(*rewrite_.server);
        if (packet.protocol == proto_icmp) packet.destination_port = packet.source_port;
    } else {
        if (packet.quoted) return translate_error(packet);
        if (rewrite_.client) packet.set_to(client_before_);
        if (rewrite_.server) packet.set_from(server_before_);
        if (packet.protocol == proto_icmp) packet.source_port = packet.destination_port;
    }
}

/// The addresses of an error and those of the packet that it quotes.
void Nat::translate_error(Packet& error) {
    auto quoted = std::make_shared<Packet>(*error.quoted);
    if (rewrite_.client) error.destination = client_before_.ip, quoted->set_from(client_before_);
    if (rewrite_.server) {
        if (error.source == rewrite_.server->ip) error.source = server_before_.ip;
        quoted->set_to(server_before_);
    }
    error.quoted = std::move(quoted);
}

void Nat::pass(Way way, Packet packet, const Emit& emit) {
    translate(way, packet);
    packet.ttl = static_cast<std::uint8_t>(packet.ttl - ttl_step_);
    emit(way, std::move(packet));
}

/// Back to whom `seen` came from, or on in its place.
Packet Saboteur::reset(const Packet& seen, bool back) {
    Packet p;
    p.set_from(back ? seen.to() : seen.from());
    p.set_to(back ? seen.from() : seen.to());
    p.ttl = ttl_;
    p.ip_id = id_++;
    p.flags = tcp_rst | tcp_ack;
    p.seq = back ? seen.ack : seen.seq;
    p.ack = back ? seen.seq + static_cast<std::uint32_t>(seen.payload.size()) + (seen.has(tcp_syn) ? 1 : 0) : seen.ack;
    return p;
}

void Saboteur::pass(Way way, Packet packet, const Emit& emit) {
    if (fault == Fault::eats_syn && way == Way::to_server && packet.has(tcp_syn)) return;
    if (fault == Fault::eats_answer && way == Way::to_client && packet.has(tcp_syn)) return;
    if (fault != Fault::resets) return Nat::pass(way, std::move(packet), emit);
    if (done_) return;
    const bool trigger = way == Way::to_server && (at_syn_ ? packet.has(tcp_syn) : !packet.payload.empty());
    if (!trigger) return Nat::pass(way, std::move(packet), emit);
    done_ = true;
    emit(Way::to_client, reset(packet, true));
    if (!at_syn_) emit(Way::to_server, reset(packet, false));
}

void Nat64::pass(Way way, Packet packet, const Emit& emit) {
    translate(way, packet);
    --packet.ttl;
    packet.ip_id = way == Way::to_server ? id_++ : 0;
    packet.dont_fragment = true;
    if (packet.has(tcp_syn) && packet.options.mss > 1440) packet.options.mss = 1440;
    emit(way, std::move(packet));
}

void DeltaFullnat::add_toa(Packet& packet) {
    const bool wanted = settings_.toa == Toa::first_ack ? packet.seq == client_isn_ + 1
                                                        : !packet.payload.empty() && packet.seq == client_isn_ + 1;
    if (settings_.toa == Toa::none || packet.has(tcp_syn) || packet.has(tcp_rst) || !wanted) return;
    packet.options.toa = client_before_;
    packet.options.toa_kind = settings_.toa_kind;
    // Without room it is left out: that server will not learn who the client was.
    if (packet.options.length() > tcp_options_bytes_max || packet.ip_length() > mtu) packet.options.toa.reset();
}

void DeltaFullnat::pass(Way way, Packet packet, const Emit& emit) {
    translate(way, packet);
    --packet.ttl;
    if (packet.quoted) {
        packet.quoted->seq -= delta_;
        return emit(way, std::move(packet));
    }
    if (packet.has(tcp_syn)) {
        if (!settings_.keep_timestamps && packet.options.has_timestamps) clear_timestamps(packet);
        if (settings_.toa != Toa::none && packet.options.mss > 1452) packet.options.mss = 1452;
    }
    if (way == Way::to_server) {
        if (packet.has(tcp_syn)) client_isn_ = packet.seq;
        add_toa(packet);
        shift(packet, delta_, 0);
    } else {
        shift(packet, 0, delta_);
    }
    emit(way, std::move(packet));
}

void IsnFirewall::pass(Way way, Packet packet, const Emit& emit) {
    translate(way, packet);
    --packet.ttl;
    shift(packet, delta_[index(way)], delta_[index(other(way))]);
    if (settings_.clear_timestamps && packet.options.has_timestamps) clear_timestamps(packet);
    if (settings_.new_ip_id) packet.ip_id = static_cast<std::uint16_t>(rng_.word());
    emit(way, std::move(packet));
}

SynProxy::SynProxy(Events& events, Rewrite rewrite, Settings settings, Rng rng)
    : Nat(rewrite),
      events_(events),
      settings_(settings),
      rng_(rng),
      cookie_(rng_.word()),
      delta_client_(settings.shift_client ? rng_.word() : 0),
      tsval_base_(rng_.word()),
      id_(static_cast<std::uint16_t>(rng_.word())) {}

/// A packet of the proxy's own on the client's addresses, going `way`.
Packet SynProxy::own(const Packet& model, Way way, std::uint8_t flags) {
    Packet p;
    p.set_from(way == Way::to_server ? model.from() : model.to());
    p.set_to(way == Way::to_server ? model.to() : model.from());
    p.ttl = 64;
    p.ip_id = id_++;
    p.flags = flags;
    return p;
}

void SynProxy::pass(Way way, Packet packet, const Emit& emit) {
    if (way == Way::to_server)
        from_client(std::move(packet), emit);
    else
        from_server(std::move(packet), emit);
}

void SynProxy::from_client(Packet packet, const Emit& emit) {
    if (packet.has(tcp_syn) && state_ <= State::cookie_sent) {
        syn_ = packet;
        client_isn_ = packet.seq;
        state_ = State::cookie_sent;
        Packet answer = own(packet, Way::to_client, tcp_syn | tcp_ack);
        answer.seq = cookie_, answer.ack = client_isn_ + 1;
        answer.window = 14600;
        answer.options.mss = 1460;
        answer.options.window_scale = packet.options.window_scale >= 0 ? 7 : -1;
        answer.options.sack_permitted = packet.options.sack_permitted;
        answer.options.has_timestamps = settings_.timestamps && packet.options.has_timestamps;
        answer.options.tsval = tsval_base_ + static_cast<std::uint32_t>(events_.now() / ns_ms);
        answer.options.tsecr = packet.options.tsval;
        return emit(Way::to_client, std::move(answer));
    }
    if (state_ == State::cookie_sent && packet.has(tcp_ack) && packet.ack == cookie_ + 1) {
        state_ = State::opening;
        Packet syn = syn_;
        if (!settings_.timestamps && syn.options.has_timestamps) clear_timestamps(syn);
        if (syn.options.has_timestamps) syn.options.tsval = packet.options.tsval;
        syn.ip_id = id_++;
        --syn.ttl;
        translate(Way::to_server, syn);
        shift(syn, delta_client_, 0);
        emit(Way::to_server, std::move(syn));
    }
    if (state_ == State::opening && !packet.has(tcp_rst)) {
        if (!packet.payload.empty() || packet.has(tcp_fin)) held_.push_back(std::move(packet));
    } else if (state_ == State::open) {
        forward(Way::to_server, std::move(packet), emit);
    }
}

void SynProxy::from_server(Packet packet, const Emit& emit) {
    if (state_ == State::opening && packet.has(tcp_syn) && packet.has(tcp_ack)) {
        delta_server_ = cookie_ - packet.seq;
        tsval_shift_ = tsval_base_ + static_cast<std::uint32_t>(events_.now() / ns_ms) - packet.options.tsval;
        Packet ack = own(syn_, Way::to_server, tcp_ack);
        ack.seq = client_isn_ + 1;
        ack.ack = cookie_ + 1;
        ack.window = syn_.options.window_scale >= 0 ? 502 : 14600;
        if (packet.options.has_timestamps) {
            ack.options.has_timestamps = true;
            ack.options.tsval = packet.options.tsecr + 1, ack.options.tsecr = packet.options.tsval + tsval_shift_;
        }
        state_ = State::open;
        if (settings_.toa) ack.options.toa = syn_.from();
        forward(Way::to_server, std::move(ack), emit);
        // The server's real window, so that the client may send as much as it takes.
        Packet update = own(syn_, Way::to_client, tcp_ack);
        update.seq = cookie_ + 1, update.ack = client_isn_ + 1;
        update.window =
            packet.options.window_scale >= 0 ? static_cast<std::uint16_t>(packet.window >> 7) : packet.window;
        if (packet.options.has_timestamps) {
            update.options.has_timestamps = true;
            update.options.tsval = packet.options.tsval + tsval_shift_, update.options.tsecr = syn_.options.tsval;
        }
        emit(Way::to_client, std::move(update));
        for (; !held_.empty(); held_.pop_front()) forward(Way::to_server, held_.front(), emit);
        return;
    }
    if (state_ != State::fresh) forward(Way::to_client, std::move(packet), emit);
}

void SynProxy::forward(Way way, Packet packet, const Emit& emit) {
    translate(way, packet);
    --packet.ttl;
    if (way == Way::to_server) {
        // cookie = server's number + delta: what the client acks goes back by it.
        shift(packet, delta_client_, delta_server_);
        if (packet.options.has_timestamps) packet.options.tsecr -= tsval_shift_;
    } else {
        shift(packet, delta_server_, delta_client_);
        if (packet.options.has_timestamps) packet.options.tsval += tsval_shift_;
    }
    emit(way, std::move(packet));
}

}  // namespace clew::corpus
