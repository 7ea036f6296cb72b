// SPDX-License-Identifier: Apache-2.0
// A recording from end to end: the program asks, the control plane passes on, a real sensor keeps packets, and they are
// pulled back. The sensor reads a pipe that this test fills, so that packets come while it runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "controlplane/control_plane.h"
#include "dataplane/sensor.h"
#include "tests/cli/api_fixture.h"
#include "tests/controlplane/memory_store.h"
#include "tests/dataplane/frames.h"

namespace clew::cli {
namespace {

namespace fs = std::filesystem;
namespace frames = sensor::frames;
using testing::HasSubstr;

constexpr std::uint16_t wanted_port = 40001, other_port = 40000;
constexpr std::uint32_t payload_bytes = 500;

bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

/// A capture without an end: packets of two connections in turns, the n-th of each with sequence number n · 500.
class EndlessCapture {
  public:
    explicit EndlessCapture(const std::string& path) {
        EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
        pipe_ = open(path.c_str(), O_RDWR | O_CLOEXEC);  // so that the reader finds its first bytes
        pcap_file_header header{};
        header.magic = 0xa1b2c3d4;
        header.version_major = 2;
        header.version_minor = 4;
        header.snaplen = 65535;
        header.linktype = DLT_EN10MB;
        write_all(&header, sizeof header);
        writer_ = std::thread([this] {
            for (; !stop_; ++count_) {
                write_packet(other_port);
                write_packet(wanted_port);
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            close(pipe_);
        });
    }
    ~EndlessCapture() { end(); }
    void end() {
        stop_ = true;
        if (writer_.joinable()) writer_.join();
    }
    std::uint32_t count() const { return count_; }

  private:
    void write_all(const void* bytes, std::size_t size) {
        EXPECT_EQ(write(pipe_, bytes, size), static_cast<ssize_t>(size));
    }
    void write_packet(std::uint16_t port) {
        const auto segment = frames::tcp({.source = port,
                                          .destination = 80,
                                          .seq = count_ * payload_bytes,
                                          .flags = frames::ack,
                                          .payload = frames::text(std::string(payload_bytes, 'x'))});
        const auto frame = frames::ethernet(1, 2, 0x0800, frames::ipv4("10.0.0.1", "10.0.0.2", {}, segment));
        std::uint32_t record[4] = {static_cast<std::uint32_t>(sample_time_ns / ns_per_s), count_ % 1'000'000,
                                   static_cast<std::uint32_t>(frame.size()), static_cast<std::uint32_t>(frame.size())};
        std::vector<std::uint8_t> bytes(sizeof record);
        std::memcpy(bytes.data(), record, sizeof record);
        bytes.insert(bytes.end(), frame.begin(), frame.end());
        write_all(bytes.data(), bytes.size());
    }
    int pipe_ = -1;
    std::atomic<std::uint32_t> count_{0};
    std::atomic<bool> stop_{false};
    std::thread writer_;
};

/// What a pulled pcapng has of a port.
struct Pulled {
    std::uint32_t all = 0, whole = 0;
    std::uint32_t last = 0, last_whole = 0;  ///< numbers of packets
};

class RecordingTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "clew-recording-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        control::ControlConfig config;
        config.wire.endpoint = "ipc://" + directory_ + "/wire.sock";
        config.api_port = 0;
        auto plane = control::ControlPlane::start(
            config, std::make_unique<control::MemoryStore>(std::make_shared<control::Memory>()));
        ASSERT_TRUE(plane) << plane.error().sentence;
        plane_ = std::move(*plane);
        capture_ = std::make_unique<EndlessCapture>(directory_ + "/edge.pcap");
        std::ofstream(directory_ + "/sensor.yaml")
            << "program: sensor\nobserver: sensor-a\nclock: a\ntaps:\n  - {name: edge, source: \"pcap:" << directory_
            << "/edge.pcap\"}\ncontrol: {endpoint: \"" << config.wire.endpoint
            << "\"}\nspool: {directory: " << directory_ << "/spool}\nvault:\n  directory: " << directory_
            << "/vault\n  packets: {on_demand: true}\n";
        const auto sensor_config = sensor::load_sensor_config(directory_ + "/sensor.yaml");
        ASSERT_TRUE(sensor_config) << sensor_config.error().sentence;
        std::vector<std::string> remarks;
        auto started = sensor::Sensor::start(*sensor_config, remarks);
        ASSERT_TRUE(started) << started.error().sentence;
        sensor_ = std::move(*started);
    }
    void TearDown() override {
        if (capture_) capture_->end();
        if (sensor_) sensor_->stop();
        sensor_.reset();
        plane_.reset();
        fs::remove_all(directory_);
    }

