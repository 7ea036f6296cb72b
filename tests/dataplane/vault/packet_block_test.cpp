// SPDX-License-Identifier: Apache-2.0
// Blocks of the packet log: every packet comes back as it was, leg by leg; a damaged chunk costs its packets alone.
#include <gtest/gtest.h>

#include "dataplane/vault/leg_choice.h"
#include "tests/dataplane/vault/document_example.h"
#include "tests/dataplane/vault/packet_source.h"

namespace clew::vault {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<KeptPacket> read_all(const Bytes& block, std::string& damage) {
    std::vector<KeptPacket> found;
    const auto reader = PacketBlockReader::open(block);
    if (!reader) return damage = reader.error().sentence, found;
    for (const auto& chunk : reader->chunks()) {
        const auto read =
            reader->packets(chunk, std::span(block).subspan(chunk.offset, chunk.head.bytes), [&](const auto& packet) {
                found.push_back(
                    {packet.leg->label.id, packet.entry->time_ns, {packet.bytes.begin(), packet.bytes.end()}});
                return true;
            });
        if (!read) damage = read.error().sentence;
    }
    return found;
}

struct Block {
    OpenPacketBlock open;
    std::vector<KeptPacket> kept;
    Bytes bytes;
    Block(unsigned seed, unsigned legs, unsigned packets) {
        EXPECT_TRUE(open.allocate({4u << 20, 1024}, 0x1000, false));
        open.clear(1);
        kept = fill(open, seed, legs, packets, ns_per_s);
        PacketBlockEncoder().encode(open, bytes);
    }
};

TEST(PacketBlock, EveryPacketComesBack) {
    for (unsigned seed = 1; seed < 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const Block block(seed, 1 + seed * 7 % 60, seed * 120);
        std::string damage;
        EXPECT_EQ(read_all(block.bytes, damage), block.kept);
        EXPECT_EQ(damage, "");
        EXPECT_EQ(PacketBlockReader::open(block.bytes)->head().block_bytes, block.bytes.size());
    }
}

TEST(PacketBlock, TheFrontTellsWhichChunksALegIsIn) {
    const Block block(5, 40, 1500);
    const std::size_t front_bytes = PacketBlockReader::front_bytes(block.bytes);
    const auto reader = PacketBlockReader::open(std::span(block.bytes).first(front_bytes));
    ASSERT_TRUE(reader);
    ASSERT_GT(reader->chunks().size(), 4u);
    std::size_t read_chunks = 0;
    for (const BlockLeg& wanted : reader->legs()) {
        std::size_t count = 0;
        for (const auto& chunk : reader->chunks_of([&](const LegLabel& leg) { return leg.id == wanted.label.id; })) {
            ++read_chunks;
            EXPECT_TRUE(reader->packets(chunk, std::span(block.bytes).subspan(chunk.offset, chunk.head.bytes),
                                        [&](const BlockPacket& packet) {
                                            count += packet.leg->label.id == wanted.label.id;
                                            return true;
                                        }));
        }
        EXPECT_EQ(count, wanted.packet_count);
    }
    EXPECT_LE(read_chunks, reader->legs().size() + reader->chunks().size());
}

TEST(PacketBlock, TheKeyFilterMissesNothingAndLetsLittlePass) {
    const Block block(6, 500, 3000);
    const auto head = PacketBlockReader::open(block.bytes)->head();
    const auto filter = KeyFilter::decode(
        std::span(block.bytes).subspan(sizeof head + head.chunk_count * sizeof(PacketChunkHead), head.filter_bytes));
    ASSERT_TRUE(filter.known());
    for (const KeptPacket& packet : block.kept) EXPECT_TRUE(filter.may_hold(key_of_leg(packet.leg)));
    LegChoice choice;
    choice.networks = {{*parse_ip("192.0.2.1"), 128}};
    choice.ports = {443, static_cast<std::uint16_t>(40000 + 6000 + 17)};
    EXPECT_TRUE(filter.may_hold(choice.keys()));
    choice.layer_ids = {7};
    EXPECT_FALSE(filter.may_hold(choice.keys()));
    unsigned passed = 0;
    for (std::uint64_t id = 1; id <= 10'000; ++id) passed += filter.may_hold(key_of_leg(id << 32));
    EXPECT_LT(passed, 50u);
}

TEST(PacketBlock, ADamagedChunkCostsItsPacketsAlone) {
    const Block whole(7, 20, 1200);
    const auto reader = PacketBlockReader::open(whole.bytes);
    ASSERT_GT(reader->chunks().size(), 3u);
    Bytes bytes = whole.bytes;
    bytes[reader->chunks()[1].offset + 100] ^= 1;
    std::string damage;
    const auto found = read_all(bytes, damage);
    EXPECT_EQ(found.size(), whole.kept.size() - reader->chunks()[1].head.packet_count);
    EXPECT_NE(damage.find("check sum of a chunk"), std::string::npos);
}

TEST(PacketBlock, AnyFlippedBitOfTheFrontIsFound) {
    const Block whole(8, 5, 40);
    std::string damage;
    for (std::size_t at = 4; at < PacketBlockReader::front_bytes(whole.bytes); at += 3) {
        Bytes bytes = whole.bytes;
        bytes[at] ^= 0x10;
        const auto reader = PacketBlockReader::open(bytes);
        EXPECT_FALSE(reader && reader->undamaged(bytes)) << "byte " << at;
    }
}

TEST(PacketBlock, AnotherVersionIsToldInOneSentence) {
    Bytes bytes = Block(8, 5, 40).bytes;
    bytes[offsetof(PacketBlockHead, version)] = 1;
    EXPECT_EQ(PacketBlockReader::front_bytes(bytes), 0u);
    const auto reader = PacketBlockReader::open(bytes);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().sentence, "a packet log block has format version 1, this program reads version 3");
}

TEST(PacketBlock, HeadersAreReadOutOfWholeAndOfCutPackets) {
    namespace frames = sensor::frames;
    OpenPacketBlock open;
    ASSERT_TRUE(open.allocate({1u << 20, 16}, 1, false));
    open.clear(1);
    const auto inner = frames::ethernet(1, 2, 0x0800,
                                        frames::ipv4("10.0.0.1", "10.0.0.2", {.ttl = 61, .id = 77},
                                                     frames::tcp({.source = 40000,
                                                                  .seq = 99,
                                                                  .flags = frames::ack,
                                                                  .options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2},
                                                                  .payload = frames::text(std::string(300, 'x'))})));
    const auto frame = frames::ethernet(
        3, 4, 0x0800,
        frames::ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, frames::udp(5000, 4789, frames::vxlan(5, inner))));
    append(open, 0, tcp_label(1, 1), frames::packet_of(frame, ns_per_s), 0);
    append(open, 0, tcp_label(1, 1), frames::packet_of(frame, 2 * ns_per_s), mark_side, 120);
    const BlockLeg leg{tcp_label(1, 1), 2, 1};
    HeaderRecord record;
    const PacketEntry& first = open.entry(0);
    ASSERT_TRUE(read_header({&leg, &first, OpenPacketBlock::bytes_of(first)}, record));
    EXPECT_EQ(record.seq, 99u);
    EXPECT_EQ(record.ip_id, 77);
    EXPECT_EQ(record.ttl, 61);
    EXPECT_EQ(record.ip_offset, 14 + 20 + 8 + 8 + 14);
    EXPECT_EQ(record.options_length, 12);
    EXPECT_EQ(record.payload_length, 300u);
    EXPECT_TRUE(record.has_payload_check);
    const PacketEntry& cut = open.entry(OpenPacketBlock::size_of(first));
    ASSERT_TRUE(read_header({&leg, &cut, OpenPacketBlock::bytes_of(cut)}, record));
    EXPECT_EQ(cut.captured_length, 120u);
    EXPECT_EQ(record.payload_length, 300u);
    EXPECT_FALSE(record.has_payload_check);
    EXPECT_EQ(record.side, 1);
}

