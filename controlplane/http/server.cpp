// SPDX-License-Identifier: Apache-2.0
// One thread reads and writes all connections; a pool runs the handler, so that a slow answer holds up nobody else.
// A connection has at most one request with the handler: the pool's queue is bounded by connection_count_max.
#include <chrono>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "controlplane/http/http.h"

namespace clew::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bh = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds linger_time_max{500};
constexpr std::chrono::milliseconds stop_write_time_max{2000};
constexpr std::uint64_t linger_bytes_max = 16u << 20;
constexpr std::size_t refused_count_max = 64;  ///< connections that are being told 503; more are closed without a word

std::string without_control_bytes(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return text;
}

Request to_request(bh::request<bh::string_body>&& message) {
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.content_type = std::string(message[bh::field::content_type]);
    for (const auto& field : message) {
        request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    request.body = std::move(message.body());
    return request;
}

bh::response<bh::string_body> to_message(Response&& response, unsigned version, bool keep_alive, bool head) {
    bh::response<bh::string_body> message;
    message.version(version);
    message.result(response.status);
    if (!response.content_type.empty()) {
        message.set(bh::field::content_type, without_control_bytes(std::move(response.content_type)));
    }
    for (auto& [name, value] : response.headers) message.insert(name, without_control_bytes(std::move(value)));
    message.keep_alive(keep_alive);
    if (response.status != 204 && response.status != 304) message.content_length(response.body.size());
    if (!head) message.body() = std::move(response.body);
    return message;
}

Response words(unsigned status, std::string sentence) {
    Response response;
    response.status = status;
    response.content_type = "text/plain; charset=UTF-8";
    response.body = std::move(sentence) + "\n";
    return response;
}

class Session;

/// What the sessions share; used on the I/O thread, but for the handler and its pool.
struct Shared {
    Shared(const ServerSettings& with, Handler answer)
        : settings(with), handler(std::move(answer)), pool(with.thread_count > 0 ? with.thread_count : 1) {}

    ServerSettings settings;
    Handler handler;
    asio::io_context io{1};
    asio::thread_pool pool;
    std::set<Session*> sessions;
    std::uint32_t stream_count = 0;
    bool stopping = false;
};

/// One connection; keeps itself alive through its pending operation.
class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Shared& shared, tcp::socket socket) : shared_(shared), stream_(std::move(socket)) {
        shared_.sessions.insert(this);
    }
    ~Session() {
        shared_.sessions.erase(this);
        if (streams_) --shared_.stream_count;
    }

    void start() { read_header(); }

    void refuse(Response response) {
        keep_alive_ = false;
        write(std::move(response), false);
    }

    /// A connection that waits for a request closes now; one with a running handler after its answer.
    void stop() {
        if (phase_ == Phase::reading) stream_.cancel();
        if (phase_ == Phase::writing) stream_.expires_after(stop_write_time_max);
        if (phase_ == Phase::streaming) {
            pause_.cancel();
            stream_.cancel();
        }
    }

  private:
    enum class Phase { reading, handling, writing, streaming };

    void read_header() {
        if (shared_.stopping) return;
        phase_ = Phase::reading;
        parser_.emplace();
        parser_->header_limit(header_bytes_max);
        parser_->body_limit(shared_.settings.body_bytes_max);
        stream_.expires_after(std::chrono::milliseconds(shared_.settings.idle_timeout_ms));
        bh::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](error_code failure, std::size_t) {
            if (failure) return self->refuse_unread(failure);
            self->read_body();
        });
    }

    void read_body() {
        if (parser_->is_done()) return answer();
        if (shared_.stopping) return;
        if (beast::iequals(parser_->get()[bh::field::expect], "100-continue")) return promise_to_read();
        bh::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code failure, std::size_t) {
            if (failure) return self->refuse_unread(failure);
            self->answer();
        });
    }

    void promise_to_read() {
        parser_->get().erase(bh::field::expect);
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        asio::async_write(stream_, asio::buffer(go_on), [self = shared_from_this()](error_code failure, std::size_t) {
            if (!failure) self->read_body();
        });
    }

    void refuse_unread(error_code failure) {
        if (failure == bh::error::body_limit) {
            refuse(words(413, "the request's body is larger than " + std::to_string(shared_.settings.body_bytes_max) +
                                  " bytes"));
        } else if (failure == bh::error::header_limit || failure == bh::error::buffer_overflow) {
            refuse(words(431, "the request's header is larger than " + std::to_string(header_bytes_max) + " bytes"));
        } else if (failure == bh::error::end_of_stream || failure == bh::error::partial_message) {
            close();
        } else if (failure.category() == bh::make_error_code(bh::error::bad_version).category()) {
            refuse(words(400, "not an HTTP/1.1 request: " + failure.message()));
        }
        // What is left are time-outs and broken connections: the socket closes with the session.
    }

    void answer() {
        phase_ = Phase::handling;
        keep_alive_ = parser_->get().keep_alive();
        version_ = parser_->get().version();
        const bool head = parser_->get().method() == bh::verb::head;
        stream_.expires_never();
        departure_ = std::make_shared<Departure>();
        watch();
        // The work guard keeps the I/O thread running until the answer is back; the session is handed back with it, so
        // that it never ends on a thread of the pool.
        asio::post(shared_.pool, [self = shared_from_this(), head, guard = asio::make_work_guard(shared_.io),
                                  request = to_request(parser_->release())]() mutable {
            request.departure = self->departure_;
            Response response = self->run_handler(request);
            asio::io_context& io = self->shared_.io;
            asio::post(io, [self = std::move(self), head, ready = std::move(response)]() mutable {
                self->unwatch();
                if (ready.next && !head) return self->start_stream(std::move(ready));
                self->write(std::move(ready), head);
            });
        });
    }

    /// While a handler runs: a connection that becomes readable has its end there, or the next request.
    void watch() {
        watching_ = true;
        stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code failure) {
            if (failure || !self->watching_) return;
            self->watching_ = false;
            char byte = 0;
            error_code state;
            self->stream_.socket().non_blocking(true, state);
            self->stream_.socket().receive(asio::buffer(&byte, 1), tcp::socket::message_peek, state);
            if (state && state != asio::error::would_block) self->departure_->leave();
        });
    }

    void unwatch() {
        if (!std::exchange(watching_, false)) return;
        error_code ignored;
        stream_.socket().cancel(ignored);
    }

    Response run_handler(const Request& request) {
        if (request.departure->left()) return words(408, "who asked has left");
        const AnswerScope scope(request.departure);
        try {
            return shared_.handler(request);
        } catch (const std::exception& failure) {
            return words(500, std::string("the request failed inside the server: ") + failure.what());
        } catch (...) {
            return words(500, "the request failed inside the server");
        }
    }

    void start_stream(Response response) {
        if (shared_.stream_count >= shared_.settings.stream_count_max)
            return refuse(words(503, "too many answers in pieces: the server gives " +
                                         std::to_string(shared_.settings.stream_count_max) + " at once"));
        ++shared_.stream_count;
        streams_ = true;
        next_ = std::move(response.next);
        period_ = std::chrono::milliseconds(response.next_period_ms);
        keep_alive_ = false;
        phase_ = Phase::streaming;
        response_ = to_message(std::move(response), version_, false, true);
        if (version_ >= 11)
            response_.chunked(true);
        else
            response_.content_length(boost::none);  // the connection's end is the body's
        stream_head_.emplace(response_);
        stream_.expires_after(std::chrono::milliseconds(shared_.settings.idle_timeout_ms));
        bh::async_write_header(stream_, *stream_head_, [self = shared_from_this()](error_code failure, std::size_t) {
            if (!failure) self->make_chunk();
        });
    }

    void make_chunk() {
        if (shared_.stopping) return close();
        watch();
        asio::post(shared_.pool, [self = shared_from_this(), guard = asio::make_work_guard(shared_.io)]() mutable {
            std::optional<std::string> piece = self->run_next();
            asio::io_context& io = self->shared_.io;
            asio::post(io, [self = std::move(self), piece = std::move(piece)]() mutable {
                self->unwatch();
                piece ? self->send_chunk(std::move(*piece)) : self->close();
            });
        });
    }

    /// Nothing where it broke off: the client misses the last chunk then.
    std::optional<std::string> run_next() {
        const AnswerScope scope(departure_);
        try {
            return next_();
        } catch (...) {
            return std::nullopt;
        }
    }

    void send_chunk(std::string text) {
        if (shared_.stopping) return close();
        chunk_ = std::move(text);
        stream_.expires_after(std::chrono::milliseconds(shared_.settings.idle_timeout_ms));
        const auto sent = [self = shared_from_this()](error_code failure, std::size_t) {
            if (failure) return self->departure_->leave();
            self->chunk_.empty() ? self->close() : self->rest();
        };
        if (version_ < 11) return asio::async_write(stream_, asio::buffer(chunk_), sent);
        if (chunk_.empty()) return asio::async_write(stream_, bh::make_chunk_last(), sent);
        asio::async_write(stream_, bh::make_chunk(asio::buffer(chunk_)), sent);
    }

    void rest() {
        if (shared_.stopping) return close();
        if (period_.count() == 0) return make_chunk();
        pause_.expires_after(period_);
        pause_.async_wait([self = shared_from_this()](error_code) { self->make_chunk(); });
    }

    void write(Response response, bool head) {
        phase_ = Phase::writing;
        if (shared_.stopping) keep_alive_ = false;
        response_ = to_message(std::move(response), version_, keep_alive_, head);
        stream_.expires_after(shared_.stopping ? stop_write_time_max
                                               : std::chrono::milliseconds(shared_.settings.idle_timeout_ms));
        bh::async_write(stream_, response_, [self = shared_from_this()](error_code failure, std::size_t) {
            if (failure) return;
            if (self->keep_alive_) return self->read_header();
            self->close();
        });
    }

    /// Reads what the client still sends for a moment: closing on unread bytes would reset the connection and could
    /// take the answer with it.
    void close() {
        phase_ = Phase::reading;
        error_code ignored;
        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        stream_.expires_after(linger_time_max);
        drain();
    }

    void drain() {
        if (shared_.stopping || drained_bytes_ > linger_bytes_max) return;
        buffer_.clear();
        stream_.async_read_some(buffer_.prepare(64 << 10),
                                [self = shared_from_this()](error_code failure, std::size_t got) {
                                    self->drained_bytes_ += got;
                                    if (!failure) self->drain();
                                });
    }

    Shared& shared_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::optional<bh::request_parser<bh::string_body>> parser_;
    bh::response<bh::string_body> response_;
    Phase phase_ = Phase::reading;
    std::optional<bh::response_serializer<bh::string_body>> stream_head_;
    asio::steady_timer pause_{shared_.io};
    std::function<std::string()> next_;
    std::chrono::milliseconds period_{1000};
    std::string chunk_;
    bool streams_ = false;
    bool watching_ = false;
    std::shared_ptr<Departure> departure_;
    bool keep_alive_ = false;
    unsigned version_ = 11;
    std::uint64_t drained_bytes_ = 0;
};

