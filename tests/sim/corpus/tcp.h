// SPDX-License-Identifier: Apache-2.0
// One end of a TCP connection: handshake, options, segments, windows, delayed acks, retransmission, FIN and RST.
// A model of a host's stack, good enough that an analyser finds nothing odd in it. One thread, time by Events.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "tests/sim/corpus/events.h"
#include "tests/sim/corpus/host.h"
#include "tests/sim/corpus/packet.h"

namespace clew::corpus {

class Tcp {
  public:
    struct Hooks {
        std::function<void(Packet)> transmit;
        std::function<void()> connected;
        std::function<void(const std::string&)> received;
        std::function<void()> peer_closed;  ///< FIN came, all before it was delivered
        std::function<void()> ended;        ///< both ways closed, reset, or given up; once
    };

    Tcp(Events& events, Host& host, Rng rng, std::uint32_t isn, Hooks hooks);

    void connect(const End& local, const End& remote);
    void send(const std::string& bytes);
    void close();
    void abort();
    void receive(const Packet& packet);

    bool is_connected() const { return state_ == State::open; }
    bool has_ended() const { return ended_; }
    End local() const { return local_; }
    End remote() const { return remote_; }

  private:
    enum class State : std::uint8_t { closed, syn_sent, syn_received, open };

    Packet segment(std::uint8_t flags) const;
    void transmit(Packet packet);
    void send_syn();
    void read_syn_options(const Packet& packet);
    void on_handshake(const Packet& packet);
    void on_ack(const Packet& packet);
    void on_payload(const Packet& packet);
    void push();
    void send_range(std::int64_t offset, std::size_t count, bool fin);
    void retransmit();
    void send_ack();
    void ack_later();
    void arm();
    void finish();
    std::int64_t end_of_stream() const { return sent_base_ + static_cast<std::int64_t>(buffer_.size()); }

    Events& events_;
    Host& host_;
    Rng rng_;
    IpIds ids_;
    Hooks hooks_;
    State state_ = State::closed;
    End local_, remote_;
    std::uint32_t isn_, peer_isn_ = 0;
    // Offsets are counted from the ISN: 0 is the SYN, 1 the first byte.
    std::int64_t acked_ = 0, next_ = 0, highest_ = 0, expected_ = 0;
    std::int64_t sent_base_ = 1;  ///< offset of buffer_[0]
    std::string buffer_;
    std::map<std::int64_t, std::string> early_;  ///< received ahead of a hole
    std::int64_t peer_fin_ = -1, fin_ = -1;
    bool close_asked_ = false, peer_closed_ = false, ended_ = false;
    bool timestamps_, sack_;
    int scale_, peer_scale_ = 0;
    std::uint16_t peer_mss_ = 536;
    std::uint32_t peer_window_ = 0, ts_recent_ = 0, ts_base_;
    std::size_t congestion_window_ = 10;
    int duplicate_acks_ = 0, tries_ = 0;
    std::uint64_t timer_ = 0, ack_timer_ = 0;
    int unacked_segments_ = 0;
};

}  // namespace clew::corpus
