// SPDX-License-Identifier: Apache-2.0
// TCP analysis against Wireshark's, packet by packet, on real captures that nobody here wrote (CLEW_SHARED or
// ../shared, and tshark). docs/TCP_ANALYSIS.md explains what differs; CLEW_EXPLAIN=1 prints every packet that does.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>

#include "dataplane/bytes.h"
#include "dataplane/source/pcap_file.h"
#include "dataplane/tcp_analysis.h"
#include "dataplane/tcp_flow.h"

namespace clew::sensor {
namespace {

struct Name {
    const char* field;
    std::uint32_t note;
};
constexpr std::array<Name, 8> names = {{{"tcp.analysis.retransmission", tcp_retransmission},
                                        {"tcp.analysis.fast_retransmission", tcp_fast_retransmission},
                                        {"tcp.analysis.spurious_retransmission", tcp_spurious_retransmission},
                                        {"tcp.analysis.out_of_order", tcp_out_of_order},
                                        {"tcp.analysis.duplicate_ack", tcp_duplicate_ack},
                                        {"tcp.analysis.zero_window", tcp_zero_window},
                                        {"tcp.analysis.window_full", tcp_window_full},
                                        {"tcp.analysis.keep_alive", tcp_keep_alive}}};
constexpr std::uint32_t compared_notes = 0xff;

/// What tshark says of one frame.
struct Verdict {
    long stream = -1;  ///< not TCP, or of a kind that this comparison cannot judge
    std::uint32_t notes = 0;
    double initial_rtt = -1;
};

std::string text_of(std::uint32_t notes) {
    std::string text;
    for (const Name& name : names)
        if (notes & name.note) text += std::string(text.empty() ? "" : "+") + (name.field + 13);
    return text.empty() ? "nothing" : text;
}

/// The TCP header that tshark analyses last must be the innermost packet's: no errors that quote one.
bool is_plain(const std::string& stack) {
    for (const char* strange : {"icmp", "teredo", "capwap", "esp", "ieee80211", ":raw"})
        if (stack.find(strange) != std::string::npos) return false;
    const std::size_t tcp = stack.find(":tcp");
    return stack.starts_with("eth:") && tcp != std::string::npos && stack.find(":tcp", tcp + 1) == std::string::npos;
}

std::vector<Verdict> by_tshark(const std::string& path) {
    std::string command = "tshark -r '" + path +
                          "' -T fields -E separator='|' -E occurrence=f -o ip.defragment:FALSE "
                          "-e frame.protocols -e tcp.stream -e tcp.analysis.initial_rtt";
    for (const Name& name : names) command += std::string(" -e ") + name.field;
    FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
    std::vector<Verdict> verdicts;
    char line[4096];
    while (pipe && std::fgets(line, sizeof line, pipe)) {
        std::istringstream words(line);
        std::array<std::string, 3 + names.size()> field;
        for (std::string& word : field) {
            std::getline(words, word, '|');
            while (!word.empty() && word.back() < ' ') word.pop_back();
        }
        Verdict verdict;
        if (is_plain(field[0]) && !field[1].empty()) verdict.stream = std::strtol(field[1].c_str(), nullptr, 10);
        if (!field[2].empty()) verdict.initial_rtt = std::strtod(field[2].c_str(), nullptr);
        for (std::size_t i = 0; i < names.size(); ++i)
            if (!field[3 + i].empty()) verdict.notes |= names[i].note;
        // The other two kinds are retransmissions by its words as well.
        if (verdict.notes & (tcp_fast_retransmission | tcp_spurious_retransmission))
            verdict.notes &= ~tcp_retransmission;
        verdicts.push_back(verdict);
    }
    if (pipe) pclose(pipe);
    return verdicts;
}

/// One of tshark's streams, analysed by us.
class Stream {
  public:
    Stream() {
        hot_.protocol = static_cast<std::uint8_t>(Protocol::tcp);
        for (HotFlow& flow : hot_.flows) flow.tcp_bits = tcp_scale_unknown;
    }

    std::uint32_t add(const Packet& packet, const Decapped& decapped, const Transport& transport, Side side) {
        if (transport.flags & tcp_syn) hot_.set_client((transport.flags & tcp_ack) ? side ^ 1 : side, ClientBy::syn);
        const SeenSegment seen{&transport, packet.bytes, packet.time_ns, decapped.ip_id, decapped.ttl, side};
        SegmentFindings found;
        if (!follow_plain(hot_, transport, side, packet.time_ns, found))
            found = look_closely(hot_, {handshake_, tcp_, parts_}, seen);
        ++hot_.flows[side].packets;
        hot_.times[side] = packet.time_ns;
        hot_.flows[side].last_ttl = decapped.ttl;
        hot_.flows[side].last_ip_id = decapped.ip_id;
        note_flags(hot_, side, transport);
        return found.notes & compared_notes;
    }
    double initial_rtt() const { return handshake_.whole == 0 ? -1 : static_cast<double>(handshake_.whole) * 1e-9; }

