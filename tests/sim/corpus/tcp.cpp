// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/tcp.h"

#include <algorithm>

namespace clew::corpus {
namespace {

constexpr Nanoseconds timeout_ns = 220 * ns_ms, syn_timeout_ns = ns_s, ack_delay_ns = 40 * ns_ms;
constexpr int tries_max = 8, syn_tries_max = 3;
constexpr std::uint32_t receive_window = 0x40000;

/// The offset near `near` that a sequence number stands for.
std::int64_t unwrap(std::uint32_t number, std::uint32_t isn, std::int64_t near) {
    return near + static_cast<std::int32_t>(number - (isn + static_cast<std::uint32_t>(near)));
}

}  // namespace

Tcp::Tcp(Events& events, Host& host, Rng rng, std::uint32_t isn, Hooks hooks)
    : events_(events),
      host_(host),
      rng_(rng),
      ids_(host, rng_),
      hooks_(std::move(hooks)),
      isn_(isn),
      timestamps_(host.timestamps),
      sack_(host.sack),
      scale_(host.window_scale),
      ts_base_(rng_.word()) {}

Packet Tcp::segment(std::uint8_t flags) const {
    Packet p;
    p.set_from(local_), p.set_to(remote_);
    p.ttl = host_.ttl;
    p.flags = flags;
    p.seq = isn_ + static_cast<std::uint32_t>(next_);
    if ((flags & tcp_ack) != 0) p.ack = peer_isn_ + static_cast<std::uint32_t>(expected_);
    const bool syn = (flags & tcp_syn) != 0;
    p.window = syn ? host_.syn_window
                   : static_cast<std::uint16_t>(std::min<std::uint32_t>(receive_window >> std::max(scale_, 0), 0xffff));
    if (syn) {
        p.options.mss = host_.mss;
        p.options.window_scale = scale_;
        p.options.sack_permitted = sack_;
    } else if ((flags & tcp_rst) == 0) {
        p.options.other = host_.extra_options;
    }
    if (timestamps_ && (flags & tcp_rst) == 0) {
        p.options.has_timestamps = true;
        p.options.tsval = ts_base_ + static_cast<std::uint32_t>(events_.now() / ns_ms);
        p.options.tsecr = ts_recent_;
    }
    return p;
}

void Tcp::transmit(Packet packet) {
    const bool syn_ack = packet.has(tcp_syn) && packet.has(tcp_ack);
    packet.ip_id = syn_ack && host_.ip_id == IpIdPolicy::socket_counter ? 0 : ids_.next();
    if (packet.has(tcp_ack)) unacked_segments_ = 0, ++ack_timer_;
    hooks_.transmit(std::move(packet));
}

void Tcp::connect(const End& local, const End& remote) {
    local_ = local, remote_ = remote;
    state_ = State::syn_sent;
    send_syn();
}

void Tcp::send_syn() {
    next_ = 0;
    transmit(segment(state_ == State::syn_sent ? tcp_syn : tcp_syn | tcp_ack));
    next_ = highest_ = 1;
    arm();
}

void Tcp::send(const std::string& bytes) {
    if (ended_ || close_asked_) return;
    buffer_ += bytes;
    if (state_ == State::open) push();
}

void Tcp::close() {
    if (ended_ || close_asked_) return;
    close_asked_ = true;
    if (state_ == State::open) push();
}

void Tcp::abort() {
    if (ended_) return;
    transmit(segment(tcp_rst | tcp_ack));
    finish();
}

void Tcp::finish() {
    if (ended_) return;
    ended_ = true;
    ++timer_, ++ack_timer_;
    buffer_.clear(), early_.clear();
    if (hooks_.ended) hooks_.ended();
}

void Tcp::read_syn_options(const Packet& packet) {
    peer_isn_ = packet.seq;
    expected_ = 1;
    if (packet.options.mss != 0) peer_mss_ = packet.options.mss;
    if (packet.options.window_scale >= 0 && scale_ >= 0)
        peer_scale_ = packet.options.window_scale;
    else
        scale_ = -1, peer_scale_ = 0;
    timestamps_ &= packet.options.has_timestamps;
    sack_ &= packet.options.sack_permitted;
    ts_recent_ = packet.options.tsval;
    peer_window_ = packet.window;
}

void Tcp::on_handshake(const Packet& packet) {
    if (state_ == State::closed && packet.has(tcp_syn) && !packet.has(tcp_ack)) {
        local_ = packet.to(), remote_ = packet.from();
        read_syn_options(packet);
        state_ = State::syn_received;
        send_syn();
    } else if (state_ == State::syn_received && packet.has(tcp_syn)) {
        send_syn();
    } else if (state_ == State::syn_sent && packet.has(tcp_syn) && packet.has(tcp_ack)) {
        read_syn_options(packet);
        acked_ = 1, tries_ = 0, ++timer_;
        state_ = State::open;
        transmit(segment(tcp_ack));
        if (hooks_.connected) hooks_.connected();
        push();
    }
}

void Tcp::receive(const Packet& packet) {
    if (packet.quoted) {  // refused: only while opening
        if (state_ == State::syn_sent) finish();
        return;
    }
    if (packet.has(tcp_rst)) {
        if (state_ != State::closed) finish();
        return;
    }
    if (ended_) {  // the last ACK was lost: say it again
        if (packet.has(tcp_fin) && peer_fin_ >= 0 && fin_ >= 0) transmit(segment(tcp_ack));
        return;
    }
    if (state_ == State::closed || state_ == State::syn_sent || packet.has(tcp_syn)) {
        if (state_ == State::open && packet.has(tcp_syn) && packet.has(tcp_ack))
            send_ack();
        else
            on_handshake(packet);
        return;
    }
    if (state_ == State::syn_received && packet.has(tcp_ack)) {
        state_ = State::open;
        acked_ = 1, tries_ = 0, ++timer_;
        peer_window_ = static_cast<std::uint32_t>(packet.window) << peer_scale_;
        if (hooks_.connected) hooks_.connected();
    }
    if (timestamps_ && packet.options.has_timestamps) ts_recent_ = packet.options.tsval;
    on_ack(packet);
    if (!ended_) on_payload(packet);
    if (!ended_) push();
    if (!ended_ && fin_ >= 0 && acked_ > fin_ && peer_closed_) finish();
}

void Tcp::on_ack(const Packet& packet) {
    const std::int64_t ack = unwrap(packet.ack, isn_, acked_);
    const std::uint32_t window = static_cast<std::uint32_t>(packet.window) << peer_scale_;
    if (ack > acked_ && ack <= highest_) {
        acked_ = ack;
        const std::int64_t gone = std::min<std::int64_t>(ack - sent_base_, static_cast<std::int64_t>(buffer_.size()));
        if (gone > 0) buffer_.erase(0, static_cast<std::size_t>(gone)), sent_base_ += gone;
        next_ = std::max(next_, acked_);
        duplicate_acks_ = tries_ = 0;
        congestion_window_ = std::min<std::size_t>(congestion_window_ + 2, 64);
        arm();
    } else if (ack == acked_ && next_ > acked_ && packet.payload.empty() && window == peer_window_ &&
               !packet.has(tcp_fin) && ++duplicate_acks_ == 3) {
        congestion_window_ = std::max<std::size_t>(congestion_window_ / 2, 2);
        retransmit();
    }
    peer_window_ = window;
}

void Tcp::on_payload(const Packet& packet) {
    const std::int64_t at = unwrap(packet.seq, peer_isn_, expected_);
    const std::int64_t end = at + static_cast<std::int64_t>(packet.payload.size());
    if (packet.has(tcp_fin)) peer_fin_ = end;
    if (packet.payload.empty() && !packet.has(tcp_fin)) {
        if (at < expected_) send_ack();  // a keep-alive or a probe
        return;
    }
    const bool hole = at > expected_;
    if (end > expected_ && !packet.payload.empty()) early_[at] = packet.payload;
    std::string ready;
    for (auto first = early_.begin(); first != early_.end() && first->first <= expected_; first = early_.erase(first)) {
        const std::int64_t skip = expected_ - first->first;
        if (skip >= static_cast<std::int64_t>(first->second.size())) continue;
        ready += first->second.substr(static_cast<std::size_t>(skip));
        expected_ = first->first + static_cast<std::int64_t>(first->second.size());
    }
    const bool fin_now = peer_fin_ == expected_ && !peer_closed_;
    if (fin_now) ++expected_, peer_closed_ = true;
    if (hole || fin_now || ready.empty() || !early_.empty() || ++unacked_segments_ >= 2)
        send_ack();
    else
        ack_later();
    if (!ready.empty() && hooks_.received) hooks_.received(ready);
    if (fin_now && !ended_ && hooks_.peer_closed) hooks_.peer_closed();
}

void Tcp::send_range(std::int64_t offset, std::size_t count, bool fin) {
    Packet p = segment(tcp_ack);
    p.seq = isn_ + static_cast<std::uint32_t>(offset);
    p.payload = buffer_.substr(static_cast<std::size_t>(offset - sent_base_), count);
    if (offset + static_cast<std::int64_t>(count) == end_of_stream() && count > 0) p.flags |= tcp_psh;
    if (fin) p.flags |= tcp_fin;
    transmit(std::move(p));
}

void Tcp::push() {
    if (state_ != State::open || ended_) return;
    const std::size_t overhead = (timestamps_ ? 12u : 0u) + host_.extra_options.size();
    const std::size_t mss = std::min<std::size_t>(peer_mss_, host_.mss) - overhead;
    const std::int64_t limit =
        acked_ + static_cast<std::int64_t>(std::min<std::size_t>(peer_window_, congestion_window_ * mss));
    bool sent = false;
    while (next_ < end_of_stream() && next_ < limit && fin_ < 0) {
        const std::int64_t count = std::min({static_cast<std::int64_t>(mss), end_of_stream() - next_, limit - next_});
        send_range(next_, static_cast<std::size_t>(count), false);
        next_ += count;
        sent = true;
    }
    if (close_asked_ && fin_ < 0 && next_ == end_of_stream()) {
        fin_ = next_;
        send_range(next_, 0, true);
        ++next_;
        sent = true;
    }
    highest_ = std::max(highest_, next_);
    if (sent) arm();
}

void Tcp::retransmit() {
    const std::size_t overhead = (timestamps_ ? 12u : 0u) + host_.extra_options.size();
    const std::int64_t mss = static_cast<std::int64_t>(std::min<std::size_t>(peer_mss_, host_.mss) - overhead);
    const std::int64_t count = std::min(mss, end_of_stream() - acked_);
    if (acked_ == fin_ || count <= 0)
        send_range(acked_, 0, fin_ >= 0);
    else
        send_range(acked_, static_cast<std::size_t>(std::min(count, next_ - acked_)), false);
    arm();
}

void Tcp::send_ack() {
    Packet p = segment(tcp_ack);
    if (sack_ && !early_.empty()) {
        // The block of the hole's far side, as far as it is unbroken.
        auto at = early_.begin();
        const std::int64_t left = at->first;
        std::int64_t right = left;
        for (; at != early_.end() && at->first <= right; ++at)
            right = std::max(right, at->first + static_cast<std::int64_t>(at->second.size()));
        p.options.sack.emplace_back(peer_isn_ + static_cast<std::uint32_t>(left),
                                    peer_isn_ + static_cast<std::uint32_t>(right));
        if (p.options.length() > tcp_options_bytes_max) p.options.sack.clear();
    }
    transmit(std::move(p));
}

void Tcp::ack_later() {
    events_.after(ack_delay_ns, [this, armed = ++ack_timer_] {
        if (armed == ack_timer_ && !ended_) send_ack();
    });
}

void Tcp::arm() {
    const std::uint64_t armed = ++timer_;
    if (state_ == State::open && acked_ >= next_) return;
    const Nanoseconds base = state_ == State::open ? timeout_ns : syn_timeout_ns;
    events_.after(base << tries_, [this, armed] {
        if (armed != timer_ || ended_) return;
        const bool opening = state_ != State::open;
        if (++tries_ >= (opening ? syn_tries_max : tries_max)) return finish();
        if (opening)
            send_syn();
        else
            retransmit();
    });
}

}  // namespace clew::corpus
