// SPDX-License-Identifier: Apache-2.0
// A stream's head against a twin that hashes it whole: cut at random, repeated, out of order, told at random moments,
// with and without a PROXY header, with and without a buffer.
#include "dataplane/fingerprint/stream_head.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "dataplane/hash.h"
#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void expect_head(const ColdFlow& flow, std::string_view stream) {
    const std::string_view head = stream.substr(0, 256);
    const auto hash = [&](std::size_t step) { return head.size() >= step ? hash_bytes(head.data(), step) : 0; };
    ASSERT_EQ(flow.head_length, head.size());
    EXPECT_EQ(flow.head.hash_16, hash(16));
    EXPECT_EQ(flow.head.hash_64, hash(64));
    EXPECT_EQ(flow.head.hash_256, hash(256));
    EXPECT_EQ(flow.head.hash_all, head.empty() ? 0 : hash_bytes(head.data(), head.size()));
}

class StreamHeads : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(parts.allocate(4, {}, false)); }
    ReasonCounters counters;
    LegParts parts{counters};
    std::mt19937_64 random{printed_seed()};
};

TEST_F(StreamHeads, AreThoseOfTheStreamHoweverItWasCutAndWheneverTheyAreTold) {
    for (int round = 0; round < 2000; ++round) {
        const std::string proxy = round % 3 == 0 ? "PROXY TCP4 10.0.0.1 10.0.0.2 1000 443\r\n" : "";
        std::string stream = proxy;
        const std::size_t length = random() % 400;
        for (std::size_t i = 0; i < length; ++i) stream += static_cast<char>('a' + random() % 26);
        ColdFlow flow{};
        std::size_t at = 0;
        bool told = false;
        while (at < stream.size()) {
            const std::size_t size = std::min<std::size_t>(1 + random() % 90, stream.size() - at);
            const std::size_t back = random() % 4 == 0 ? std::min<std::size_t>(at, random() % 20) : 0;  // repeated
            if (random() % 5 == 0)  // from behind a hole: left out
                add_to_head(flow, parts, static_cast<std::uint32_t>(at + size + 1), bytes_of("xyz"));
            const std::string_view piece = std::string_view(stream).substr(at - back, back + size);
            const ProxyHeader found = add_to_head(flow, parts, static_cast<std::uint32_t>(at - back), bytes_of(piece));
            told |= found.state == ProxyHeader::State::found;
            at += size;
            if (random() % 3 != 0 || at < proxy.size()) continue;
            settle_head(flow, parts);
            expect_head(flow, std::string_view(stream).substr(proxy.size(), at - proxy.size()));
        }
        settle_head(flow, parts);
        expect_head(flow, std::string_view(stream).substr(proxy.size()));
        EXPECT_EQ(told, !proxy.empty());
        EXPECT_TRUE(length < 256 || flow.head_buffer == 0) << "given back when the head was complete";
        parts.give_back_stream_buffer(flow.head_buffer);
    }
}

TEST_F(StreamHeads, WithoutABufferStayAsLongAsTheFirstPayload) {
    while (parts.take_stream_buffer() != 0) continue;
    ColdFlow flow{};
    add_to_head(flow, parts, 0, bytes_of("a first payload of some bytes"));
    add_to_head(flow, parts, 29, bytes_of("and more"));
    settle_head(flow, parts);
    expect_head(flow, "a first payload of some bytes");
}

}  // namespace
}  // namespace clew::sensor
