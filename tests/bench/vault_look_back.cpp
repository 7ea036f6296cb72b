// SPDX-License-Identifier: Apache-2.0
// What a look-back for one connection costs while a vault grows:
//     vault_look_back FOLDER packets GIGABYTES…    both logs, up to so much packet log on disk
//     vault_look_back FOLDER headers MILLIONS…     the header log alone, up to so many million packets
// Fills FOLDER (which must not exist; it is removed at the end) up to each size, in rising order, through the
// sensor's own appenders and writers, closes it, opens it anew, and asks the sensor's look-back service
// (dataplane/header_answers.h) as the control plane does, without the socket between them. Cold: the page cache of the
// machine is dropped before each question where that is allowed, else that of the logs' files. With PEERS=1 in the
// environment tcpdump and tshark are asked for one connection in a capture file of the first packets.
#include <pcap/pcap.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "dataplane/header_answers.h"
#include "dataplane/vault/header_log_writer.h"
#include "dataplane/vault/packet_log_writer.h"
#include "dataplane/vault/tap_table.h"
#include "tests/bench/vault_traffic.h"

namespace clew::vault {
namespace {

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

constexpr std::uint32_t leg_slots = 65'536;
constexpr std::size_t asked_warm = 15, asked_cold = 9;
constexpr std::size_t peer_bytes = 1'000'000'000, slow_peer_bytes = 100'000'000;

std::string captures_folder() {
    const char* shared = std::getenv("CLEW_SHARED");
    return std::string(shared ? shared : "../shared") + "/pcaps";
}

/// The first packets as a capture file, without their tunnels: peers' filters do not look into them.
class PcapCopy {
  public:
    static constexpr std::uint32_t tunnel_bytes = 50;
    PcapCopy(const std::string& path, std::size_t bytes_max)
        : bytes_max_(bytes_max),
          dead_(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO)),
          out_(pcap_dump_open(dead_, path.c_str())) {}
    ~PcapCopy() {
        if (out_) pcap_dump_close(out_);
        pcap_close(dead_);
    }
    void add(const sensor::Packet& packet, std::uint32_t captured) {
        if (!out_ || bytes_ > bytes_max_) return;
        pcap_pkthdr header{};
        header.ts.tv_sec = packet.time_ns / ns_per_s;
        header.ts.tv_usec = packet.time_ns % ns_per_s;
        header.caplen = captured - tunnel_bytes;
        header.len = packet.wire_length - tunnel_bytes;
        pcap_dump(reinterpret_cast<u_char*>(out_), &header, packet.bytes + tunnel_bytes);
        bytes_ += header.caplen + 16;
    }

  private:
    std::size_t bytes_max_;
    pcap_t* dead_;
    pcap_dumper_t* out_;
    std::size_t bytes_ = 0;
};

/// A line of /proc/self/io.
std::uint64_t io_of(const char* name) {
    std::ifstream file("/proc/self/io");
    std::string word;
    for (std::uint64_t value = 0; file >> word >> value;)
        if (word == name) return value;
    return 0;
}

class Bench {
  public:
    Bench(std::string folder, bool packets) : folder_(std::move(folder)), packets_(packets) {
        if (const char* peers = std::getenv("PEERS"); peers && *peers == '1') {
            copies_.push_back(std::make_unique<PcapCopy>(folder_ + "/peer.pcap", peer_bytes));
            copies_.push_back(std::make_unique<PcapCopy>(folder_ + "/slow.pcap", slow_peer_bytes));
        }
    }
    ~Bench() {
        close();
        std::filesystem::remove_all(folder_);
    }

    void run(double size) {
        grow(size);
        ask("look-back, as filled");
        close();
        forget_pages();
        const auto begin = Clock::now();
        open();
        std::printf("    opened anew with cold pages in %.0f ms\n", ms_since(begin));
        first_questions();
        ask("look-back, opened anew");
        close();
        std::fflush(stdout);
    }

