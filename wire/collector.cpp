// SPDX-License-Identifier: Apache-2.0
#include "wire/collector.h"

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "wire/batch_decode.h"
#include "wire/curve_keys.h"
#include "wire/header_asks.h"
#include "wire/key_gate.h"
#include "wire/socket.h"

namespace clew::wire {
namespace {

constexpr std::size_t run_count_max = 65536;  // runs remembered; then those of nobody connected are forgotten
constexpr int messages_per_turn_max = 256;
constexpr auto poll_timeout = std::chrono::milliseconds(100);

using RunKey = std::pair<std::string, std::int64_t>;  // observer, started_ns

struct Run {
    std::uint64_t stored = 0;    ///< acknowledged up to here
    std::uint64_t received = 0;  ///< given to the sink up to here
    std::string peer;            ///< routing id that sent its last batch
};

struct Peer {
    v1::Hello hello;
    std::int64_t heard_ms = 0;
    std::set<RunKey> runs;  ///< whose batches came over this connection
};

class ThreadedCollector final : public Collector {
  public:
    ThreadedCollector(CollectorSettings settings, CollectorSink& sink) : settings_(std::move(settings)), sink_(sink) {}

    ~ThreadedCollector() override {
        stopping_ = true;
        waker_.wake();
        if (thread_.joinable()) thread_.join();
    }

    Result<void> open();

    void acknowledge(const BatchId& id) override {
        {
            const std::lock_guard lock(mutex_);
            acknowledged_.push_back(id);
        }
        waker_.wake();
    }

    Result<v1::HeaderReply> ask_headers(const std::string& observer, v1::HeaderRequest request,
                                        std::uint32_t timeout_ms, const std::function<bool()>& left) override {
        const std::uint64_t id = asks_.file(observer, std::move(request));
        waker_.wake();
        auto reply = asks_.wait(id, timeout_ms, left);
        waker_.wake();  // it may have been withdrawn
        return reply;
    }

    std::vector<v1::ObserverStatus> observers() const override {
        const std::lock_guard lock(mutex_);
        std::vector<v1::ObserverStatus> result;
        for (const auto& [name, status] : status_) result.push_back(status);
        return result;
    }

    CollectorCounters counters() const override {
        const std::lock_guard lock(mutex_);
        return shown_;
    }

    std::string endpoint() const override { return endpoint_; }

  private:
    void run();
    void turn();
    void take(const Received& received);
    void take_hello(const Received& received);
    void take_batch(const Received& received, Peer& peer);
    void deliver(const std::string& peer_id, Peer& peer, const v1::Batch& batch);
    void take_counters(const v1::Batch& batch);
    void refuse(const std::string& peer_id, const std::string& sentence);
    void forget_peer(const std::string& peer_id);
    void send_acknowledgements();
    void send_ack(const RunKey& key, const Run& run);
    void send_header_requests();
    void drop_silent_peers();
    Run* find_run(const RunKey& key);
    void forget_old_runs();

    CollectorSettings settings_;
    CollectorSink& sink_;
    zmq::context_t context_{1};
    std::optional<KeyGate> gate_;
    std::optional<zmq::socket_t> router_;
    std::string endpoint_;
    Waker waker_;
    HeaderAsks asks_;

    std::unordered_map<std::string, Peer> peers_;
    std::map<std::string, std::string> peer_of_observer_;  ///< the latest connection of each
    std::map<RunKey, Run> runs_;
    CollectorCounters counters_;

