// SPDX-License-Identifier: Apache-2.0
// delta_fullnat: a small FULLNAT gateway that treats TCP as LVS/DPVS does. The region has it because no LVS runs in the
// kernels that tests run on. It reads and writes whole frames on two interfaces of its namespace; the kernel there
// answers ARP, forwards nothing and owns none of the VIPs and local addresses, so it drops what this program takes. One
// JSON line a session goes to --log: the ground truth of what each connection became.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "nat-trace/address.h"
#include "nat-trace/result.h"
#include "tests/region/translation.h"

namespace {

using namespace clew::region;
using clew::ErrorKind;
using clew::fail;
using clew::Result;

constexpr int burst_count_max = 64;  // frames taken from one side before the other has its turn
constexpr int socket_bytes = 8 << 20;
constexpr unsigned slow_us_max = 100'000;
constexpr TimeNs tick_ns = 1'000'000'000;

struct Port {
    int fd = -1;
    Mac mac{};
};

TimeNs now_ns() {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * TimeNs{1'000'000'000} + t.tv_nsec;
}

Result<Port> open_port(const std::string& interface) {
    Port port;
    port.fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (port.fd < 0)
        return fail(ErrorKind::not_allowed, std::string("no packet socket (") + strerror(errno) + "); run as root");
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(port.fd, SIOCGIFHWADDR, &request) < 0)
        return fail(ErrorKind::usage, "the interface '" + interface + "' does not exist in this network namespace");
    std::memcpy(port.mac.data(), request.ifr_hwaddr.sa_data, port.mac.size());
    const int on = 1;
    setsockopt(port.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
    setsockopt(port.fd, SOL_SOCKET, SO_RCVBUFFORCE, &socket_bytes, sizeof socket_bytes);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_IP);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    if (bind(port.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail(ErrorKind::failed, "cannot listen on '" + interface + "': " + strerror(errno));
    return port;
}

Result<Address> parse_address(const std::string& text) {
    const auto endpoint = clew::parse_endpoint(text);
    if (!endpoint || !endpoint->ip.is_v4())
        return fail(ErrorKind::usage, "'" + text + "' is not an IPv4 address with a port, as 10.0.0.1:80");
    return Address{endpoint->ip.v4(), endpoint->port};
}

Result<Server> parse_server(const std::string& text) {
    const std::size_t comma = text.find(',');
    Server server;
    unsigned b[6] = {};
    if (comma == std::string::npos ||
        std::sscanf(text.c_str() + comma + 1, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
        return fail(ErrorKind::usage, "'" + text + "' is not a server, as 10.0.0.1:80,02:00:00:00:00:01");
    for (std::size_t i = 0; i < server.mac.size(); ++i) server.mac[i] = static_cast<std::uint8_t>(b[i]);
    const Result<Address> address = parse_address(text.substr(0, comma));
    if (!address) return tl::make_unexpected(address.error());
    server.address = *address;
    return server;
}

struct Arguments {
    std::string client_side, server_side, log;
    std::vector<std::string> vips, synproxy_vips, servers, locals;
    unsigned slow_us = 0;
};

Result<Settings> read_settings(const Arguments& arguments) {
    Settings settings;
    for (const auto* list : {&arguments.vips, &arguments.synproxy_vips})
        for (const std::string& text : *list) {
            const Result<Address> vip = parse_address(text);
            if (!vip) return tl::make_unexpected(vip.error());
            settings.services.push_back({*vip, list == &arguments.synproxy_vips});
        }
    for (const std::string& text : arguments.servers) {
        const Result<Server> server = parse_server(text);
        if (!server) return tl::make_unexpected(server.error());
        settings.servers.push_back(*server);
    }
    for (const std::string& text : arguments.locals) {
        const auto ip = clew::parse_ip(text);
        if (!ip || !ip->is_v4()) return fail(ErrorKind::usage, "--local '" + text + "' is not an IPv4 address");
        settings.local_ips.push_back(ip->v4());
    }
    if (settings.services.empty()) return fail(ErrorKind::usage, "no service: give --vip or --synproxy-vip");
    return settings;
}

void write_log(std::FILE* log, const Session& session, bool opened, const char* reason) {
    nlohmann::json line = {{"event", opened ? "open" : "close"},
                           {"t_ns", opened ? session.opened_ns : now_ns()},
                           {"client", to_text(session.client)},
                           {"vip", to_text(session.service.vip)},
                           {"local", to_text(session.local)},
                           {"server", to_text(session.server.address)},
                           {"delta_to_server", session.delta_to_server},
                           {"delta_to_client", session.delta_to_client},
                           {"synproxy", session.service.synproxy}};
    if (!opened) line["reason"] = reason;
    std::fprintf(log, "%s\n", line.dump().c_str());
    std::fflush(log);
}

/// Sends what a translation put out; a frame that the interface refuses is counted, as a full wire would lose it.
void send_all(std::vector<Translation::Output>& out, const std::array<Port, 2>& ports, std::uint64_t& lost) {
    for (const Translation::Output& one : out) {
        const auto bytes = one.frame.bytes();
        if (send(ports[one.to_server].fd, bytes.data(), bytes.size(), 0) < 0) ++lost;
    }
    out.clear();
}

void take_burst(Translation& translation, const std::array<Port, 2>& ports, std::size_t side, std::uint64_t& lost) {
    std::array<std::uint8_t, 65536> buffer;
    std::vector<Translation::Output> out;
    for (int i = 0; i < burst_count_max; ++i) {
        const ssize_t got = recv(ports[side].fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) break;
        auto frame = TcpFrame::parse({buffer.data(), static_cast<std::size_t>(got)});
        if (!frame) continue;
        if (side == 0)
            translation.from_client(std::move(*frame), now_ns(), out);
        else
            translation.from_server(std::move(*frame), now_ns(), out);
    }
    send_all(out, ports, lost);
}

/// Whether the signal that came ends the program; SIGUSR1 changes between slow and quick.
bool ends(int signals, bool& slow) {
    signalfd_siginfo came{};
    if (read(signals, &came, sizeof came) != sizeof came || came.ssi_signo != SIGUSR1) return true;
    slow = !slow;
    return false;
}

/// While it is slow, what comes waits slow_us at least before it is taken: how an overloaded gateway treats its
/// packets.
void serve(Translation& translation, const std::array<Port, 2>& ports, int signals, unsigned slow_us) {
    std::uint64_t lost = 0;
    bool slow = false;
    TimeNs next_tick = now_ns() + tick_ns;
    std::vector<Translation::Output> out;
    for (;;) {
        std::array<pollfd, 3> wait{{{ports[0].fd, POLLIN, 0}, {ports[1].fd, POLLIN, 0}, {signals, POLLIN, 0}}};
        poll(wait.data(), wait.size(), static_cast<int>(tick_ns / 1'000'000));
        if (wait[2].revents && ends(signals, slow)) break;
        if (slow && (wait[0].revents || wait[1].revents)) usleep(slow_us);
        for (std::size_t side = 0; side < 2; ++side)
            if (wait[side].revents) take_burst(translation, ports, side, lost);
        if (now_ns() < next_tick) continue;
        next_tick = now_ns() + tick_ns;
        translation.tick(now_ns(), out);
        send_all(out, ports, lost);
    }
    const Counters& c = translation.counters();
    std::fprintf(stderr,
                 "sessions: %lu opened, %lu closed, %lu of them idle, %lu refused because the table was full\n"
                 "frames: %lu not ours, %lu with TTL expired, %lu dropped while connecting, %lu lost at the interface\n"
                 "TOA: %lu added, %lu without room; wrong cookies: %lu\n",
                 c.sessions_opened, c.sessions_closed, c.sessions_idle, c.sessions_refused_full, c.frames_foreign,
                 c.frames_ttl_expired, c.frames_held_dropped, lost, c.toa_added, c.toa_no_room, c.cookies_wrong);
}

Result<void> run(const Arguments& arguments) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGUSR1);
    sigprocmask(SIG_BLOCK, &ends, nullptr);
    const int signals = signalfd(-1, &ends, SFD_CLOEXEC);

    Result<Settings> settings = read_settings(arguments);
    if (!settings) return tl::make_unexpected(settings.error());
    std::array<Port, 2> ports;
    for (std::size_t side = 0; side < 2; ++side) {
        const Result<Port> port = open_port(side == 0 ? arguments.client_side : arguments.server_side);
        if (!port) return tl::make_unexpected(port.error());
        ports[side] = *port;
    }
    settings->client_side_mac = ports[0].mac;
    settings->server_side_mac = ports[1].mac;
    std::FILE* log = arguments.log.empty() ? stdout : std::fopen(arguments.log.c_str(), "ae");
    if (!log) return fail(ErrorKind::failed, "cannot write the log '" + arguments.log + "': " + strerror(errno));
    Translation translation(
        *settings, std::random_device{}() | std::uint64_t{std::random_device{}()} << 32,
        [log](const Session& s, bool opened, const char* reason) { write_log(log, s, opened, reason); });
    std::fprintf(stderr, "ready: %zu services, %zu servers\n", settings->services.size(), settings->servers.size());
    serve(translation, ports, signals, arguments.slow_us);
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"A FULLNAT gateway that treats TCP as LVS/DPVS does; for the project's test region.", "delta_fullnat"};
    Arguments arguments;
    app.add_option("--client-side", arguments.client_side, "interface towards the clients")->required();
    app.add_option("--server-side", arguments.server_side, "interface towards the servers")->required();
    app.add_option("--vip", arguments.vips, "IP:PORT of a service; repeatable");
    app.add_option("--synproxy-vip", arguments.synproxy_vips, "IP:PORT of a service with SYN proxy; repeatable");
    app.add_option("--server", arguments.servers, "IP:PORT,MAC of a real server; repeatable")->required();
    app.add_option("--local", arguments.locals, "own address towards the servers; repeatable")->required();
    app.add_option("--slow-us", arguments.slow_us,
                   "while slow, let what comes wait so long; SIGUSR1 changes between slow and quick")
        ->check(CLI::Range(0u, slow_us_max));
    app.add_option("--log", arguments.log, "JSON lines: what each connection became (default: stdout)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : static_cast<int>(ErrorKind::usage);
    }
    const auto done = run(arguments);
    if (done) return 0;
    std::fprintf(stderr, "delta_fullnat: %s\n", done.error().sentence.c_str());
    return static_cast<int>(done.error().kind);
}