    void ask_peers() {
        if (copies_.empty()) return;
        copies_.clear();
        const LegLabel leg = VaultTraffic::label(VaultTraffic::at_a_time + 7);
        const std::string low = to_text(leg.low), high = to_text(leg.high), port = std::to_string(leg.port_low);
        const std::string filter = "host " + low + " and host " + high + " and port " + port;
        peer("tcpdump -n -r " + folder_ + "/peer.pcap '" + filter + "'", folder_ + "/peer.pcap");
        peer("tshark -n -r " + folder_ + "/slow.pcap -Y 'ip.addr==" + low + " && ip.addr==" + high +
                 " && tcp.port==" + port + "'",
             folder_ + "/slow.pcap");
    }

  private:
    std::unique_ptr<BlockStore> open_store(const char* name, const char* suffix, const BlockShape& shape) {
        BlockStoreSettings settings;
        settings.directory = folder_ + "/" + name;
        settings.file_suffix = suffix;
        settings.bytes_max = 1ull << 40;
        settings.first_block = encode(TapTable{"bench", {"edge"}});
        auto store = BlockStore::open(*disk_, settings, shape);
        if (!store) std::fprintf(stderr, "%s\n", store.error().sentence.c_str()), std::exit(1);
        return std::move(*store);
    }

    /// As a sensor starts.
    void open() {
        sensor::VaultLogs logs;
        header_store_ = open_store("headers", ".clvh", header_log_shape);
        HeaderAppenderSettings header_settings;
        header_settings.wait_for_writer = true;
        headers_ = std::move(*HeaderAppender::create(header_settings, leg_slots, 1, true));
        header_writer_ = std::make_unique<HeaderLogWriter>(std::vector{headers_.get()}, *header_store_);
        header_writer_->start();
        logs.header_store = header_store_.get();
        logs.headers = {headers_.get()};
        logs.taps = {"edge"};
        if (packets_) {
            packet_store_ = open_store("packets", ".clvp", packet_log_shape);
            whole_ = std::move(*PacketAppender::create({}, leg_slots, 1, true));
            packet_writer_ = std::make_unique<PacketLogWriter>(std::vector{whole_.get()}, *packet_store_);
            packet_writer_->start();
            logs.packet_store = packet_store_.get();
            logs.packets = {whole_.get()};
        }
        answers_ = std::make_unique<sensor::HeaderAnswers>(std::move(logs));
    }

    void close() {
        answers_.reset();
        if (headers_) headers_->seal();
        if (whole_) whole_->seal();
        header_writer_.reset();
        packet_writer_.reset();
        headers_.reset();
        whole_.reset();
        header_store_.reset();
        packet_store_.reset();
    }

    void grow(double size) {
        open();
        const auto begin = Clock::now();
        const std::uint64_t before = traffic_.count();
        while (packets_ ? static_cast<double>(packet_store_->counters().bytes) < size * 1e9
                        : static_cast<double>(traffic_.count()) < size * 1e6)
            for (int i = 0; i < 65'536; ++i) append(traffic_.next(packets_));
        const double took_ms = ms_since(begin);
        std::printf("%s: %.1f M packets of %.0f bytes, %.0f s of 1 Mpps; the last %.1f M written in %.0f s\n",
                    packets_ ? "both logs" : "the header log", static_cast<double>(traffic_.count()) / 1e6,
                    static_cast<double>(wire_bytes_) / static_cast<double>(traffic_.count()),
                    static_cast<double>(traffic_.count()) / 1e6, static_cast<double>(traffic_.count() - before) / 1e6,
                    took_ms / 1e3);
        report("headers", *header_store_);
        if (packets_) report("packets", *packet_store_);
        std::fflush(stdout);
    }

    void report(const char* name, const BlockStore& store) {
        const BlockStoreCounters counters = store.counters();
        std::printf("    %s: %.2f GB on disk, %.2f bytes a packet, %llu blocks", name,
                    static_cast<double>(counters.bytes) / 1e9,
                    static_cast<double>(counters.bytes) / static_cast<double>(counters.packets),
                    static_cast<unsigned long long>(counters.blocks));
        std::printf(
            ", of it key indexes %.1f MB; keys in memory %.1f MB; both are %.3f %% of the packets' bytes\n",
            static_cast<double>(counters.index_bytes) / 1e6, static_cast<double>(counters.key_bytes) / 1e6,
            100.0 * static_cast<double>(counters.index_bytes + counters.key_bytes) / static_cast<double>(wire_bytes_));
    }

    void append(const TrafficPacket& one) {
        const SeenHeader seen{&one.packet, &one.decapped, &one.transport,
                              static_cast<std::uint8_t>((one.side ? mark_side : 0) | (one.side ? 0 : mark_to_server)),
                              0};
        const LegId id = leg_id_of(one.leg + 1, 1);
        const auto describe = [&one](LegLabel& label) { label = VaultTraffic::label(one.leg); };
        headers_->append(one.leg % leg_slots, id, seen, describe);
        wire_bytes_ += one.packet.wire_length;
        for (auto& copy : copies_)
            copy->add(one.packet, packets_ ? one.packet.captured_length : PcapCopy::tunnel_bytes + 54);
        if (!packets_) return;
        whole_->append(one.leg % leg_slots, id, seen, describe);
        while (whole_->waiting() == 3) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }

    static void forget_pages_of(const std::string& folder) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
            if (!entry.is_regular_file()) continue;
            const int file = ::open(entry.path().c_str(), O_RDONLY);
            fdatasync(file);
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
            ::close(file);
        }
    }
    void forget_pages() {
        sync();
        std::ofstream all("/proc/sys/vm/drop_caches");
        if (!(all << 1 << std::flush)) forget_pages_of(folder_);
    }

