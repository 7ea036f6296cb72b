// SPDX-License-Identifier: Apache-2.0
// The header log: bytes a packet on real captures (CLEW_SHARED or ../shared, where present), what encoding and
// appending cost.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "cli/merged_captures.h"
#include "dataplane/decap.h"
#include "dataplane/pipeline.h"
#include "dataplane/source/pcap_file.h"
#include "dataplane/vault/header_block.h"
#include "dataplane/vault/header_log_writer.h"
#include "dataplane/vault/header_look_back.h"
#include "dataplane/vault/tap_table.h"
#include "nat-trace/check.h"
#include "tests/dataplane/frames.h"

namespace clew::vault {
namespace {

using sensor::Packet;
using sensor::Pipeline;

double thread_cpu_ns() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

struct NoSink final : sensor::LegSink {
    bool offer(const Leg&) override { return true; }
};

/// All Ethernet captures of the folder as one stream in the order of time, at one tap.
std::vector<cli::TapFile> real_captures() {
    const char* shared = std::getenv("CLEW_SHARED");
    std::vector<cli::TapFile> taps;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(shared ? shared : "../shared") / "pcaps", ignored)) {
        const std::string file = entry.path();
        if (file.find(".pcap") != std::string::npos && sensor::PcapFile::open(file, 0))
            taps.push_back({entry.path().filename(), file, "one"});
    }
    std::sort(taps.begin(), taps.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return taps;
}

struct Measured {
    std::uint64_t packets = 0, bytes = 0;
    double encode_ns = 0, decode_ns = 0;
};

class Measure {
  public:
    Measure(bool whole_us, bool payload_checks, bool tcp_only) : whole_us_(whole_us), tcp_only_(tcp_only) {
        sensor::PipelineSettings settings;
        settings.header_count_max = 0;
        settings.header_log = HeaderAppenderSettings{};
        settings.header_log->block_age_max_ns = INT64_MAX;
        settings.header_log->verify_checksums = true;
        settings.header_log->payload_checks = payload_checks;
        pipeline_ = std::move(*Pipeline::create(settings, sink_));
    }

    Measured run(const std::vector<cli::TapFile>& taps) {
        auto captures = cli::MergedCaptures::open(taps, std::vector<TapId>(taps.size(), 0));
        if (!captures) return {};
        std::vector<Packet> chosen;
        while (captures->advance()) {
            chosen.clear();
            for (Packet packet : captures->take(INT64_MAX)) {
                const auto decapped = sensor::decap(packet, {});
                if (tcp_only_ && (decapped.reason != sensor::Reason::none || decapped.protocol != 6)) continue;
                if (whole_us_) packet.time_ns -= packet.time_ns % 1000;
                chosen.push_back(packet);
            }
            pipeline_->receive(chosen);
            encode_full();
        }
        pipeline_->flush();
        encode_full();
        return measured_;
    }

  private:
    void encode_full() {
        while (const OpenBlock* block = pipeline_->header_log()->oldest_full()) {
            measured_.encode_ns += middle_ns([&] {
                bytes_.clear();
                sorted_.sort(*block);
                encoder_.encode(sorted_, bytes_);
            });
            measured_.bytes += bytes_.size();
            const auto reader = HeaderBlockReader::open(bytes_);
            measured_.packets += reader->head().packet_count;
            measured_.decode_ns += middle_ns([&] { decode(*reader); });
            pipeline_->header_log()->release();
        }
    }

    /// Of five runs: a writer is warm; so is what stands in the middle of them.
    template <class Step>
    static double middle_ns(Step&& step) {
        std::array<double, 5> runs{};
        for (double& run : runs) {
            const double begin = thread_cpu_ns();
            step();
            run = thread_cpu_ns() - begin;
        }
        std::sort(runs.begin(), runs.end());
        return runs[runs.size() / 2];
    }
    static void decode(const HeaderBlockReader& reader) {
        const auto legs = *reader.legs();
        std::uint64_t bytes = 0;
        const auto all = [](const BlockLeg&) { return true; };
        const auto count = [&](const BlockLeg&, const HeaderRecord& record) {
            bytes += record.wire_length;
            return true;
        };
        CLEW_CHECK(reader.packets(legs, all, count));
        benchmark::DoNotOptimize(bytes);
    }

