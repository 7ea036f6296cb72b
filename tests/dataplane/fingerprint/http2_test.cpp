// SPDX-License-Identifier: Apache-2.0
// HTTP/2 streams as the simulator writes them, cut at random, repeated, with holes, cut short by the capture.
#include "dataplane/fingerprint/http2.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/dataplane/seed.h"
#include "tests/sim/corpus/hpack.h"

namespace clew::sensor {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Told {
    std::string method, uri, host, request_id, traceparent;
    bool operator==(const Told&) const = default;
};

/// The heads that `captured` of `sent` bytes complete.
void read(Http2Reader& reader, std::uint32_t offset, std::string_view captured, std::size_t sent,
          std::vector<Told>& out) {
    std::span<const std::uint8_t> bytes = bytes_of(captured);
    reader.arrive(offset, bytes, static_cast<std::uint32_t>(sent));
    HpackText text;
    HttpHead head;
    while (reader.next(bytes, text, head))
        out.push_back({std::string(head.method), std::string(head.uri), std::string(head.host),
                       std::string(head.request_id), std::string(head.traceparent)});
    reader.miss(static_cast<std::uint32_t>(sent - captured.size()));
}

struct Written {
    std::string stream;
    std::vector<Told> told;
};

Written write_requests(corpus::Rng& rng, std::size_t count) {
    Written out;
    corpus::HpackWriter writer(rng.fork());
    out.stream = corpus::client_preface(rng);
    for (std::size_t i = 0; i < count; ++i) {
        const Told told{rng.chance(0.5) ? "GET" : "POST", rng.chance(0.3) ? "/" : "/p" + std::to_string(rng.below(4)),
                        rng.chance(0.5) ? "a.example" : "b.example:8080", rng.hex(20), "00-" + rng.hex(50)};
        corpus::Fields fields{{":method", told.method},  {":scheme", "http"},
                              {":authority", told.host}, {":path", told.uri},
                              {"user-agent", "t\\1"},    {"x-request-id", told.request_id},
                              {"te", "trailers"},        {"traceparent", told.traceparent}};
        out.stream += corpus::message(writer, static_cast<std::uint32_t>(2 * i + 1), fields,
                                      rng.bytes(rng.chance(0.5) ? 0 : rng.below(3000)));
        out.told.push_back(told);
    }
    return out;
}

Http2Reader begun() {
    Http2Reader reader;
    reader.pass_by(static_cast<std::uint32_t>(http2_preface.size()));
    return reader;
}

TEST(Http2, TellsEveryRequestHoweverTheStreamIsCut) {
    corpus::Rng rng(printed_seed());
    for (int round = 0; round < 500; ++round) {
        const Written w = write_requests(rng, 1 + rng.below(6));
        Http2Reader reader = begun();
        std::vector<Told> told;
        for (std::size_t at = 0; at < w.stream.size();) {
            const std::size_t size =
                std::min<std::size_t>(1 + rng.below(rng.chance(0.5) ? 40 : 1500), w.stream.size() - at);
            const std::size_t again = rng.chance(0.2) ? std::min<std::size_t>(at, rng.below(30)) : 0;
            read(reader, static_cast<std::uint32_t>(at - again),
                 std::string_view(w.stream).substr(at - again, size + again), size + again, told);
            at += size;
        }
        EXPECT_FALSE(reader.has_stopped());
        ASSERT_EQ(told, w.told) << "round " << round;
    }
}

TEST(Http2, WhatWasNotSeenEndsTheReadingAndNothingWrongIsTold) {
    corpus::Rng rng(printed_seed());
    for (int round = 0; round < 500; ++round) {
        const Written w = write_requests(rng, 4);
        Http2Reader reader = begun();
        std::vector<Told> told;
        for (std::size_t at = 0; at < w.stream.size();) {
            const std::size_t size = std::min<std::size_t>(1 + rng.below(400), w.stream.size() - at);
            const std::size_t captured = rng.chance(0.1) ? rng.below(size + 1) : size;
            if (rng.chance(0.95))
                read(reader, static_cast<std::uint32_t>(at), std::string_view(w.stream).substr(at, captured), size,
                     told);
            at += size;
        }
        ASSERT_LE(told.size(), w.told.size());
        for (std::size_t i = 0; i < told.size(); ++i) ASSERT_EQ(told[i], w.told[i]) << "round " << round;
    }
}

TEST(Http2, ABodyThatWasCapturedInPartIsPassedBy) {
    corpus::Rng rng(1);
    corpus::HpackWriter writer(rng.fork());
    const auto request = [&](std::uint32_t stream, const std::string& body) {
        return corpus::message(writer, stream,
                               {{":method", "POST"}, {":path", "/"}, {":authority", "h"}, {"x-request-id", "1"}}, body);
    };
    const std::string first = corpus::client_preface(rng) + request(1, std::string(1000, 'b'));
    Http2Reader reader = begun();
    std::vector<Told> told;
    read(reader, 0, std::string_view(first).substr(0, first.size() - 500), first.size(), told);
    read(reader, static_cast<std::uint32_t>(first.size()), request(3, ""), request(3, "").size(), told);
    EXPECT_EQ(told.size(), 2u);
}

TEST(Http2, HeadersThatGoOnInAnotherFrameEndTheReading) {
    Http2Reader reader;
    std::vector<Told> told;
    const std::string cut = corpus::frame(1, 0, 1, "\x82"), whole = corpus::frame(1, corpus::end_headers, 3, "\x82");
    read(reader, 0, cut + whole, cut.size() + whole.size(), told);
    EXPECT_TRUE(reader.has_stopped());
    EXPECT_TRUE(told.empty());
}

TEST(Http2, PaddingAndPriorityArePassedBy) {
    Http2Reader reader;
    std::vector<Told> told;
    const std::string block = std::string("\x03\0\0\0\x05\x10", 6) + "\x82\x84\x41\x01h" + std::string(3, '\0');
    const std::string whole = corpus::frame(1, corpus::end_headers | 0x08 | 0x20, 1, block);
    read(reader, 0, whole, whole.size(), told);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].host, "h");
    const std::string bad = corpus::frame(1, corpus::end_headers | 0x08, 1, std::string("\x09\x82", 2));
    read(reader, static_cast<std::uint32_t>(whole.size()), bad, bad.size(), told);
    EXPECT_TRUE(reader.has_stopped());
}

}  // namespace
}  // namespace clew::sensor
