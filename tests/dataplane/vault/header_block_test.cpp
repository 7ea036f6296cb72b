// SPDX-License-Identifier: Apache-2.0
// What goes into a block of the header log comes out of it, bit by bit; damage is told, never decoded.
#include "dataplane/vault/header_block.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "dataplane/vault/block_check.h"
#include "tests/dataplane/vault/document_example.h"
#include "tests/dataplane/vault/record_source.h"

namespace clew::vault {
namespace {

std::vector<std::uint8_t> encoded(const RecordSource& source) {
    std::vector<std::uint8_t> bytes;
    HeaderBlockEncoder().encode(source, bytes);
    return bytes;
}

bool all(const BlockLeg&) { return true; }

void expect_same(const RecordSource& source, const std::vector<std::uint8_t>& bytes) {
    const auto reader = HeaderBlockReader::open(bytes);
    ASSERT_TRUE(reader) << reader.error().sentence;
    EXPECT_TRUE(reader->undamaged());
    const auto legs = reader->legs();
    ASSERT_TRUE(legs) << legs.error().sentence;
    std::map<LegId, const RecordSource::SourceLeg*> wanted;
    for (const auto& leg : source.legs()) wanted[leg.label.id] = &leg;
    ASSERT_EQ(legs->size(), wanted.size());
    std::map<LegId, std::vector<HeaderRecord>> found;
    const auto read = reader->packets(*legs, all, [&](const BlockLeg& leg, const HeaderRecord& record) {
        found[leg.label.id].push_back(record);
        return true;
    });
    ASSERT_TRUE(read) << read.error().sentence;
    for (const BlockLeg& leg : *legs) {
        ASSERT_TRUE(wanted.contains(leg.label.id));
        EXPECT_EQ(leg.label, wanted[leg.label.id]->label);
        EXPECT_EQ(found[leg.label.id], wanted[leg.label.id]->records);
    }
}

TEST(HeaderBlock, AnyRecordsComeBackAsTheyWere) {
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        RandomRecords random(seed);
        RecordSource source;
        source.base = seed * 0x9e3779b97f4a7c15ull;
        fill(source, random, 1 + seed % 40, 1 + seed * 7, seed % 2 == 0);
        expect_same(source, encoded(source));
        if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
}

TEST(HeaderBlock, ManyChunksAndManyTemplates) {
    RandomRecords random(7);
    RecordSource source;
    fill(source, random, 600, 200, true);
    const auto bytes = encoded(source);
    const auto reader = HeaderBlockReader::open(bytes);
    ASSERT_TRUE(reader);
    EXPECT_GT(reader->head().chunk_count, 2);
    expect_same(source, bytes);
}

TEST(HeaderBlock, OneLegIsReadWithoutTheOthers) {
    RandomRecords random(3);
    RecordSource source;
    fill(source, random, 50, 100, false);
    const auto bytes = encoded(source);
    const auto reader = HeaderBlockReader::open(bytes);
    const auto legs = reader->legs();
    ASSERT_TRUE(legs);
    const auto& wanted = source.legs()[17];
    std::vector<HeaderRecord> found;
    const auto read = reader->packets(
        *legs, [&](const BlockLeg& leg) { return leg.label.id == wanted.label.id; },
        [&](const BlockLeg&, const HeaderRecord& record) {
            found.push_back(record);
            return true;
        });
    ASSERT_TRUE(read);
    EXPECT_EQ(found, wanted.records);
}

TEST(HeaderBlock, NothingIsNoBlock) {
    RecordSource source;
    source.finish();
    EXPECT_TRUE(encoded(source).empty());
}

TEST(HeaderBlock, EveryDamagedByteIsFound) {
    RandomRecords random(11);
    RecordSource source;
    fill(source, random, 5, 20, false);
    const auto bytes = encoded(source);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto damaged = bytes;
        damaged[at] ^= 0x40;
        const auto reader = HeaderBlockReader::open(damaged);
        EXPECT_FALSE(reader && reader->undamaged()) << "byte " << at;
    }
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(HeaderBlockReader::open(std::span(bytes).first(length))) << "length " << length;
}

TEST(HeaderBlock, AnotherVersionIsToldInOneSentence) {
    RandomRecords random(12);
    RecordSource source;
    fill(source, random, 2, 5, false);
    for (const std::uint16_t version : {1, 2, 3, 5}) {
        auto bytes = encoded(source);
        HeaderBlockHead head;
        std::memcpy(&head, bytes.data(), sizeof head);
        head.version = version;
        std::memcpy(bytes.data(), &head, sizeof head);
        constexpr std::size_t checked_from = offsetof(HeaderBlockHead, version);
        const std::size_t body = sizeof head + head.chunk_count * sizeof(HeaderChunkHead);
        head.head_check = check_of(std::span(bytes).subspan(checked_from, body - checked_from));
        std::memcpy(bytes.data(), &head, sizeof head);
        const auto reader = HeaderBlockReader::open(bytes);
        ASSERT_FALSE(reader);
        EXPECT_EQ(reader.error().sentence, "a header log block has format version " + std::to_string(version) +
                                               ", this program reads version 4");
    }
}

TEST(HeaderBlock, ADamagedChunkCostsItsPacketsAlone) {
    RandomRecords random(7);
    RecordSource source;
    fill(source, random, 600, 200, false);
    auto bytes = encoded(source);
    bytes.back() ^= 1;  // of the last chunk
    const auto reader = HeaderBlockReader::open(bytes);
    ASSERT_TRUE(reader);
    ASSERT_GT(reader->head().chunk_count, 2);
    std::map<LegId, const RecordSource::SourceLeg*> wanted;
    for (const auto& leg : source.legs()) wanted[leg.label.id] = &leg;
    std::map<LegId, std::vector<HeaderRecord>> found;
    std::size_t count = 0;
    const auto read = reader->packets(*reader->legs(), all, [&](const BlockLeg& leg, const HeaderRecord& record) {
        found[leg.label.id].push_back(record);
        return ++count != 0;
    });
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().sentence.find("chunk"), std::string::npos);
    EXPECT_GE(count, (reader->head().chunk_count - 1) * chunk_packet_count);
    EXPECT_LT(count, reader->head().packet_count);
    for (const auto& [id, records] : found) EXPECT_EQ(records, wanted[id]->records);
    bytes.back() ^= 1;
    bytes[bytes.size() / 2] ^= 1;  // of one in the middle: those behind it are read all the same
    count = 0;
    const auto middle = HeaderBlockReader::open(bytes);
    bool last_leg = false;
    const auto legs = *middle->legs();
    const auto again = middle->packets(legs, all, [&](const BlockLeg& leg, const HeaderRecord&) {
        last_leg |= &leg == &legs.back();
        return ++count != 0;
    });
    EXPECT_FALSE(again);
    EXPECT_TRUE(last_leg);
    EXPECT_LT(count, middle->head().packet_count);
}

