// SPDX-License-Identifier: Apache-2.0
// Client and server against each other, and the server against raw bytes on a socket.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "controlplane/http/http.h"

namespace clew::http {
namespace {

Response echo(const Request& request) {
    if (request.target == "/throw") throw std::runtime_error("on purpose");
    Response response;
    response.status = request.target == "/missing" ? 404 : 200;
    response.content_type = "text/plain";
    response.body = request.method + " " + request.target + " " + request.content_type + "\n" + request.body;
    for (const auto& [name, value] : request.headers) {
        if (name == "X-Name") response.headers.emplace_back("X-Name", value);
    }
    return response;
}

struct Pair {
    std::unique_ptr<Server> server;
    std::unique_ptr<Client> client;
};

std::string url_of(const Server& server) { return "http://127.0.0.1:" + std::to_string(server.port()); }

Pair make_pair_of(ServerSettings settings = {}, Handler handler = echo, std::uint32_t timeout_ms = 10'000) {
    auto server = Server::start(settings, std::move(handler));
    EXPECT_TRUE(server) << server.error().sentence;
    auto client = Client::create(url_of(**server), timeout_ms);
    EXPECT_TRUE(client);
    return {std::move(*server), std::move(*client)};
}

/// A bare connection, to send what no client would.
class RawConnection {
  public:
    explicit RawConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
        const timeval patience{20, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    }
    ~RawConnection() { ::close(socket_); }
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    void finish_sending() const { ::shutdown(socket_, SHUT_WR); }
    std::string receive_some() const {
        char piece[4096];
        const ssize_t got = ::recv(socket_, piece, sizeof(piece), 0);
        return std::string(piece, got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    std::string receive_all() const {
        std::string all;
        char piece[4096];
        for (ssize_t got = 0; (got = ::recv(socket_, piece, sizeof(piece), 0)) > 0;)
            all.append(piece, static_cast<std::size_t>(got));
        return all;
    }

    bool connected = false;

  private:
    int socket_;
};

TEST(HttpServer, AnswersOverOneKeptConnection) {
    const Pair pair = make_pair_of();
    for (int i = 0; i < 50; ++i) {
        const auto response = pair.client->send({.method = "POST",
                                                 .target = "/x?i=" + std::to_string(i),
                                                 .content_type = "a/b",
                                                 .body = "body",
                                                 .headers = {{"X-Name", "v"}}});
        ASSERT_TRUE(response) << response.error().sentence;
        EXPECT_EQ(response->status, 200u);
        EXPECT_EQ(response->body, "POST /x?i=" + std::to_string(i) + " a/b\nbody");
        EXPECT_EQ(response->content_type, "text/plain");
    }
    EXPECT_EQ(pair.client->send({.target = "/missing", .content_type = {}, .body = {}, .headers = {}})->status, 404u);
}

TEST(HttpServer, CarriesLargeAndBinaryBodies) {
    const Pair pair = make_pair_of();
    std::string body(20u << 20, '\0');
    std::mt19937 random(7);
    for (std::size_t i = 0; i < body.size(); i += 97) body[i] = static_cast<char>(random());
    const auto response =
        pair.client->send({.method = "POST", .target = "/b", .content_type = {}, .body = body, .headers = {}});
    ASSERT_TRUE(response) << response.error().sentence;
    EXPECT_EQ(response->body, "POST /b \n" + body);
}

TEST(HttpServer, HeadHasNoBody) {
    const Pair pair = make_pair_of();
    for (int i = 0; i < 2; ++i) {
        const auto response =
            pair.client->send({.method = "HEAD", .target = "/h", .content_type = {}, .body = {}, .headers = {}});
        ASSERT_TRUE(response);
        EXPECT_EQ(response->status, 200u);
        EXPECT_EQ(response->body, "");
    }
}

TEST(HttpServer, TellsAHandlerThatItsClientHasLeftAndNoneOfOneThatWaits) {
    std::atomic<int> running = 0, left = 0;
    std::atomic<bool> go_on = false;
    const Pair pair = make_pair_of({}, [&](const Request& request) {
        ++running;
        EXPECT_EQ(request.departure, AnswerScope::current());
        request.departure->when_left([&left] { ++left; });
        while (!request.departure->left() && !go_on) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return Response{};
    });
    const auto wait_for = [](const auto& condition) {
        for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return condition();
    };
    {
        const RawConnection leaver(pair.server->port());
        leaver.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        ASSERT_TRUE(wait_for([&] { return running == 1; }));
    }
    ASSERT_TRUE(wait_for([&] { return left == 1; }));
    const RawConnection waiter(pair.server->port());
    waiter.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(wait_for([&] { return running == 2; }));
    waiter.send("GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");  // does not leave by asking more
    go_on = true;
    const std::string answers = waiter.receive_all();
    EXPECT_NE(answers.find("200 OK", answers.find("200 OK") + 1), std::string::npos) << answers;
    EXPECT_EQ(left, 1);
}

TEST(HttpServer, AClientGivesUpWhenItsOwnAskerLeaves) {
    std::atomic<bool> running = false;
    const Pair pair = make_pair_of({}, [&](const Request& request) {
        running = true;
        for (int i = 0; i < 10'000 && !request.departure->left() && request.target == "/slow"; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return Response{};
    });
    const auto departure = std::make_shared<Departure>();
    std::thread other([&] {
        while (!running) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        departure->leave();
    });
    Request request;
    request.target = "/slow";
    request.departure = departure;
    const auto response = pair.client->send(request);
    other.join();
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::failed);
    EXPECT_FALSE(pair.client->send(request));  // it had left before
    request.departure = nullptr;
    request.target = "/";
    EXPECT_TRUE(pair.client->send(request));
}

TEST(HttpServer, AThrowingHandlerIs500) {
    const Pair pair = make_pair_of();
    const auto response = pair.client->send({.target = "/throw", .content_type = {}, .body = {}, .headers = {}});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 500u);
    EXPECT_NE(response->body.find("on purpose"), std::string::npos);
}

TEST(HttpServer, RefusesALargerBody) {
    ServerSettings settings;
    settings.body_bytes_max = 1000;
    const Pair pair = make_pair_of(settings);
    const auto response = pair.client->send(
        {.method = "POST", .target = "/", .content_type = {}, .body = std::string(100'000, 'x'), .headers = {}});
    ASSERT_TRUE(response) << response.error().sentence;
    EXPECT_EQ(response->status, 413u);
    EXPECT_TRUE(
        pair.client->send({.method = "POST", .target = "/", .content_type = {}, .body = "small", .headers = {}}));
}

TEST(HttpServer, RefusesAHugeHeader) {
    const Pair pair = make_pair_of();
    const auto response =
        pair.client->send({.target = "/" + std::string(200'000, 'x'), .content_type = {}, .body = {}, .headers = {}});
    ASSERT_TRUE(response) << response.error().sentence;
    EXPECT_EQ(response->status, 431u);
}

TEST(HttpServer, AnswersGarbageWith400AndLives) {
    const Pair pair = make_pair_of();
    std::mt19937 random(11);
    for (const std::string& bytes :
         {std::string("hello there\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"), std::string("\r\n\r\n\r\n"),
          std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
          std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), std::string(1, '\0')}) {
        const RawConnection raw(pair.server->port());
        raw.send(bytes);
        raw.finish_sending();
        const std::string answer = raw.receive_all();
        EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 400")) << answer;
    }
    for (int i = 0; i < 100; ++i) {
        std::string noise(random() % 2000, '\0');
        for (char& c : noise) c = static_cast<char>(random());
        const RawConnection raw(pair.server->port());
        raw.send(noise);
    }
    EXPECT_TRUE(pair.client->send({.target = "/alive", .content_type = {}, .body = {}, .headers = {}}));
}

TEST(HttpServer, ASlowClientIsCutOffAndHoldsUpNobody) {
    ServerSettings settings;
    settings.idle_timeout_ms = 300;
    settings.thread_count = 1;
    const Pair pair = make_pair_of(settings);
    const RawConnection slow(pair.server->port());
    slow.send("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf");
    EXPECT_TRUE(pair.client->send({.target = "/quick", .content_type = {}, .body = {}, .headers = {}}));
    EXPECT_EQ(slow.receive_all(), "");  // ends when the server closes
}

TEST(HttpServer, RefusesMoreConnectionsThanAllowed) {
    ServerSettings settings;
    settings.connection_count_max = 2;
    const Pair pair = make_pair_of(settings);
    const RawConnection first(pair.server->port());
    ASSERT_TRUE(pair.client->send({.target = "/", .content_type = {}, .body = {}, .headers = {}}));
    const RawConnection third(pair.server->port());
    EXPECT_TRUE(third.receive_all().starts_with("HTTP/1.1 503"));
}

TEST(HttpServer, HonoursExpectContinueAndPipelining) {
    const Pair pair = make_pair_of();
    const RawConnection raw(pair.server->port());
    raw.send("POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    raw.send("okGET /second HTTP/1.1\r\nConnection: close\r\n\r\n");
    const std::string answer = raw.receive_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")) << answer;
    EXPECT_NE(answer.find("POST /e \nok"), std::string::npos);
    EXPECT_NE(answer.find("GET /second"), std::string::npos);
}

TEST(HttpServer, SaysThatThePortIsTaken) {
    const Pair pair = make_pair_of();
    ServerSettings settings;
    settings.port = pair.server->port();
    const auto second = Server::start(settings, echo);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().sentence.find("another program has this port"), std::string::npos)
        << second.error().sentence;
    settings.address = "not an address";
    EXPECT_FALSE(Server::start(settings, echo));
}

TEST(HttpServer, StopLetsRunningHandlersEnd) {
    std::atomic<bool> running = false;
    std::atomic<bool> may_end = false;
    Pair pair = make_pair_of({}, [&](const Request&) {
        running = true;
        while (!may_end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return Response{.content_type = "text/plain", .body = "whole", .headers = {}};
    });
    const RawConnection idle(pair.server->port());
    Result<Response> response = fail(ErrorKind::failed, "not asked");
    std::thread asker(
        [&] { response = pair.client->send({.target = "/", .content_type = {}, .body = {}, .headers = {}}); });
    while (!running) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::thread stopper([&] { pair.server.reset(); });
    EXPECT_EQ(idle.receive_all(), "");  // closed by the stop, while the handler still runs
    may_end = true;
    stopper.join();
    asker.join();
    ASSERT_TRUE(response) << response.error().sentence;
    EXPECT_EQ(response->body, "whole");
}

TEST(HttpServer, AnEndlessAnswerGoesOnUntilTheServerStops) {
    std::atomic<int> count = 0;
    ServerSettings settings;
    settings.stream_count_max = 1;
    Pair pair = make_pair_of(settings, [&](const Request&) {
        Response response{.content_type = "text/event-stream", .body = {}, .headers = {}};
        response.next = [&count] { return "data: " + std::to_string(count++) + "\n\n"; };
        response.next_period_ms = 1;
        return response;
    });
    const RawConnection raw(pair.server->port());
    raw.send("GET /events HTTP/1.1\r\n\r\n");
    while (count < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const RawConnection second(pair.server->port());
    second.send("GET /events HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(second.receive_all().starts_with("HTTP/1.1 503"));
    pair.server.reset();
    const std::string answer = raw.receive_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
    EXPECT_NE(answer.find("Transfer-Encoding: chunked"), std::string::npos);
    EXPECT_NE(answer.find("data: 0\n\n"), std::string::npos);
    EXPECT_NE(answer.find("data: 1\n\n"), std::string::npos);
}

TEST(HttpServer, AnAnswerInPiecesEndsWholeOrIsSeenToBeBrokenOff) {
    const Pair pair = make_pair_of({}, [](const Request& request) {
        Response response{.content_type = "application/octet-stream", .body = {}, .headers = {}};
        response.next_period_ms = 0;
        response.next = [broken = request.target == "/broken", count = 0]() mutable -> std::string {
            if (++count <= 3) return std::string(100'000, static_cast<char>('0' + count));
            if (broken) throw std::runtime_error("nothing is left");
            return {};
        };
        return response;
    });
    const std::string whole = std::string(100'000, '1') + std::string(100'000, '2') + std::string(100'000, '3');
    const auto got = pair.client->send({.target = "/", .content_type = {}, .body = {}, .headers = {}});
    ASSERT_TRUE(got) << got.error().sentence;
    EXPECT_EQ(got->body, whole);
    EXPECT_FALSE(pair.client->send({.target = "/broken", .content_type = {}, .body = {}, .headers = {}}));
    const RawConnection old(pair.server->port());
    old.send("GET / HTTP/1.0\r\n\r\n");
    const std::string answer = old.receive_all();
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + whole)) << answer.substr(0, 300);
    EXPECT_EQ(answer.find("chunked"), std::string::npos);
}

TEST(HttpServer, AnEndlessAnswerEndsWithItsClientAndMakesRoom) {
    ServerSettings settings;
    settings.stream_count_max = 1;
    const Pair pair = make_pair_of(settings, [](const Request&) {
        Response response{.content_type = "text/event-stream", .body = {}, .headers = {}};
        response.next = [] { return std::string("x\n"); };
        response.next_period_ms = 1;
        return response;
    });
    for (int i = 0; i < 5; ++i) {
        std::string answer;
        do {  // the one before leaves when its next piece cannot be sent
            const RawConnection raw(pair.server->port());
            raw.send("GET /events HTTP/1.1\r\n\r\n");
            answer = raw.receive_some();
        } while (answer.starts_with("HTTP/1.1 503"));
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
    }
}

TEST(HttpClient, ConnectsAnewWhenTheServerWasRestarted) {
    Pair pair = make_pair_of();
    ASSERT_TRUE(pair.client->send({.target = "/", .content_type = {}, .body = {}, .headers = {}}));
    ServerSettings settings;
    settings.port = pair.server->port();
    pair.server.reset();
    const auto gone = pair.client->send({.target = "/", .content_type = {}, .body = {}, .headers = {}});
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().kind, ErrorKind::unreachable);
    auto again = Server::start(settings, echo);
    ASSERT_TRUE(again) << again.error().sentence;
    EXPECT_TRUE(pair.client->send({.method = "POST", .target = "/", .content_type = {}, .body = "x", .headers = {}}));
    again->reset();
    again = Server::start(settings, echo);
    ASSERT_TRUE(again) << again.error().sentence;
    EXPECT_TRUE(pair.client->send({.method = "POST", .target = "/", .content_type = {}, .body = "x", .headers = {}}));
}

TEST(HttpClient, GivesUpAfterItsTimeout) {
    std::atomic<bool> may_end = false;
    const Pair pair = make_pair_of(
        {},
        [&](const Request&) {
            while (!may_end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return Response{};
        },
        100);
    const auto response = pair.client->send({.target = "/", .content_type = {}, .body = {}, .headers = {}});
    may_end = true;
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::unreachable);
    EXPECT_NE(response.error().sentence.find("within 100 ms"), std::string::npos) << response.error().sentence;
}

TEST(HttpClient, RefusesBadAddressesAndRequests) {
    for (const char* url : {"", "http://", "http://x", "http://x:0", "http://x:99999", "ftp://x:1", "http://:80",
                            "http://a b:1", "http://[::1:80", "http://::1:80", "http://x:80/path"}) {
        const auto client = Client::create(url, 100);
        ASSERT_FALSE(client) << url;
        EXPECT_EQ(client.error().kind, ErrorKind::usage);
    }
    EXPECT_TRUE(Client::create("http://[::1]:80", 100));
    const Pair pair = make_pair_of();
    EXPECT_FALSE(pair.client->send({.target = "/a b", .content_type = {}, .body = {}, .headers = {}}));
    EXPECT_FALSE(pair.client->send({.target = "/\r\nX: y", .content_type = {}, .body = {}, .headers = {}}));
    EXPECT_FALSE(pair.client->send({.target = "/", .content_type = {}, .body = {}, .headers = {{"A", "b\r\nC: d"}}}));
}

TEST(HttpServer, ServesManyClientsAtOnce) {
    const Pair pair = make_pair_of();
    std::vector<std::thread> threads;
    std::atomic<int> good = 0;
    for (int t = 0; t < 16; ++t) {
        threads.emplace_back([&, t] {
            auto client = Client::create(url_of(*pair.server), 20'000);
            for (int i = 0; i < 50; ++i) {
                const std::string body = std::to_string(t) + "/" + std::to_string(i);
                const auto response =
                    (*client)->send({.method = "POST", .target = "/", .content_type = {}, .body = body, .headers = {}});
                good += response && response->body == "POST / \n" + body;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(good, 16 * 50);
}

}  // namespace
}  // namespace clew::http
