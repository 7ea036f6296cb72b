// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <charconv>
#include <chrono>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
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

struct Place {
    std::string host;  ///< without brackets
    std::string port;
    std::string authority;  ///< for the Host header
};

std::optional<Place> parse_url(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme)) return std::nullopt;
    url.remove_prefix(scheme.size());
    if (url.ends_with('/')) url.remove_suffix(1);
    const std::size_t colon = url.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    std::string_view host = url.substr(0, colon);
    const std::string_view port = url.substr(colon + 1);
    if (host.starts_with('[') != host.ends_with(']')) return std::nullopt;
    Place place{.host = {}, .port = std::string(port), .authority = std::string(url)};
    if (host.starts_with('[')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    for (const char c : host) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_' ||
                           c == ':' || c == '%';
        if (!plain) return std::nullopt;
    }
    std::uint16_t number = 0;
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (failure != std::errc{} || end != port.data() + port.size() || number == 0 || host.empty()) return std::nullopt;
    place.host = host;
    return place;
}

bool printable(std::string_view text, bool spaces) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || (byte == ' ' && !spaces)) return false;
    }
    return true;
}

class BeastClient : public Client {
  public:
    BeastClient(std::string url, Place place, std::uint32_t timeout_ms)
        : url_(std::move(url)), place_(std::move(place)), timeout_(timeout_ms) {}

    Result<Response> send(const Request& request) override {
        bool sendable = printable(request.target, false) && printable(request.method, false) &&
                        printable(request.content_type, true) && request.target.starts_with('/') &&
                        !request.method.empty();
        for (const auto& [name, value] : request.headers) {
            sendable = sendable && !name.empty() && printable(name, false) && printable(value, true);
        }
        if (!sendable)
            return fail(ErrorKind::usage, "the request '" + request.target +
                                              "' cannot be sent: it has characters that HTTP does not allow");

        deadline_ = std::chrono::steady_clock::now() + timeout_;
        given_up_ = false;
        std::uint64_t number = 0;
        if (request.departure) number = request.departure->when_left([this] { give_up_from_elsewhere(); });
        auto response = exchange_on_open(request);
        if (request.departure) request.departure->forget(number);
        return response;
    }

  private:
    Result<Response> exchange_on_open(const Request& request) {
        if (stream_ && !still_open()) stream_.reset();
        const bool kept = stream_.has_value();
        auto response = exchange(request);
        const bool safe = request.method == "GET" || request.method == "HEAD";
        if (!response && kept && safe && !timed_out_ && !given_up_) response = exchange(request);
        return response;
    }

    /// On another thread. What is left of it in the queue once the request is over does nothing.
    void give_up_from_elsewhere() {
        given_up_ = true;
        asio::post(io_, [this] {
            if (given_up_ && stream_) stream_->close();
        });
    }

    /// False when the other side has closed a kept connection (or wrote on it unasked).
    bool still_open() {
        error_code failure;
        char byte = 0;
        stream_->socket().non_blocking(true, failure);
        stream_->socket().receive(asio::buffer(&byte, 1), tcp::socket::message_peek, failure);
        return failure == asio::error::would_block;
    }

    /// Runs one asynchronous operation to its end; the stream's deadline bounds it.
    template <typename Start>
    error_code run(Start start) {
        error_code outcome;
        stream_->expires_at(deadline_);
        start([&outcome](error_code failure, auto&&...) { outcome = failure; });
        io_.restart();
        if (given_up_) stream_->close();
        io_.run();
        return outcome;
    }

    error_code connect() {
        error_code failure;
        tcp::resolver resolver(io_);
        const auto endpoints = resolver.resolve(place_.host, place_.port, tcp::resolver::numeric_service, failure);
        if (failure) return failure;
        stream_.emplace(io_);
        buffer_.clear();
        failure = run([&](auto done) { stream_->async_connect(endpoints, std::move(done)); });
        if (!failure) {
            error_code ignored;
            stream_->socket().set_option(tcp::no_delay(true), ignored);
        }
        return failure;
    }

    Result<Response> exchange(const Request& request) {
        timed_out_ = false;
        if (!stream_) {
            if (const error_code failure = connect(); failure) return give_up("cannot reach", failure);
        }
        bh::request<bh::string_body> message;
        message.version(11);
        message.method_string(request.method);
        message.target(request.target);
        message.set(bh::field::host, place_.authority);
        if (!request.content_type.empty()) message.set(bh::field::content_type, request.content_type);
        for (const auto& [name, value] : request.headers) message.insert(name, value);
        message.body() = request.body;
        if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
            message.content_length(request.body.size());
        }
        bh::response_parser<bh::string_body> parser;
        parser.header_limit(header_bytes_max);
        parser.body_limit(response_bytes_max);
        parser.skip(request.method == "HEAD");

        const error_code unsent = run([&](auto done) { bh::async_write(*stream_, message, std::move(done)); });
        // A server may answer (413, say) and close before it has read everything: its answer is worth more than our
        // error.
        const error_code failure = run([&](auto done) { bh::async_read(*stream_, buffer_, parser, std::move(done)); });
        if (failure) return give_up("no answer from", unsent ? unsent : failure);
        const bool keep = parser.get().keep_alive() && !unsent;
        Response response = to_response(parser.release());
        if (!keep) stream_.reset();
        return response;
    }

    static Response to_response(bh::response<bh::string_body>&& message) {
        Response response;
        response.status = message.result_int();
        response.content_type = std::string(message[bh::field::content_type]);
        for (const auto& field : message) {
            response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
        }
        response.body = std::move(message.body());
        return response;
    }

    tl::unexpected<Error> give_up(const char* what, error_code failure) {
        stream_.reset();
        if (given_up_) return fail(ErrorKind::failed, "who asked has left");
        timed_out_ = failure == beast::error::timeout;
        std::string why = failure.message();
        if (timed_out_) why = "nothing came within " + std::to_string(timeout_.count()) + " ms";
        if (failure == bh::error::end_of_stream || failure == bh::error::partial_message)
            why = "the connection was closed";
        return fail(ErrorKind::unreachable, std::string(what) + " " + url_ + ": " + why);
    }

    const std::string url_;
    const Place place_;
    const std::chrono::milliseconds timeout_;
    std::chrono::steady_clock::time_point deadline_;
    bool timed_out_ = false;
    std::atomic<bool> given_up_ = false;
    asio::io_context io_{1};
    std::optional<beast::tcp_stream> stream_;
    beast::flat_buffer buffer_;
};

}  // namespace

Result<std::unique_ptr<Client>> Client::create(const std::string& url, std::uint32_t timeout_ms) {
    auto place = parse_url(url);
    if (!place) return fail(ErrorKind::usage, "'" + url + "' is not an address of the form http://HOST:PORT");
    return std::make_unique<BeastClient>(url, std::move(*place), timeout_ms);
}

}  // namespace clew::http
