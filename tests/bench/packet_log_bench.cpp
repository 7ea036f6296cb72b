// SPDX-License-Identifier: Apache-2.0
// The packet log: what appending, compressing and storing cost, with the packets of the real captures (CLEW_SHARED or
// ../shared, where present).
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "dataplane/decap.h"
#include "dataplane/source/pcap_file.h"
#include "dataplane/vault/packet_log_writer.h"
#include "dataplane/vault/tap_table.h"

namespace clew::vault {
namespace {

double thread_cpu_ns() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// The captures' packets that are on legs, ready to be appended again and again.
class Captured {
  public:
    Captured() {
        const char* shared = std::getenv("CLEW_SHARED");
        std::error_code ignored;
        const std::filesystem::path folder = std::filesystem::path(shared ? shared : "../shared") / "pcaps";
        for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) read(entry.path());
        for (One& one : all) one.packet.bytes = bytes_.data() + one.at;
    }

    struct One {
        sensor::Packet packet;
        sensor::Decapped decapped;
        sensor::Transport transport;
        std::uint32_t leg;
        std::size_t at;
    };
    std::vector<One> all;
    std::uint32_t leg_count = 0;
    std::uint64_t bytes = 0;

  private:
    void read(const std::string& path) {
        auto file = sensor::PcapFile::open(path, 0);
        if (!file) return;
        std::vector<sensor::Packet> burst(32);
        while (const std::size_t count = (*file)->receive(burst)) {
            for (std::size_t i = 0; i < count; ++i) take(burst[i]);
            (*file)->release();
        }
        leg_count += 50;
    }

    /// Legs are told apart coarsely, by ports: what matters is that a leg's packets lie together.
    void take(const sensor::Packet& packet) {
        One one{packet, sensor::decap(packet, {}), {}, 0, bytes_.size()};
        if (one.decapped.reason != sensor::Reason::none) return;
        if (sensor::parse_transport(packet.bytes, one.decapped, one.transport) != sensor::Reason::none) return;
        one.leg = leg_count + (one.transport.source_port ^ one.transport.destination_port) % 50u;
        bytes_.insert(bytes_.end(), packet.bytes, packet.bytes + packet.captured_length);
        bytes += packet.captured_length;
        all.push_back(one);
    }
    std::vector<std::uint8_t> bytes_;
};

struct Spent {
    double append_ns = 0, encode_ns = 0, store_ms = 0;
    std::uint64_t packets = 0, bytes = 0, stored = 0;
};

/// Appends the captures over and over until `bytes_min` are written.
Spent run(const Captured& captured, std::uint64_t bytes_min, bool to_disk) {
    const std::filesystem::path directory = std::filesystem::temp_directory_path() / "clew-packet-log-bench";
    std::filesystem::remove_all(directory);
    const auto disk = make_real_disk();
    BlockStoreSettings settings;
    settings.directory = directory;
    settings.first_block = encode(TapTable{"bench", {"edge"}});
    auto store = std::move(*BlockStore::open(*disk, settings, packet_log_shape));
    auto log = std::move(*PacketAppender::create({}, captured.leg_count + 50, 1, true));
    PacketBlockEncoder encoder;
    std::vector<std::uint8_t> bytes;
    Spent spent;
    for (std::uint64_t pass = 0; spent.bytes < bytes_min; ++pass) {
        double begin = thread_cpu_ns();
        for (const Captured::One& one : captured.all) {
            const LegId id = leg_id_of(pass << 32 | one.leg, 1);
            log->append(
                one.leg, id, SeenHeader{&one.packet, &one.decapped, &one.transport, 0, 0},
                [id](LegLabel& label) { label = {.id = id, .low = {}, .high = {}, .protocol = 6, .segment = {}}; });
            const OpenPacketBlock* full = log->oldest_full();
            if (!full) continue;
            const double at = thread_cpu_ns();
            bytes.clear();
            encoder.encode(*full, bytes);
            spent.encode_ns += thread_cpu_ns() - at;
            const auto wall = std::chrono::steady_clock::now();
            if (to_disk) store->append(bytes, 1);
            spent.store_ms +=
                std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - wall).count();
            spent.bytes += full->bytes_used();
            spent.stored += bytes.size();
            log->release();
            begin += thread_cpu_ns() - at;
        }
        spent.append_ns += thread_cpu_ns() - begin;
        spent.packets += captured.all.size();
    }
    store.reset();
    std::filesystem::remove_all(directory);
    return spent;
}

std::string ratio_text(const Spent& spent) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", static_cast<double>(spent.bytes) / static_cast<double>(spent.stored));
    return text;
}

void packets(benchmark::State& state, bool to_disk) {
    static const Captured captured;
    if (captured.all.empty()) return state.SkipWithError("there are no captures in ../shared/pcaps");
    Spent spent;
    for (auto _ : state) spent = run(captured, 1'000'000'000, to_disk);
    const double ms = spent.encode_ns / 1e6 + (to_disk ? spent.store_ms : 0);
    state.counters["value"] = static_cast<double>(spent.bytes) / 1e3 / ms;
    state.SetLabel("MB/s; packets of the real captures, sorted, compressed " + ratio_text(spent) + " times (LZ4), " +
                   (to_disk ? "written and synced, wall clock" : "thread CPU time"));
}

void append(benchmark::State& state) {
    static const Captured captured;
    if (captured.all.empty()) return state.SkipWithError("there are no captures in ../shared/pcaps");
    Spent spent;
    for (auto _ : state) spent = run(captured, 500'000'000, false);
    state.counters["value"] = spent.append_ns / static_cast<double>(spent.packets);
    state.SetLabel("ns; a worker's append of a whole packet of the real captures, mean " +
                   std::to_string(captured.bytes / captured.all.size()) + " B, thread CPU time");
}

const bool registered = [] {
    const auto add = [](const char* name, auto run_it) {
        benchmark::RegisterBenchmark(name, run_it)->Iterations(1)->Unit(benchmark::kMillisecond);
    };
    add("vault.packets.mb_per_second.encode", [](benchmark::State& s) { packets(s, false); });
    add("vault.packets.mb_per_second.disk", [](benchmark::State& s) { packets(s, true); });
    add("vault.packets.append_ns", append);
    return true;
}();

}  // namespace
}  // namespace clew::vault