/// The three packets of docs/HEADER_LOG.md's example.
RecordSource handshake() {
    RecordSource source;
    source.base = 0x1000;
    LegLabel label;
    label.id = leg_id_of(5, source.base);
    label.low = IpAddress::from_v4(0x0a000007);
    label.high = IpAddress::from_v4(0xc0000201);
    label.port_low = 40000;
    label.port_high = 443;
    label.protocol = static_cast<std::uint8_t>(Protocol::tcp);
    auto& leg = source.add(label);
    HeaderRecord r;
    r.time_ns = 1'700'000'000 * ns_per_s;
    r.wire_length = 60;
    r.ip_offset = 14;
    r.ip_length = 40;
    r.ip_protocol = 6;
    r.ttl = 64;
    r.seq = 1000;
    r.window = 64240;
    r.flags = 0x02;
    r.tcp_offset = 0x50;
    r.to_server = true;
    r.ip_checksum = Checksum::good;
    leg.records.push_back(r);
    r.time_ns += 250 * ns_per_us;
    r.side = 1;
    r.to_server = false;
    r.seq = 7000;
    r.ack = 1001;
    r.flags = 0x12;
    leg.records.push_back(r);
    r.time_ns += 40 * ns_per_us;
    r.side = 0;
    r.to_server = true;
    r.seq = 1001;
    r.ack = 7001;
    r.flags = 0x10;
    leg.records.push_back(r);
    source.finish();
    return source;
}

/// The example's connection as a tap sees it whose VLANs differ by direction: a leg for each.
RecordSource one_leg_a_direction(std::uint16_t port_of_second) {
    const RecordSource whole = handshake();
    RecordSource source;
    source.base = whole.base;
    for (const std::uint8_t side : {0, 1}) {
        auto leg = whole.legs()[0];
        std::erase_if(leg.records, [&](const HeaderRecord& record) { return record.side != side; });
        leg.label.id = leg_id_of(5u + side, whole.base);
        if (side == 1) leg.label.port_low = port_of_second;
        source.add(leg.label).records = leg.records;
    }
    source.finish();
    return source;
}

TEST(HeaderBlock, TheSecondLegOfAConnectionCostsLess) {
    const auto one = one_leg_a_direction(handshake().legs()[0].label.port_low), two = one_leg_a_direction(5353);
    expect_same(one, encoded(one));
    expect_same(two, encoded(two));
    // Two ports and a sequence number are told already.
    EXPECT_LE(encoded(one).size() + 6, encoded(two).size());
}

TEST(HeaderBlock, TheDocumentsExampleIsTrue) {
    const auto source = handshake();
    const auto bytes = encoded(source);
    expect_same(source, bytes);
    expect_shown_in("docs/HEADER_LOG.md", bytes);
}

}  // namespace
}  // namespace clew::vault