    bool whole_us_, tcp_only_;
    NoSink sink_;
    std::unique_ptr<Pipeline> pipeline_;
    SortedBlock sorted_;
    HeaderBlockEncoder encoder_;
    std::vector<std::uint8_t> bytes_;
    Measured measured_;
};

void bytes_per_packet(benchmark::State& state, bool whole_us, bool payload_checks, bool tcp_only, const char* label) {
    const auto taps = real_captures();
    if (taps.empty()) return state.SkipWithError("there are no captures in ../shared/pcaps");
    Measured measured;
    for (auto _ : state) measured = Measure(whole_us, payload_checks, tcp_only).run(taps);
    state.counters["value"] = static_cast<double>(measured.bytes) / static_cast<double>(measured.packets);
    state.SetLabel("B; " + std::string(label) + ", " + std::to_string(measured.packets) +
                   " packets of the real captures, index and check sums included");
}

void coding_ns(benchmark::State& state, double Measured::*spent_ns, const char* what) {
    const auto taps = real_captures();
    if (taps.empty()) return state.SkipWithError("there are no captures in ../shared/pcaps");
    Measured measured;
    for (auto _ : state) measured = Measure(true, false, true).run(taps);
    state.counters["value"] = measured.*spent_ns / static_cast<double>(measured.packets);
    state.SetLabel("ns; " + std::string(what) + " a packet, TCP, blocks of " + std::to_string(measured.packets) +
                   " packets, the middle of five runs a block, thread CPU time");
}

/// Packets of `leg_count` legs in turn, from memory; blocks are given back unwritten.
void append_ns(benchmark::State& state, std::uint32_t leg_count) {
    namespace frames = sensor::frames;
    frames::Tcp segment;
    segment.flags = frames::ack;
    segment.options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    segment.payload = frames::text(std::string(64, 'x'));
    const auto frame = frames::ethernet(1, 2, 0x0800, frames::ipv4("10.0.0.1", "10.0.0.2", {}, frames::tcp(segment)));
    const Packet packet = frames::packet_of(frame);
    const auto decapped = sensor::decap(packet, {});
    const auto transport = sensor::parse_transport(packet.bytes, decapped);
    auto log = std::move(*HeaderAppender::create({}, leg_count, 1, true));
    constexpr std::uint32_t packet_count = 2'000'000;
    double spent = 0;
    for (auto _ : state) {
        const double begin = thread_cpu_ns();
        for (std::uint32_t i = 0; i < packet_count; ++i) {
            const std::uint32_t leg = (i * 2'654'435'761u) % leg_count;
            log->append(leg, leg + 1, SeenHeader{&packet, &decapped, &transport, 0, 0},
                        [&](LegLabel& label) { label.id = leg + 1; });
            if ((i & 1023) == 0 && log->oldest_full()) log->release();
        }
        spent = thread_cpu_ns() - begin;
    }
    state.counters["value"] = spent / packet_count;
    state.SetLabel("ns; a worker's append, " + std::to_string(leg_count) + " legs, 116 B frames, thread CPU time");
}

/// A store of `packet_count` packets of connections that come and go, 40 packets and about 20 ms each, at 1 Mpps.
class Filled {
  public:
    explicit Filled(std::uint32_t packet_count)
        : directory_(std::filesystem::temp_directory_path() / "clew-vault-bench") {
        namespace frames = sensor::frames;
        std::filesystem::remove_all(directory_);
        BlockStoreSettings settings;
        settings.directory = directory_;
        settings.sync = false;
        store_ = std::move(*BlockStore::open(*disk_, settings, header_log_shape));
        log_ = std::move(*HeaderAppender::create({}, leg_count, 1, true));
        HeaderLogWriter writer({log_.get()}, *store_);
        const auto plain = frames::tcp({.flags = frames::ack, .options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}});
        auto frame = frames::ethernet(1, 2, 0x0800, frames::ipv4("10.0.0.1", "10.0.0.2", {}, plain));
        for (std::uint32_t i = 0; i < packet_count; ++i) {
            const std::uint32_t leg = i % 500 + (i / 20'000) * 500;  // 500 at a time
            Packet packet = frames::packet_of(frame, ns_per_s + i * ns_per_us);
            const std::uint32_t seq = __builtin_bswap32(i);
            std::memcpy(frame.data() + 14 + 20 + 4, &seq, 4);
            packet.bytes = frame.data();
            const auto decapped = sensor::decap(packet, {});
            const auto transport = sensor::parse_transport(packet.bytes, decapped);
            log_->append(leg % leg_count, leg + 1, SeenHeader{&packet, &decapped, &transport, 0, 0},
                         [&](LegLabel& label) {
                             label = {};
                             label.id = leg + 1;
                             label.protocol = 6;
                             label.low = IpAddress::from_v4(leg);
                         });
            while (writer.write_some()) continue;
        }
    }
    ~Filled() { std::filesystem::remove_all(directory_); }

    Answer find(LegId leg, TimeNs from, TimeNs to) const {
        Question question;
        question.choice.legs = {leg};
        question.from = from;
        question.to = to;
        return HeaderLookBack(*store_, {log_.get()}).find(question);
    }
    std::uint64_t bytes() const { return store_->counters().bytes; }

  private:
    static constexpr std::uint32_t leg_count = 65'536;
    std::filesystem::path directory_;
    std::unique_ptr<Disk> disk_ = make_real_disk();
    std::unique_ptr<BlockStore> store_;
    std::unique_ptr<HeaderAppender> log_;
};

/// Wall-clock time from the question to the whole answer, page cache warm.
void look_back_ms(benchmark::State& state, bool with_time) {
    constexpr std::uint32_t packet_count = 4'000'000, leg = 50'123;  // that began about 2 s in
    static const Filled filled(packet_count);
    const TimeNs began = ns_per_s + leg / 500 * 20 * ns_per_ms;
    double spent_ms = 0;
    for (auto _ : state) {
        const auto begin = std::chrono::steady_clock::now();
        const auto answer = filled.find(leg + 1, with_time ? began : 0, with_time ? began + 20 * ns_per_ms : 0);
        spent_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
        if (answer.packets.size() != 40) return state.SkipWithError("the connection's 40 packets were not found");
    }
    state.counters["value"] = spent_ms;
    state.SetLabel("ms; the 40 packets of one connection, its times " + std::string(with_time ? "" : "not ") +
                   "known, out of 4 M packets of 100k connections (" + std::to_string(filled.bytes() >> 20) +
                   " MB), page cache warm");
}

const bool registered = [] {
    const auto add = [](const char* name, auto run) {
        benchmark::RegisterBenchmark(name, run)->Iterations(1)->Unit(benchmark::kMillisecond);
    };
    add("vault.header.bytes_per_packet.us",
        [](benchmark::State& s) { bytes_per_packet(s, true, false, true, "TCP, stamps in us"); });
    add("vault.header.bytes_per_packet.ns",
        [](benchmark::State& s) { bytes_per_packet(s, false, false, true, "TCP, stamps as captured"); });
    add("vault.header.bytes_per_packet.checks",
        [](benchmark::State& s) { bytes_per_packet(s, true, true, true, "TCP, stamps in us, with payload checks"); });
    add("vault.header.bytes_per_packet.all",
        [](benchmark::State& s) { bytes_per_packet(s, true, false, false, "all protocols, stamps in us"); });
    add("vault.header.encode_ns",
        [](benchmark::State& s) { coding_ns(s, &Measured::encode_ns, "sorting and encoding"); });
    add("vault.header.decode_ns",
        [](benchmark::State& s) { coding_ns(s, &Measured::decode_ns, "decoding, its leg's label included,"); });
    add("vault.append_ns.legs_1k", [](benchmark::State& s) { append_ns(s, 1000); });
    add("vault.append_ns.legs_10k", [](benchmark::State& s) { append_ns(s, 10'000); });
    add("vault.look_back_ms.timed", [](benchmark::State& s) { look_back_ms(s, true); });
    add("vault.look_back_ms.untimed", [](benchmark::State& s) { look_back_ms(s, false); });
    return true;
}();

}  // namespace
}  // namespace clew::vault

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
