// SPDX-License-Identifier: Apache-2.0
#include "wire/bpf_program.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace clew::wire {
namespace {

constexpr std::size_t shown_bytes_max = 60;

// Of pcap-filter(7); "icmp-…", "icmp6-…" and "tcp-…" beside them.
constexpr std::array<std::string_view, 104> keywords = {
    "aarp",      "addr1",      "addr2",     "addr3",     "addr4",    "address1",   "address2",  "address3", "address4",
    "ah",        "and",        "arp",       "atalk",     "bcc",      "bicc",       "broadcast", "byte",     "carp",
    "clnp",      "connectmsg", "csnp",      "decnet",    "dir",      "direction",  "dpc",       "dst",      "es-is",
    "esis",      "esp",        "ether",     "fddi",      "fisu",     "gateway",    "geneve",    "greater",  "host",
    "icmp",      "icmp6",      "icmp6code", "icmp6type", "icmpcode", "icmptype",   "ifindex",   "ifname",   "igmp",
    "igrp",      "iih",        "inbound",   "ip",        "ip6",      "ipx",        "is-is",     "isis",     "iso",
    "l1",        "l2",         "lane",      "lat",       "len",      "length",     "less",      "link",     "llc",
    "lsp",       "lssu",       "mask",      "metac",     "mopdl",    "moprc",      "mpls",      "msu",      "multicast",
    "net",       "netbeui",    "not",       "on",        "opc",      "or",         "outbound",  "pim",      "port",
    "portrange", "ppp",        "pppoed",    "pppoes",    "proto",    "protochain", "psnp",      "ra",       "radio",
    "rarp",      "sca",        "sctp",      "slip",      "snp",      "src",        "stp",       "subtype",  "ta",
    "tcp",       "tcpflags",   "tr",        "type",      "udp"};
constexpr std::array<std::string_view, 6> more_keywords = {"vlan", "vpi", "vci", "vrrp", "wlan", "vxlan"};
constexpr std::array<std::string_view, 4> before_local_names = {"port", "portrange", "proto", "protochain"};

template <std::size_t Size>
bool is_one_of(std::string_view word, const std::array<std::string_view, Size>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_of_word(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-'; }

bool is_number_or_address(std::string_view word) {
    if (word.starts_with("0x")) return word.find_first_not_of("0123456789abcdefABCDEF", 2) == word.npos;
    const bool hex = word.find(':') != word.npos || word.find('-') != word.npos;
    return word.find_first_not_of(hex ? "0123456789abcdefABCDEF.:-" : "0123456789.") == word.npos;
}

bool is_keyword(std::string_view word) {
    return is_one_of(word, keywords) || is_one_of(word, more_keywords) || word.starts_with("icmp-") ||
           word.starts_with("icmp6-") || word.starts_with("tcp-");
}

/// The first word that libpcap would ask a name server for; empty when there is none.
std::string_view name_in(std::string_view expression) {
    std::string_view before;
    for (std::size_t at = 0; at < expression.size();) {
        std::size_t end = at;
        while (end < expression.size() && is_of_word(expression[end])) ++end;
        const std::string_view word = expression.substr(at, end - at);
        at = std::max(end, at + 1);
        if (word.empty()) continue;
        if (!is_number_or_address(word) && !is_keyword(word) && !is_one_of(before, before_local_names)) return word;
        before = word;
    }
    return {};
}

std::string shown(std::string_view text) {
    std::string result(text.substr(0, shown_bytes_max));
    for (char& c : result)
        if (c < 0x20 || c > 0x7e) c = '?';
    return result;
}

}  // namespace

BpfProgram::BpfProgram() : program_(std::make_unique<bpf_program>()) {}

BpfProgram::~BpfProgram() { pcap_freecode(program_.get()); }

Result<std::shared_ptr<const BpfProgram>> BpfProgram::compile(const std::string& expression, BpfOn on) {
    if (expression.find('\0') != std::string::npos)
        return fail(ErrorKind::usage, "a capture filter has no byte of value 0");
    if (const std::string_view name = name_in(expression); !name.empty())
        return fail(ErrorKind::usage, "'" + shown(name) + "' in the capture filter '" + shown(expression) +
                                          "' is no word of pcap-filter(7); hosts and networks are written as numbers");
    constexpr int frame_bytes_max = 65'535, optimize = 1;
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> pcap(
        pcap_open_dead(on == BpfOn::ethernet ? DLT_EN10MB : DLT_RAW, frame_bytes_max), pcap_close);
    if (!pcap) return fail(ErrorKind::failed, "there is no memory to compile the capture filter");
    std::shared_ptr<BpfProgram> program(new BpfProgram);
    if (pcap_compile(pcap.get(), program->program_.get(), expression.c_str(), optimize, PCAP_NETMASK_UNKNOWN) == 0)
        return program;
    return fail(ErrorKind::usage,
                "'" + shown(expression) + "' is no capture filter (pcap-filter(7)): " + pcap_geterr(pcap.get()));
}

bool BpfProgram::takes(std::span<const std::uint8_t> bytes, std::uint32_t wire_length) const {
    return bpf_filter(program_->bf_insns, bytes.data(), wire_length, static_cast<u_int>(bytes.size())) != 0;
}

}  // namespace clew::wire
