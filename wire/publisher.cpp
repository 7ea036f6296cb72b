// SPDX-License-Identifier: Apache-2.0
#include "wire/publisher.h"

#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include "wire/convert.h"
#include "wire/leg_queue.h"
#include "wire/outbox.h"
#include "wire/publisher_session.h"
#include "wire/socket.h"
#include "wire/spool_bytes.h"

namespace clew::wire {
namespace {

constexpr std::int64_t counters_every_ms = 1000;
constexpr std::int64_t farewell_ms = 800;  // how long the end waits for acknowledgements before it spools what is left
constexpr std::int64_t loss_told_every_ms = 60'000;
constexpr std::uint32_t batch_leg_count_limit = 4096;
constexpr std::int64_t poll_ms_max = 50;

std::string taps_alone(const v1::Hello& hello) {
    v1::Batch batch;
    *batch.mutable_taps() = hello.taps();
    return batch.SerializeAsString();
}

class ThreadedPublisher final : public Publisher {
  public:
    ThreadedPublisher(PublisherSettings settings, HeaderSource headers, CounterSource counters,
                      std::unique_ptr<Spool> spool)
        : settings_(std::move(settings)),
          headers_(std::move(headers)),
          counter_source_(std::move(counters)),
          queue_(settings_.queue_leg_count_max, settings_.batch_leg_count_max),
          outbox_(std::move(spool), settings_.unacknowledged_batch_count_max, taps_alone(settings_.hello)),
          session_(context_, settings_,
                   {[this](std::uint64_t last) { went_live(last); }, [this] { outbox_.disconnected(); },
                    [this](const v1::BatchAck& ack) {
                        outbox_.acknowledge(ack.observer(), ack.started_ns(), ack.sequence());
                    },
                    [this](const v1::HeaderRequest& request) { answer(request); }}),
          thread_([this] { run(); }) {}

    ~ThreadedPublisher() override {
        stopping_ = true;
        queue_.waker().wake();
        thread_.join();
    }

    bool offer(const Leg& leg) override { return count(queue_.put(leg)); }
    bool offer(std::string_view field) override { return count(queue_.put(field)); }

    PublisherCounters counters() const override {
        PublisherCounters result;
        {
            const std::lock_guard lock(counters_mutex_);
            result = shown_;
        }
        result.legs_offered = legs_offered_;
        result.legs_refused_queue_full = legs_refused_;
        return result;
    }

  private:
    bool count(bool taken) {
        legs_offered_.fetch_add(1, std::memory_order_relaxed);
        if (!taken) legs_refused_.fetch_add(1, std::memory_order_relaxed);
        return taken;
    }
    void run();
    void turn(std::int64_t now_ms);
    void wait(std::int64_t now_ms);
    void farewell();
    void take_legs(std::int64_t now_ms);
    void open_batch(std::int64_t now_ms);
    void close_batch();
    void send_batches();
    void send_counters(std::int64_t now_ms);
    void tell_losses(std::int64_t now_ms);
    std::uint64_t legs_dropped() const {
        return outbox_.spool_counters().legs_dropped + outbox_.counters().legs_dropped;
    }
    void went_live(std::uint64_t last_sequence);
    void answer(const v1::HeaderRequest& request);
    void send_replies();
    void show_counters();
    void add_own_counters(v1::Batch& message) const;

    PublisherSettings settings_;
    HeaderSource headers_;
    CounterSource counter_source_;
    zmq::context_t context_{1};
    LegQueue queue_;
    Outbox outbox_;
    PublisherSession session_;

    std::string batch_;  ///< the one that is being filled, as it travels
    std::uint32_t batch_leg_count_ = 0;
    std::size_t batch_bytes_before_ = 0;  ///< what the last one took
    std::int64_t batch_opened_ms_ = 0;
    std::uint64_t next_sequence_ = 1;
    std::int64_t counters_sent_ms_ = 0;
    std::uint64_t losses_told_ = 0;
    std::int64_t losses_told_ms_ = -loss_told_every_ms;
    EncodedLegs taken_;
    std::uint64_t batches_sent_ = 0;
    std::uint64_t connects_ = 0;