    mutable std::mutex mutex_;  ///< guards what follows
    std::vector<BatchId> acknowledged_;
    std::map<std::string, v1::ObserverStatus> status_;
    CollectorCounters shown_;

    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

Result<void> ThreadedCollector::open() {
    const bool encrypted = !settings_.own_secret.empty();
    if (auto good = check_endpoint("wire.endpoint", settings_.endpoint, encrypted); !good) return good;
    if (encrypted && (!is_curve_key(settings_.own_secret) || !is_curve_key(settings_.own_public)))
        return fail(ErrorKind::usage, "wire.keys.own: this is no CURVE key pair; each key has 40 characters of Z85");
    for (const std::string& key : settings_.allowed_public)
        if (!is_curve_key(key))
            return fail(ErrorKind::usage, "wire.keys.allowed: '" + key.substr(0, 60) +
                                              "' is no CURVE public key; it has 40 characters of Z85");
    try {
        if (encrypted) gate_.emplace(context_, settings_.allowed_public);
        router_.emplace(context_, zmq::socket_type::router);
        set_common_options(*router_, settings_.endpoint, 8192);
        if (encrypted) {
            router_->set(zmq::sockopt::curve_server, true);
            router_->set(zmq::sockopt::curve_publickey, settings_.own_public);
            router_->set(zmq::sockopt::curve_secretkey, settings_.own_secret);
            router_->set(zmq::sockopt::zap_domain, std::string("clew"));
        }
        router_->bind(settings_.endpoint);
        endpoint_ = router_->get(zmq::sockopt::last_endpoint);
    } catch (const zmq::error_t& error) {
        return fail(error.num() == EACCES ? ErrorKind::not_allowed : ErrorKind::failed,
                    "wire.endpoint: cannot listen on '" + settings_.endpoint + "' (" + error.what() +
                        "); stop the program that uses it or choose another");
    }
    thread_ = std::thread([this] { run(); });
    return {};
}

void ThreadedCollector::run() {
    while (!stopping_) {
        try {
            turn();
        } catch (const zmq::error_t& error) {
            log_line("wire", std::string("ZeroMQ failed: ") + error.what() + "; going on");
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
    }
    send_acknowledgements();
}

void ThreadedCollector::turn() {
    std::array<zmq::pollitem_t, 3> items{};
    items[0].socket = router_->handle();
    items[0].events = ZMQ_POLLIN;
    items[1].fd = waker_.fd();
    items[1].events = ZMQ_POLLIN;
    if (gate_) {
        items[2].socket = gate_->socket().handle();
        items[2].events = ZMQ_POLLIN;
    }
    zmq::poll(items.data(), gate_ ? 3 : 2, poll_timeout);
    waker_.clear();
    if (gate_) gate_->answer();
    Received received;
    for (int i = 0; i < messages_per_turn_max && receive_message(*router_, true, received); ++i) take(received);
    send_acknowledgements();
    send_header_requests();
    drop_silent_peers();
    const std::lock_guard lock(mutex_);
    shown_ = counters_;
    if (gate_) shown_.observers_refused += gate_->refused_count();
}

void ThreadedCollector::take(const Received& received) {
    if (received.malformed) {
        ++counters_.messages_bad;
        return;
    }
    const auto type = decode_envelope(received.envelope_bytes_of());
    if (!type) {
        const auto version = envelope_version(received.envelope_bytes_of());
        const bool other = version && *version != wire_version;
        ++(other ? counters_.messages_other_version : counters_.messages_bad);
        // The answer bears our own version: that is what tells the other side.
        if (other) refuse(received.peer, type.error().sentence);
        return;
    }
    if (*type == MessageType::hello) return take_hello(received);
    const auto peer = peers_.find(received.peer);
    if (peer == peers_.end()) return refuse(received.peer, {});
    peer->second.heard_ms = steady_ms();
    {
        const std::lock_guard lock(mutex_);
        v1::ObserverStatus& status = status_[peer->second.hello.observer()];
        status.set_heard_ns(wall_ns());
        status.set_connected(true);
    }
    if (*type == MessageType::batch) return take_batch(received, peer->second);
    if (*type == MessageType::ping) {
        send_message(*router_, received.peer, MessageType::pong);
        for (const RunKey& key : peer->second.runs)
            if (const Run* run = find_run(key)) send_ack(key, *run);  // an acknowledgement may have been lost
    } else if (*type == MessageType::header_reply) {
        v1::HeaderReply reply;
        if (parse_body(received.body, reply))
            asks_.reply(peer->second.hello.observer(), std::move(reply));
        else
            ++counters_.messages_bad;
    } else {
        ++counters_.messages_bad;
    }
}

Run* ThreadedCollector::find_run(const RunKey& key) {
    const auto known = runs_.find(key);
    if (known != runs_.end()) return &known->second;
    const auto stored = sink_.last_stored(key.first, key.second);
    if (!stored) return nullptr;
    forget_old_runs();
    Run& run = runs_[key];
    run.stored = run.received = *stored;
    return &run;
}

void ThreadedCollector::forget_old_runs() {
    if (runs_.size() < run_count_max) return;
    std::erase_if(runs_, [this](const auto& entry) { return !peers_.contains(entry.second.peer); });
}

void ThreadedCollector::take_hello(const Received& received) {
    v1::Hello hello;
    if (!parse_body(received.body, hello)) {
        ++counters_.messages_bad;
        return;
    }
    auto good = check_hello(hello);
    if (good && peers_.size() >= settings_.observer_count_max && !peers_.contains(received.peer))
        good =
            fail(ErrorKind::failed, "there are " + std::to_string(settings_.observer_count_max) + " observers already");
    if (!good) {
        ++counters_.observers_refused;
        return refuse(received.peer, good.error().sentence);
    }
    const RunKey key{hello.observer(), hello.started_ns()};
    Run* run = find_run(key);
    if (!run) return refuse(received.peer, "the store does not answer at the moment");
    run->peer = received.peer;
    v1::HelloReply reply;
    reply.set_accepted(true);
    reply.set_last_sequence(run->stored);
    send_message(*router_, received.peer, MessageType::hello_reply, reply);
    {
        const std::lock_guard lock(mutex_);
        v1::ObserverStatus& status = status_[hello.observer()];
        status.set_name(hello.observer());
        status.set_kind(hello.kind());
        status.set_connected(true);
        status.set_started_ns(hello.started_ns());
        status.set_heard_ns(wall_ns());
        status.set_program_version(hello.program_version());
        status.clear_taps();
        for (const v1::TapName& tap : hello.taps()) status.add_taps(tap.name());
    }
    peer_of_observer_[hello.observer()] = received.peer;
    peers_[received.peer] = Peer{std::move(hello), steady_ms(), {key}};
}

void ThreadedCollector::refuse(const std::string& peer_id, const std::string& sentence) {
    v1::HelloReply reply;
    reply.set_refusal(sentence);
    send_message(*router_, peer_id, MessageType::hello_reply, reply);
    forget_peer(peer_id);
}

void ThreadedCollector::forget_peer(const std::string& peer_id) {
    const auto found = peers_.find(peer_id);
    if (found == peers_.end()) return;
    const std::string observer = found->second.hello.observer();
    peers_.erase(found);
    const auto latest = peer_of_observer_.find(observer);
    if (latest == peer_of_observer_.end() || latest->second != peer_id) return;
    peer_of_observer_.erase(latest);
    const std::lock_guard lock(mutex_);
    status_[observer].set_connected(false);
}

void ThreadedCollector::take_batch(const Received& received, Peer& peer) {
    const auto batch = parse_batch({static_cast<const std::uint8_t*>(received.body.data()), received.body.size()});
    if (!batch) {
        ++counters_.messages_bad;
        return;
    }
    take_counters(*batch);
    if (batch->sequence() > 0) deliver(received.peer, peer, *batch);
}

void ThreadedCollector::take_counters(const v1::Batch& batch) {
    if (batch.counters_size() == 0) return;
    const std::lock_guard lock(mutex_);
    const auto known = status_.find(batch.observer());
    if (known == status_.end() || known->second.started_ns() != batch.started_ns()) return;  // of an earlier run
    v1::ObserverStatus& status = known->second;
    status.clear_counters();
    for (const v1::Counter& counter : batch.counters()) {
        v1::StatusCounter& shown = *status.add_counters();
        shown.set_name(counter.name());
        shown.set_tap(counter.tap());
        shown.set_value(counter.value());
        shown.set_text(counter.text());
    }
    v1::StatusCounter& dropped = *status.add_counters();
    dropped.set_name("legs_dropped");
    dropped.set_value(batch.dropped_legs());
    dropped.set_text("leg reports the observer had to drop before they were sent");
}

void ThreadedCollector::deliver(const std::string& peer_id, Peer& peer, const v1::Batch& batch) {
    const RunKey key{batch.observer(), batch.started_ns()};
    const bool of_this_run = key == RunKey{peer.hello.observer(), peer.hello.started_ns()};
    const auto& taps = batch.taps_size() > 0 ? batch.taps() : peer.hello.taps();
    if (batch.taps_size() == 0 && !of_this_run) {
        ++counters_.messages_bad;
        return;
    }
    Run* run = find_run(key);
    if (!run) return refuse(peer_id, "the store does not answer at the moment");
    run->peer = peer_id;
    peer.runs.insert(key);
    if (batch.sequence() <= run->received) {
        ++counters_.batches_again;
        if (batch.sequence() <= run->stored) send_ack(key, *run);
        return;
    }
    std::uint64_t legs_bad = 0;
    auto legs = decode_legs(batch, static_cast<std::size_t>(taps.size()), legs_bad);
    const std::size_t leg_count = legs.size();
    const BatchId id{batch.observer(), batch.started_ns(), batch.sequence()};
    if (!sink_.receive(id, {taps.begin(), taps.end()}, std::move(legs))) {
        ++counters_.batches_refused;
        return refuse(peer_id,
                      "the control plane has no room at the moment: it takes the batches again as soon as it can");
    }
    run->received = batch.sequence();
    ++counters_.batches;
    counters_.legs += leg_count;
    counters_.legs_bad += legs_bad;
}

void ThreadedCollector::send_ack(const RunKey& key, const Run& run) {
    if (run.stored == 0 || run.peer.empty()) return;
    v1::BatchAck ack;
    ack.set_observer(key.first);
    ack.set_started_ns(key.second);
    ack.set_sequence(run.stored);
    send_message(*router_, run.peer, MessageType::batch_ack, ack);
}

void ThreadedCollector::send_acknowledgements() {
    std::vector<BatchId> acknowledged;
    {
        const std::lock_guard lock(mutex_);
        acknowledged.swap(acknowledged_);
    }
    std::set<RunKey> changed;
    for (const BatchId& id : acknowledged) {
        const auto run = runs_.find({id.observer, id.started_ns});
        if (run == runs_.end() || id.sequence <= run->second.stored) continue;
        run->second.stored = id.sequence;
        changed.insert(run->first);
    }
    for (const RunKey& key : changed) send_ack(key, runs_[key]);
}

void ThreadedCollector::send_header_requests() {
    for (const auto& [observer, request] : asks_.take_outgoing()) {
        const auto peer = peer_of_observer_.find(observer);
        if (peer == peer_of_observer_.end())
            asks_.refuse(request.request_id(),
                         "observer '" + observer + "' is not connected; start it, or look at its log");
        else if (!send_message(*router_, peer->second, MessageType::header_request, request))
            asks_.refuse(request.request_id(), "observer '" + observer + "' does not take requests at the moment");
    }
}

void ThreadedCollector::drop_silent_peers() {
    const std::int64_t now_ms = steady_ms();
    std::vector<std::string> silent;
    for (const auto& [id, peer] : peers_)
        if (now_ms - peer.heard_ms > settings_.lost_after_ms) silent.push_back(id);
    for (const std::string& id : silent) forget_peer(id);
}

}  // namespace

Result<std::unique_ptr<Collector>> Collector::start(CollectorSettings settings, CollectorSink& sink) {
    auto collector = std::make_unique<ThreadedCollector>(std::move(settings), sink);
    if (auto opened = collector->open(); !opened) return tl::make_unexpected(opened.error());
    return std::unique_ptr<Collector>(std::move(collector));
}

}  // namespace clew::wire
