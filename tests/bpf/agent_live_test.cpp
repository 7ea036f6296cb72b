// SPDX-License-Identifier: Apache-2.0
// The agent against the kernel: real servers and clients in two namespaces of the test's own, some connected before the
// agent starts, every figure compared with tcpdump's capture. Needs root and BPF.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "nat-trace/address.h"
#include "tests/bpf/live_net.h"

namespace clew::live {
namespace {

using Json = nlohmann::json;
constexpr int early_count = 5, curl_count = 200, curl_ipv6_count = 5;
constexpr int server_port = 8080, speaker_port = 8081, closed_port = 8089, forked_port = 8082;

// Opens connections with a request on each, and goes on at every line on its stdin: a request on each again; an end.
constexpr const char* early_client = R"(
import http.client, os, sys
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
conns = [http.client.HTTPConnection(host, port) for _ in range(count)]
def ask():
    for c in conns:
        c.request('GET', '/'); c.getresponse().read()
ask()
print(' '.join(str(c.sock.getsockname()[1]) for c in conns), flush=True)
sys.stdin.readline()
ask()
print('asked', flush=True)
sys.stdin.readline()
for c in conns: c.close()
)";

// Writes first and never reads.
constexpr const char* speaker = R"(
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print('listening', flush=True)
while True:
    c, _ = s.accept(); c.sendall(b'hello\n'); c.close()
)";

// Its listener belongs to the parent, every connection to a child of its own.
constexpr const char* forked_server = R"(
import http.server, socketserver, sys
class Server(socketserver.ForkingMixIn, http.server.HTTPServer): pass
s = Server((sys.argv[1], int(sys.argv[2])), http.server.SimpleHTTPRequestHandler)
print('listening', flush=True)
s.serve_forever()
)";

// Accepts, and neither reads nor closes.
constexpr const char* holder = R"(
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=1024)
held = []
while True: held.append(s.accept())
)";

// Connects and closes many times, prints the port of one more connection and keeps that.
constexpr const char* burst_client = R"(
import socket, sys
at = (sys.argv[1], int(sys.argv[2]))
for _ in range(int(sys.argv[3])): socket.create_connection(at).close()
last = socket.create_connection(at)
print(last.getsockname()[1], flush=True)
sys.stdin.readline()
)";

struct CurlRun {
    pid_t pid = 0;
    Endpoint client, server;
};

class AgentLive : public testing::Test {
  protected:
    void SetUp() override {
        std::string missing;
        if (geteuid() != 0) missing = "root";
        if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) missing = "a kernel with BTF";
        for (const char* program : {"tcpdump", "curl", "python3", "ip"})
            if (run({"sh", "-c", std::string("command -v ") + program}) != 0) missing = program;
        if (!missing.empty()) GTEST_SKIP() << "SKIPPED, NOT TESTED: the live test of the agent needs " << missing;
        std::filesystem::create_directories(directory_);
        std::ofstream(directory_ + "/agent.yaml")
            << "program: agent\nobserver: live\nupdate_interval_s: 1\nspool:\n  directory: " << directory_
            << "/spool\n";
        std::ofstream(directory_ + "/index.html") << std::string(5000, 'x');
        pair_ = std::make_unique<NamespacePair>();
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string file(const std::string& name) const { return directory_ + "/" + name; }