    std::atomic<std::uint64_t> legs_offered_{0};
    std::atomic<std::uint64_t> legs_refused_{0};
    std::mutex replies_mutex_;
    std::vector<std::string> replies_;  ///< bounded by what was asked
    mutable std::mutex counters_mutex_;
    PublisherCounters shown_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;  ///< last: it uses all of the above
};

void ThreadedPublisher::run() {
    while (!stopping_) {
        try {
            const std::int64_t now_ms = steady_ms();
            turn(now_ms);
            wait(now_ms);
        } catch (const zmq::error_t& error) {
            log_line(settings_.hello.observer(), std::string("ZeroMQ failed: ") + error.what() + "; trying again");
            std::this_thread::sleep_for(std::chrono::seconds(1));
        }
    }
    try {
        farewell();
    } catch (const zmq::error_t&) {
        outbox_.disconnected();
    }
    show_counters();
}

void ThreadedPublisher::turn(std::int64_t now_ms) {
    session_.step(now_ms);
    session_.receive(now_ms);
    send_replies();
    take_legs(now_ms);
    send_batches();
    send_counters(now_ms);
    show_counters();
    if (now_ms - losses_told_ms_ >= loss_told_every_ms) tell_losses(now_ms);
}

/// The counters reach nobody while the control plane is away.
void ThreadedPublisher::tell_losses(std::int64_t now_ms) {
    const std::uint64_t lost = legs_dropped();
    if (lost == losses_told_) return;
    losses_told_ = lost;
    losses_told_ms_ = now_ms;
    const std::string where = "the spool in '" + settings_.spool_directory + "' ";
    log_line(settings_.hello.observer(),
             (outbox_.spool_counters().write_failures > 0 ? where + "cannot be written (is the disk full?)"
                                                          : where + "has reached spool.bytes_max") +
                 ": " + std::to_string(lost) + " leg reports are lost; make room or bring the control plane back");
}

void ThreadedPublisher::wait(std::int64_t now_ms) {
    std::int64_t timeout_ms = std::min<std::int64_t>(poll_ms_max, settings_.batch_delay_ms_max);
    if (batch_leg_count_ > 0)
        timeout_ms = std::clamp<std::int64_t>(batch_opened_ms_ + settings_.batch_delay_ms_max - now_ms, 1, timeout_ms);
    std::array<zmq::pollitem_t, 2> items{};
    items[0].fd = queue_.waker().fd();
    items[0].events = ZMQ_POLLIN;
    std::size_t count = 1;
    if (zmq::socket_t* socket = session_.socket()) {
        items[1].socket = socket->handle();
        items[1].events = static_cast<short>(session_.wants_writable() ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN);
        count = 2;
    }
    zmq::poll(items.data(), count, std::chrono::milliseconds(timeout_ms));
}

void ThreadedPublisher::take_legs(std::int64_t now_ms) {
    queue_.take_all(taken_);
    for (std::size_t taken = 0; taken < taken_.count();) {
        if (batch_leg_count_ == 0) open_batch(now_ms);
        const std::size_t before = taken;
        batch_ += taken_.next(taken, settings_.batch_leg_count_max - batch_leg_count_);
        batch_leg_count_ += static_cast<std::uint32_t>(taken - before);
        if (batch_leg_count_ >= settings_.batch_leg_count_max) close_batch();
    }
    if (batch_leg_count_ > 0 && now_ms - batch_opened_ms_ >= settings_.batch_delay_ms_max) close_batch();
}

/// Begins with its head. Room for as much as the last one took and the taps behind it: bytes are moved once.
void ThreadedPublisher::open_batch(std::int64_t now_ms) {
    batch_opened_ms_ = now_ms;
    v1::Batch head;
    head.set_sequence(next_sequence_);
    head.set_observer(settings_.hello.observer());
    head.set_started_ns(settings_.hello.started_ns());
    batch_.clear();
    batch_.reserve(batch_bytes_before_ + batch_bytes_before_ / 8 + settings_.hello.ByteSizeLong());
    head.AppendToString(&batch_);  // protobuf: messages written one behind the other are merged when read
}

void ThreadedPublisher::close_batch() {
    batch_bytes_before_ = batch_.size();
    outbox_.add({settings_.hello.observer(), settings_.hello.started_ns(), next_sequence_, batch_leg_count_,
                 std::move(batch_)});
    ++next_sequence_;
    batch_leg_count_ = 0;
}

void ThreadedPublisher::send_batches() {
    while (session_.is_live()) {
        const SpoolRecord* batch = outbox_.next_unsent();
        if (!batch) return;
        // The socket's queue is longer than the window: no room means that the connection is gone.
        if (!session_.send(MessageType::batch, batch->batch)) return session_.reconnect(steady_ms());
        ++batches_sent_;
    }
}

void ThreadedPublisher::add_own_counters(v1::Batch& message) const {
    const auto add = [&message](const char* name, std::uint64_t value, const char* text) {
        v1::Counter& counter = *message.add_counters();
        counter.set_name(name);
        counter.set_value(value);
        counter.set_text(text);
    };
    add("wire_legs_offered", legs_offered_, "legs given to the wire");
    add("wire_legs_refused", legs_refused_, "legs dropped because the queue to the wire was full");
    add("wire_batches_sent", batches_sent_, "batches sent, re-sent ones included");
    add("wire_batches_acknowledged", outbox_.counters().batches_acknowledged, "batches the control plane has stored");
    add("spool_batches_written", outbox_.spool_counters().records_written, "batches that waited on disk");
    add("spool_batches_dropped", outbox_.spool_counters().records_dropped + outbox_.counters().batches_dropped,
        "batches dropped because the spool was full or could not be written");
    add("spool_bytes", outbox_.spool_counters().bytes, "bytes waiting on disk now");
    add("spool_tails_cut", outbox_.spool_counters().tails_cut, "torn ends of spool files cut off at start");
}

void ThreadedPublisher::send_counters(std::int64_t now_ms) {
    if (!session_.is_live() || now_ms - counters_sent_ms_ < counters_every_ms) return;
    counters_sent_ms_ = now_ms;
    v1::Batch message;  // not numbered: counters stand for themselves and are never kept
    message.set_observer(settings_.hello.observer());
    message.set_started_ns(settings_.hello.started_ns());
    message.set_dropped_legs(legs_refused_ + legs_dropped());
    if (counter_source_)
        for (v1::Counter& counter : counter_source_()) *message.add_counters() = std::move(counter);
    add_own_counters(message);
    session_.send(MessageType::batch, message.SerializeAsString());
}

void ThreadedPublisher::went_live(std::uint64_t last_sequence) {
    ++connects_;
    counters_sent_ms_ = 0;
    outbox_.connected();
    if (last_sequence > 0) outbox_.acknowledge(settings_.hello.observer(), settings_.hello.started_ns(), last_sequence);
}

void ThreadedPublisher::answer(const v1::HeaderRequest& request) {
    const auto reply = [this, id = request.request_id()](const v1::HeaderReply& part) {
        v1::HeaderReply numbered = part;
        numbered.set_request_id(id);
        {
            const std::lock_guard lock(replies_mutex_);
            replies_.push_back(numbered.SerializeAsString());
        }
        queue_.waker().wake();
    };
    if (headers_) return headers_(request, reply);
    if (request.withdrawn()) return;
    v1::HeaderReply none;
    none.set_last(true);
    none.set_partial("this observer keeps no packet headers");
    reply(none);
}

void ThreadedPublisher::send_replies() {
    std::vector<std::string> replies;
    {
        const std::lock_guard lock(replies_mutex_);
        replies.swap(replies_);
    }
    for (const std::string& reply : replies) session_.send(MessageType::header_reply, reply);
}

void ThreadedPublisher::show_counters() {
    const std::lock_guard lock(counters_mutex_);
    shown_.batches_sent = batches_sent_;
    shown_.batches_acknowledged = outbox_.counters().batches_acknowledged;
    shown_.batches_spooled = outbox_.spool_counters().records_written;
    shown_.batches_dropped_spool_full = outbox_.spool_counters().records_dropped + outbox_.counters().batches_dropped;
    shown_.legs_dropped = legs_dropped();
    shown_.spool_bytes = outbox_.spool_counters().bytes;
    shown_.spool_tails_cut = outbox_.spool_counters().tails_cut;
    shown_.reconnects = connects_ > 0 ? connects_ - 1 : 0;
    shown_.connected = session_.is_live();
}

void ThreadedPublisher::farewell() {
    const std::int64_t deadline_ms = steady_ms() + farewell_ms;
    take_legs(steady_ms());
    if (batch_leg_count_ > 0) close_batch();
    while (session_.is_live() && !outbox_.empty() && steady_ms() < deadline_ms) {
        send_batches();
        std::array<zmq::pollitem_t, 1> items{};
        items[0].socket = session_.socket()->handle();
        items[0].events = ZMQ_POLLIN;
        zmq::poll(items.data(), items.size(), std::chrono::milliseconds(20));
        session_.receive(steady_ms());
    }
    outbox_.disconnected();
    tell_losses(steady_ms());
    if (const std::uint64_t count = outbox_.legs_in_memory_only(); count > 0)
        log_line(settings_.hello.observer(), std::to_string(count) +
                                                 " leg reports are lost with this end: the spool in '" +
                                                 settings_.spool_directory + "' cannot be written (is the disk full?)");
}

Result<void> check(const PublisherSettings& settings) {
    const bool encrypted = !settings.keys.server_public.empty();
    if (auto good = check_endpoint("control.endpoint", settings.endpoint, encrypted); !good) return good;
    const std::string& name = settings.hello.observer();
    if (name.empty() || name.size() > observer_name_bytes_max || settings.hello.started_ns() <= 0)
        return fail(ErrorKind::usage, "observer: '" + name + "' is not a name of 1 to " +
                                          std::to_string(observer_name_bytes_max) + " characters with a start time");
    if (settings.batch_leg_count_max == 0 || settings.batch_leg_count_max > batch_leg_count_limit ||
        settings.unacknowledged_batch_count_max == 0)
        return fail(ErrorKind::usage, "batch_leg_count_max must be 1 to " + std::to_string(batch_leg_count_limit) +
                                          " and unacknowledged_batch_count_max at least 1");
    for (const std::string* key : {&settings.keys.server_public, &settings.keys.own_public, &settings.keys.own_secret})
        if (encrypted && key->size() != 40)
            return fail(ErrorKind::usage, "control.keys: a CURVE key has 40 characters (Z85), this one has " +
                                              std::to_string(key->size()) + "; make a pair with `clew keys`");
    return {};
}

}  // namespace

Result<std::unique_ptr<Publisher>> Publisher::start(PublisherSettings settings, HeaderSource headers,
                                                    CounterSource counters) {
    if (auto good = check(settings); !good) return tl::make_unexpected(good.error());
    auto spool = Spool::open(settings.spool_directory, settings.spool_bytes_max);
    if (!spool) return tl::make_unexpected(spool.error());
    try {
        return std::make_unique<ThreadedPublisher>(std::move(settings), std::move(headers), std::move(counters),
                                                   std::move(*spool));
    } catch (const std::exception& error) {
        return fail(ErrorKind::failed, std::string("the publisher cannot start: ") + error.what());
    }
}

}  // namespace clew::wire
