// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/live_net.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace clew::live {
namespace {

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

int open_output(const std::string& path) { return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); }

}  // namespace

Child::Child(std::vector<std::string> command, std::string output_path) : output_path_(std::move(output_path)) {
    int to_child[2];
    if (pipe2(to_child, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const int out = open_output(output_path_), err = open_output(output_path_ + ".err");
    std::vector<char*> words;
    for (auto& word : command) words.push_back(word.data());
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
        dup2(to_child[0], 0);
        dup2(out, 1);
        dup2(err, 2);
        execvp(words[0], words.data());
        _exit(127);
    }
    close(to_child[0]);
    close(out);
    close(err);
    stdin_ = to_child[1];
}

Child::~Child() {
    if (pid_ > 0) end(SIGKILL);
    close(stdin_);
}

int Child::wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int Child::end(int signal) {
    kill(pid_, signal);
    return wait();
}

void Child::say(const std::string& line) {
    const std::string bytes = line + "\n";
    if (write(stdin_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error("child is gone");
}

std::string Child::output() const { return read_file(output_path_); }
std::string Child::errors() const { return read_file(output_path_ + ".err"); }

int run(std::vector<std::string> command) { return Child(std::move(command), "/dev/null").wait(); }

bool wait_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

std::vector<std::string> Namespace::command(std::vector<std::string> words) const {
    words.insert(words.begin(), {"ip", "netns", "exec", name});
    return words;
}

NamespacePair::NamespacePair() {
    const std::string id = std::to_string(getpid());
    const auto must = [](std::vector<std::string> words) {
        std::string text;
        for (const auto& word : words) text += word + " ";
        if (run(std::move(words)) != 0) throw std::runtime_error("failed: " + text);
    };
    client = {"agent-c" + id, "agc" + id, "10.99.7.1", "fd99:7::1", 0};
    server = {"agent-s" + id, "ags" + id, "10.99.7.2", "fd99:7::2", 0};
    for (const auto* side : {&client, &server}) must({"ip", "netns", "add", side->name});
    must({"ip", "link", "add", client.interface, "netns", client.name, "type", "veth", "peer", "name", server.interface,
          "netns", server.name});
    for (auto* side : {&client, &server}) {
        must({"ip", "-n", side->name, "addr", "add", side->ip + "/24", "dev", side->interface});
        must({"ip", "-n", side->name, "addr", "add", side->ip6 + "/64", "dev", side->interface, "nodad"});
        for (const std::string& link : {std::string("lo"), side->interface})
            must({"ip", "-n", side->name, "link", "set", link, "up"});
        struct stat status {};
        if (stat(("/run/netns/" + side->name).c_str(), &status) != 0) throw std::runtime_error("no " + side->name);
        side->inode = static_cast<std::uint32_t>(status.st_ino);
    }
}

NamespacePair::~NamespacePair() {
    for (const auto* side : {&client, &server}) run({"ip", "netns", "del", side->name});
}

namespace {

using Capture = std::map<std::pair<Endpoint, Endpoint>, CapturedFlow>;

std::uint16_t read_u16(const u_char* at) { return static_cast<std::uint16_t>(at[0] << 8 | at[1]); }
std::uint32_t read_u32(const u_char* at) { return static_cast<std::uint32_t>(read_u16(at)) << 16 | read_u16(at + 2); }

std::uint16_t find_mss(const u_char* options, const u_char* end) {
    while (options < end && *options != 0) {
        if (*options == 1) {
            ++options;
            continue;
        }
        if (options + 1 >= end || options[1] < 2) return 0;
        if (*options == 2 && options + 4 <= end) return read_u16(options + 2);
        options += options[1];
    }
    return 0;
}

void add_packet(Capture& flows, const u_char* bytes, std::size_t length) {
    if (length < 14) return;
    const bool v6 = read_u16(bytes + 12) == 0x86dd;
    const u_char* ip = bytes + 14;
    const std::size_t ip_length = v6 ? 40 : static_cast<std::size_t>(ip[0] & 15) * 4;
    if (length < 14 + ip_length + 20 || (v6 ? ip[6] : ip[9]) != 6) return;
    const std::size_t total = v6 ? 40u + read_u16(ip + 4) : read_u16(ip + 2);
    const u_char* tcp = ip + ip_length;
    const auto address = [&](std::size_t v4_at, std::size_t v6_at) {
        return v6 ? IpAddress::from_v6_bytes(ip + v6_at) : IpAddress::from_v4_bytes(ip + v4_at);
    };
    CapturedFlow& flow = flows[{{address(12, 8), read_u16(tcp)}, {address(16, 24), read_u16(tcp + 2)}}];
    const std::size_t tcp_length = static_cast<std::size_t>(tcp[12] >> 4) * 4;
    ++flow.packets;
    flow.payload_bytes += total - ip_length - tcp_length;
    if (!(tcp[13] & 2)) return;
    flow.has_isn = true;
    flow.isn = read_u32(tcp + 4);
    flow.mss = find_mss(tcp + 20, tcp + std::min<std::size_t>(tcp_length, length - 14 - ip_length));
}

}  // namespace

Capture read_capture(const std::string& path) {
    Capture flows;
    std::array<char, PCAP_ERRBUF_SIZE> problem{};
    pcap_t* file = pcap_open_offline(path.c_str(), problem.data());
    if (!file) throw std::runtime_error(problem.data());
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    while (pcap_next_ex(file, &header, &bytes) == 1) add_packet(flows, bytes, header->caplen);
    pcap_close(file);
    return flows;
}

}  // namespace clew::live
