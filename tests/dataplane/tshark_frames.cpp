// SPDX-License-Identifier: Apache-2.0
#include "tests/dataplane/tshark_frames.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include "dataplane/bytes.h"

namespace clew::sensor {
namespace {

constexpr const char* fields[] = {"frame.protocols",  "eth.src",          "eth.dst",          "vlan.id",
                                  "ieee8021ad.id",    "ip.src",           "ip.dst",           "ip.proto",
                                  "ip.frag_offset",   "ipv6.src",         "ipv6.dst",         "ipv6.fraghdr.offset",
                                  "tcp.srcport",      "tcp.dstport",      "udp.srcport",      "udp.dstport",
                                  "vxlan.vni",        "geneve.vni",       "gre.key",          "gre.flags.key",
                                  "gre.key.call_id",  "erspan.spanid",    "gtp.teid",         "gtp.message",
                                  "mpls.label",       "mpls.bottom",      "nsh.spi",          "pppoe.session_id",
                                  "ipv6.nxt",         "ieee8021ah.isid",  "ipv6.hopopts.nxt", "ipv6.dstopts.nxt",
                                  "ipv6.routing.nxt", "ipv6.fraghdr.nxt", "ah.next_header",   "ieee8021ah.csrc",
                                  "ieee8021ah.cdst",  "l2tp.tunnel",      "l2tp.session"};

/// Headers between an IP header and its payload, and the field that says what follows.
constexpr std::pair<const char*, const char*> extensions[] = {{"ipv6.hopopts", "ipv6.hopopts.nxt"},
                                                              {"ipv6.dstopts", "ipv6.dstopts.nxt"},
                                                              {"ipv6.routing", "ipv6.routing.nxt"},
                                                              {"ipv6.fraghdr", "ipv6.fraghdr.nxt"},
                                                              {"ah", "ah.next_header"}};

std::vector<std::string> split(const std::string& text, char stop) {
    std::vector<std::string> words;
    std::istringstream stream(text);
    for (std::string word; std::getline(stream, word, stop);) words.push_back(word);
    return words;
}

/// One frame's fields; every value is taken once, in the order of the layers.
class Dissected {
  public:
    explicit Dissected(const std::string& line) {
        const auto columns = split(line, '|');
        for (std::size_t i = 0; i < std::size(fields) && i < columns.size(); ++i)
            values_[fields[i]] = split(columns[i], ',');
    }
    std::vector<std::string> protocols() { return split(take("frame.protocols"), ':'); }
    bool has(const char* field) const {
        const auto found = values_.find(field);
        return found != values_.end() && taken(field) < found->second.size();
    }
    std::string take(const char* field) {
        if (!has(field)) return {};
        return values_[field][taken_[field]++];
    }
    std::string number(const char* field) {
        const std::string text = take(field);
        return text.empty() ? text : std::to_string(std::strtoul(text.c_str(), nullptr, 0));
    }

  private:
    std::size_t taken(const char* field) const {
        const auto found = taken_.find(field);
        return found == taken_.end() ? 0 : found->second;
    }
    std::map<std::string, std::vector<std::string>> values_;
    std::map<std::string, std::size_t> taken_;
};

/// Walks tshark's list of protocols as decap walks the bytes.
class Walker {
  public:
    explicit Walker(const std::string& line) : frame_(line) {
        words_.protocols = line.substr(0, line.find('|'));
        protocols_ = frame_.protocols();
    }

    FrameWords walk() {
        for (at_ = 0; at_ < protocols_.size() && step(protocols_[at_]);) ++at_;
        if (!source_.empty())
            words_.inner = source_ + source_port_ + ">" + destination_ + destination_port_ +
                           (fragment_ ? " fragment" : " " + protocol_);
        return words_;
    }

  private:
    std::string next(std::size_t ahead = 1) const {
        return at_ + ahead < protocols_.size() ? protocols_[at_ + ahead] : std::string();
    }
    void layer(const std::string& name, const std::string& id = {}, bool ends = true) {
        if (!words_.stack.empty()) words_.stack += " / ";
        words_.stack += name;
        if (!id.empty()) words_.stack += " " + id;
        if (ends) words_.stack += " " + source_ + ">" + destination_;
        if (ends) source_.clear();
    }

