// SPDX-License-Identifier: Apache-2.0
// The packet log as the sensor runs it: packets through the pipeline by policy, blocks through the writer, look-back
// out of open blocks and store as one, and joined with the header log's.
#include <gtest/gtest.h>

#include <thread>

#include "dataplane/pipeline.h"
#include "dataplane/vault/header_log_writer.h"
#include "dataplane/vault/header_look_back.h"
#include "dataplane/vault/packet_log_writer.h"
#include "dataplane/vault/packet_look_back.h"
#include "dataplane/vault/streamed_answer.h"
#include "dataplane/vault/tap_table.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/vault/model_disk.h"

namespace clew::vault {
namespace {

using namespace sensor::frames;
using sensor::Packet;
using sensor::Pipeline;
using sensor::PipelineSettings;

struct NoSink final : sensor::LegSink {
    bool offer(const Leg&) override { return true; }
};

std::unique_ptr<BlockStore> store_on(Disk& disk, const std::string& directory, const BlockShape& shape) {
    BlockStoreSettings settings;
    settings.directory = directory;
    settings.first_block = encode(TapTable{"s", {"edge", "core"}});
    auto store = BlockStore::open(disk, settings, shape);
    EXPECT_TRUE(store);
    return std::move(*store);
}

/// Packet n of the connection with this port: 200 bytes of payload inside a VXLAN.
Bytes frame_of(unsigned port, unsigned n, bool back) {
    Tcp segment{.source = back ? 80 : port, .destination = back ? port : 80, .seq = n * 200, .flags = ack | psh};
    segment.payload = text(std::string(200, static_cast<char>('a' + n % 26)));
    const char* const a = "10.0.0.1";
    const char* const b = "10.0.0.2";
    const Bytes inner = ethernet(back ? mac_server : mac_client, back ? mac_client : mac_server, 0x0800,
                                 ipv4(back ? b : a, back ? a : b, {.id = static_cast<std::uint16_t>(n)}, tcp(segment)));
    return ethernet(7, 8, 0x0800,
                    ipv4(back ? "192.0.2.2" : "192.0.2.1", back ? "192.0.2.1" : "192.0.2.2", {.protocol = 17},
                         udp(5000, 4789, vxlan(100, inner))));
}

class Log {
  public:
    explicit Log(std::vector<PacketRule> rules = {}, std::uint32_t block_bytes = 64u << 10) {
        PipelineSettings settings;
        settings.leg_count_max = 1024;
        settings.header_count_max = 0;
        settings.header_log = HeaderAppenderSettings{};
        settings.header_log->block.packet_count_max = 100;
        settings.header_log->block.leg_count_max = 64;
        settings.packet_log = PacketAppenderSettings{};
        settings.packet_log->block = {block_bytes, 64};
        const auto policy = PacketPolicy::compile(rules);
        EXPECT_TRUE(policy) << policy.error().sentence;
        settings.packet_log->policy = *policy;
        pipeline = std::move(*Pipeline::create(settings, sink));
        header_writer.emplace(std::vector{pipeline->header_log()}, *header_store);
        packet_writer.emplace(std::vector{pipeline->packet_log()}, *packet_store);
    }

    void send(unsigned port, unsigned n, TapId tap = 0) {
        const Bytes frame = frame_of(port, n, n % 3 == 2);
        Packet packet = packet_of(frame, ns_per_s + static_cast<TimeNs>(n) * ns_per_us);
        packet.tap = tap;
        pipeline->receive({&packet, 1});
    }
    void write() {
        while (header_writer->write_some()) continue;
        while (packet_writer->write_some()) continue;
    }
    Answer packets(const Question& question) const {
        return PacketLookBack(*packet_store, {pipeline->packet_log()}, {"edge", "core"}).find(question);
    }
    Answer both(const Question& question) const {
        const HeaderLookBack headers(*header_store, {pipeline->header_log()}, {"edge", "core"});
        const PacketLookBack packets(*packet_store, {pipeline->packet_log()}, {"edge", "core"});
        auto packet_search = packets.begin(question);
        return find_all(question, headers.begin(question), std::move(packet_search));
    }

