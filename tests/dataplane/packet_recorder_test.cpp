// SPDX-License-Identifier: Apache-2.0
// Recordings as the wire asks for them: packets of the filter are kept for the time, and no others.
#include "dataplane/packet_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/header_answers.h"
#include "dataplane/pipeline.h"
#include "dataplane/vault/tap_table.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/vault/model_disk.h"

namespace clew::sensor {
namespace {

constexpr TimeNs started = 1'700'000'000 * ns_per_s;
TimeNs clock_now = started;
TimeNs now() { return clock_now; }

struct NoSink final : LegSink {
    bool offer(const Leg&) override { return true; }
};

v1::Recording recording(const std::string& bpf, DurationNs duration, std::uint32_t snap_length = 0) {
    v1::Recording wanted;
    wanted.set_bpf(bpf);
    wanted.set_duration_ns(duration);
    wanted.set_snap_length(snap_length);
    return wanted;
}

class Recordings : public testing::Test {
  protected:
    void start(std::vector<vault::PacketRule> rules, bool on_demand) {
        clock_now = started;
        PipelineSettings settings;
        settings.leg_count_max = 64;
        settings.header_count_max = 0;
        settings.header_log = vault::HeaderAppenderSettings{};
        settings.packet_log = vault::PacketAppenderSettings{};
        settings.packet_log->block = {256u << 10, 64};
        settings.packet_log->policy = *vault::PacketPolicy::compile(PacketRecorder::rules_with({}, rules, on_demand));
        pipeline_ = std::move(*Pipeline::create(settings, sink_));
        recorder_.emplace(rules, on_demand, std::vector<std::string>{"edge", "core"},
                          std::vector{pipeline_->packet_log()});
    }
    /// One packet from each of the two ports at each of the two taps, and what the log has kept since before.
    vault::PacketTapCounters kept_of_four(DurationNs later) {
        clock_now = started + later;
        pipeline_->advance(clock_now);
        const auto before = pipeline_->packet_log()->counters();
        for (const std::uint16_t port : {40000, 40001})
            for (const TapId tap : {0, 1}) {
                const auto segment = frames::tcp({.source = port,
                                                  .destination = 80,
                                                  .flags = frames::ack,
                                                  .payload = frames::text(std::string(500, 'x'))});
                const auto frame = frames::ethernet(1, 2, 0x0800, frames::ipv4("10.0.0.1", "10.0.0.2", {}, segment));
                Packet packet = frames::packet_of(frame, clock_now);
                packet.tap = tap;
                pipeline_->receive({&packet, 1});
            }
        auto kept = pipeline_->packet_log()->counters();
        kept.kept -= before.kept;
        kept.kept_bytes -= before.kept_bytes;
        return kept;
    }
    /// A recording of one of the two ports.
    void expect_kept_during_and_after(std::uint64_t during, std::uint64_t after) {
        ASSERT_TRUE(recorder_->record(recording("tcp port 40001", 60 * ns_per_s), clock_now));
        EXPECT_EQ(kept_of_four(1 * ns_per_s).kept, during);
        recorder_->expire(started + 100 * ns_per_s);
        EXPECT_EQ(kept_of_four(101 * ns_per_s).kept, after);
    }
    std::string counted(const char* name) const {
        for (const v1::Counter& counter : recorder_->count())
            if (counter.name() == name) return std::to_string(counter.value()) + " " + counter.text();
        return "";
    }

