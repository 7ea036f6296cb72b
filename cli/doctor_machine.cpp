// SPDX-License-Identifier: Apache-2.0
// The checks of this machine: processor, memory, rights, BPF, interfaces, clock, store library.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/path_view.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

namespace fs = std::filesystem;

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// The rest of the first line that begins with `key`, without the blanks before it.
std::optional<std::string> field(const std::string& text, std::string_view key) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.compare(0, key.size(), key) != 0) continue;
        const std::size_t begin = line.find_first_not_of(" \t:", key.size());
        return begin == std::string::npos ? "" : line.substr(begin);
    }
    return std::nullopt;
}

std::uint64_t number_in(const std::optional<std::string>& text, int base = 10) {
    return text ? std::strtoull(text->c_str(), nullptr, base) : 0;
}

Finding check_processor(const std::string& root) {
    const std::string cpu = read_text(root + "/proc/cpuinfo");
    const std::string flags = " " + field(cpu, "flags").value_or("") + " ";
    std::size_t count = 0;
    for (std::size_t at = 0; (at = cpu.find("processor\t", at)) != std::string::npos; ++at) ++count;
    const std::string text = std::to_string(count) + (count == 1 ? " processor" : " processors");
    if (flags.find(" avx2 ") == std::string::npos)
        return {Verdict::bad, "processor", text + " without AVX2",
                "run Clew on a machine of 2013 or later (x86-64-v3); the programs are built for it"};
    if (count < 2)
        return {Verdict::warning, "processor", text + ", AVX2",
                "give the sensor a processor of its own: its worker polls, and shares this one with all else"};
    return {Verdict::ok, "processor", text + ", AVX2", ""};
}

Finding check_memory(const std::string& root) {
    const std::uint64_t available = number_in(field(read_text(root + "/proc/meminfo"), "MemAvailable:")) * 1024;
    constexpr std::uint64_t wanted = 3ull << 30;
    const std::string text = bytes_text(available) + " available";
    if (available < wanted)
        return {Verdict::warning, "memory", text,
                "free some, or lower memory.mb (sensor), engine.leg_count_max and store.memory_bytes_max (control)"};
    return {Verdict::ok, "memory", text, ""};
}

Finding check_huge_pages(const std::string& root) {
    const std::string memory = read_text(root + "/proc/meminfo");
    const std::uint64_t total = number_in(field(memory, "HugePages_Total:"));
    const std::uint64_t available = number_in(field(memory, "HugePages_Free:"));
    const std::string size = field(memory, "Hugepagesize:").value_or("?");
    if (total == 0)
        return {Verdict::warning, "huge pages", "none reserved; the sensor works without them, but slower",
                "echo 512 > /proc/sys/vm/nr_hugepages"};
    const std::string text = std::to_string(available) + " of " + std::to_string(total) + " free, " + size + " each";
    if (available == 0)
        return {Verdict::warning, "huge pages", text,
                "reserve more: echo " + std::to_string(total + 512) + " > /proc/sys/vm/nr_hugepages"};
    return {Verdict::ok, "huge pages", text, ""};
}

Finding check_rights(const std::string& root) {
    struct Capability {
        unsigned bit;
        const char* name;
    };
    constexpr std::array<Capability, 6> wanted = {{{12, "CAP_NET_ADMIN"},
                                                   {13, "CAP_NET_RAW"},
                                                   {14, "CAP_IPC_LOCK"},
                                                   {21, "CAP_SYS_ADMIN"},
                                                   {38, "CAP_PERFMON"},
                                                   {39, "CAP_BPF"}}};
    const std::uint64_t effective = number_in(field(read_text(root + "/proc/self/status"), "CapEff:"), 16);
    std::string missing;
    for (const Capability& one : wanted)
        if (!(effective >> one.bit & 1)) missing += (missing.empty() ? "" : ", ") + std::string(one.name);
    if (missing.empty()) return {Verdict::ok, "rights", "all capabilities that sensor and agent need", ""};
    return {Verdict::warning, "rights", "missing " + missing,
            "start clew-sensor and clew-agent with sudo; clew itself and clew-control need no rights"};
}

