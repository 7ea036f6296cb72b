// SPDX-License-Identifier: Apache-2.0
#include "dataplane/header_answers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <set>

#include "dataplane/pipeline.h"
#include "dataplane/vault/header_log_writer.h"
#include "dataplane/vault/tap_table.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/vault/model_disk.h"
#include "wire/convert.h"
#include "wire/packed_headers.h"

namespace clew::sensor {
namespace {

constexpr std::size_t at_a_time = HeaderAnswers::look_back_count_max;

v1::HeaderRequest request_of(std::uint64_t id, bool withdrawn = false) {
    v1::HeaderRequest request;
    request.set_request_id(id);
    request.set_withdrawn(withdrawn);
    return request;
}

/// A header log of `block_count` blocks on a disk whose reads may be held up.
class Log {
  public:
    explicit Log(unsigned block_count = 0, std::uint32_t block_packets = 10) {
        vault::BlockStoreSettings settings;
        settings.directory = "vault";
        settings.first_block = vault::encode(vault::TapTable{"s", {"edge"}});
        store_ = std::move(*vault::BlockStore::open(disk, settings, vault::header_log_shape));
        PipelineSettings pipeline;
        pipeline.leg_count_max = 64;
        pipeline.header_count_max = 0;
        pipeline.header_log = vault::HeaderAppenderSettings{};
        pipeline.header_log->block.packet_count_max = block_packets;
        pipeline.header_log->block.leg_count_max = 16;
        pipeline_ = std::move(*Pipeline::create(pipeline, legs_));
        vault::HeaderLogWriter writer({pipeline_->header_log()}, *store_);
        for (unsigned n = 0; n < block_count * 10; ++n) {
            const auto payload = frames::text(std::string(n % 7, 'x'));
            const auto segment = frames::tcp(
                {.source = 40000 + n % 3, .destination = 80, .seq = n * 10, .flags = frames::ack, .payload = payload});
            const auto frame = frames::ethernet(1, 2, 0x0800, frames::ipv4("10.0.0.1", "10.0.0.2", {}, segment));
            const Packet packet = frames::packet_of(frame, ns_per_s + n * ns_per_us);
            pipeline_->receive({&packet, 1});
            writer.write_some();
        }
    }
    VaultLogs logs() {
        VaultLogs logs;
        logs.header_store = store_.get();
        logs.headers = {pipeline_->header_log()};
        logs.taps = {"edge"};
        return logs;
    }

    vault::ModelDisk disk;

  private:
    struct NoSink final : LegSink {
        bool offer(const Leg&) override { return true; }
    };
    NoSink legs_;
    std::unique_ptr<vault::BlockStore> store_;
    std::unique_ptr<Pipeline> pipeline_;
};

v1::HeaderRequest all_of_port(std::uint64_t id, std::uint32_t port) {
    v1::HeaderRequest request = request_of(id);
    request.mutable_choice()->add_ports(port);
    return request;
}

/// Asks and waits for the whole answer.
std::future<v1::HeaderReply> ask(HeaderAnswers& answers, const v1::HeaderRequest& request) {
    auto whole = std::make_shared<v1::HeaderReply>();
    auto done = std::make_shared<std::promise<v1::HeaderReply>>();
    answers.answer(request, [whole, done](const v1::HeaderReply& part) {
        const std::string packed = whole->packed() + part.packed();  // a merge would put one in place of the other
        whole->MergeFrom(part);
        whole->set_packed(packed);
        if (part.last()) done->set_value(*whole);
    });
    return done->get_future();
}

/// As many questions as are answered at a time, each held up in its reply.
class HeldUp {
  public:
    HeldUp(HeaderAnswers& answers, std::uint64_t first_id) {
        std::vector<std::future<void>> in_hand;
        for (std::size_t i = 0; i < at_a_time; ++i) {
            auto entered = std::make_shared<std::promise<void>>();
            in_hand.push_back(entered->get_future());
            answers.answer(request_of(first_id + i), [entered, go_on = go_on_](const v1::HeaderReply&) {
                entered->set_value();
                go_on.wait();
            });
        }
        for (auto& one : in_hand) one.wait();
    }
    ~HeldUp() { release(); }
    void release() {
        if (!released_) released_ = true, let_go_.set_value();
    }