class BeastServer : public Server {
  public:
    BeastServer(const ServerSettings& settings, Handler handler)
        : shared_(settings, std::move(handler)), acceptor_(shared_.io), again_(shared_.io) {}

    ~BeastServer() override {
        if (!thread_.joinable()) return;
        asio::post(shared_.io, [this] {
            shared_.stopping = true;
            error_code ignored;
            acceptor_.close(ignored);
            again_.cancel();
            for (Session* session : shared_.sessions) session->stop();
        });
        thread_.join();  // the I/O thread ends when no session has work left
        shared_.pool.join();
    }

    std::uint16_t port() const override { return port_; }

    Result<void> listen() {
        const ServerSettings& settings = shared_.settings;
        const std::string where = settings.address + ":" + std::to_string(settings.port);
        error_code failure;
        const auto address = asio::ip::make_address(settings.address, failure);
        if (failure) return fail(ErrorKind::usage, "'" + settings.address + "' is not an IP address to listen on");
        const tcp::endpoint endpoint(address, settings.port);
        acceptor_.open(endpoint.protocol(), failure);
        if (!failure) acceptor_.set_option(asio::socket_base::reuse_address(true), failure);
        if (!failure) acceptor_.bind(endpoint, failure);
        if (!failure) acceptor_.listen(asio::socket_base::max_listen_connections, failure);
        if (failure == asio::error::address_in_use) {
            return fail(ErrorKind::failed, "cannot listen on " + where +
                                               ": another program has this port; choose another or end that one");
        }
        if (failure == asio::error::access_denied) {
            return fail(ErrorKind::not_allowed,
                        "cannot listen on " + where + ": not permitted; choose a port above 1023");
        }
        if (failure)
            return fail(ErrorKind::failed,
                        "cannot listen on " + where + ": " + failure.message() + "; choose an address of this machine");
        port_ = acceptor_.local_endpoint().port();
        accept();
        thread_ = std::thread([this] { shared_.io.run(); });
        return {};
    }