    NoSink sink_;
    std::unique_ptr<Pipeline> pipeline_;
    std::optional<PacketRecorder> recorder_;
};

TEST_F(Recordings, KeepTheFiltersPacketsUntilTheyEnd) {
    start({}, true);
    EXPECT_EQ(kept_of_four(0).kept, 0u);
    const auto until = recorder_->record(recording("tcp port 40001", 60 * ns_per_s), clock_now);
    ASSERT_TRUE(until) << until.error().sentence;
    EXPECT_EQ(*until, started + 60 * ns_per_s);
    EXPECT_EQ(kept_of_four(10 * ns_per_s).kept, 2u);
    EXPECT_EQ(counted("vault_recording_1_until_ns"), std::to_string(*until) + " tcp port 40001 (00000000)");
    EXPECT_EQ(kept_of_four(61 * ns_per_s).kept, 0u);
    recorder_->expire(clock_now);
    EXPECT_EQ(counted("vault_recordings"), "0 recordings that are on now");
    EXPECT_EQ(counted("vault_recording_1_until_ns"), "");
    EXPECT_EQ(kept_of_four(62 * ns_per_s).kept, 0u);
}

TEST_F(Recordings, EndBeforeTheirTimeByTheirId) {
    start({}, true);
    for (const std::uint32_t id : {7u, 8u}) {
        v1::Recording wanted = recording("tcp port " + std::to_string(40000 + id - 7), 60 * ns_per_s);
        wanted.set_id(id);
        ASSERT_TRUE(recorder_->record(wanted, clock_now));
    }
    EXPECT_EQ(kept_of_four(1 * ns_per_s).kept, 4u);
    v1::Recording end;
    end.set_end(true);
    end.set_id(9);
    EXPECT_FALSE(recorder_->record(end, clock_now));
    EXPECT_EQ(kept_of_four(2 * ns_per_s).kept, 4u);
    end.set_id(7);
    EXPECT_EQ(recorder_->record(end, clock_now).value(), clock_now);
    EXPECT_EQ(kept_of_four(3 * ns_per_s).kept, 2u);
    EXPECT_THAT(counted("vault_recording_1_until_ns"), testing::HasSubstr("tcp port 40001 (00000008)"));
    EXPECT_FALSE(recorder_->record(end, clock_now)) << "it has ended";
    end.set_id(8);
    EXPECT_TRUE(recorder_->record(end, clock_now));
    EXPECT_EQ(kept_of_four(4 * ns_per_s).kept, 0u);
}

TEST_F(Recordings, StandBeforeTheConfigurationsRules) {
    vault::PacketRule rule;
    rule.inner_bpf = "tcp port 40000";
    start({rule}, false);
    EXPECT_EQ(kept_of_four(0).kept, 2u);
    expect_kept_during_and_after(4, 2);
}

TEST_F(Recordings, LeaveASensorThatKeepsEverythingAsItIs) {
    start({}, false);
    expect_kept_during_and_after(4, 4);
}

TEST_F(Recordings, CutPacketsButNeverTheirHeaders) {
    start({}, true);
    ASSERT_TRUE(recorder_->record(recording("tcp port 40000", 60 * ns_per_s, 100), clock_now));
    ASSERT_TRUE(recorder_->record(recording("tcp port 40001", 60 * ns_per_s, 10), clock_now));
    EXPECT_EQ(kept_of_four(1 * ns_per_s).kept_bytes, 2u * 100 + 2u * (14 + 20 + 20));
}

TEST_F(Recordings, AreOfOneTapWhereThatIsAsked) {
    start({}, true);
    v1::Recording wanted = recording("", 60 * ns_per_s);
    wanted.add_taps("core");
    ASSERT_TRUE(recorder_->record(wanted, clock_now));
    EXPECT_EQ(kept_of_four(1 * ns_per_s).kept, 2u);
    EXPECT_NE(counted("vault_recording_1_until_ns").find("every packet at core"), std::string::npos);
    wanted.set_taps(0, "lobby");
    EXPECT_EQ(recorder_->record(wanted, clock_now).error().sentence, "it has no such tap");
}

TEST_F(Recordings, AreRefusedInASentenceWhenTooManyOrWrong) {
    start({}, true);
    EXPECT_FALSE(recorder_->record(recording("tcp prot 80", ns_per_s), clock_now));
    EXPECT_FALSE(recorder_->record(recording("", 0), clock_now));
    EXPECT_FALSE(recorder_->record(recording("", 25 * 3600 * ns_per_s), clock_now));
    for (std::size_t i = 0; i < PacketRecorder::recording_count_max; ++i)
        ASSERT_TRUE(recorder_->record(recording("", 60 * ns_per_s), clock_now));
    EXPECT_EQ(recorder_->record(recording("", ns_per_s), clock_now).error().sentence,
              "it has 8 recordings already; end one of them, or wait until one ends");
    EXPECT_TRUE(recorder_->record(recording("", ns_per_s), started + 61 * ns_per_s)) << "those are over";
}

TEST_F(Recordings, AreAskedForOverTheWire) {
    start({}, true);
    vault::ModelDisk disk;
    vault::BlockStoreSettings settings;
    settings.directory = "vault";
    settings.first_block = vault::encode(vault::TapTable{"s", {"edge", "core"}});
    const auto headers = vault::BlockStore::open(disk, settings, vault::header_log_shape);
    settings.directory = "packets";
    const auto packets = vault::BlockStore::open(disk, settings, vault::packet_log_shape);
    VaultLogs logs;
    logs.header_store = headers->get();
    logs.packet_store = packets->get();
    logs.packets = {pipeline_->packet_log()};
    logs.taps = {"edge", "core"};
    v1::HeaderRequest request;
    *request.mutable_record() = recording("tcp port 40001", 60 * ns_per_s);
    v1::HeaderReply got;
    const auto reply = [&got](const v1::HeaderReply& part) { got = part; };
    HeaderAnswers(logs).answer(request, reply);
    EXPECT_TRUE(got.last());
    EXPECT_EQ(got.recording_until_ns(), 0);
    EXPECT_EQ(got.partial(), "it keeps no packet log; give it vault.packets in its configuration");
    logs.recorder = &*recorder_;
    logs.now = now;
    HeaderAnswers answers(logs);
    answers.answer(request, reply);
    EXPECT_EQ(got.partial(), "");
    EXPECT_EQ(got.recording_until_ns(), started + 60 * ns_per_s);
    EXPECT_EQ(kept_of_four(1 * ns_per_s).kept, 2u);
    const auto recordings = [&] {
        for (const v1::Counter& counter : answers.count())
            if (counter.name() == "vault_recordings") return counter.value();
        return std::uint64_t{99};
    };
    EXPECT_EQ(recordings(), 1u);
    clock_now = started + 61 * ns_per_s;
    EXPECT_EQ(recordings(), 0u);
}

}  // namespace
}  // namespace clew::sensor
