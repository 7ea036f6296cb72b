// SPDX-License-Identifier: Apache-2.0
#include "dataplane/header_ring.h"

#include <gtest/gtest.h>

#include <thread>

namespace clew::sensor {
namespace {

/// A header whose members all follow from one number, so that a torn one shows.
PacketHeader numbered(std::uint64_t n) {
    PacketHeader header;
    header.leg = 1 + n % 3;
    header.time_ns = static_cast<TimeNs>(n);
    header.seq = static_cast<std::uint32_t>(n);
    header.ack = static_cast<std::uint32_t>(n * 7);
    header.tsval = static_cast<std::uint32_t>(n * 11);
    header.window = static_cast<std::uint16_t>(n * 13);
    header.ttl = static_cast<std::uint8_t>(n);
    return header;
}

TEST(HeaderRing, KeepsTheNewestAndSaysWhatIsGone) {
    HeaderRing ring;
    ASSERT_TRUE(ring.allocate(10, false));
    const LegId legs[] = {1, 2, 3};
    std::string partial;
    for (std::uint64_t n = 1; n <= 10; ++n) ring.append(numbered(n));
    EXPECT_EQ(ring.copy(legs, 0, 0, 100, partial).size(), 10u);
    EXPECT_EQ(partial, "");
    ring.append(numbered(11));
    auto headers = ring.copy(legs, 0, 0, 100, partial);
    ASSERT_EQ(headers.size(), 10u);
    EXPECT_EQ(headers.front().time_ns, 2);
    EXPECT_NE(partial.find("no longer holds"), std::string::npos);
    partial.clear();
    headers = ring.copy(std::span(legs).first(1), 4, 9, 100, partial);
    ASSERT_EQ(headers.size(), 2u);
    EXPECT_EQ(headers[0].time_ns, 6);
    EXPECT_EQ(partial, "") << "nothing is missing since `from`";
    EXPECT_EQ(ring.copy(legs, 4, 0, 3, partial).size(), 3u);
    EXPECT_NE(partial, "");
}

TEST(HeaderRing, SizeNullKeepsNothing) {
    HeaderRing ring;
    ASSERT_TRUE(ring.allocate(0, false));
    ring.append(numbered(1));
    std::string partial;
    const LegId leg = 2;
    EXPECT_TRUE(ring.copy({&leg, 1}, 0, 0, 1, partial).empty());
    EXPECT_NE(partial, "");
}

TEST(HeaderRing, AReaderNeverSeesATornHeader) {
    HeaderRing ring;
    ASSERT_TRUE(ring.allocate(4096, false));
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (std::uint64_t n = 1; !stop.load(std::memory_order_relaxed); ++n) ring.append(numbered(n));
    });
    const LegId legs[] = {1, 2, 3};
    std::size_t seen = 0;
    while (seen < 20'000) {
        std::string partial;
        TimeNs before = 0;
        for (const PacketHeader& header : ring.copy(legs, 0, 0, 5000, partial)) {
            ASSERT_EQ(header, numbered(static_cast<std::uint64_t>(header.time_ns)));
            ASSERT_LT(before, header.time_ns);
            before = header.time_ns;
            ++seen;
        }
    }
    stop = true;
    writer.join();
    EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace clew::sensor
