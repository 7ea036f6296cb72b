// SPDX-License-Identifier: Apache-2.0
// What a look-back for one connection costs while the packet log grows: packet_log_growth FOLDER GIGABYTES…
// Fills FOLDER (which must not exist; it is removed at the end) up to each size, in rising order, and prints a line:
// bytes on disk, blocks, index, packets written a second, and the median and the worst of 15 look-backs with warm and
// with cold pages. FOLDER.pcap gets the first gigabyte of the same packets, to be read by others.
#include <pcap/pcap.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/merged_captures.h"
#include "dataplane/decap.h"
#include "dataplane/source/pcap_file.h"
#include "dataplane/vault/packet_log_writer.h"
#include "dataplane/vault/packet_look_back.h"
#include "dataplane/vault/tap_table.h"
#include "tests/dataplane/frames.h"

namespace clew::vault {
namespace {

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

constexpr std::uint32_t at_a_time = 500, packets_of_leg = 40;  // 20 ms a connection at 1 Mpps
constexpr std::size_t pcap_bytes_max = 1'000'000'000;

/// Bytes to cut payloads from: those of the real captures, or noise that compresses to a half.
std::vector<std::uint8_t> payload_pool() {
    std::vector<std::uint8_t> pool;
    const char* shared = std::getenv("CLEW_SHARED");
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(shared ? shared : "../shared") / "pcaps", ignored)) {
        auto file = sensor::PcapFile::open(entry.path(), 0);
        if (!file) continue;
        std::vector<sensor::Packet> burst(32);
        while (const std::size_t count = (*file)->receive(burst)) {
            for (std::size_t i = 0; i < count; ++i)
                if (burst[i].captured_length > 200)
                    pool.insert(pool.end(), burst[i].bytes + 54, burst[i].bytes + burst[i].captured_length);
            (*file)->release();
        }
    }
    std::uint32_t noise = 1;
    while (pool.size() < (4u << 20))
        pool.push_back(static_cast<std::uint8_t>((noise = noise * 1664525 + 1013904223) >> 28));
    return pool;
}

