// SPDX-License-Identifier: Apache-2.0
#include "wire/publisher_session.h"

namespace clew::wire {
namespace {
constexpr std::int64_t greeting_timeout_ms = 2000;
constexpr std::int64_t refused_retry_ms = 2000;
constexpr std::int64_t other_version_retry_ms = 10'000;
constexpr std::int64_t unreachable_said_after_ms = 5000;
}  // namespace

PublisherSession::PublisherSession(zmq::context_t& context, const PublisherSettings& settings, Events events)
    : context_(context), settings_(settings), events_(std::move(events)) {}

void PublisherSession::log_once(const std::string& sentence) {
    if (sentence == logged_) return;
    logged_ = sentence;
    log_line(settings_.hello.observer(), sentence);
}

void PublisherSession::open(std::int64_t now_ms) {
    socket_.emplace(context_, zmq::socket_type::dealer);
    set_common_options(*socket_, settings_.endpoint, static_cast<int>(settings_.unacknowledged_batch_count_max) + 4096);
    socket_->set(zmq::sockopt::immediate, true);  // nothing is queued for a peer that is not there
    socket_->set(zmq::sockopt::reconnect_ivl, 100);
    socket_->set(zmq::sockopt::reconnect_ivl_max, 1000);
    if (!settings_.keys.server_public.empty()) {
        socket_->set(zmq::sockopt::curve_serverkey, settings_.keys.server_public);
        socket_->set(zmq::sockopt::curve_publickey, settings_.keys.own_public);
        socket_->set(zmq::sockopt::curve_secretkey, settings_.keys.own_secret);
    }
    socket_->connect(settings_.endpoint);
    state_ = State::connecting;
    if (opened_ms_ == 0) opened_ms_ = now_ms;
}

void PublisherSession::start_over(std::int64_t retry_at_ms) {
    const bool was_live = state_ == State::live;
    socket_.reset();
    state_ = State::closed;
    retry_at_ms_ = retry_at_ms;
    opened_ms_ = 0;
    if (was_live) events_.lost();
}

void PublisherSession::step(std::int64_t now_ms) {
    if (state_ == State::closed && now_ms >= retry_at_ms_) open(now_ms);
    if (state_ == State::connecting) {
        if (send_message(*socket_, {}, MessageType::hello, settings_.hello)) {
            state_ = State::greeted;
            greeted_ms_ = now_ms;
        } else if (now_ms - opened_ms_ > unreachable_said_after_ms) {
            log_once("the control plane at " + settings_.endpoint +
                     " does not answer (is it running, do the keys match?); legs are spooled in '" +
                     settings_.spool_directory + "' until it does");
        }
    }
    if (state_ == State::greeted && now_ms - greeted_ms_ > greeting_timeout_ms) start_over(now_ms);
    if (state_ != State::live) return;
    if (now_ms - heard_ms_ > silent_peer_lost_after_ms) {
        log_once("the control plane at " + settings_.endpoint + " fell silent; legs are spooled in '" +
                 settings_.spool_directory + "' until it is back");
        start_over(now_ms);
    } else if (now_ms - pinged_ms_ >= ping_every_ms) {
        pinged_ms_ = now_ms;
        send(MessageType::ping, {});
    }
}

bool PublisherSession::send(MessageType type, std::string_view body) {
    return socket_ && send_message(*socket_, {}, type, body);
}

void PublisherSession::receive(std::int64_t now_ms) {
    constexpr int message_count_max = 256;  // then the caller's other work has its turn
    Received received;
    for (int i = 0; i < message_count_max && socket_ && receive_message(*socket_, false, received); ++i)
        take(received, now_ms);
}

void PublisherSession::take(const Received& received, std::int64_t now_ms) {
    if (received.malformed) return;
    const auto type = decode_envelope(received.envelope_bytes_of());
    if (!type) {
        if (!envelope_version(received.envelope_bytes_of())) return;
        log_once("the control plane at " + settings_.endpoint + " cannot be used: " + type.error().sentence);
        start_over(now_ms + other_version_retry_ms);
        return;
    }
    heard_ms_ = now_ms;
    if (*type == MessageType::hello_reply) return take_hello_reply(received, now_ms);
    if (state_ != State::live) return;
    if (*type == MessageType::batch_ack) {
        v1::BatchAck ack;
        if (parse_body(received.body, ack)) events_.acknowledged(ack);
    } else if (*type == MessageType::header_request) {
        v1::HeaderRequest request;
        if (parse_body(received.body, request)) events_.headers_asked(request);
    }
}

void PublisherSession::take_hello_reply(const Received& received, std::int64_t now_ms) {
    v1::HelloReply reply;
    if (!parse_body(received.body, reply)) return;
    if (reply.accepted()) {
        if (state_ != State::greeted) return;
        state_ = State::live;
        pinged_ms_ = now_ms;
        if (!logged_.empty())
            log_line(settings_.hello.observer(), "connected to the control plane at " + settings_.endpoint);
        logged_.clear();
        events_.live(reply.last_sequence());
        return;
    }
    if (reply.refusal().empty()) {  // a control plane that does not know this connection: it was restarted
        start_over(now_ms);
        return;
    }
    log_once("the control plane at " + settings_.endpoint + " refuses: " + reply.refusal());
    start_over(now_ms + refused_retry_ms);
}

}  // namespace clew::wire