    struct Took {
        double first_ms = 0, whole_ms = 0;
        std::uint64_t read_bytes = 0, disk_bytes = 0, packets = 0, reply_bytes = 0;
        std::string partial;
    };

    Took take(const v1::HeaderRequest& request) {
        Took took;
        std::promise<void> done;
        const std::uint64_t read = io_of("rchar:"), disk = io_of("read_bytes:");
        const auto begin = Clock::now();
        answers_->answer(request, [&](const v1::HeaderReply& reply) {
            if (took.first_ms == 0) took.first_ms = ms_since(begin);
            took.reply_bytes += reply.SerializeAsString().size();
            took.packets += static_cast<std::uint64_t>(reply.headers_size());
            took.whole_ms = ms_since(begin);
            if (!reply.last()) return;
            took.partial = reply.partial();
            done.set_value();
        });
        done.get_future().wait();
        took.read_bytes = io_of("rchar:") - read;
        took.disk_bytes = io_of("read_bytes:") - disk;
        return took;
    }

    using Choose = void (*)(const LegLabel& leg, std::uint32_t number, v1::HeaderRequest& request);

    static void add_network(const IpAddress& ip, v1::HeaderRequest& request) {
        v1::NetworkChoice& network = *request.mutable_choice()->add_networks();
        network.set_ip(ip.bytes.data() + 12, 4);
        network.set_bits(32);
    }
    static void by_leg(const LegLabel& leg, std::uint32_t, v1::HeaderRequest& request) { request.add_legs(leg.id); }
    static void by_leg_and_time(const LegLabel& leg, std::uint32_t number, v1::HeaderRequest& request) {
        request.add_legs(leg.id);
        request.set_from_ns(VaultTraffic::begin_of(number));
        request.set_to_ns(VaultTraffic::begin_of(number) + VaultTraffic::leg_time_ns);
    }
    static void by_address(const LegLabel& leg, std::uint32_t, v1::HeaderRequest& request) {
        add_network(leg.low, request);
    }
    static void by_ends(const LegLabel& leg, std::uint32_t, v1::HeaderRequest& request) {
        add_network(leg.low, request);
        add_network(leg.high, request);
        request.mutable_choice()->add_ports(leg.port_low);
        request.mutable_choice()->add_ports(leg.port_high);
    }
    static void by_tunnel(const LegLabel& leg, std::uint32_t, v1::HeaderRequest& request) {
        add_network(leg.low, request);
        request.mutable_choice()->add_layer_ids(leg.segment.layers[0].id);
    }
    static void by_bpf(const LegLabel& leg, std::uint32_t, v1::HeaderRequest& request) {
        add_network(leg.low, request);
        request.set_bpf("host " + to_text(leg.low) + " and tcp port " + std::to_string(leg.port_low));
    }

    struct Way {
        const char* name;
        Choose choose;
    };
    static constexpr Way ways[] = {{"leg, times not told", by_leg},   {"leg and its times", by_leg_and_time},
                                   {"one address", by_address},       {"both addresses and ports", by_ends},
                                   {"VNI and an address", by_tunnel}, {"address and BPF", by_bpf}};