class Traffic {
  public:
    Traffic() : pool_(payload_pool()) {
        const auto inner = sensor::frames::ethernet(
            1, 2, 0x0800,
            sensor::frames::ipv4("10.0.0.1", "10.0.0.2", {}, sensor::frames::tcp({.flags = sensor::frames::ack})));
        frame_ = sensor::frames::ethernet(
            3, 4, 0x0800,
            sensor::frames::ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17},
                                 sensor::frames::udp(5000, 4789, sensor::frames::vxlan(7, inner))));
        head_ = frame_.size();
        frame_.resize(head_ + 1400);
    }

    static std::uint32_t leg_of(std::uint64_t n) {
        return static_cast<std::uint32_t>(n % at_a_time + n / (at_a_time * packets_of_leg) * at_a_time);
    }
    static LegLabel label(std::uint32_t leg) {
        LegLabel label;
        label.id = leg_id_of(leg + 1, 1);
        label.low = IpAddress::from_v4(0x0a000000 + leg);
        label.high = IpAddress::from_v4(0xc0a80001);
        label.port_low = static_cast<std::uint16_t>(1024 + leg % 60'000);
        label.port_high = 443;
        label.protocol = 6;
        label.segment.layer_count = 1;
        label.segment.layers[0].type = LayerType::vxlan;
        label.segment.layers[0].has_id = true;
        label.segment.layers[0].id = leg % 1000;
        return label;
    }

    /// Packet n. Its bytes stay until the next.
    sensor::Packet packet(std::uint64_t n) {
        const std::uint32_t leg = leg_of(n);
        const std::size_t ip = head_ - 40;
        put32(ip + 12, 0x0a000000 + leg);
        frame_[head_ - 20] = static_cast<std::uint8_t>((1024 + leg % 60'000) >> 8);
        frame_[head_ - 19] = static_cast<std::uint8_t>(1024 + leg % 60'000);
        put32(head_ - 16, static_cast<std::uint32_t>(n));
        const std::uint64_t random = n * 0x9e37'79b9'7f4a'7c15ull >> 20;
        const std::size_t length = n % 3 == 0 ? 0 : 200 + random % 1200;
        frame_[ip + 2] = static_cast<std::uint8_t>((40 + length) >> 8);
        frame_[ip + 3] = static_cast<std::uint8_t>(40 + length);
        std::memcpy(frame_.data() + head_, pool_.data() + random * 7 % (pool_.size() - length), length);
        sensor::Packet packet = sensor::frames::packet_of(frame_, ns_per_s + static_cast<TimeNs>(n) * ns_per_us);
        packet.captured_length = packet.wire_length = static_cast<std::uint32_t>(head_ + length);
        return packet;
    }

  private:
    void put32(std::size_t at, std::uint32_t value) {
        value = __builtin_bswap32(value);
        std::memcpy(frame_.data() + at, &value, sizeof value);
    }
    std::vector<std::uint8_t> pool_;
    sensor::frames::Bytes frame_;
    std::size_t head_ = 0;
};

class PcapCopy {
  public:
    explicit PcapCopy(const std::string& path)
        : dead_(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO)),
          out_(pcap_dump_open(dead_, path.c_str())) {}
    ~PcapCopy() {
        if (out_) pcap_dump_close(out_);
        pcap_close(dead_);
    }
    void add(const sensor::Packet& packet) {
        if (!out_ || bytes_ > pcap_bytes_max) return;
        pcap_pkthdr header{};
        header.ts.tv_sec = packet.time_ns / ns_per_s;
        header.ts.tv_usec = packet.time_ns % ns_per_s;
        header.caplen = header.len = packet.captured_length;
        pcap_dump(reinterpret_cast<u_char*>(out_), &header, packet.bytes);
        bytes_ += packet.captured_length + 16;
    }

  private:
    pcap_t* dead_;
    pcap_dumper_t* out_;
    std::size_t bytes_ = 0;
};

void forget_pages(const std::string& directory) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        const int file = open(entry.path().c_str(), O_RDONLY);
        fdatasync(file);
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        close(file);
    }
}

class Growth {
  public:
    explicit Growth(std::string directory) : directory_(std::move(directory)), copy_(directory_ + ".pcap") {
        BlockStoreSettings settings;
        settings.directory = directory_;
        settings.file_suffix = ".clvp";
        settings.bytes_max = 1ull << 40;
        settings.first_block = encode(TapTable{"bench", {"edge"}});
        store_ = std::move(*BlockStore::open(*disk_, settings, packet_log_shape));
        log_ = std::move(*PacketAppender::create({}, leg_slots, 1, true));
        writer_ = std::make_unique<PacketLogWriter>(std::vector{log_.get()}, *store_);
    }
    ~Growth() { std::filesystem::remove_all(directory_); }