std::vector<Finding> check_bpf(const std::string& root) {
    const std::string path = root + "/sys/kernel/btf/vmlinux";
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        const bool hidden = fs::exists(path);
        return {{Verdict::bad, "kernel types (BTF)",
                 hidden ? path + " cannot be read: " + std::strerror(errno) : "this kernel has no " + path,
                 hidden ? "run 'clew doctor' as root"
                        : "the agent needs a kernel with CONFIG_DEBUG_INFO_BTF=y; taps and sensors work without it"}};
    }
    const std::string types = read_text(path);
    std::vector<Finding> findings = {{Verdict::ok, "kernel types (BTF)", bytes_text(types.size()) + " in " + path, ""}};
    std::string missing;
    for (const char* name : {"btf_trace_inet_sock_set_state", "btf_trace_tcp_rcv_space_adjust", "bpf_iter_task_file"})
        if (types.find(name) == std::string::npos) missing += (missing.empty() ? "" : ", ") + std::string(name);
    if (!missing.empty())
        findings.push_back(
            {Verdict::bad, "tracepoints", "this kernel lacks " + missing, "the agent needs Linux 5.15 or later"});
    else
        findings.push_back({Verdict::ok, "tracepoints", "all that the agent attaches to", ""});
    const std::string lockdown = read_text(root + "/sys/kernel/security/lockdown");
    if (lockdown.find("[confidentiality]") != std::string::npos)
        findings.push_back({Verdict::bad, "lockdown",
                            "the kernel is locked down to 'confidentiality', which forbids the agent's programs",
                            "boot with lockdown=integrity or without lockdown; taps and sensors work anyhow"});
    const std::string jit = read_text(root + "/proc/sys/net/core/bpf_jit_enable");
    if (!jit.empty() && jit[0] == '0')
        findings.push_back({Verdict::warning, "BPF compiler", "off: BPF programs are interpreted",
                            "echo 1 > /proc/sys/net/core/bpf_jit_enable"});
    return findings;
}

Finding check_interfaces(const std::string& root) {
    std::string list;
    std::error_code ignored;
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root + "/sys/class/net", ignored))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
        if (name == "lo") continue;
        const std::string directory = root + "/sys/class/net/" + name;
        std::string state = read_text(directory + "/operstate");
        std::string mtu = read_text(directory + "/mtu");
        while (!state.empty() && state.back() == '\n') state.pop_back();
        while (!mtu.empty() && mtu.back() == '\n') mtu.pop_back();
        list += (list.empty() ? "" : ", ") + printable(name) + " (" + state + ", MTU " + mtu + ")";
    }
    if (list.empty())
        return {Verdict::warning, "interfaces", "none but lo",
                "a sensor needs the NIC that the mirror or TAP port is cabled to, here or in its network namespace"};
    return {Verdict::ok, "interfaces", list, ""};
}

}  // namespace

std::vector<Finding> check_machine(const std::string& root) {
    std::vector<Finding> findings = {check_processor(root), check_memory(root), check_rights(root),
                                     check_huge_pages(root), check_interfaces(root)};
    for (Finding& finding : check_bpf(root)) findings.push_back(std::move(finding));
    return findings;
}

std::vector<Finding> check_kernel() {
    std::vector<Finding> findings;
    const int xdp = socket(AF_XDP, SOCK_RAW, 0);
    const int reason = errno;
    if (xdp >= 0) {
        close(xdp);
        findings.push_back({Verdict::ok, "AF_XDP", "sockets can be opened: sources af_xdp:IF work", ""});
    } else if (reason == EPERM || reason == EACCES) {
        findings.push_back({Verdict::warning, "AF_XDP", "not allowed to try", "run 'clew doctor' as root to know"});
    } else {
        findings.push_back({Verdict::warning, "AF_XDP",
                            std::string("sockets cannot be opened: ") + std::strerror(reason),
                            "use af_packet:IF as source, or a kernel with CONFIG_XDP_SOCKETS=y"});
    }
    timex clock{};
    const int state = adjtimex(&clock);
    if (state < 0)
        findings.push_back({Verdict::warning, "clock", std::string("its state cannot be read: ") + std::strerror(errno),
                            "see 'timedatectl' or 'chronyc tracking'"});
    else if (state == TIME_ERROR || (clock.status & STA_UNSYNC))
        findings.push_back({Verdict::warning, "clock",
                            "not synchronised: one-way delays between hosts will have wide errors",
                            "run chrony or ptp4l on all hosts with a sensor or an agent"});
    else
        findings.push_back(
            {Verdict::ok, "clock", "synchronised, estimated error " + duration_text(clock.esterror * ns_per_us), ""});
    return findings;
}

Finding check_store_library(const std::string& path) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (error)
        return {Verdict::bad, "store library", path + ": " + error.message(),
                "./dev setup fetches it; CLEW_CHDB names another place; or give clew-control a ClickHouse server with "
                "store.url"};
    constexpr std::uintmax_t size_min = 100u << 20;
    if (size < size_min)
        return {Verdict::bad, "store library", path + " has only " + bytes_text(size),
                "the download was cut; remove it and run ./dev setup"};
    return {Verdict::ok, "store library", path + ", " + bytes_text(size), ""};
}

}  // namespace clew::cli
