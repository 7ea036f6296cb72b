// SPDX-License-Identifier: Apache-2.0
// The agent as a whole against a collector: this test's own sockets must arrive as legs. Needs root and BPF.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>

#include "tests/bpf/live_net.h"
#include "wire/collector.h"
#include "wire/curve_keys.h"

namespace clew::live {
namespace {

/// Keeps the last report of every leg of this process.
class Kept final : public wire::CollectorSink {
  public:
    std::optional<std::uint64_t> last_stored(const std::string&, std::int64_t) override { return 0; }
    bool receive(wire::BatchId id, const std::vector<v1::TapName>& taps, std::vector<Leg> legs) override {
        const std::lock_guard lock(mutex_);
        for (const Leg& leg : legs) {
            if (leg.process.pid != static_cast<std::uint32_t>(getpid())) continue;
            Leg& known = legs_[leg.id];
            if (known.revision < leg.revision) known = leg;
            tap_ = taps[leg.tap];
        }
        if (collector) collector->acknowledge(id);
        return true;
    }
    std::vector<Leg> legs() const {
        const std::lock_guard lock(mutex_);
        std::vector<Leg> result;
        for (const auto& [id, leg] : legs_) result.push_back(leg);
        return result;
    }
    v1::TapName tap() const {
        const std::lock_guard lock(mutex_);
        return tap_;
    }
    wire::Collector* collector = nullptr;

  private:
    mutable std::mutex mutex_;
    std::map<LegId, Leg> legs_;
    v1::TapName tap_;
};

/// A connection of this process with itself.
class OwnConnection {
  public:
    OwnConnection() {
        const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        bind(listener, reinterpret_cast<sockaddr*>(&address), length);
        listen(listener, 1);
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
        client_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(connect(client_, reinterpret_cast<sockaddr*>(&address), length), 0);
        server_ = accept(listener, nullptr, nullptr);
        close(listener);
        port_ = ntohs(address.sin_port);
    }
    OwnConnection(const OwnConnection&) = delete;
    OwnConnection& operator=(const OwnConnection&) = delete;
    ~OwnConnection() {
        close(client_);
        close(server_);
    }
    std::uint16_t server_port() const { return port_; }

  private:
    int client_ = -1, server_ = -1;
    std::uint16_t port_ = 0;
};

class AgentPublish : public testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) != 0)
            GTEST_SKIP() << "SKIPPED, NOT TESTED: publishing from a real agent needs root and a kernel with BTF";
        std::filesystem::create_directories(directory_);
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void write_config(const std::string& keys) {
        std::ofstream(directory_ + "/agent.yaml")
            << "program: agent\nobserver: pub\nclock: here\ncontrol:\n  endpoint: " << endpoint_ << "\n"
            << keys << "spool:\n  directory: " << directory_ << "/spool\n";
    }
    std::unique_ptr<Child> start_agent() {
        auto agent = std::make_unique<Child>(
            std::vector<std::string>{CLEW_AGENT_PROGRAM, "--config", directory_ + "/agent.yaml"},
            directory_ + "/agent");
        EXPECT_TRUE(wait_until([&] { return agent->errors().find("ready:") != std::string::npos; })) << agent->errors();
        return agent;
    }
    static bool both_ends(const std::vector<Leg>& legs, std::uint16_t server_port, LegEnd end) {
        int client = 0, server = 0;
        for (const Leg& leg : legs) {
            if (leg.server.port != server_port || leg.end != end) continue;
            client += leg.socket_role == SocketRole::client;
            server += leg.socket_role == SocketRole::server;
        }
        return client == 1 && server == 1;
    }

    const std::string directory_ = testing::TempDir() + "clew-agent-publish-" + std::to_string(getpid());
    const std::string endpoint_ = "ipc://" + directory_ + "/wire.sock";
};

TEST_F(AgentPublish, what_happened_while_the_control_plane_was_away_arrives) {
    write_config("");
    auto agent = start_agent();
    std::uint16_t gone = 0;
    {
        OwnConnection connection;
        gone = connection.server_port();
    }
    OwnConnection lasting;
    Kept kept;
    auto collector =
        wire::Collector::start({.endpoint = endpoint_, .own_public = {}, .own_secret = {}, .allowed_public = {}}, kept);
    ASSERT_TRUE(collector) << collector.error().sentence;
    kept.collector = collector->get();
    EXPECT_TRUE(wait_until([&] {
        const auto legs = kept.legs();
        return both_ends(legs, gone, LegEnd::fin) && both_ends(legs, lasting.server_port(), LegEnd::none);
    })) << agent->errors();
    EXPECT_EQ(kept.tap().name(), "pub/sockets");
    EXPECT_EQ(kept.tap().clock(), "here");
    EXPECT_EQ(agent->end(SIGTERM), 0) << agent->errors();
    EXPECT_TRUE(wait_until([&] { return both_ends(kept.legs(), lasting.server_port(), LegEnd::flushed); }));
}

TEST_F(AgentPublish, encrypted_with_its_key_file) {
    const auto control = wire::make_curve_keys(), own = wire::make_curve_keys();
    ASSERT_TRUE(control && own);
    ASSERT_TRUE(wire::write_curve_keys(directory_ + "/own.key", *own));
    write_config("  keys:\n    own: " + directory_ + "/own.key\n    server_public: \"" + control->public_key + "\"\n");
    Kept kept;
    auto collector = wire::Collector::start({.endpoint = endpoint_,
                                             .own_public = control->public_key,
                                             .own_secret = control->secret_key,
                                             .allowed_public = {own->public_key}},
                                            kept);
    ASSERT_TRUE(collector) << collector.error().sentence;
    kept.collector = collector->get();
    auto agent = start_agent();
    OwnConnection connection;
    EXPECT_TRUE(wait_until([&] { return both_ends(kept.legs(), connection.server_port(), LegEnd::none); }))
        << agent->errors();
    EXPECT_EQ(agent->end(SIGTERM), 0) << agent->errors();
}

}  // namespace
}  // namespace clew::live
