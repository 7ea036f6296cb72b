// SPDX-License-Identifier: Apache-2.0
#include "dataplane/source/pcap_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <thread>

#include "tests/dataplane/frames.h"

namespace clew::sensor {
namespace {

using frames::Bytes;

void le32(Bytes& to, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) to.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

Bytes file_header(bool nanoseconds, std::uint32_t linktype = 1) {
    Bytes file;
    le32(file, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
    le32(file, 0x00040002);
    le32(file, 0);
    le32(file, 0);
    le32(file, 65535);
    le32(file, linktype);
    return file;
}

void add_packet(Bytes& file, std::uint32_t seconds, std::uint32_t fraction, const Bytes& bytes,
                std::uint32_t wire_length) {
    le32(file, seconds);
    le32(file, fraction);
    le32(file, static_cast<std::uint32_t>(bytes.size()));
    le32(file, wire_length);
    file.insert(file.end(), bytes.begin(), bytes.end());
}

/// One file for all tests of this process, gone with it.
struct TestFile {
    const std::string path = ::testing::TempDir() + "pcap_file_test." + std::to_string(getpid()) + ".pcap";
    ~TestFile() { std::remove(path.c_str()); }
};

const std::string& written(const Bytes& bytes) {
    static const TestFile file;
    std::ofstream(file.path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return file.path;
}

std::string refusal(const Bytes& bytes) {
    const auto file = PcapFile::open(written(bytes), 0);
    return file ? "opened" : file.error().sentence;
}

std::size_t read_all(PcapFile& file) {
    std::array<Packet, 64> burst;
    std::size_t seen = 0;
    while (!file.at_end()) seen += file.receive(burst);
    return seen;
}

TEST(PcapFile, NanosecondAndMicrosecondStampsAreExact) {
    for (const bool nanoseconds : {true, false}) {
        Bytes bytes = file_header(nanoseconds);
        for (std::uint32_t i = 0; i < 200; ++i)
            add_packet(bytes, 1'700'000'000, i, Bytes(60 + i, static_cast<std::uint8_t>(i)), 2000);
        auto file = PcapFile::open(written(bytes), 3);
        ASSERT_TRUE(file) << file.error().sentence;
        std::array<Packet, 64> burst;
        std::uint32_t seen = 0;
        while (!(*file)->at_end()) {
            const std::size_t count = (*file)->receive(burst);
            for (std::size_t i = 0; i < count; ++i, ++seen) {
                EXPECT_EQ(burst[i].time_ns, 1'700'000'000 * ns_per_s + seen * (nanoseconds ? 1 : 1000));
                EXPECT_EQ(burst[i].captured_length, 60 + seen);
                EXPECT_EQ(burst[i].bytes[0], static_cast<std::uint8_t>(seen));
                EXPECT_EQ(burst[i].wire_length, 2000u);
                EXPECT_EQ(burst[i].tap, 3);
                EXPECT_EQ(burst[i].time_source, TimeSource::file);
            }
            (*file)->release();
        }
        EXPECT_EQ(seen, 200u);
        EXPECT_EQ((*file)->error_sentence(), "");
        EXPECT_EQ((*file)->counters().packets, 200u);
    }
}

TEST(PcapFile, BurstsOfBigPacketsStayWithinTheBuffer) {
    Bytes bytes = file_header(true);
    for (int i = 0; i < 50; ++i) add_packet(bytes, 1, 0, Bytes(65535, 7), 65535);
    auto file = PcapFile::open(written(bytes), 0);
    ASSERT_TRUE(file);
    const std::size_t seen = read_all(**file);
    EXPECT_EQ(seen, 50u);
}

/// The same packets three ways: by records of this byte order, of the other one, and by libpcap alone (from a pipe,
/// which cannot be looked at before it is read).
TEST(PcapFile, ByteOrdersAndPipesGiveTheSamePackets) {
    constexpr std::uint32_t count = 5000;  // more than one block of the reader
    const auto swap_words = [](const Bytes& from, std::size_t at, std::size_t words, Bytes& to) {
        for (std::size_t w = 0; w < words; ++w)
            for (std::size_t i = 4; i-- > 0;) to.push_back(from[at + 4 * w + i]);
    };
    Bytes plain = file_header(false), swapped;
    swap_words(plain, 0, 6, swapped);
    std::swap_ranges(swapped.begin() + 4, swapped.begin() + 6, swapped.begin() + 6);  // two 16-bit words
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t at = plain.size();
        add_packet(plain, 1'700'000'000 + i, i, Bytes(i % 1500, static_cast<std::uint8_t>(i)), 1600);
        swap_words(plain, at, 4, swapped);
        swapped.insert(swapped.end(), plain.begin() + static_cast<std::ptrdiff_t>(at) + 16, plain.end());
    }
    const auto digest_of = [](const std::string& path) {
        auto file = PcapFile::open(path, 0);
        if (!file) return file.error().sentence;
        std::string all;
        std::array<Packet, 64> burst;
        while (!(*file)->at_end()) {
            const std::size_t got = (*file)->receive(burst);
            for (std::size_t i = 0; i < got; ++i) {
                all += std::to_string(burst[i].time_ns) + "/" + std::to_string(burst[i].wire_length) + ":";
                all.append(reinterpret_cast<const char*>(burst[i].bytes), burst[i].captured_length);
            }
            (*file)->release();
        }
        return all + (*file)->error_sentence() + std::to_string((*file)->counters().packets);
    };
    const std::string expected = digest_of(written(plain));
    EXPECT_TRUE(expected.ends_with(std::to_string(count)));
    EXPECT_TRUE(digest_of(written(swapped)) == expected);
    const std::string pipe = ::testing::TempDir() + "pcap_file_test." + std::to_string(getpid()) + ".fifo";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    std::thread writer([&] {
        std::ofstream(pipe, std::ios::binary)
            .write(reinterpret_cast<const char*>(plain.data()), static_cast<std::streamsize>(plain.size()));
    });
    EXPECT_TRUE(digest_of(pipe) == expected);
    writer.join();
    unlink(pipe.c_str());
}

TEST(PcapFile, ALengthThatNoPacketHasEndsTheFileWithASentence) {
    Bytes bytes = file_header(true);
    add_packet(bytes, 1, 0, Bytes(60, 1), 60);
    le32(bytes, 1);
    le32(bytes, 0);
    le32(bytes, 1u << 20);
    le32(bytes, 1u << 20);
    bytes.resize(bytes.size() + (2u << 20));
    auto file = PcapFile::open(written(bytes), 0);
    ASSERT_TRUE(file);
    const std::size_t seen = read_all(**file);
    EXPECT_EQ(seen, 1u);
    EXPECT_NE((*file)->error_sentence().find("damaged"), std::string::npos) << (*file)->error_sentence();
    EXPECT_EQ((*file)->counters().errors, 1u);
}

TEST(PcapFile, WhatIsNoCaptureIsOneSentence) {
    EXPECT_NE(refusal({}).find("empty"), std::string::npos);
    EXPECT_NE(refusal(frames::text("hello, this is no capture file at all")).find("no readable capture"),
              std::string::npos);
    EXPECT_NE(refusal({0xd4, 0xc3}).find("no readable capture"), std::string::npos);
    EXPECT_NE(refusal(file_header(true, 105)).find("linktype IEEE802_11"), std::string::npos);
    const auto none = PcapFile::open("/nonexistent/x.pcap", 0);
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().sentence.find("/nonexistent/x.pcap"), std::string::npos);
    EXPECT_FALSE(PcapFile::open("/tmp", 0));
}

TEST(PcapFile, ATruncatedFileGivesWhatItHasAndSaysSo) {
    Bytes bytes = file_header(true);
    add_packet(bytes, 1, 0, Bytes(60, 1), 60);
    add_packet(bytes, 1, 0, Bytes(60, 1), 60);
    bytes.resize(bytes.size() - 10);
    auto file = PcapFile::open(written(bytes), 0);
    ASSERT_TRUE(file);
    const std::size_t seen = read_all(**file);
    EXPECT_EQ(seen, 1u);
    EXPECT_NE((*file)->error_sentence().find("cannot be read beyond its packet 1"), std::string::npos)
        << (*file)->error_sentence();
}

TEST(PcapFile, LinkTypesAreTold) {
    const std::pair<std::uint32_t, LinkType> types[] = {{1, LinkType::ethernet},
                                                        {101, LinkType::raw_ip},
                                                        {113, LinkType::linux_cooked},
                                                        {276, LinkType::linux_cooked_2}};
    for (const auto& [number, link] : types) {
        Bytes bytes = file_header(true, number);
        add_packet(bytes, 1, 0, Bytes(60, 1), 60);
        auto file = PcapFile::open(written(bytes), 0);
        ASSERT_TRUE(file) << number;
        std::array<Packet, 4> burst;
        ASSERT_EQ((*file)->receive(burst), 1u);
        EXPECT_EQ(burst[0].link, link);
    }
}

TEST(PcapFile, AFileWithoutPacketsIsAtItsEnd) {
    auto file = PcapFile::open(written(file_header(true)), 0);
    ASSERT_TRUE(file);
    std::array<Packet, 4> burst;
    EXPECT_EQ((*file)->receive(burst), 0u);
    EXPECT_TRUE((*file)->at_end());
    EXPECT_EQ((*file)->error_sentence(), "");
}

}  // namespace
}  // namespace clew::sensor