    Took ask_one(const Way& way, std::uint32_t i, std::uint32_t count, bool cold) {
        const std::uint32_t legs = static_cast<std::uint32_t>(traffic_.count() / VaultTraffic::packets_of_leg) - 1000;
        const std::uint32_t number = static_cast<std::uint32_t>(std::uint64_t{legs} * (2 * i + 1) / (2 * count)) + i;
        v1::HeaderRequest request;
        request.set_frames(packets_);
        way.choose(VaultTraffic::label(number), number, request);
        if (cold)
            forget_pages();
        else
            (void)take(request);
        Took took = take(request);
        if (took.packets < VaultTraffic::packets_of_leg || took.packets > 40 * VaultTraffic::packets_of_leg ||
            !took.partial.empty())
            std::printf("        %s: %llu packets found; %s\n", way.name, static_cast<unsigned long long>(took.packets),
                        took.partial.c_str());
        return took;
    }

    void first_questions() {
        const Took took = ask_one(ways[2], 0, 1, true);
        std::printf("    the first question by one address: %.1f ms, %.1f MB read\n", took.whole_ms,
                    static_cast<double>(took.read_bytes) / 1e6);
    }

    void ask(const char* title) {
        std::printf("    %s%42s first packet      whole: median, worst      read    from disk   packets\n", title, "");
        for (const Way& way : ways)
            for (const bool cold : {false, true}) {
                const auto count = static_cast<std::uint32_t>(cold ? asked_cold : asked_warm);
                std::vector<Took> all;
                for (std::uint32_t i = 0; i < count; ++i) all.push_back(ask_one(way, i, count, cold));
                std::sort(all.begin(), all.end(), [](const Took& a, const Took& b) { return a.whole_ms < b.whole_ms; });
                const Took &median = all[count / 2], &worst = all.back();
                std::printf("        %-26s %-5s %18.2f ms %12.2f ms %10.2f ms %8.2f MB %7.2f MB %6llu\n", way.name,
                            cold ? "cold" : "warm", median.first_ms, median.whole_ms, worst.whole_ms,
                            static_cast<double>(median.read_bytes) / 1e6, static_cast<double>(median.disk_bytes) / 1e6,
                            static_cast<unsigned long long>(median.packets));
                std::fflush(stdout);
            }
    }

    static void peer(const std::string& command, const std::string& file) {
        (void)std::system(("cat " + file + " > /dev/null").c_str());  // warm
        const auto begin = Clock::now();
        if (std::system((command + " 2> /dev/null | wc -l | sed 's/^/        packets: /'").c_str()) != 0) return;
        const double took_ms = ms_since(begin);
        const auto bytes = static_cast<double>(std::filesystem::file_size(file));
        std::printf("    %s: %.0f ms for %.2f GB, warm: %.2f s a GB\n", command.substr(0, 7).c_str(), took_ms,
                    bytes / 1e9, took_ms * 1e6 / bytes);
    }

    std::string folder_;
    bool packets_;
    VaultTraffic traffic_{captures_folder()};
    std::vector<std::unique_ptr<PcapCopy>> copies_;
    std::unique_ptr<Disk> disk_ = make_real_disk();
    std::unique_ptr<BlockStore> header_store_, packet_store_;
    std::unique_ptr<HeaderAppender> headers_;
    std::unique_ptr<PacketAppender> whole_;
    std::unique_ptr<HeaderLogWriter> header_writer_;
    std::unique_ptr<PacketLogWriter> packet_writer_;
    std::unique_ptr<sensor::HeaderAnswers> answers_;
    std::uint64_t wire_bytes_ = 0;
};

}  // namespace
}  // namespace clew::vault

int main(int argc, char** argv) {
    const std::string what = argc < 4 ? "" : argv[2];
    if ((what != "packets" && what != "headers") || std::filesystem::exists(argv[1])) {
        std::fprintf(stderr,
                     "usage: vault_look_back FOLDER packets GIGABYTES… | headers MILLIONS…   "
                     "(FOLDER must not exist)\n");
        return 2;
    }
    std::filesystem::create_directories(argv[1]);
    clew::vault::Bench bench(argv[1], what == "packets");
    for (int i = 3; i < argc; ++i) bench.run(std::atof(argv[i]));
    bench.ask_peers();
}
