// SPDX-License-Identifier: Apache-2.0
// The header log as the sensor runs it: packets through the pipeline, blocks through the writer, look-back out of open
// blocks and store as one.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "dataplane/pipeline.h"
#include "dataplane/vault/header_log_writer.h"
#include "dataplane/vault/header_look_back.h"
#include "dataplane/vault/tap_table.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/vault/model_disk.h"

namespace clew::vault {
namespace {

using namespace sensor::frames;
using sensor::LegSink;
using sensor::Packet;
using sensor::Pipeline;
using sensor::PipelineSettings;

struct Legs final : LegSink {
    std::vector<LegId> ids;
    bool offer(const Leg& leg) override {
        if (leg.phase == LegPhase::ended) ids.push_back(leg.id);
        return true;
    }
};

PipelineSettings with_log(std::uint32_t block_packets) {
    PipelineSettings settings;
    settings.leg_count_max = 1024;
    settings.header_count_max = 0;
    settings.header_log = HeaderAppenderSettings{};
    settings.header_log->block.packet_count_max = block_packets;
    settings.header_log->block.leg_count_max = 256;
    return settings;
}

Bytes data_frame(unsigned port, unsigned n, bool back) {
    Tcp segment;
    segment.source = back ? 80 : port;
    segment.destination = back ? port : 80;
    segment.seq = 1000 + n * 10;
    segment.ack = 5000 + n;
    segment.flags = ack | psh;
    segment.payload = text("0123456789");
    Ip ip;
    ip.id = static_cast<std::uint16_t>(n);
    const char* const a = "10.0.0.1";
    const char* const b = "10.0.0.2";
    return ethernet(back ? mac_server : mac_client, back ? mac_client : mac_server, 0x0800,
                    vlan(7, 0x0800, ipv4(back ? b : a, back ? a : b, ip, tcp(segment))));
}

Bytes tagged_frame(unsigned port, unsigned n, bool back) {
    Bytes frame = data_frame(port, n, back);
    frame[12] = 0x81;
    frame[13] = 0x00;
    return frame;
}

void send(Pipeline& pipeline, unsigned port, unsigned n) {
    const Bytes frame = tagged_frame(port, n, n % 3 == 2);
    const Packet packet = packet_of(frame, ns_per_s + static_cast<TimeNs>(n) * ns_per_us);
    pipeline.receive({&packet, 1});
}

std::unique_ptr<BlockStore> store_on(Disk& disk) {
    BlockStoreSettings settings;
    settings.directory = "vault";
    settings.first_block = encode(TapTable{"s", {"edge"}});
    auto store = BlockStore::open(disk, settings, header_log_shape);
    EXPECT_TRUE(store);
    return std::move(*store);
}

TEST(HeaderLog, LookBackSeesOpenBlocksAndTheStoreAsOne) {
    ModelDisk disk;
    auto store = store_on(disk);
    Legs legs;
    auto pipeline = Pipeline::create(with_log(100), legs);
    ASSERT_TRUE(pipeline);
    HeaderAppender* log = (*pipeline)->header_log();
    HeaderLogWriter writer({log}, *store);
    const HeaderLookBack look_back(*store, {log});
    for (unsigned n = 0; n < 250; ++n) {
        send(**pipeline, 40000 + n % 2, n);
        if (n % 7 == 0) writer.write_some();
    }
    LegId wanted = 0;  // of the leg with port 40000, taken from the open block's labels
    log->read_unwritten([&](const OpenBlock& block) {
        for (std::uint32_t i = 0; i < block.leg_count(); ++i)
            if (block.label(i).port_low == 40000 || block.label(i).port_high == 40000) wanted = block.label(i).id;
    });
    ASSERT_NE(wanted, 0u);
    Question question;
    question.choice.legs = {wanted};
    const auto answer = look_back.find(question);
    EXPECT_EQ(answer.partial, "");
    ASSERT_EQ(answer.packets.size(), 125u);
    for (unsigned i = 0; i < 125; ++i) {
        EXPECT_EQ(answer.packets[i].of->record.time_ns, ns_per_s + 2 * i * ns_per_us);
        EXPECT_EQ(answer.packets[i].of->record.ip_id, 2 * i);
        EXPECT_EQ(answer.packets[i].of->record.ip_offset, 18);
    }
    EXPECT_GT(store->counters().blocks, 1u);
    question.from = ns_per_s + 100 * ns_per_us;
    question.to = ns_per_s + 109 * ns_per_us;
    EXPECT_EQ(look_back.find(question).packets.size(), 5u);
    question.count_max = 2;
    EXPECT_NE(look_back.find(question).partial.find("more than 2"), std::string::npos);
}

TEST(HeaderLog, AfterARestartTheStoreAnswers) {
    ModelDisk disk;
    LegId id = 0;
    {
        auto store = store_on(disk);
        Legs legs;
        auto pipeline = Pipeline::create(with_log(64), legs);
        HeaderLogWriter writer({(*pipeline)->header_log()}, *store);
        writer.start();
        for (unsigned n = 0; n < 90; ++n) send(**pipeline, 40000, n);
        (*pipeline)->flush();
        writer.stop();
        ASSERT_EQ(legs.ids.size(), 1u);
        id = legs.ids[0];
    }
    auto store = store_on(disk);
    Question question;
    question.choice.legs = {id};
    const auto answer = HeaderLookBack(*store, {}).find(question);
    EXPECT_EQ(answer.packets.size(), 90u);
    EXPECT_EQ(answer.partial, "");
    ASSERT_EQ(answer.legs.size(), 1u);
    EXPECT_EQ(answer.legs[0].label.segment.layer_count, 1);
    EXPECT_EQ(answer.legs[0].label.segment.layers[0].id, 7u);
}

/// How many blocks a look-back by an address opens: an answer is worth as much as what it leaves unread.
std::uint64_t calls_to_ask(ModelDisk& disk, const BlockStore& store, std::string_view address, std::size_t packets) {
    Question question;
    question.choice.networks = {{*parse_ip(address), 128}};
    const std::uint64_t before = disk.calls;
    EXPECT_EQ(HeaderLookBack(store, {}).find(question).packets.size(), packets);
    return disk.calls - before;
}

/// 600 packets in small blocks and files, by a writer that ends as a sensor's does, or is killed.
void write_headers(ModelDisk& disk, bool killed) {
    auto store = store_on(disk);
    Legs legs;
    auto settings = with_log(20);
    settings.header_log->wait_for_writer = true;
    auto pipeline = Pipeline::create(settings, legs);
    HeaderLogWriter writer({(*pipeline)->header_log()}, *store);
    if (!killed) writer.start();
    for (unsigned n = 0; n < 600; ++n) {
        send(**pipeline, 40000, n);
        if (killed) writer.write_some();
    }
    (*pipeline)->flush();
    if (killed)
        while (writer.write_some()) continue;
    else
        writer.stop();
}

std::size_t index_count(const ModelDisk& disk) {
    return static_cast<std::size_t>(std::count_if(disk.files.begin(), disk.files.end(),
                                                  [](const auto& file) { return file.first.ends_with(".clvk"); }));
}

TEST(HeaderLog, ItsKeyIndexOutlivesTheSensor) {
    ModelDisk disk;
    write_headers(disk, false);
    EXPECT_EQ(index_count(disk), 1u);
    auto store = store_on(disk);
    EXPECT_GE(store->counters().blocks, 30u);
    EXPECT_GT(store->counters().index_bytes, 0u);
    EXPECT_LE(calls_to_ask(disk, *store, "192.0.2.77", 0), 1u);  // a page of the index
    calls_to_ask(disk, *store, "10.0.0.1", 600);
    EXPECT_EQ(store->counters().indexes_failed, 0u);
    EXPECT_EQ(disk.bytes(), store->counters().bytes + 0u);
}

TEST(HeaderLog, BlocksThatAKillLeftWithoutAnIndexAreAskedOnceThenIndexed) {
    ModelDisk disk;
    write_headers(disk, true);
    EXPECT_EQ(index_count(disk), 0u);
    {
        auto store = store_on(disk);
        EXPECT_GE(calls_to_ask(disk, *store, "192.0.2.77", 0), 30u);
        EXPECT_EQ(calls_to_ask(disk, *store, "192.0.2.77", 0), 0u);
        store->close_file();
        EXPECT_EQ(index_count(disk), 1u);
        EXPECT_LE(calls_to_ask(disk, *store, "192.0.2.77", 0), 1u);
    }
    auto store = store_on(disk);
    EXPECT_LE(calls_to_ask(disk, *store, "192.0.2.77", 0), 1u);
    calls_to_ask(disk, *store, "10.0.0.2", 600);
}

TEST(HeaderLog, ADamagedKeyIndexHidesNothing) {
    ModelDisk disk;
    write_headers(disk, false);
    const auto index = std::find_if(disk.files.begin(), disk.files.end(),
                                    [](const auto& file) { return file.first.ends_with(".clvk"); });
    ASSERT_NE(index, disk.files.end());
    const std::string path = index->first;
    const auto whole = *index->second;
    for (const std::size_t byte : {std::size_t{3}, std::size_t{30}, whole.size() - 1}) {
        SCOPED_TRACE("byte " + std::to_string(byte));
        disk.files[path] = std::make_shared<std::vector<std::uint8_t>>(whole);
        (*disk.files[path])[byte] ^= 1;
        auto store = store_on(disk);
        calls_to_ask(disk, *store, "10.0.0.1", 600);
        calls_to_ask(disk, *store, "10.0.0.2", 600);
        EXPECT_GT(store->counters().indexes_failed, 0u);
    }
}

TEST(HeaderLog, AWorkerNeverWaitsAndCountsWhatItDrops) {
    Legs legs;
    auto pipeline = Pipeline::create(with_log(64), legs);
    for (unsigned n = 0; n < 64 * 6; ++n) send(**pipeline, 40000, n);  // nobody writes: four blocks are all there is
    EXPECT_EQ((*pipeline)->header_log()->dropped(), 64u * 2);
    EXPECT_EQ((*pipeline)->header_log()->waiting(), 4u);
}

TEST(HeaderLog, AFailingDiskHoldsNobodyUp) {
    ModelDisk disk;
    auto store = store_on(disk);
    disk.plan = [](std::uint64_t) { return Fault::error; };
    Legs legs;
    auto pipeline = Pipeline::create(with_log(64), legs);
    HeaderLogWriter writer({(*pipeline)->header_log()}, *store);
    for (unsigned n = 0; n < 64 * 6; ++n) {
        send(**pipeline, 40000, n);
        writer.write_some();
    }
    EXPECT_EQ((*pipeline)->header_log()->dropped(), 0u);
    EXPECT_EQ(store->counters().packets_dropped_disk_full, 64u * 6);
    Question question;
    question.choice.legs = {1};
    EXPECT_NE(HeaderLookBack(*store, {}).find(question).partial.find("never reached the log"), std::string::npos);
}

TEST(HeaderLog, AnOldBlockIsClosedThoughItIsNotFull) {
    Legs legs;
    auto pipeline = Pipeline::create(with_log(64), legs);
    send(**pipeline, 40000, 0);
    EXPECT_EQ((*pipeline)->header_log()->oldest_full(), nullptr);
    (*pipeline)->advance(ns_per_s + 11 * ns_per_s);
    EXPECT_NE((*pipeline)->header_log()->oldest_full(), nullptr);
}

TEST(HeaderLog, WriterAndReadersWorkWhileTheWorkerAppends) {
    ModelDisk disk;
    auto store = store_on(disk);
    Legs legs;
    auto settings = with_log(128);
    settings.header_log->wait_for_writer = true;
    auto pipeline = Pipeline::create(settings, legs);
    HeaderAppender* log = (*pipeline)->header_log();
    HeaderLogWriter writer({log}, *store);
    writer.start();
    std::atomic<bool> done{false};
    std::thread reader([&] {
        const HeaderLookBack look_back(*store, {log});
        while (!done) {
            Question question;
            log->read_unwritten([&](const OpenBlock& block) {
                if (block.leg_count() > 0) question.choice.legs = {block.label(0).id};
            });
            const auto answer = look_back.find(question);
            for (std::size_t i = 1; i < answer.packets.size(); ++i)
                ASSERT_LT(answer.packets[i - 1].of->record.time_ns, answer.packets[i].of->record.time_ns);
        }
    });
    for (unsigned n = 0; n < 5000; ++n) send(**pipeline, 40000, n);
    (*pipeline)->flush();
    done = true;
    reader.join();
    writer.stop();
    EXPECT_EQ(store->counters().packets, 5000u);
    EXPECT_EQ(log->dropped(), 0u);
}

}  // namespace
}  // namespace clew::vault