    /// False: this is the innermost.
    bool step(const std::string& name) {
        if (name == "eth" || name == "ieee8021ah") return ethernet(name == "ieee8021ah");
        if (name == "vlan" || name == "ieee8021ad") {
            const std::string id = frame_.number(name == "vlan" ? "vlan.id" : "ieee8021ad.id");
            if (id != "0") layer("vlan", id, false);
            return true;
        }
        if (name == "ip" || name == "ipv6") return ip(name == "ipv6");
        if (name == "gre") return gre();
        if (name == "mpls") return mpls();
        if (name == "udp") return udp();
        if (name == "l2tp") return l2tp();
        if (name == "etherip") return layer("etherip"), true;
        if (name == "nsh") return layer("nsh", frame_.number("nsh.spi"), false), true;
        if (name == "pppoes") return layer("pppoe", frame_.number("pppoe.session_id"), false), true;
        if (name == "tcp") return ports("tcp"), false;
        for (const auto& [header, following] : extensions) {
            if (name != header) continue;
            protocol_ = frame_.take(following);
            routed_ |= name == "ipv6.routing";
            return true;
        }
        for (const char* skipped : {"sll", "raw", "null", "chdlc", "vntag", "cmd", "ethertype", "llc", "ppp",
                                    "pwethheuristic", "pwethcw", "pwethnocw"})
            if (name == skipped) return true;
        return false;
    }

    /// An IP header that stands directly before another one, or before Ethernet, is a tunnel's.
    void tunnel_without_header(const char* name) {
        if (!source_.empty()) layer(routed_ ? "srv6" : name);
        routed_ = false;
    }

    bool ethernet(bool backbone) {
        tunnel_without_header("etherip");
        if (backbone) layer("pbb", frame_.number("ieee8021ah.isid"), false);
        words_.mac = frame_.take(backbone ? "ieee8021ah.csrc" : "eth.src");
        words_.mac += ">" + frame_.take(backbone ? "ieee8021ah.cdst" : "eth.dst");
        return true;
    }

    bool ip(bool v6) {
        tunnel_without_header("ipip");
        source_ = frame_.take(v6 ? "ipv6.src" : "ip.src");
        destination_ = frame_.take(v6 ? "ipv6.dst" : "ip.dst");
        protocol_ = frame_.take(v6 ? "ipv6.nxt" : "ip.proto");
        if (v6 && frame_.has("ipv6.fraghdr.offset")) fragment_ = frame_.number("ipv6.fraghdr.offset") != "0";
        if (!v6) fragment_ = frame_.number("ip.frag_offset") != "0";
        return !fragment_;
    }

    bool gre() {
        const bool key = frame_.take("gre.flags.key") == "1";
        if (next() == "erspan") {
            layer("erspan", frame_.number("erspan.spanid"));
            ++at_;
        } else if (frame_.has("gre.key.call_id")) {
            layer("pptp", frame_.number("gre.key.call_id"));
        } else {
            layer("gre", key ? frame_.number("gre.key") : "");
        }
        return true;
    }

    bool mpls() {
        for (bool bottom = false; !bottom && frame_.has("mpls.label");) {
            layer("mpls", frame_.number("mpls.label"), !source_.empty());
            bottom = frame_.take("mpls.bottom") == "1";
        }
        return true;
    }

    /// Version 2, the one that tshark reads on from without being told how long a cookie is.
    bool l2tp() {
        if (!frame_.has("l2tp.tunnel")) return false;
        const std::uint64_t tunnel = std::stoull(frame_.number("l2tp.tunnel"));
        const std::uint64_t session = std::stoull(frame_.number("l2tp.session"));
        layer("l2tp", std::to_string(tunnel << 16 | session));
        return true;
    }

    bool udp() {
        const std::string inside = next();
        const bool gtp = inside == "gtp" && frame_.has("gtp.message") && frame_.number("gtp.message") == "255";
        const bool vxlan = frame_.has("vxlan.vni");  // GPE is not among the protocols' names
        const bool bare = inside == "gre" || inside == "mpls" || inside == "l2tp";
        if (!gtp && !vxlan && !bare && inside != "geneve") return ports("udp"), false;
        frame_.take("udp.srcport");
        frame_.take("udp.dstport");
        if (gtp) layer("gtp", frame_.number("gtp.teid"));
        if (vxlan) layer("vxlan", frame_.number("vxlan.vni"));
        if (inside == "geneve") layer("geneve", frame_.number("geneve.vni"));
        if (inside == "gtp" || inside == "vxlan" || inside == "geneve") ++at_;
        return true;
    }

    void ports(const std::string& protocol) {
        source_port_ = " " + frame_.take((protocol + ".srcport").c_str());
        destination_port_ = " " + frame_.take((protocol + ".dstport").c_str());
        protocol_ = protocol == "tcp" ? "6" : "17";
    }