  private:
    std::promise<void> let_go_;
    std::shared_future<void> go_on_ = let_go_.get_future().share();
    bool released_ = false;
};

TEST(HeaderAnswers, AQuestionThatIsWithdrawnIsNotAnswered) {
    Log log;
    HeaderAnswers answers(log.logs());
    HeldUp held_up(answers, 100);
    std::mutex mutex;
    std::set<std::uint64_t> answered;
    std::promise<void> last;
    for (const std::uint64_t id : {2, 3, 4})
        answers.answer(request_of(id), [&, id](const v1::HeaderReply&) {
            const std::lock_guard lock(mutex);
            answered.insert(id);
            if (answered.size() == 2) last.set_value();
        });
    answers.answer(request_of(3, true), {});
    answers.answer(request_of(100, true), {});  // in hand: its reply is on the way already
    answers.answer(request_of(9, true), {});    // never asked
    held_up.release();
    last.get_future().wait();
    answers.stop();
    EXPECT_EQ(answered, (std::set<std::uint64_t>{2, 4}));
}

TEST(HeaderAnswers, AQuestionThatWaitsIsNotHeldUpByALongOneBeforeIt) {
    Log log;
    HeaderAnswers answers(log.logs());
    std::promise<void> entered, go_on;
    answers.answer(request_of(1), [&](const v1::HeaderReply&) {
        entered.set_value();
        go_on.get_future().wait();
    });
    entered.get_future().wait();
    EXPECT_TRUE(ask(answers, request_of(2)).get().last());
    go_on.set_value();
}

TEST(HeaderAnswers, QuestionsOverTheBoundGetOneSentenceAtOnce) {
    Log log;
    HeaderAnswers answers(log.logs());
    HeldUp held_up(answers, 100);
    std::vector<std::future<v1::HeaderReply>> waiting;
    for (std::size_t i = 0; i < HeaderAnswers::question_count_max; ++i)
        waiting.push_back(ask(answers, request_of(i + 1)));
    EXPECT_EQ(ask(answers, request_of(99)).get().partial(),
              "this sensor answers 4 look-backs at a time and 32 more wait already; ask again later");
    held_up.release();
    for (auto& one : waiting) EXPECT_EQ(one.get().partial(), "");
}

TEST(HeaderAnswers, SeveralAtOnceReturnWhatOneAfterTheOtherDoes) {
    Log log(50);
    HeaderAnswers answers(log.logs());
    std::map<std::uint32_t, std::string> alone;
    for (const std::uint32_t port : {40000, 40001, 40002, 41000})
        alone[port] = ask(answers, all_of_port(port, port)).get().SerializeAsString();
    EXPECT_NE(alone[40000], alone[40001]);
    for (unsigned round = 0; round < 20; ++round) {
        std::map<std::uint32_t, std::future<v1::HeaderReply>> together;
        for (const auto& [port, reply] : alone) together[port] = ask(answers, all_of_port(port, port));
        for (auto& [port, reply] : together) EXPECT_EQ(reply.get().SerializeAsString(), alone[port]) << port;
    }
}

/// Its question hangs in the disk's n-th read from now until told to go on.
class SlowDisk {
  public:
    explicit SlowDisk(vault::ModelDisk& disk, std::uint64_t reads_before = 2) {
        disk.plan = [this, first = disk.calls + reads_before](std::uint64_t call) {
            if (call == first) {
                reached.set_value();
                go_on.get_future().wait();
            }
            return vault::Fault::none;
        };
    }
    std::promise<void> reached, go_on;
};

TEST(HeaderAnswers, WhenWhoAskedIsGoneTheSearchEndsAtTheNextBlock) {
    Log log(50);
    HeaderAnswers answers(log.logs());
    SlowDisk slow(log.disk);
    const std::uint64_t before = log.disk.calls;
    answers.answer(all_of_port(7, 40000), [](const v1::HeaderReply&) { ADD_FAILURE() << "nobody waits for it"; });
    slow.reached.get_future().wait();
    answers.answer(request_of(7, true), {});
    slow.go_on.set_value();
    EXPECT_TRUE(ask(answers, request_of(8)).get().last());
    answers.stop();
    EXPECT_LT(log.disk.calls - before, 10u);  // of the 50 blocks' reads
}

TEST(HeaderAnswers, TheFirstPacketsGoOutBeforeTheLastAreFound) {
    Log log(50);
    HeaderAnswers answers(log.logs());
    SlowDisk slow(log.disk, 20);
    std::promise<int> first;
    auto all = std::make_shared<v1::HeaderReply>();
    std::promise<void> last;
    answers.answer(all_of_port(7, 40000), [&, parts = 0](const v1::HeaderReply& part) mutable {
        if (parts++ == 0) first.set_value(part.last() ? 0 : part.headers_size());
        all->MergeFrom(part);
        if (part.last()) last.set_value();
    });
    slow.reached.get_future().wait();
    EXPECT_GT(first.get_future().get(), 0);  // while the search waits for the disk
    slow.go_on.set_value();
    last.get_future().wait();
    EXPECT_EQ(all->headers_size(), 167);
    EXPECT_EQ(all->legs_size(), 1);
    for (int i = 1; i < all->headers_size(); ++i) EXPECT_LT(all->headers(i - 1).time_ns(), all->headers(i).time_ns());
}

/// However many are asked for: what is given is all until complete_until, and not more than that.
TEST(HeaderAnswers, ALimitCutsTheAnswerWhereItSays) {
    Log log(30);
    HeaderAnswers answers(log.logs());
    const v1::HeaderReply all = ask(answers, all_of_port(1, 80)).get();
    ASSERT_EQ(all.headers_size(), 300);
    EXPECT_EQ(all.complete_until_ns(), 0);
    for (const int count_max : {1, 2, 9, 10, 11, 37, 150, 299, 300, 301}) {
        v1::HeaderRequest request = all_of_port(2, 80);
        request.set_header_count_max(static_cast<std::uint32_t>(count_max));
        const v1::HeaderReply some = ask(answers, request).get();
        ASSERT_EQ(some.headers_size(), std::min(count_max, 300)) << count_max;
        for (int i = 0; i < some.headers_size(); ++i)
            EXPECT_EQ(some.headers(i).SerializeAsString(), all.headers(i).SerializeAsString());
        EXPECT_EQ(some.partial().empty(), count_max >= 300) << some.partial();
        if (count_max < 300) {
            EXPECT_GT(some.complete_until_ns(), all.headers(count_max - 1).time_ns());
            EXPECT_LE(some.complete_until_ns(), all.headers(count_max).time_ns());
        }
    }
}

/// Packed, the same headers come, at whatever count they are cut.
TEST(HeaderAnswers, PackedHeadersAreTheSame) {
    Log log(30);
    HeaderAnswers answers(log.logs());
    const v1::HeaderReply all = ask(answers, all_of_port(1, 80)).get();
    ASSERT_EQ(all.headers_size(), 300);
    for (const int count_max : {0, 1, 10, 37, 299, 300}) {
        v1::HeaderRequest request = all_of_port(2, 80);
        request.set_packed(true);
        request.set_header_count_max(static_cast<std::uint32_t>(count_max));
        const v1::HeaderReply some = ask(answers, request).get();
        std::vector<PacketHeader> headers;
        wire::unpack(some.packed(), headers);
        EXPECT_EQ(some.headers_size(), 0);
        ASSERT_EQ(headers.size(), count_max == 0 ? 300u : static_cast<std::size_t>(count_max));
        for (int i = 0; i < static_cast<int>(headers.size()); ++i) EXPECT_EQ(headers[i], *wire::decode(all.headers(i)));
        const bool is_whole = count_max == 0 || count_max == 300;
        if (is_whole) {  // else those of the packets that came
            EXPECT_EQ(some.legs_size(), all.legs_size());
        }
        EXPECT_EQ(some.partial().empty(), is_whole) << some.partial();
    }
    v1::HeaderRequest request = all_of_port(3, 80);
    request.set_packed(true);
    request.set_frames(true);
    EXPECT_EQ(ask(answers, request).get().headers_size(), 300);  // frames do not come packed
}

/// A block's packets come leg by leg: of many more than are asked for, the earliest are given all the same.
TEST(HeaderAnswers, TheEarliestOfABlocksPacketsAreGivenWhateverTheirLeg) {
    Log log(6000, 20'000);
    HeaderAnswers answers(log.logs());
    std::int64_t from_ns = 0;
    for (int page = 0; page < 4; ++page) {
        v1::HeaderRequest request = all_of_port(1, 80);
        request.set_packed(true);
        request.set_from_ns(from_ns);
        request.set_header_count_max(1000);
        const v1::HeaderReply some = ask(answers, request).get();
        std::vector<PacketHeader> headers;
        wire::unpack(some.packed(), headers);
        ASSERT_EQ(headers.size(), 1000u);
        for (int i = 0; i < 1000; ++i) EXPECT_EQ(headers[i].time_ns, ns_per_s + (page * 1000 + i) * ns_per_us);
        from_ns = some.complete_until_ns();
        EXPECT_EQ(from_ns, ns_per_s + (page + 1) * 1000 * ns_per_us);
    }
}

TEST(HeaderAnswers, ASensorThatStopsInTheMiddleSaysThatNotAllIsThere) {
    Log log(50);
    HeaderAnswers answers(log.logs());
    SlowDisk slow(log.disk);
    auto reply = ask(answers, all_of_port(7, 40000));
    slow.reached.get_future().wait();
    std::thread stopping([&] { answers.stop(); });
    while (!answers.is_stopping()) std::this_thread::yield();
    slow.go_on.set_value();
    stopping.join();
    const v1::HeaderReply got = reply.get();
    EXPECT_EQ(got.partial(), "it was broken off");
    EXPECT_LT(got.headers_size(), 100);
}

}  // namespace
}  // namespace clew::sensor