    ModelDisk disk;
    NoSink sink;
    std::unique_ptr<BlockStore> header_store = store_on(disk, "headers", header_log_shape);
    std::unique_ptr<BlockStore> packet_store = store_on(disk, "packets", packet_log_shape);
    std::unique_ptr<Pipeline> pipeline;
    std::optional<HeaderLogWriter> header_writer;
    std::optional<PacketLogWriter> packet_writer;
};

Question of_port(std::uint16_t port) {
    Question question;
    question.choice.ports = {port};
    return question;
}

TEST(PacketLog, LookBackGivesWholePacketsOutOfOpenBlocksAndTheStore) {
    Log log;
    for (unsigned n = 0; n < 900; ++n) {
        log.send(40000 + n % 3, n);
        if (n % 50 == 0) log.write();
    }
    EXPECT_GT(log.packet_store->counters().blocks, 2u);
    EXPECT_LT(log.packet_store->counters().packets, 900u);
    const Answer answer = log.packets(of_port(40001));
    EXPECT_EQ(answer.partial, "");
    ASSERT_EQ(answer.packets.size(), 300u);
    ASSERT_EQ(answer.legs.size(), 1u);
    EXPECT_EQ(answer.legs[0].tap, "edge");
    for (unsigned i = 0; i < 300; ++i) {
        const unsigned n = 3 * i + 1;
        EXPECT_EQ(answer.packets[i].of->frame, frame_of(40001, n, n % 3 == 2));
        EXPECT_EQ(answer.packets[i].of->record.seq, n * 200);
        EXPECT_EQ(answer.packets[i].of->record.ip_offset, 64);
    }
}

TEST(PacketLog, AskedByAddressPortTunnelTimeAndFilter) {
    Log log;
    for (unsigned n = 0; n < 600; ++n) log.send(40000 + n % 3, n);
    log.write();
    Question question;
    question.choice.networks = {{*parse_ip("10.0.0.0"), 96 + 24}};
    question.choice.layer_ids = {100};
    EXPECT_EQ(log.packets(question).packets.size(), 600u);
    question.choice.layer_ids = {101};
    EXPECT_EQ(log.packets(question).packets.size(), 0u);
    question = of_port(40002);
    question.from = ns_per_s + 300 * ns_per_us;
    question.to = ns_per_s + 399 * ns_per_us;
    EXPECT_EQ(log.packets(question).packets.size(), 33u);
    question = {};
    question.inner_bpf = *wire::BpfProgram::compile(
        "src host 10.0.0.2 and dst port 40002 and tcp[tcpflags] & tcp-push != 0", wire::BpfOn::ip);
    EXPECT_EQ(log.packets(question).packets.size(), 200u);
    EXPECT_EQ(log.both(question).packets.size(), 200u);
}

TEST(PacketLog, TheEarliestComeFirstAndALimitSaysHowFar) {
    Log log;
    for (unsigned n = 0; n < 900; ++n) {
        log.send(40000, n);
        log.write();
    }
    std::vector<std::uint32_t> seqs;
    Question question = of_port(40000);
    question.count_max = 70;
    for (int page = 0; page < 100; ++page) {
        const Answer answer = log.both(question);
        ASSERT_LE(answer.packets.size(), 70u);
        for (const FoundPacket& packet : answer.packets) {
            EXPECT_TRUE(packet.of->whole);
            seqs.push_back(packet.of->record.seq);
        }
        if (answer.complete_until == 0) break;
        EXPECT_NE(answer.partial.find("more than 70"), std::string::npos);
        question.from = answer.complete_until;
    }
    ASSERT_EQ(seqs.size(), 900u);
    for (unsigned n = 0; n < 900; ++n) EXPECT_EQ(seqs[n], n * 200);
}

TEST(PacketLog, HeadersStandInForWhatIsNotKeptWhole) {
    PacketRule rule;
    rule.leg_packets_max = 10;
    Log log({rule});
    for (unsigned n = 0; n < 120; ++n) log.send(40000 + n % 2, n);
    log.write();
    const Answer answer = log.both(of_port(40000));
    ASSERT_EQ(answer.packets.size(), 60u);
    for (unsigned i = 0; i < 60; ++i) EXPECT_EQ(answer.packets[i].of->whole, i < 10) << i;
    EXPECT_EQ(log.pipeline->packet_log()->counters().kept, 20u);
    EXPECT_EQ(log.pipeline->packet_log()->counters().leg_had_enough, 100u);
}

TEST(PacketLog, RulesChooseByTapFilterTimeAndLength) {
    PacketRule edge, dns_like, late;
    edge.taps = {0};
    edge.bpf = "udp port 4789";
    edge.payload_bytes_max = 16;
    dns_like.taps = {1};
    dns_like.inner_bpf = "port 40001";
    dns_like.leg_kb_max = 2;
    late.from = ns_per_s + 550 * ns_per_us;
    Log log({edge, dns_like, late});
    for (unsigned n = 0; n < 300; ++n) log.send(40000 + n % 3, n, 0);
    for (unsigned n = 300; n < 600; ++n) log.send(40000 + n % 3, n, 1);
    const PacketTapCounters at_edge = log.pipeline->packet_log()->counters(0);
    const PacketTapCounters at_core = log.pipeline->packet_log()->counters(1);
    EXPECT_EQ(at_edge.kept, 300u);
    EXPECT_EQ(at_edge.cut_bytes, 300u * (200 - 16));
    EXPECT_EQ(at_core.kept, 7u + 33u);  // 304 bytes a packet: the seventh fills two kilobytes
    EXPECT_EQ(at_core.leg_had_enough, 93u);
    EXPECT_EQ(at_core.not_chosen, 167u);
    for (const FoundPacket& packet : log.packets(of_port(40000)).packets)
        if (packet.of->record.time_ns < ns_per_s + 300 * ns_per_us) {
            ASSERT_EQ(packet.of->frame.size(), 64u + 40 + 16);
        }
    PacketRule wrong;
    wrong.bpf = "hots 1.2.3.4";
    EXPECT_FALSE(PacketPolicy::compile({wrong}));
}

TEST(PacketLog, AWorkerNeverWaitsAndCountsWhatItDrops) {
    Log log;
    unsigned sent = 0;
    for (; sent < 2000; ++sent) log.send(40000, sent);  // nobody writes: four blocks are all there is
    const PacketTapCounters counters = log.pipeline->packet_log()->counters();
    EXPECT_EQ(counters.kept + counters.dropped_backlog, 2000u);
    EXPECT_GT(counters.dropped_backlog, 1000u);
    EXPECT_EQ(log.pipeline->packet_log()->waiting(), 4u);
    log.write();
    log.send(40000, sent);
    EXPECT_EQ(log.pipeline->packet_log()->counters().kept, counters.kept + 1);
}

TEST(PacketLog, AFailingDiskHoldsNobodyUp) {
    Log log;
    log.disk.plan = [](std::uint64_t) { return Fault::error; };
    for (unsigned n = 0; n < 900; ++n) {
        log.send(40000, n);
        log.packet_writer->write_some();
    }
    EXPECT_EQ(log.pipeline->packet_log()->counters().dropped_backlog, 0u);
    EXPECT_GT(log.packet_store->counters().packets_dropped_disk_full, 500u);
}

TEST(PacketLog, AfterARestartTheStoreAnswers) {
    Log log;
    for (unsigned n = 0; n < 400; ++n) log.send(40000 + n % 2, n);
    log.pipeline->flush();
    log.write();
    const auto store = store_on(log.disk, "packets", packet_log_shape);
    const Answer answer = PacketLookBack(*store, {}).find(of_port(40001));
    EXPECT_EQ(answer.packets.size(), 200u);
    EXPECT_EQ(answer.legs[0].tap, "edge");
    EXPECT_EQ(answer.partial, "");
}

TEST(PacketLog, WriterAndReadersWorkWhileTheWorkerAppends) {
    Log log({}, 32u << 10);
    std::atomic<bool> done{false};
    log.packet_writer->start();
    std::thread reader([&] {
        while (!done) {
            const Answer answer = log.packets(of_port(40000));
            for (std::size_t i = 1; i < answer.packets.size(); ++i)
                ASSERT_LT(answer.packets[i - 1].of->record.time_ns, answer.packets[i].of->record.time_ns);
        }
    });
    for (unsigned n = 0; n < 5000; ++n) log.send(40000, n);
    log.pipeline->flush();
    done = true;
    reader.join();
    log.packet_writer->stop();
    EXPECT_EQ(log.packet_store->counters().packets + log.pipeline->packet_log()->counters().dropped_backlog, 5000u);
}

}  // namespace
}  // namespace clew::vault