    Dissected frame_;
    FrameWords words_;
    std::vector<std::string> protocols_;
    std::size_t at_ = 0;
    std::string source_, destination_, protocol_, source_port_, destination_port_;
    bool fragment_ = false;
    bool routed_ = false;
};

std::string address(const std::uint8_t* at, bool v6) {
    return to_text(v6 ? IpAddress::from_v6_bytes(at) : IpAddress::from_v4_bytes(at));
}

std::string ends(const std::uint8_t* at, bool v6) { return address(at, v6) + ">" + address(at + (v6 ? 16 : 4), v6); }

}  // namespace

bool tshark_is_there() { return std::system("tshark --version > /dev/null 2>&1") == 0; }

MergedCapture::MergedCapture(int linktype)
    : path_(testing::TempDir() + "clew-tshark-" + std::to_string(getpid()) + "-" + std::to_string(linktype) + ".pcap"),
      capture_(pcap_open_dead(linktype, 262'144)),
      file_(pcap_dump_open(capture_, path_.c_str())) {}

MergedCapture::~MergedCapture() {
    if (file_) pcap_dump_close(file_);
    pcap_close(capture_);
    std::filesystem::remove(path_);
}

void MergedCapture::add(const Packet& packet) {
    pcap_pkthdr header{};
    header.caplen = packet.captured_length;
    header.len = packet.wire_length;
    header.ts.tv_sec = packet.time_ns / ns_per_s;
    header.ts.tv_usec = packet.time_ns % ns_per_s / 1000;
    pcap_dump(reinterpret_cast<u_char*>(file_), &header, packet.bytes);
}

std::vector<FrameWords> MergedCapture::dissected() {
    pcap_dump_close(file_);
    file_ = nullptr;
    std::string command =
        "tshark -n -r '" + path_ +
        "' -T fields -E separator='|' -E occurrence=a -E aggregator=, -o ip.defragment:FALSE "
        "-o ipv6.defragment:FALSE -o tcp.desegment_tcp_streams:FALSE -o gtp.dissect_tpdu_as:'TPDU Heuristic'";
    for (const char* field : fields) command += std::string(" -e ") + field;
    FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
    std::vector<FrameWords> frames;
    if (!pipe) return frames;
    char* line = nullptr;
    std::size_t room = 0;
    while (getline(&line, &room, pipe) > 0) {
        std::string text(line);
        while (!text.empty() && text.back() == '\n') text.pop_back();
        frames.push_back(Walker(text).walk());
    }
    std::free(line);
    if (pclose(pipe) != 0) frames.clear();
    return frames;
}

FrameWords frame_by_decap(const Packet& packet, const DecapSettings& settings) {
    const Decapped found = decap(packet, settings);
    FrameWords words;
    for (unsigned i = 0; i < found.layer_count; ++i) {
        const FoundLayer& layer = found.layers[i];
        words.stack += (i == 0 ? "" : " / ") + std::string(to_text(layer.type));
        if (layer.has_id) words.stack += " " + std::to_string(layer.id);
        if (layer.ends_offset != 0) words.stack += " " + ends(packet.bytes + layer.ends_offset, layer.ends_v6);
    }
    if (found.has_mac) {
        const std::uint8_t* mac = packet.bytes + found.mac_offset;
        MacAddress source, destination;
        std::copy_n(mac, 6, destination.bytes.begin());
        std::copy_n(mac + 6, 6, source.bytes.begin());
        words.mac = to_text(source) + ">" + to_text(destination);
    }
    const bool later = found.reason == Reason::ip_fragments_later;
    if (found.reason != Reason::none && !later) {
        words.protocols = reason_name(found.reason);
        return words;
    }
    const std::uint8_t* at = packet.bytes + found.addresses_offset;
    const std::uint8_t* transport = packet.bytes + found.transport_offset;
    const bool ported = (found.protocol == 6 && found.end_offset - found.transport_offset >= 20) ||
                        (found.protocol == 17 && found.end_offset - found.transport_offset >= 8);
    const auto port = [&](unsigned n) {
        return ported && !later ? " " + std::to_string(load_be16(transport + 2 * n)) : std::string();
    };
    words.inner = address(at, found.v6) + port(0) + ">" + address(at + (found.v6 ? 16 : 4), found.v6) + port(1) +
                  (later ? " fragment" : " " + std::to_string(found.protocol));
    return words;
}

}  // namespace clew::sensor