    void grow(std::uint64_t bytes) {
        const auto begin = Clock::now();
        const std::uint64_t before = store_->counters().raw_bytes;
        while (bytes_ < bytes) {
            for (int i = 0; i < 10'000; ++i) append(next_++);
            while (writer_->write_some()) bytes_ = store_->counters().bytes;
        }
        const BlockStoreCounters counters = store_->counters();
        std::printf(
            "%6.2f GB on disk, %5.2f GB raw (%.2f x), %llu blocks, filters %.3f %% of the packets' bytes, "
            "filled at %.0f MB/s, one thread, synced\n",
            static_cast<double>(bytes_) / 1e9, static_cast<double>(counters.raw_bytes) / 1e9,
            static_cast<double>(counters.raw_bytes) / static_cast<double>(bytes_),
            static_cast<unsigned long long>(counters.blocks),
            100.0 * static_cast<double>(counters.filter_bytes) / static_cast<double>(counters.raw_bytes),
            static_cast<double>(counters.raw_bytes - before) / 1e3 / ms_since(begin));
        std::printf("        index with labels and chunk tables %.3f %%\n", index_share());
        ask("address, warm", false, [](std::uint32_t leg, Question& question) {
            question.choice.networks = {{Traffic::label(leg).low, 128}};
        });
        ask("address, cold", true, [](std::uint32_t leg, Question& question) {
            question.choice.networks = {{Traffic::label(leg).low, 128}};
        });
        ask("tunnel id and port, warm", false, [](std::uint32_t leg, Question& question) {
            question.choice.layer_ids = {leg % 1000};
            question.choice.ports = {Traffic::label(leg).port_low};
            question.from = ns_per_s + static_cast<TimeNs>(leg / at_a_time) * 20 * ns_per_ms;
            question.to = question.from + 20 * ns_per_ms;
        });
        std::fflush(stdout);
    }

  private:
    static constexpr std::uint32_t leg_slots = 65'536;

    void append(std::uint64_t n) {
        const sensor::Packet packet = traffic_.packet(n);
        copy_.add(packet);
        const auto decapped = sensor::decap(packet, {});
        const auto transport = sensor::parse_transport(packet.bytes, decapped);
        const std::uint32_t leg = Traffic::leg_of(n);
        log_->append(leg % leg_slots, leg_id_of(leg + 1, 1), SeenHeader{&packet, &decapped, &transport, 0, 0},
                     [leg](LegLabel& label) { label = Traffic::label(leg); });
        while (log_->waiting() == 3) writer_->write_some();
    }

    /// Fronts of all blocks, in percent of the packets' bytes.
    double index_share() const {
        std::uint64_t fronts = 0, raw = 0;
        for (const StoredBlock& block : store_->find(0, 0)) {
            const auto head = store_->read(block, 0, sizeof(PacketBlockHead));
            fronts += PacketBlockReader::front_bytes(*head);
            raw += block.raw_bytes;
        }
        return 100.0 * static_cast<double>(fronts) / static_cast<double>(raw);
    }

    template <class Choose>
    void ask(const char* what, bool cold, Choose&& choose) {
        const PacketLookBack look_back(*store_, {log_.get()}, {"edge"});
        const std::uint32_t legs = Traffic::leg_of(next_ - 1) - 2 * at_a_time;
        std::vector<double> times;
        for (std::uint32_t i = 0; i < 15; ++i) {
            if (cold) forget_pages(directory_);
            Question question;
            choose(legs / 16 * (i + 1), question);
            const auto begin = Clock::now();
            const Answer answer = look_back.find(question);
            times.push_back(ms_since(begin));
            if (answer.packets.size() != packets_of_leg)
                std::printf("        %s: %zu packets found, not %u\n", what, answer.packets.size(), packets_of_leg);
        }
        std::sort(times.begin(), times.end());
        std::printf("        one connection by %s: median %.2f ms, worst %.2f ms\n", what, times[7], times[14]);
    }

    std::string directory_;
    Traffic traffic_;
    PcapCopy copy_;
    std::unique_ptr<Disk> disk_ = make_real_disk();
    std::unique_ptr<BlockStore> store_;
    std::unique_ptr<PacketAppender> log_;
    std::unique_ptr<PacketLogWriter> writer_;
    std::uint64_t next_ = 0, bytes_ = 0;
};

}  // namespace
}  // namespace clew::vault

int main(int argc, char** argv) {
    if (argc < 3 || std::filesystem::exists(argv[1])) {
        std::fprintf(stderr, "usage: packet_log_growth FOLDER GIGABYTES…   (FOLDER must not exist)\n");
        return 2;
    }
    clew::vault::Growth growth(argv[1]);
    for (int i = 2; i < argc; ++i) growth.grow(static_cast<std::uint64_t>(std::atof(argv[i]) * 1e9));
}