TEST(PacketBlock, TheDocumentsExampleIsThisBlock) {
    namespace frames = sensor::frames;
    OpenPacketBlock open;
    ASSERT_TRUE(open.allocate({1u << 16, 16}, 0x1000, false));
    open.clear(1);
    LegLabel label = tcp_label(5, 0x1000);
    label.low = IpAddress::from_v4(0x0a000007);
    label.port_low = 40000;
    const auto frame = [](bool back, std::uint32_t seq, std::uint32_t acked, unsigned flags) {
        const auto segment = frames::tcp({.source = back ? 443u : 40000u,
                                          .destination = back ? 40000u : 443u,
                                          .seq = seq,
                                          .ack = acked,
                                          .flags = flags});
        return frames::ethernet(
            back ? 2 : 1, back ? 1 : 2, 0x0800,
            frames::ipv4(back ? "192.0.2.1" : "10.0.0.7", back ? "10.0.0.7" : "192.0.2.1", {}, segment));
    };
    const TimeNs begin = 1'700'000'000 * ns_per_s;
    const auto syn = frame(false, 1000, 0, 0x02), answer = frame(true, 7000, 1001, 0x12);
    append(open, 0, label, frames::packet_of(syn, begin), mark_to_server);
    append(open, 0, label, frames::packet_of(answer, begin + 250 * ns_per_us), mark_side);
    Bytes bytes;
    PacketBlockEncoder().encode(open, bytes);
    expect_shown_in("docs/PACKET_LOG.md", bytes);
}

}  // namespace
}  // namespace clew::vault
