// SPDX-License-Identifier: Apache-2.0
#include "controlplane/tcp_digests.h"

#include <gtest/gtest.h>

#include "wire/convert.h"

namespace clew::control {
namespace {

Leg leg_of(LegId id, std::uint32_t duplicate_acks, DurationNs handshake) {
    Leg leg;
    leg.id = id;
    leg.tcp.flows[0].duplicate_acks = duplicate_acks;
    leg.tcp.flows[1].zero_windows = 2;
    leg.tcp.handshake = handshake;
    return leg;
}

v1::Path path_of(std::initializer_list<LegId> ids) {
    v1::Path path;
    for (const LegId id : ids) path.add_legs()->set_leg_id(wire::id_text(id));
    return path;
}

TEST(TcpDigests, OfEachFigureThatOfTheTapThatSawMost) {
    TcpDigests digests(100);
    digests.take(leg_of(1, 3, 10));
    digests.take(leg_of(2, 1, 40));
    digests.take(leg_of(1, 2, 0));  // an older report that comes late
    v1::Path path = path_of({1, 2, 9});
    digests.fill(path);
    EXPECT_EQ(path.tcp().duplicate_acks(), 3u);
    EXPECT_EQ(path.tcp().zero_windows(), 2u);
    EXPECT_EQ(path.tcp().initial_rtt_ns(), 40);
}

TEST(TcpDigests, WhatNoTapToldIsAbsentNotZero) {
    TcpDigests digests(100);
    Leg socket = leg_of(1, 1, 1);
    socket.observer = Observer::socket;
    Leg datagrams = leg_of(2, 1, 1);
    datagrams.protocol = Protocol::udp;
    digests.take(socket);
    digests.take(datagrams);
    v1::Path path = path_of({1, 2});
    digests.fill(path);
    EXPECT_FALSE(path.has_tcp());
    digests.take(leg_of(2, 0, 0));
    digests.fill(path);
    EXPECT_TRUE(path.has_tcp());
}

TEST(TcpDigests, AreBoundedAndForgetTheLegsNotReportedForLongest) {
    constexpr std::size_t most = 100;
    TcpDigests digests(most);
    for (LegId id = 1; id <= 1000; ++id) {
        digests.take(leg_of(id, 1, 1));
        digests.take(leg_of(7, 5, 1));  // lives on
        EXPECT_LE(digests.size(), most + 2);
    }
    v1::Path living = path_of({7}), gone = path_of({8}), fresh = path_of({1000});
    for (v1::Path* path : {&living, &gone, &fresh}) digests.fill(*path);
    EXPECT_EQ(living.tcp().duplicate_acks(), 5u);
    EXPECT_TRUE(fresh.has_tcp());
    EXPECT_FALSE(gone.has_tcp());
}

}  // namespace
}  // namespace clew::control
