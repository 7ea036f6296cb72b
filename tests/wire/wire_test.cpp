// SPDX-License-Identifier: Apache-2.0
// Publisher and collector in one process, over real sockets.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/wire/random_leg.h"
#include "wire/collector.h"
#include "wire/curve_keys.h"
#include "wire/envelope.h"
#include "wire/publisher.h"
#include "wire/socket.h"

namespace clew::wire {
namespace {

namespace fs = std::filesystem;

bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 1500; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

/// What a store remembers, in memory: it outlives the collectors of a test.
class Memory final : public CollectorSink {
  public:
    std::optional<std::uint64_t> last_stored(const std::string& observer, std::int64_t started_ns) override {
        const std::lock_guard lock(mutex_);
        if (!answers) return std::nullopt;
        return stored_[{observer, started_ns}];
    }
    bool receive(BatchId id, const std::vector<v1::TapName>& taps, std::vector<Leg> legs) override {
        const std::lock_guard lock(mutex_);
        if (!has_room) return false;
        for (const Leg& leg : legs) {
            ++times_received_[leg.id];
            tap_names_[leg.id] = taps[leg.tap].name();
        }
        std::uint64_t& stored = stored_[{id.observer, id.started_ns}];
        EXPECT_GT(id.sequence, stored) << "out of order or twice";
        stored = id.sequence;
        if (collector && acknowledges) collector.load()->acknowledge(id);
        return true;
    }
    std::size_t leg_count() const {
        const std::lock_guard lock(mutex_);
        return times_received_.size();
    }
    std::map<LegId, int> times_received() const {
        const std::lock_guard lock(mutex_);
        return times_received_;
    }
    std::set<std::string> taps_seen() const {
        const std::lock_guard lock(mutex_);
        std::set<std::string> names;
        for (const auto& [id, name] : tap_names_) names.insert(name);
        return names;
    }

    std::atomic<Collector*> collector{nullptr};
    std::atomic<bool> acknowledges{true};
    std::atomic<bool> answers{true};
    std::atomic<bool> has_room{true};

