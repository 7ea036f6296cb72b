// SPDX-License-Identifier: Apache-2.0
// The program clew-store: its HTTP interface, its ends, and what it does to its directory.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "controlplane/http/http.h"
#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/store_process.h"
#include "tests/controlplane/random_rows.h"
#include "tests/controlplane/store_fixture.h"

namespace clew::store {
namespace {

class ClewStoreTest : public StoreTest {
  protected:
    std::unique_ptr<StoreProcess> start() const {
        auto child = StoreProcess::start(settings());
        EXPECT_TRUE(child) << child.error().sentence;
        return child ? std::move(*child) : nullptr;
    }

    static http::Response send(const StoreProcess& child, const std::string& method, const std::string& target,
                               const std::string& body = {}, bool keyed = true) {
        auto client = http::Client::create(child.url(), 30'000);
        http::Request request{.method = method, .target = target, .content_type = {}, .body = body, .headers = {}};
        if (keyed) request.headers.emplace_back("X-ClickHouse-Key", child.key());
        auto response = (*client)->send(request);
        EXPECT_TRUE(response) << response.error().sentence;
        return response ? *response : http::Response{.status = 0, .content_type = {}, .body = {}, .headers = {}};
    }
    static http::Response sql(const StoreProcess& child, const std::string& text) {
        return send(child, "POST", "/", text);
    }
};

TEST_F(ClewStoreTest, SpeaksTheSubsetOfClickHousesInterface) {
    const auto child = start();
    ASSERT_TRUE(child);
    EXPECT_EQ(send(*child, "GET", "/ping", {}, false).body, "Ok.\n");
    EXPECT_EQ(send(*child, "GET", "/?query=SELECT%201").body, "1\n");
    EXPECT_EQ(sql(*child, "SELECT 1 AS x FORMAT JSONEachRow").body, "{\"x\":1}\n");
    EXPECT_EQ(send(*child, "POST", "/?default_format=CSV", "SELECT 'a', 2").body, "\"a\",2\n");
    EXPECT_EQ(send(*child, "POST", "/?param_s=a%5C%5Cb%27%5Ctc&param_n=41",
                   "SELECT {s:String}, {n:UInt8} + 1 FORMAT JSONCompactEachRow")
                  .body,
              "[\"a\\\\b'\\tc\", 42]\n");
    EXPECT_EQ(sql(*child, "CREATE DATABASE d").status, 200u);
    EXPECT_EQ(send(*child, "POST", "/?database=d", "CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
                  .status,
              200u);
    EXPECT_EQ(send(*child, "POST", "/?database=d", "INSERT INTO t VALUES (1, 'x;'), (2, 'y\n\nz')").status, 200u);
    EXPECT_EQ(send(*child, "POST", "/?database=d", "INSERT INTO t FORMAT JSONEachRow\n{\"a\":3,\"s\":\"q\"}\n").status,
              200u);
    EXPECT_EQ(send(*child, "POST", "/?database=d&query=INSERT%20INTO%20t%20FORMAT%20TSV", "4\t\n\n").status, 400u);
    EXPECT_EQ(send(*child, "POST", "/?database=d&query=INSERT%20INTO%20t%20FORMAT%20TSV", "4\tw\n").status, 200u);
    const std::string native = send(*child, "POST", "/?database=d", "SELECT * FROM t FORMAT Native").body;
    EXPECT_EQ(send(*child, "POST", "/?database=d&query=INSERT%20INTO%20t%20FORMAT%20Native", native).status, 200u);
    EXPECT_EQ(send(*child, "POST", "/?database=d", "INSERT INTO t SELECT a, s FROM t WHERE a = 4").status, 200u);
    EXPECT_EQ(send(*child, "GET", "/?database=d&query=SELECT%20count(),%20sum(a)%20FROM%20t").body, "10\t28\n");
}

TEST_F(ClewStoreTest, ErrorsAreClickHouses) {
    const auto child = start();
    ASSERT_TRUE(child);
    const auto expect = [](const http::Response& response, unsigned status, const std::string& words) {
        EXPECT_EQ(response.status, status) << response.body;
        EXPECT_NE(response.body.find(words), std::string::npos) << response.body;
    };
    expect(sql(*child, "SELEC 1"), 400, "Code: 62. DB::Exception: ");
    expect(sql(*child, "SELECT * FROM nothing"), 404, "(UNKNOWN_TABLE)");
    expect(sql(*child, "SELECT 1; SELECT 2"), 400, "Multi-statements are not allowed");
    expect(sql(*child, ""), 400, "Empty query");
    expect(send(*child, "POST", "/?database=nowhere", "SELECT 1"), 404, "(UNKNOWN_DATABASE)");
    expect(send(*child, "POST", "/?max_execution_time=1",
                "SELECT sleepEachRow(0.2) FROM numbers(100) SETTINGS max_block_size = 1"),
           408, "(TIMEOUT_EXCEEDED)");
    expect(sql(*child, "SELECT 'clean'"), 200, "clean\n");
    expect(send(*child, "POST", "/?allow_everything=1", "SELECT 1"), 404, "(UNKNOWN_SETTING)");
    expect(send(*child, "GET", "/?query=CREATE%20DATABASE%20x"), 500, "(READONLY)");
    expect(send(*child, "POST", "/", "SELECT 1", false), 403, "(AUTHENTICATION_FAILED)");
    expect(send(*child, "PUT", "/", "x"), 405, "use GET or POST");
    expect(send(*child, "GET", "/nowhere"), 404, "/nowhere");
    expect(send(*child, "POST", "/?default_format=a'b", "SELECT 1"), 404, "Unknown format");
    expect(sql(*child, "CREATE TABLE g (a UInt8) ENGINE = Memory"), 200, "");
    expect(send(*child, "POST", "/?query=INSERT%20INTO%20g%20FORMAT%20Native", "\xff\xfe garbage"), 500, "Code: ");
    bool found = false;
    for (const auto& [name, value] : sql(*child, "SELEC 1").headers)
        found = found || (name == "X-ClickHouse-Exception-Code" && value == "62");
    EXPECT_TRUE(found);
}

/// A question that would take minutes; its asker leaves once the store has begun with it.
class AskerWhoLeavesTest : public ClewStoreTest {
  protected:
    static constexpr const char* endless = "SELECT count() FROM numbers(1000000000000) WHERE number % 7 = 3";

    static std::string running(const StoreProcess& child) {
        return sql(child, "SELECT count() FROM system.processes WHERE query LIKE 'SELECT count() FROM numbers%'").body;
    }
    static bool eventually(const StoreProcess& child, const std::string& count) {
        for (int i = 0; i < 2000; ++i) {
            if (running(child) == count) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }
};

TEST_F(AskerWhoLeavesTest, EndsItsQuestionWhereItAskedSo) {
    const auto child = start();
    ASSERT_TRUE(child);
    for (const std::string mine : {"", "&log_comment=mine"}) {
        auto departure = std::make_shared<http::Departure>();
        std::thread asker([&] {
            auto client = http::Client::create(child->url(), 60'000);
            const http::Request request{.method = "POST",
                                        .target = "/?readonly=2&cancel_http_readonly_queries_on_client_close=1" + mine,
                                        .content_type = {},
                                        .body = endless,
                                        .headers = {{"X-ClickHouse-Key", child->key()}},
                                        .departure = departure};
            const auto response = (*client)->send(request);
            ASSERT_FALSE(response);
            EXPECT_EQ(response.error().sentence, "who asked has left");
        });
        EXPECT_TRUE(eventually(*child, "1\n"));
        departure->leave();
        asker.join();
        EXPECT_TRUE(eventually(*child, "0\n"));
    }
    EXPECT_EQ(sql(*child, "SELECT 'clean'").body, "clean\n");
}

TEST_F(AskerWhoLeavesTest, EndsWhatAServerAsksTheStoreForItsAnswer) {
    StoreSettings asked = settings();
    asked.query_timeout_ms = 60'000;
    auto client = ClickHouseClient::connect(asked);
    ASSERT_TRUE(client) << client.error().sentence;
    const auto count = [&](const std::string& expected) {
        for (int i = 0; i < 2000; ++i) {
            ClickHouseCall call;
            call.sql = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT count() FROM numbers%'";
            if ((*client)->must_succeed(call).value_or("") == expected) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    };
    std::atomic<bool> answered = false;
    auto server = http::Server::start({}, [&](const http::Request&) {
        ClickHouseCall call;
        call.sql = endless;
        call.bounded = true;
        answered = (*client)->call(call).has_value();
        return http::Response{};
    });
    ASSERT_TRUE(server) << server.error().sentence;
    auto departure = std::make_shared<http::Departure>();
    std::thread asker([&] {
        auto browser = http::Client::create("http://127.0.0.1:" + std::to_string((*server)->port()), 60'000);
        http::Request request;
        request.departure = departure;
        EXPECT_FALSE((*browser)->send(request));
    });
    EXPECT_TRUE(count("1\n"));
    departure->leave();
    asker.join();
    EXPECT_TRUE(count("0\n"));
    server->reset();  // waits for the handler
    EXPECT_FALSE(answered);
}

TEST_F(ClewStoreTest, GarbageDoesNotEndIt) {
    const auto child = start();
    ASSERT_TRUE(child);
    const auto port = static_cast<std::uint16_t>(std::stoi(child->url().substr(child->url().rfind(':') + 1)));
    std::mt19937 random(9);
    for (int i = 0; i < 200; ++i) {
        std::string noise =
            i % 2 == 0 ? ""
                       : "POST /?query=" + std::string(random() % 50, '%') + " HTTP/1.1\r\nContent-Length: 20\r\n\r\n";
        const std::size_t plain = noise.size();
        noise.resize(plain + random() % 500);
        for (std::size_t at = plain; at < noise.size(); ++at) noise[at] = static_cast<char>(random());
        const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        EXPECT_GE(::send(socket, noise.data(), noise.size(), MSG_NOSIGNAL), 0);
        ::close(socket);
    }
    EXPECT_EQ(sql(*child, "SELECT 1").body, "1\n");
}

TEST_F(ClewStoreTest, EndsCleanlyWithQueriesInFlight) {
    for (int round = 0; round < 3; ++round) {
        auto child = start();
        ASSERT_TRUE(child);
        std::vector<std::thread> askers;
        std::atomic<int> asked = 0;
        for (int i = 0; i < 3; ++i) {
            askers.emplace_back([&] {
                auto client = http::Client::create(child->url(), 30'000);
                ++asked;
                (void)(*client)->send(
                    {.method = "POST",
                     .target = "/",
                     .content_type = {},
                     .body = "SELECT sleepEachRow(0.1) FROM numbers(1000) SETTINGS max_block_size = 1",
                     .headers = {{"X-ClickHouse-Key", child->key()}}});
            });
        }
        while (asked < 3) std::this_thread::yield();
        const pid_t pid = child->pid();
        ASSERT_EQ(::kill(pid, round == 0 ? SIGINT : SIGTERM), 0);
        int status = -1;
        ASSERT_EQ(::waitpid(pid, &status, 0), pid);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
        for (auto& asker : askers) asker.join();
    }
}

TEST_F(ClewStoreTest, ASecondOneOnTheDirectoryIsRefusedInOneSentence) {
    const auto child = start();
    ASSERT_TRUE(child);
    const std::string command =
        store_program() + " --directory " + directory_ + "/store --library " + library_path() + " 2>&1 </dev/null";
    FILE* second = ::popen(command.c_str(), "r");
    ASSERT_NE(second, nullptr);
    char words[1024] = {};
    const std::size_t got = std::fread(words, 1, sizeof(words) - 1, second);
    const int status = ::pclose(second);
    EXPECT_EQ(WEXITSTATUS(status), 1);
    EXPECT_NE(
        std::string(words, got).find("is in use by another clew-store (pid " + std::to_string(child->pid()) + ")"),
        std::string::npos)
        << words;
    EXPECT_EQ(std::count(words, words + got, '\n'), 1) << words;
    EXPECT_EQ(sql(*child, "SELECT 1").body, "1\n");
}

TEST_F(ClewStoreTest, ADamagedDirectoryIsOneSentenceWithTheRemedy) {
    { ASSERT_TRUE(open()); }
    std::ofstream(directory_ + "/store/metadata/clew.sql") << "garbage";
    const auto damaged = Store::open(settings());
    ASSERT_FALSE(damaged);
    EXPECT_NE(damaged.error().sentence.find("move it away (mv "), std::string::npos) << damaged.error().sentence;
    EXPECT_EQ(damaged.error().sentence.find('\n'), std::string::npos) << damaged.error().sentence;

    StoreSettings file = settings();
    file.directory = directory_ + "/file";
    std::ofstream(file.directory) << "x";
    EXPECT_NE(Store::open(file).error().sentence.find("is not a directory"), std::string::npos);
    file.directory = directory_ + "/no/parent";
    EXPECT_NE(Store::open(file).error().sentence.find("cannot be made"), std::string::npos);
    file = settings();
    file.library = directory_ + "/file";
    file.directory = directory_ + "/other";
    EXPECT_NE(Store::open(file).error().sentence.find("the store's library"), std::string::npos);
    file = settings();
    file.store_program = directory_ + "/absent";
    EXPECT_NE(Store::open(file).error().sentence.find("cannot be started"), std::string::npos);
}

TEST_F(ClewStoreTest, WhyTheStoreEndedIsHandedOn) {
    StoreSettings refused = settings();
    refused.store_program = directory_ + "/refuses";
    std::ofstream(refused.store_program) << "#!/bin/sh\necho 'may not be written' >&2\nexit 5\n";
    std::filesystem::permissions(refused.store_program, std::filesystem::perms::owner_all);
    const auto store = Store::open(refused);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().kind, ErrorKind::not_allowed);
    EXPECT_NE(store.error().sentence.find("may not be written"), std::string::npos) << store.error().sentence;
}

TEST_F(ClewStoreTest, DamagedPartsAreSetAsideAndTheRestIsServed) {
    RandomRows rows(10);
    {
        const auto store = open();
        ASSERT_TRUE(store);
        ASSERT_TRUE(store->insert_paths({rows.path(1, 1, 1)}));
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ + "/store/store")) {
        if (entry.path().filename() == "data.bin") std::ofstream(entry.path()) << "garbage";
    }
    const auto store = open();
    ASSERT_TRUE(store);
    EXPECT_EQ(store->find_paths({})->paths_size(), 0);
    EXPECT_TRUE(store->insert_paths({rows.path(2, 1, 1)}));
    EXPECT_EQ(store->find_paths({})->paths_size(), 1);
}

TEST_F(ClewStoreTest, KilledDuringInsertsItLosesNothingAndDoublesNothing) {
    RandomRows rows(11);
    const auto store = open();
    ASSERT_TRUE(store);
    std::mutex mutex;
    std::set<LegId> acknowledged;
    std::uint64_t acknowledged_sequence = 0;
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        LegId next = 1;
        for (std::uint64_t sequence = 1; !stop; ++sequence) {
            std::vector<StoredLeg> legs;
            for (int i = 0; i < 500; ++i) {
                legs.push_back(rows.leg(next++, 1));
                legs.back().sequence = sequence;
            }
            while (!store->insert_legs(legs) && !stop) {
            }
            if (stop) return;
            const std::lock_guard lock(mutex);
            for (const StoredLeg& leg : legs) acknowledged.insert(leg.leg.id);
            acknowledged_sequence = sequence;
        }
    });
    for (int kills = 0; kills < 6; ++kills) {
        const std::size_t before = [&] {
            const std::lock_guard lock(mutex);
            return acknowledged.size();
        }();
        while ([&] {
            const std::lock_guard lock(mutex);
            return acknowledged.size();
        }() < before + 2000)
            std::this_thread::yield();
        ::kill(store_pid(), SIGKILL);
    }
    stop = true;
    writer.join();
    const auto found = store->legs_since(0, 10'000'000);
    ASSERT_TRUE(found) << found.error().sentence;
    std::set<LegId> ids;
    for (const StoredLeg& leg : *found) EXPECT_TRUE(ids.insert(leg.leg.id).second) << "leg twice";
    for (const LegId id : acknowledged) EXPECT_TRUE(ids.contains(id)) << "acknowledged leg " << id << " is lost";
    EXPECT_GE(store->last_sequence("sensor\t1", 1'700'000'000'000'000'000).value_or(0), acknowledged_sequence);
}

TEST_F(ClewStoreTest, OneStartedByHandIsUsedByItsAddress) {
    const std::string command = "env -u CLEW_STORE_KEY " + store_program() + " --directory " + directory_ +
                                "/store --library " + library_path() + " --end-with-stdin 2>" + directory_ + "/words";
    FILE* by_hand = ::popen(command.c_str(), "w");
    ASSERT_NE(by_hand, nullptr);
    StoreSettings with;
    for (int looks = 0; with.url.empty() && looks < 12000; ++looks) {
        std::ifstream words(directory_ + "/words");
        std::string ready, rest;
        words >> ready >> rest;
        if (ready == "ready:" && words.get() == '\n') with.url = rest;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    RandomRows rows(12);
    {
        const auto store = open(with);
        ASSERT_TRUE(store);
        EXPECT_TRUE(store->ping());
        EXPECT_TRUE(store->insert_paths({rows.path(1, 1, 1)}));
        EXPECT_TRUE(store->insert_legs({rows.leg(1, 1)}));
        EXPECT_EQ(store->find_paths({})->paths_size(), 1);
        EXPECT_EQ(store->legs_since(0, 10)->size(), 1u);
    }
    EXPECT_EQ(::pclose(by_hand), 0);  // closes its stdin: it ends, cleanly
    const auto gone = Store::open(with);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().kind, ErrorKind::unreachable);
}

TEST_F(ClewStoreTest, EndsWhenItsParentIsGone) {
    int words[2];
    ASSERT_EQ(::pipe(words), 0);
    const pid_t parent = ::fork();
    if (parent == 0) {
        auto child = StoreProcess::start(settings());
        const pid_t pid = child ? (*child)->pid() : -1;
        if (::write(words[1], &pid, sizeof(pid)) < 0) ::_exit(1);
        ::kill(::getpid(), SIGKILL);
    }
    pid_t pid = -1;
    ASSERT_EQ(::read(words[0], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
    ::close(words[0]);
    ::close(words[1]);
    ::waitpid(parent, nullptr, 0);
    ASSERT_GT(pid, 0);
    // The next one waits for the directory, so it can only start when that one has ended.
    const auto store = open();
    ASSERT_TRUE(store);
    EXPECT_NE(store_pid(), pid);
}

}  // namespace
}  // namespace clew::store