  private:
    void accept() {
        acceptor_.async_accept([this](error_code failure, tcp::socket socket) {
            if (shared_.stopping) return;
            if (failure) return accept_later();
            error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            const std::size_t count = shared_.sessions.size();
            if (count < shared_.settings.connection_count_max) {
                std::make_shared<Session>(shared_, std::move(socket))->start();
            } else if (count < shared_.settings.connection_count_max + refused_count_max) {
                std::make_shared<Session>(shared_, std::move(socket))
                    ->refuse(words(503, "too many connections: the server takes " +
                                            std::to_string(shared_.settings.connection_count_max) + " at once"));
            }
            accept();
        });
    }

    /// Out of file descriptors, most likely: a pause instead of a busy loop.
    void accept_later() {
        again_.expires_after(std::chrono::milliseconds(50));
        again_.async_wait([this](error_code failure) {
            if (!failure && !shared_.stopping) accept();
        });
    }

    Shared shared_;
    tcp::acceptor acceptor_;
    asio::steady_timer again_;
    std::thread thread_;
    std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerSettings& settings, Handler handler) {
    auto server = std::make_unique<BeastServer>(settings, std::move(handler));
    if (auto listening = server->listen(); !listening) return tl::make_unexpected(listening.error());
    return server;
}

}  // namespace clew::http