    std::unique_ptr<Child> start(const Namespace& in, std::vector<std::string> words, const std::string& name) {
        return std::make_unique<Child>(in.command(std::move(words)), file(name));
    }
    std::unique_ptr<Child> start_agent(const std::string& name) {
        auto agent = std::make_unique<Child>(
            std::vector<std::string>{CLEW_AGENT_PROGRAM, "--config", file("agent.yaml"), "--print"}, file(name));
        EXPECT_TRUE(wait_until([&] { return agent->errors().find("ready:") != std::string::npos; })) << agent->errors();
        return agent;
    }
    std::unique_ptr<Child> start_http(const std::string& name) {
        auto http = start(pair_->server,
                          {"python3", "-m", "http.server", std::to_string(server_port), "--bind", "::", "--protocol",
                           "HTTP/1.1", "--directory", directory_},
                          name);
        wait_for_port(server_port);
        return http;
    }
    void wait_for_port(int port) {
        EXPECT_TRUE(wait_until([&] {
            return run(pair_->server.command(
                       {"sh", "-c", "ss -Hltn 'sport = " + std::to_string(port) + "' | grep -q ."})) == 0;
        }));
    }
    std::unique_ptr<Child> start_tcpdump() {
        auto dump = start(pair_->server,
                          {"tcpdump", "--immediate-mode", "-U", "-Z", "root", "-s", "200", "-i",
                           pair_->server.interface, "-w", file("capture.pcap"), "tcp"},
                          "tcpdump");
        EXPECT_TRUE(wait_until([&] { return dump->errors().find("listening on") != std::string::npos; }));
        return dump;
    }
    CurlRun curl(const std::string& host, int port) {
        const std::string at =
            (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
        Child child(pair_->client.command(
                        {"curl", "-s", "--http0.9", "-o", "/dev/null", "-w", "%{local_port}", "http://" + at + "/"}),
                    file("curl"));
        CurlRun result{child.pid(), {}, *parse_endpoint(at)};
        child.wait();
        const bool v6 = host.find(':') != std::string::npos;
        const std::string port_text = child.output();
        result.client = {*parse_ip(v6 ? pair_->client.ip6 : pair_->client.ip),
                         static_cast<std::uint16_t>(std::atoi(port_text.c_str()))};
        return result;
    }

    /// The last report of every leg of the two namespaces, by (client, server, namespace).
    std::map<std::tuple<std::string, std::string, std::uint32_t>, Json> last_reports(const Child& agent) const {
        std::map<std::tuple<std::string, std::string, std::uint32_t>, Json> legs;
        std::istringstream lines(agent.output());
        for (std::string line; std::getline(lines, line);) {
            const Json leg = Json::parse(line, nullptr, false);
            if (leg.is_discarded()) continue;  // the line that is being written
            const std::uint32_t netns = leg["netns"];
            if (netns != pair_->client.inode && netns != pair_->server.inode) continue;
            Json& known = legs[{leg["client"], leg["server"], netns}];
            if (known.is_null() || known["revision"] < leg["revision"]) known = leg;
        }
        return legs;
    }

    const Json* find(const std::map<std::tuple<std::string, std::string, std::uint32_t>, Json>& legs,
                     const Endpoint& client, const Endpoint& server, const Namespace& in) const {
        const auto found = legs.find({to_text(client), to_text(server), in.inode});
        return found == legs.end() ? nullptr : &found->second;
    }

    const std::string directory_ = testing::TempDir() + "clew-agent-live-" + std::to_string(getpid());
    std::unique_ptr<NamespacePair> pair_;
};

void expect_flow(const Json& leg, const char* direction, const CapturedFlow& captured) {
    const Json& flow = leg[direction];
    ASSERT_TRUE(captured.has_isn) << leg;
    ASSERT_TRUE(flow.contains("isn")) << leg;
    EXPECT_EQ(flow["isn"], captured.isn) << leg;
    EXPECT_EQ(flow["mss"], captured.mss) << leg;
    EXPECT_EQ(flow["payload_bytes"], captured.payload_bytes) << leg;
}

TEST_F(AgentLive, every_connection_at_both_ends_as_captured_on_the_wire) {
    auto http = start_http("http");
    auto dump = start_tcpdump();
    const Endpoint server{*parse_ip(pair_->server.ip), server_port};
    auto early = start(
        pair_->client,
        {"python3", "-c", early_client, pair_->server.ip, std::to_string(server_port), std::to_string(early_count)},
        "early");
    ASSERT_TRUE(wait_until([&] { return early->output().find('\n') != std::string::npos; })) << early->errors();
    const pid_t http_pid = http->pid(), early_pid = early->pid();

    auto agent = start_agent("agent");
    std::vector<CurlRun> runs;
    std::istringstream ports(early->output());
    for (int port; ports >> port;)
        runs.push_back({early_pid, {*parse_ip(pair_->client.ip), static_cast<std::uint16_t>(port)}, server});
    ASSERT_EQ(runs.size(), static_cast<std::size_t>(early_count));
    {  // what was there before is reported at once, with both processes and ISNs
        const auto legs = last_reports(*agent);
        for (const auto& run : runs)
            for (const auto* side : {&pair_->client, &pair_->server}) {
                const Json* leg = find(legs, run.client, run.server, *side);
                ASSERT_TRUE(leg) << to_text(run.client);
                EXPECT_EQ((*leg)["pid"], side == &pair_->client ? early_pid : http_pid);
                EXPECT_TRUE((*leg)["to_server"].contains("isn") && (*leg)["to_client"].contains("isn"));
            }
    }
    early->say("again");
    ASSERT_TRUE(wait_until([&] { return early->output().find("asked") != std::string::npos; }));
    for (int i = 0; i < curl_count; ++i) runs.push_back(curl(pair_->server.ip, server_port));
    for (int i = 0; i < curl_ipv6_count; ++i) runs.push_back(curl(pair_->server.ip6, server_port));
    early->say("end");
    EXPECT_EQ(early->wait(), 0);
    wait_until([&] {
        std::size_t ended = 0;
        for (const auto& [key, leg] : last_reports(*agent)) ended += leg["phase"] == "ended";
        return ended >= runs.size() * 2;
    });
    EXPECT_EQ(agent->end(SIGTERM), 0) << agent->errors();
    dump->end(SIGINT);

    const auto legs = last_reports(*agent);
    auto capture = read_capture(file("capture.pcap"));
    EXPECT_EQ(legs.size(), runs.size() * 2);
    for (const auto& run : runs) {
        for (const auto* side : {&pair_->client, &pair_->server}) {
            const bool at_client = side == &pair_->client;
            const Json* leg = find(legs, run.client, run.server, *side);
            ASSERT_TRUE(leg) << to_text(run.client) << " at " << side->name;
            EXPECT_EQ((*leg)["phase"], "ended") << *leg;
            EXPECT_EQ((*leg)["end"], "fin") << *leg;
            EXPECT_EQ((*leg)["pid"], at_client ? run.pid : http_pid) << *leg;
            EXPECT_EQ((*leg)["socket"], at_client ? "client" : "server") << *leg;
            EXPECT_EQ((*leg)["process"], at_client && run.pid != early_pid ? "curl" : "python3") << *leg;
            expect_flow(*leg, "to_server", capture[{run.client, run.server}]);
            expect_flow(*leg, "to_client", capture[{run.server, run.client}]);
        }
    }
    EXPECT_NE(agent->errors().find("0 events_lost_ring_full"), std::string::npos) << agent->errors();
}

TEST_F(AgentLive, a_refused_connection_is_an_ended_leg_with_its_isn) {
    auto dump = start_tcpdump();
    auto agent = start_agent("agent");
    const Endpoint server{*parse_ip(pair_->server.ip), closed_port};
    Child child(pair_->client.command({"curl", "-s", "http://" + to_text(server) + "/"}), file("curl"));
    const pid_t pid = child.pid();
    EXPECT_EQ(child.wait(), 7);
    ASSERT_TRUE(wait_until([&] { return !last_reports(*agent).empty(); }));
    EXPECT_EQ(agent->end(SIGTERM), 0);
    dump->end(SIGINT);
    const auto legs = last_reports(*agent);
    ASSERT_EQ(legs.size(), 1u);
    const Json& leg = legs.begin()->second;
    EXPECT_EQ(leg["server"], to_text(server));
    EXPECT_EQ(leg["netns"], pair_->client.inode);
    EXPECT_EQ(leg["phase"], "ended");
    EXPECT_EQ(leg["end"], "reset");
    EXPECT_EQ(leg["process"], "curl");
    EXPECT_EQ(leg["pid"], pid);
    auto capture = read_capture(file("capture.pcap"));
    const auto client = parse_endpoint(leg["client"].get<std::string>());
    ASSERT_TRUE(client);
    const CapturedFlow attempt = capture[{*client, server}];
    ASSERT_TRUE(attempt.has_isn) << leg;
    EXPECT_EQ(leg["to_server"]["isn"], attempt.isn);
    EXPECT_FALSE(leg["to_client"].contains("isn"));
}

TEST_F(AgentLive, sockets_of_a_command_left_out_are_counted_and_not_reported) {
    std::ofstream(file("agent.yaml"), std::ios::app) << "leave_out: [curl]\n";
    auto http = start_http("http");
    auto agent = start_agent("agent");
    const CurlRun done = curl(pair_->server.ip, server_port);
    ASSERT_TRUE(wait_until([&] { return find(last_reports(*agent), done.client, done.server, pair_->server); }));
    EXPECT_EQ(agent->end(SIGTERM), 0);
    EXPECT_FALSE(find(last_reports(*agent), done.client, done.server, pair_->client));
    EXPECT_EQ(agent->errors().find(" 0 legs_left_out"), std::string::npos) << agent->errors();
}

TEST_F(AgentLive, a_server_is_named_whether_it_reads_forks_or_only_writes) {
    auto agent = start_agent("agent");
    auto writer = start(pair_->server, {"python3", "-c", speaker, "0.0.0.0", std::to_string(speaker_port)}, "speaker");
    auto forking =
        start(pair_->server, {"python3", "-c", forked_server, "0.0.0.0", std::to_string(forked_port)}, "forked");
    for (const int port : {speaker_port, forked_port}) wait_for_port(port);
    const CurlRun spoken = curl(pair_->server.ip, speaker_port), forked = curl(pair_->server.ip, forked_port);
    ASSERT_TRUE(wait_until([&] {
        std::size_t ended = 0;
        for (const auto& [key, leg] : last_reports(*agent)) ended += leg["phase"] == "ended";
        return ended == 4;
    })) << agent->output();
    EXPECT_EQ(agent->end(SIGTERM), 0);
    const auto legs = last_reports(*agent);
    const Json* speaking = find(legs, spoken.client, spoken.server, pair_->server);
    ASSERT_TRUE(speaking);
    EXPECT_EQ((*speaking)["pid"], writer->pid());
    const Json* reading = find(legs, forked.client, forked.server, pair_->server);
    ASSERT_TRUE(reading);
    EXPECT_NE((*reading)["pid"], forking->pid()) << "the child that read is the owner, not the listener's";
    EXPECT_EQ((*reading)["process"], "python3");
}

TEST_F(AgentLive, a_full_ring_is_counted_and_what_still_lives_is_made_up_for) {
    std::ofstream(file("agent.yaml"), std::ios::app) << "ring_kb: 64\n";
    auto held = start(pair_->server, {"python3", "-c", holder, "0.0.0.0", std::to_string(server_port)}, "holder");
    wait_for_port(server_port);
    auto agent = start_agent("agent");
    kill(agent->pid(), SIGSTOP);
    auto burst = start(pair_->client,
                       {"python3", "-c", burst_client, pair_->server.ip, std::to_string(server_port), "500"}, "burst");
    EXPECT_TRUE(wait_until([&] { return burst->output().find('\n') != std::string::npos; })) << burst->errors();
    kill(agent->pid(), SIGCONT);
    const Endpoint client{*parse_ip(pair_->client.ip), static_cast<std::uint16_t>(std::atoi(burst->output().c_str()))};
    const Endpoint server{*parse_ip(pair_->server.ip), server_port};
    EXPECT_TRUE(wait_until([&] {
        const auto legs = last_reports(*agent);
        return find(legs, client, server, pair_->client) && find(legs, client, server, pair_->server);
    })) << "the census reports a connection whose first report was lost";
    EXPECT_EQ(agent->end(SIGTERM), 0);
    EXPECT_EQ(agent->errors().find(" 0 events_lost_ring_full"), std::string::npos) << agent->errors();
    EXPECT_NE(agent->errors().find(" 0 reports_malformed"), std::string::npos) << agent->errors();
}

TEST_F(AgentLive, what_lives_when_the_agent_stops_is_flushed) {
    // More than fits one of the kernel's buffers for an iterator, so that it has to go on where it was.
    const int connections = 300;
    auto http = start_http("http");
    auto early = start(
        pair_->client,
        {"python3", "-c", early_client, pair_->server.ip, std::to_string(server_port), std::to_string(connections)},
        "early");
    ASSERT_TRUE(wait_until([&] { return early->output().find('\n') != std::string::npos; })) << early->errors();
    for (int round = 0; round < 2; ++round) {  // and a second agent finds them again
        auto agent = start_agent("agent");
        EXPECT_EQ(agent->end(SIGTERM), 0);
        const auto legs = last_reports(*agent);
        EXPECT_EQ(legs.size(), connections * 2u);
        for (const auto& [key, leg] : legs) {
            EXPECT_EQ(leg.value("end", ""), "flushed") << leg;
            EXPECT_EQ(leg["revision"], 2) << leg;
        }
    }
}

TEST(AgentProgram, failures_are_one_sentence_with_an_exit_code) {
    const std::string path = testing::TempDir() + "clew-agent-program-" + std::to_string(getpid());
    Child missing({CLEW_AGENT_PROGRAM, "--config", "/nonexistent.yaml"}, path);
    EXPECT_EQ(missing.wait(), 1);
    EXPECT_NE(missing.errors().find("/nonexistent.yaml"), std::string::npos);
    Child usage({CLEW_AGENT_PROGRAM, "--conf"}, path);
    EXPECT_EQ(usage.wait(), 2);
    Child check({CLEW_AGENT_PROGRAM, "--check", "--config", "configs/agent.yaml"}, path);
    EXPECT_EQ(check.wait(), 0) << check.errors();
    if (geteuid() == 0 && run({"sh", "-c", "command -v setpriv"}) == 0) {
        Child nobody({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                      "--bounding-set=-all", CLEW_AGENT_PROGRAM, "--print", "--config", "configs/agent.yaml"},
                     path);
        EXPECT_EQ(nobody.wait(), 5) << nobody.errors();
        EXPECT_NE(nobody.errors().find("run clew-agent as root"), std::string::npos) << nobody.errors();
        EXPECT_EQ(nobody.errors().find("libbpf"), std::string::npos) << nobody.errors();
        Child powerless({"setpriv", "--inh-caps=-all", "--bounding-set=-all", CLEW_AGENT_PROGRAM, "--print", "--config",
                         "configs/agent.yaml"},
                        path);
        EXPECT_EQ(powerless.wait(), 5) << powerless.errors();
        EXPECT_NE(powerless.errors().find("privileged"), std::string::npos) << powerless.errors();
    }
    for (const char* end : {"", ".err"}) std::filesystem::remove(path + end);
}

}  // namespace
}  // namespace clew::live