  private:
    mutable std::mutex mutex_;
    std::map<LegId, int> times_received_;
    std::map<LegId, std::string> tap_names_;
    std::map<std::pair<std::string, std::int64_t>, std::uint64_t> stored_;
};

class WireTest : public testing::Test {
  protected:
    WireTest() {
        std::string pattern = (fs::temp_directory_path() / "clew-wire-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        endpoint_ = "ipc://" + directory_ + "/wire.sock";
    }
    ~WireTest() override { fs::remove_all(directory_); }

    PublisherSettings publisher_settings(std::int64_t started_ns = 1000) const {
        PublisherSettings settings;
        settings.endpoint = endpoint_;
        settings.hello.set_observer("sensor-a");
        settings.hello.set_kind("sensor");
        settings.hello.set_started_ns(started_ns);
        v1::TapName& tap = *settings.hello.add_taps();
        tap.set_name("edge-" + std::to_string(started_ns));
        tap.set_clock("a");
        settings.spool_directory = directory_ + "/spool";
        settings.batch_leg_count_max = 8;
        settings.batch_delay_ms_max = 5;
        settings.unacknowledged_batch_count_max = 8;
        return settings;
    }
    std::unique_ptr<Publisher> publish(PublisherSettings settings) {
        auto publisher = Publisher::start(std::move(settings), {}, {});
        EXPECT_TRUE(publisher) << publisher.error().sentence;
        return publisher ? std::move(*publisher) : nullptr;
    }
    std::unique_ptr<Collector> collect(CollectorSettings settings = {}) {
        if (settings.endpoint.empty()) settings.endpoint = endpoint_;
        auto collector = Collector::start(settings, memory_);
        EXPECT_TRUE(collector) << collector.error().sentence;
        if (!collector) return nullptr;
        memory_.collector = collector->get();
        return std::move(*collector);
    }
    void end(std::unique_ptr<Collector>& collector) {
        collector.reset();
        memory_.collector = nullptr;
    }
    void offer(Publisher& publisher, std::uint64_t first, std::uint64_t count) {
        for (std::uint64_t i = first; i < first + count; ++i) {
            Leg leg = maker_.leg();
            leg.id = i;
            leg.tap = 0;
            ASSERT_TRUE(publisher.offer(leg));
        }
    }
    std::string directory_;
    std::string endpoint_;
    Memory memory_;
    LegMaker maker_;
};

TEST_F(WireTest, LegsArriveOnceAndAreAcknowledged) {
    auto collector = collect();
    auto publisher = publish(publisher_settings());
    offer(*publisher, 1, 1000);
    ASSERT_TRUE(eventually([&] { return memory_.leg_count() == 1000; }));
    ASSERT_TRUE(
        eventually([&] { return publisher->counters().batches_acknowledged == collector->counters().batches; }));
    for (const auto& [id, times] : memory_.times_received()) EXPECT_EQ(times, 1);
    EXPECT_EQ(collector->counters().legs, 1000u);
    ASSERT_EQ(collector->observers().size(), 1u);
    EXPECT_TRUE(collector->observers()[0].connected());
    publisher.reset();
    ASSERT_TRUE(eventually([&] { return !collector->observers()[0].connected(); }));
}

TEST_F(WireTest, LegsOfferedBeforeTheControlPlaneIsThereWait) {
    auto publisher = publish(publisher_settings());
    offer(*publisher, 1, 500);
    ASSERT_TRUE(eventually([&] { return publisher->counters().spool_bytes > 0; }));
    auto collector = collect();
    ASSERT_TRUE(eventually([&] { return memory_.leg_count() == 500; }));
    ASSERT_TRUE(eventually([&] { return publisher->counters().spool_bytes == 0; }));
}

TEST_F(WireTest, NothingIsLostNorTakenTwiceWhenTheCollectorDiesMidStream) {
    auto collector = collect();
    auto publisher = publish(publisher_settings());
    std::uint64_t next = 1;
    for (int death = 0; death < 3; ++death) {
        for (int i = 0; i < 20; ++i, next += 20) {
            offer(*publisher, next, 20);
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        end(collector);
        offer(*publisher, next, 400);
        next += 400;
        collector = collect();
    }
    ASSERT_TRUE(eventually([&] { return memory_.leg_count() == next - 1; }));
    for (const auto& [id, times] : memory_.times_received()) EXPECT_EQ(times, 1) << "leg " << id;
    EXPECT_GE(publisher->counters().reconnects, 1u);
}

TEST_F(WireTest, LostAcknowledgementsAreRepeated) {
    auto collector = collect();
    memory_.acknowledges = false;
    auto publisher = publish(publisher_settings());
    offer(*publisher, 1, 200);
    ASSERT_TRUE(eventually([&] { return publisher->counters().batches_sent >= 8; }));  // the window
    ASSERT_TRUE(eventually([&] { return memory_.leg_count() > 0; }));
    EXPECT_EQ(publisher->counters().batches_acknowledged, 0u);
    ASSERT_TRUE(eventually([&] { return publisher->counters().spool_bytes > 0; }));
    memory_.acknowledges = true;
    end(collector);  // what it received is stored, nobody was told
    collector = collect();
    ASSERT_TRUE(eventually([&] { return memory_.leg_count() == 200; }));
    for (const auto& [id, times] : memory_.times_received()) EXPECT_EQ(times, 1) << "leg " << id;
}

TEST_F(WireTest, SpoolOfAnEarlierRunIsSentWithItsOwnTaps) {
    auto publisher = publish(publisher_settings(1000));
    offer(*publisher, 1, 300);
    publisher.reset();
    publisher = publish(publisher_settings(2000));
    offer(*publisher, 301, 300);
    auto collector = collect();
    ASSERT_TRUE(eventually([&] { return memory_.leg_count() == 600; }));
    EXPECT_EQ(memory_.taps_seen(), (std::set<std::string>{"edge-1000", "edge-2000"}));
    ASSERT_TRUE(eventually([&] { return publisher->counters().spool_bytes == 0; }));
}

TEST_F(WireTest, NoRoomAndASilentStoreAreRefusedAndRetried) {
    memory_.answers = false;
    auto collector = collect();
    auto publisher = publish(publisher_settings());
    offer(*publisher, 1, 100);
    ASSERT_TRUE(eventually([&] { return publisher->counters().spool_bytes > 0; }));
    EXPECT_FALSE(publisher->counters().connected);
    memory_.has_room = false;
    memory_.answers = true;
    ASSERT_TRUE(eventually([&] { return collector->counters().batches_refused > 0; }));
    memory_.has_room = true;
    ASSERT_TRUE(eventually([&] { return memory_.leg_count() == 100; }));
    for (const auto& [id, times] : memory_.times_received()) EXPECT_EQ(times, 1) << "leg " << id;
}

TEST_F(WireTest, HeadersAreAskedForAndComeBack) {
    auto collector = collect();
    const HeaderSource source = [](const v1::HeaderRequest& request, const auto& reply) {
        v1::HeaderReply part;
        for (int i = 0; i < 3; ++i) {
            part.add_headers()->set_leg(request.legs(0));
            part.set_last(i == 2);
            reply(part);
            part.clear_headers();
        }
    };
    auto publisher = Publisher::start(publisher_settings(), source, {});
    ASSERT_TRUE(publisher);
    ASSERT_TRUE(eventually([&] { return (*publisher)->counters().connected; }));
    v1::HeaderRequest request;
    request.add_legs(77);
    request.set_header_count_max(100);
    const auto reply = collector->ask_headers("sensor-a", request, 5000);
    ASSERT_TRUE(reply) << reply.error().sentence;
    EXPECT_EQ(reply->headers_size(), 3);
    EXPECT_EQ(reply->headers(0).leg(), 77u);
    request.set_header_count_max(2);
    EXPECT_FALSE(collector->ask_headers("sensor-a", request, 5000)->partial().empty());
    const auto nobody = collector->ask_headers("sensor-b", request, 5000);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().kind, ErrorKind::unreachable);
}

TEST_F(WireTest, WhatNobodyWaitsForAnyMoreIsWithdrawn) {
    auto collector = collect();
    std::atomic<std::uint64_t> asked{0}, withdrawn{0};
    const HeaderSource source = [&](const v1::HeaderRequest& request, const auto&) {
        (request.withdrawn() ? withdrawn : asked) = request.request_id();
    };
    auto publisher = Publisher::start(publisher_settings(), source, {});
    ASSERT_TRUE(publisher);
    ASSERT_TRUE(eventually([&] { return (*publisher)->counters().connected; }));
    v1::HeaderRequest request;
    request.add_legs(77);
    // Who asked leaves as soon as the observer has the request.
    const auto left = collector->ask_headers("sensor-a", request, 60'000, [&] { return asked != 0; });
    ASSERT_FALSE(left);
    EXPECT_NE(left.error().sentence.find("left"), std::string::npos);
    EXPECT_TRUE(eventually([&] { return withdrawn == asked; }));
    const std::uint64_t first = asked;
    EXPECT_FALSE(collector->ask_headers("sensor-a", request, 1));  // time is up
    EXPECT_TRUE(eventually([&] { return asked > first && withdrawn == asked; }));
}

TEST_F(WireTest, ObserversCountersAreShown) {
    auto collector = collect();
    const CounterSource source = [] {
        v1::Counter counter;
        counter.set_name("legs_evicted");
        counter.set_value(5);
        return std::vector<v1::Counter>{counter};
    };
    auto publisher = Publisher::start(publisher_settings(), {}, source);
    ASSERT_TRUE(eventually(
        [&] { return collector->observers().size() == 1 && collector->observers()[0].counters_size() > 0; }));
    EXPECT_EQ(collector->observers()[0].counters(0).name(), "legs_evicted");
}

TEST_F(WireTest, AnotherVersionAndGarbageAreCountedAndAnswered) {
    auto collector = collect();
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 10'000);
    socket.connect(endpoint_);
    auto envelope = encode_envelope(MessageType::hello);
    envelope[5] = 2;
    socket.send(zmq::buffer(envelope), zmq::send_flags::sndmore);
    socket.send(zmq::str_buffer("whatever version 2 says"), zmq::send_flags::none);
    Received reply;
    ASSERT_TRUE(eventually([&] { return receive_message(socket, false, reply); }));
    v1::HelloReply said;
    ASSERT_TRUE(parse_body(reply.body, said));
    EXPECT_FALSE(said.accepted());
    EXPECT_NE(said.refusal().find("version 2"), std::string::npos);
    socket.send(zmq::str_buffer("garbage"), zmq::send_flags::none);
    socket.send(zmq::str_buffer("garbage"), zmq::send_flags::sndmore);
    socket.send(zmq::str_buffer("more"), zmq::send_flags::none);
    send_message(socket, {}, MessageType::hello, "\xff\xff\xff");
    ASSERT_TRUE(eventually([&] { return collector->counters().messages_bad == 3; }));
    EXPECT_EQ(collector->counters().messages_other_version, 1u);
}

TEST_F(WireTest, APublisherOfAnotherVersionsControlPlaneSpools) {
    zmq::context_t context;
    zmq::socket_t other(context, zmq::socket_type::router);
    other.set(zmq::sockopt::linger, 0);
    other.bind(endpoint_);
    auto publisher = publish(publisher_settings());
    offer(*publisher, 1, 100);
    Received hello;
    ASSERT_TRUE(eventually([&] { return receive_message(other, true, hello); }));
    auto envelope = encode_envelope(MessageType::hello_reply);
    envelope[5] = 2;
    other.send(zmq::buffer(hello.peer), zmq::send_flags::sndmore);
    other.send(zmq::buffer(envelope), zmq::send_flags::sndmore);
    other.send(zmq::str_buffer("?"), zmq::send_flags::none);
    ASSERT_TRUE(eventually([&] { return publisher->counters().spool_bytes > 0; }));
    EXPECT_FALSE(publisher->counters().connected);
    EXPECT_EQ(publisher->counters().legs_dropped, 0u);
}

TEST_F(WireTest, OnlyAllowedKeysMayConnect) {
    const auto server = make_curve_keys();
    const auto friendly = make_curve_keys();
    const auto stranger = make_curve_keys();
    ASSERT_TRUE(server && friendly && stranger);
    CollectorSettings settings;
    settings.endpoint = "tcp://127.0.0.1:*";
    settings.own_public = server->public_key;
    settings.own_secret = server->secret_key;
    settings.allowed_public = {friendly->public_key};
    auto collector = collect(settings);
    const auto with_keys = [&](const CurveKeyPair& own, const std::string& spool) {
        PublisherSettings result = publisher_settings();
        result.endpoint = collector->endpoint();
        result.spool_directory = directory_ + "/" + spool;
        result.hello.set_observer(spool);
        result.keys = {server->public_key, own.public_key, own.secret_key};
        return result;
    };
    auto refused = publish(with_keys(*stranger, "stranger"));
    offer(*refused, 1000, 10);
    ASSERT_TRUE(eventually([&] { return collector->counters().observers_refused > 0; }));
    auto accepted = publish(with_keys(*friendly, "friendly"));
    offer(*accepted, 1, 10);
    ASSERT_TRUE(eventually([&] { return memory_.leg_count() == 10; }));
    EXPECT_FALSE(refused->counters().connected);
    EXPECT_FALSE(memory_.times_received().contains(1000));
}

TEST_F(WireTest, WithoutKeysOnlyThisMachineIsReachable) {
    CollectorSettings settings;
    settings.endpoint = "tcp://0.0.0.0:7411";
    const auto collector = Collector::start(settings, memory_);
    ASSERT_FALSE(collector);
    EXPECT_NE(collector.error().sentence.find("without encryption"), std::string::npos);
    PublisherSettings publisher = publisher_settings();
    publisher.endpoint = "tcp://192.0.2.1:7411";
    EXPECT_FALSE(Publisher::start(publisher, {}, {}));
    publisher.endpoint = "udp://x";
    EXPECT_FALSE(Publisher::start(publisher, {}, {}));
}

TEST_F(WireTest, ATakenEndpointIsOneSentence) {
    CollectorSettings settings;
    settings.endpoint = "tcp://127.0.0.1:*";
    auto first = collect(settings);
    settings.endpoint = first->endpoint();
    const auto second = Collector::start(settings, memory_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().sentence.find("cannot listen"), std::string::npos);
}

TEST_F(WireTest, AFullQueueRefusesAndCounts) {
    PublisherSettings settings = publisher_settings();
    settings.queue_leg_count_max = 4;
    settings.batch_leg_count_max = 4096;
    auto publisher = publish(settings);
    std::uint64_t refused = 0;
    for (int i = 0; i < 10'000; ++i) refused += publisher->offer(maker_.leg()) ? 0 : 1;
    EXPECT_GT(refused, 0u);
    EXPECT_EQ(publisher->counters().legs_refused_queue_full, refused);
    EXPECT_EQ(publisher->counters().legs_offered, 10'000u);
}

TEST_F(WireTest, AFullDiskIsToldAtOnceAndAtTheEnd) {
    const auto before = ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    const rlimit small{20'000, limit.rlim_max};  // beyond it no file grows, as on a full disk
    testing::internal::CaptureStderr();
    auto publisher = publish(publisher_settings());
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 5000; ++i) publisher->offer(maker_.leg());
    EXPECT_TRUE(eventually([&] { return publisher->counters().legs_dropped > 0; }));
    publisher.reset();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    ::signal(SIGXFSZ, before);
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("/spool' cannot be written (is the disk full?): "), std::string::npos) << said;
    EXPECT_NE(said.find("leg reports are lost"), std::string::npos) << said;
}

TEST_F(WireTest, KeyFilesAreReadBackAndKeptPrivate) {
    const auto keys = make_curve_keys();
    const std::string path = directory_ + "/own.key";
    ASSERT_TRUE(write_curve_keys(path, *keys));
    EXPECT_FALSE(write_curve_keys(path, *keys));
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    const auto back = read_curve_keys(path);
    ASSERT_TRUE(back) << back.error().sentence;
    EXPECT_EQ(back->public_key, keys->public_key);
    EXPECT_EQ(back->secret_key, keys->secret_key);
    fs::permissions(path, fs::perms::others_read, fs::perm_options::add);
    EXPECT_FALSE(read_curve_keys(path));
}

}  // namespace
}  // namespace clew::wire