  private:
    HotLeg hot_{};
    ReasonCounters counters_;
    LegParts parts_{counters_};
    TcpHandshake handshake_{};
    TcpLeg tcp_{};
};

/// Which side of its stream a packet is of: the addresses' order, then the ports'.
Side side_of(const Packet& packet, const Decapped& decapped, const Transport& transport) {
    const std::uint8_t* at = packet.bytes + decapped.addresses_offset;
    const int order = decapped.v6 ? compare_addresses<16>(at, at + 16) : compare_addresses<4>(at, at + 4);
    return order > 0 || (order == 0 && transport.source_port > transport.destination_port) ? 1 : 0;
}

struct Tally {
    std::uint64_t packets = 0, same = 0, rtts = 0, rtts_same = 0, noted = 0;
    std::map<std::string, std::uint64_t> differences;
};

void compare(const std::string& path, PcapFile& file, Tally& tally) {
    const bool explain = std::getenv("CLEW_EXPLAIN") != nullptr;
    const std::vector<Verdict> verdicts = by_tshark(path);
    std::map<long, std::unique_ptr<Stream>> streams;
    std::array<Packet, burst_packet_count_max> burst;
    std::size_t frame = 0;
    while (!file.at_end()) {
        const std::size_t count = file.receive(burst);
        for (std::size_t i = 0; i < count && frame < verdicts.size(); ++i, ++frame) {
            const Verdict& theirs = verdicts[frame];
            if (theirs.stream < 0) continue;
            const Decapped decapped = decap(burst[i], {});
            if (decapped.reason != Reason::none || decapped.protocol != static_cast<std::uint8_t>(Protocol::tcp))
                continue;
            const Transport transport = parse_transport(burst[i].bytes, decapped);
            if (transport.reason != Reason::none) continue;
            auto& stream = streams[theirs.stream];
            if (!stream) stream = std::make_unique<Stream>();
            const std::uint32_t ours =
                stream->add(burst[i], decapped, transport, side_of(burst[i], decapped, transport));
            ++tally.packets;
            tally.noted += theirs.notes != 0;
            const bool same = ours == theirs.notes;
            tally.same += same;
            const std::string words = "tshark " + text_of(theirs.notes) + ", clew " + text_of(ours);
            if (!same) ++tally.differences[words];
            if (!same && explain) std::printf("%s frame %zu: %s\n", path.c_str(), frame + 1, words.c_str());
            if (theirs.initial_rtt < 0) continue;
            ++tally.rtts;
            const bool rtt_same = std::abs(stream->initial_rtt() - theirs.initial_rtt) < 2e-6;
            tally.rtts_same += rtt_same;
            if (!rtt_same) ++tally.differences["initial RTT"];
            if (!rtt_same && explain)
                std::printf("%s frame %zu: initial RTT %.9f, clew %.9f\n", path.c_str(), frame + 1, theirs.initial_rtt,
                            stream->initial_rtt());
        }
        file.release();
    }
}

TEST(TcpAnalysis, AgreesWithWiresharkOnRealCaptures) {
    const char* given = std::getenv("CLEW_SHARED");
    const std::filesystem::path folder = std::filesystem::path(given ? given : "../shared") / "pcaps";
    if (!std::filesystem::is_directory(folder))
        GTEST_SKIP() << "SKIPPED: no captures at " << folder << "; set CLEW_SHARED";
    if (std::system("tshark --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "SKIPPED: tshark is not installed";
    Tally tally;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (!entry.path().extension().string().starts_with(".pcap")) continue;
        auto file = PcapFile::open(entry.path(), 0);
        if (file) compare(entry.path(), **file, tally);
    }
    std::printf(
        "%lu TCP packets compared, %lu with a note by tshark, %lu the same; initial RTT the same in %lu of %lu\n",
        tally.packets, tally.noted, tally.same, tally.rtts_same, tally.rtts);
    for (const auto& [words, count] : tally.differences) std::printf("%8lu  %s\n", count, words.c_str());
    EXPECT_GT(tally.packets, 1000u);
    EXPECT_GE(static_cast<double>(tally.same), 0.99 * static_cast<double>(tally.packets));
    EXPECT_GE(static_cast<double>(tally.rtts_same), 0.99 * static_cast<double>(tally.rtts));
}

}  // namespace
}  // namespace clew::sensor