    Outcome clew(std::vector<std::string> words) {
        words.push_back("--api");
        words.push_back("http://127.0.0.1:" + std::to_string(plane_->api_port()));
        return run(std::move(words));
    }
    Pulled pull(std::uint16_t port) {
        const std::string file = directory_ + "/out.pcapng";
        const Outcome outcome =
            clew({"pcap", "--vault", "--since", "1d", "-w", file, "tcp.port", "==", std::to_string(port)});
        Pulled pulled;
        char message[PCAP_ERRBUF_SIZE] = "";
        pcap_t* capture = outcome.code == 0 || outcome.code == 4 ? pcap_open_offline(file.c_str(), message) : nullptr;
        pcap_pkthdr* header = nullptr;
        const u_char* bytes = nullptr;
        while (capture && pcap_next_ex(capture, &header, &bytes) == 1) {
            std::uint32_t seq = 0;
            std::memcpy(&seq, bytes + 14 + 20 + 4, sizeof seq);
            const std::uint32_t number = __builtin_bswap32(seq) / payload_bytes;
            ++pulled.all;
            pulled.last = std::max(pulled.last, number);
            if (header->caplen != header->len) continue;
            ++pulled.whole;
            pulled.last_whole = std::max(pulled.last_whole, number);
        }
        if (capture) pcap_close(capture);
        return pulled;
    }

    std::string directory_;
    std::unique_ptr<control::ControlPlane> plane_;
    std::unique_ptr<EndlessCapture> capture_;
    std::unique_ptr<sensor::Sensor> sensor_;
};

TEST_F(RecordingTest, IsMadeEndedEarlyAndPulledBack) {
    ASSERT_TRUE(eventually([this] { return pull(wanted_port).all > 0; }));
    EXPECT_EQ(pull(wanted_port).whole, 0u) << "nothing is kept but recordings";
    const Outcome made = clew({"vault", "record", "tcp port 40001", "--for", "10m"});
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_THAT(made.out, HasSubstr("sensor-a records until "));
    ASSERT_THAT(made.err, HasSubstr("recording "));
    const std::string id = made.err.substr(made.err.find("recording ") + 10, 8);
    ASSERT_TRUE(eventually([this] { return pull(wanted_port).whole > 20; }));
    EXPECT_EQ(pull(other_port).whole, 0u);
    EXPECT_GT(pull(other_port).all, 20u);
    EXPECT_TRUE(eventually([&] { return clew({"vault", "status"}).out.find("(" + id + ")") != std::string::npos; }));

    const Outcome ended = clew({"vault", "record", "--end", id});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out, "sensor-a has ended it; what it kept stays\n");
    const std::uint32_t in_hand = 300;  // packets that may be on their way
    const std::uint32_t end = capture_->count() + in_hand;
    ASSERT_TRUE(eventually([&] { return pull(wanted_port).last > end + in_hand; }));
    const Pulled after = pull(wanted_port);
    EXPECT_GT(after.whole, 20u);
    EXPECT_LT(after.last_whole, end);
    EXPECT_EQ(clew({"vault", "record", "--end", id}).code, 3);
    EXPECT_TRUE(eventually([&] { return clew({"vault", "status"}).out.find("(" + id + ")") == std::string::npos; }));
}

}  // namespace
}  // namespace clew::cli
