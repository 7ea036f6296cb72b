// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/clickhouse_client.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <thread>

namespace clew::store {
namespace {

constexpr std::uint32_t statement_timeout_ms = 60'000;  ///< inserts and schema changes: a busy disk may take seconds
constexpr std::uint32_t answer_margin_ms = 2'000;  ///< the server ends a bounded query itself; this is for its answer
constexpr std::size_t idle_client_count_max = 16;
constexpr std::chrono::milliseconds died_at_once{1'000};  ///< a failure this quick was no time-out

int code_of(const http::Response& response) {
    for (const auto& [name, value] : response.headers) {
        if (::strcasecmp(name.c_str(), "X-ClickHouse-Exception-Code") != 0) continue;
        int code = 0;
        std::from_chars(value.data(), value.data() + value.size(), code);
        if (code != 0) return code;
    }
    return response.status == 200 ? 0 : 1002;
}

}  // namespace

Result<std::unique_ptr<ClickHouseClient>> ClickHouseClient::connect(const StoreSettings& settings) {
    std::unique_ptr<ClickHouseClient> client(new ClickHouseClient(settings));
    if (settings.url.empty() && settings.directory.empty()) {
        return fail(ErrorKind::usage,
                    "the store has neither an address nor a directory; set store.directory or store.url");
    }
    if (auto place = client->place(); !place) return tl::make_unexpected(place.error());
    if (auto answered = client->ping(); !answered)
        return fail(answered.error().kind,
                    answered.error().sentence +
                        (settings.url.empty() ? "" : "; store.url must name a ClickHouse server that runs"));
    return client;
}

Result<ClickHouseClient::Place> ClickHouseClient::place() {
    if (!settings_.url.empty()) return Place{.url = settings_.url, .key = {}, .generation = 0};
    const std::lock_guard lock(child_mutex_);
    if (!child_ || !child_->running()) {
        if (child_) std::fprintf(stderr, "the store's process ended and is started again\n");
        child_.reset();
        auto started = StoreProcess::start(settings_);
        if (!started) return tl::make_unexpected(started.error());
        child_ = std::move(*started);
        ++generation_;
    }
    return Place{.url = child_->url(), .key = child_->key(), .generation = generation_};
}

pid_t ClickHouseClient::store_pid() {
    const std::lock_guard lock(child_mutex_);
    return child_ ? child_->pid() : -1;
}

Result<ClickHouseClient::KeptClient> ClickHouseClient::take_client(const Place& place, bool bounded) {
    {
        const std::lock_guard lock(clients_mutex_);
        std::erase_if(clients_, [&](const KeptClient& kept) { return kept.generation != place.generation; });
        for (auto kept = clients_.begin(); kept != clients_.end(); ++kept) {
            if (kept->bounded != bounded) continue;
            KeptClient taken = std::move(*kept);
            clients_.erase(kept);
            return taken;
        }
    }
    auto client =
        http::Client::create(place.url, bounded ? settings_.query_timeout_ms + answer_margin_ms : statement_timeout_ms);
    if (!client) return tl::make_unexpected(client.error());
    return KeptClient{.client = std::move(*client), .generation = place.generation, .bounded = bounded};
}

Result<http::Response> ClickHouseClient::send(const http::Request& request, bool bounded, bool once) {
    for (bool again = once;; again = true) {
        auto where = place();
        if (!where) return tl::make_unexpected(where.error());
        auto kept = take_client(*where, bounded);
        if (!kept) return tl::make_unexpected(kept.error());
        http::Request keyed = request;
        if (bounded) keyed.departure = http::AnswerScope::current();
        if (!where->key.empty()) keyed.headers.emplace_back("X-ClickHouse-Key", where->key);
        const auto begin = std::chrono::steady_clock::now();
        auto response = kept->client->send(keyed);
        if (response) {
            const std::lock_guard lock(clients_mutex_);
            if (clients_.size() < idle_client_count_max) clients_.push_back(std::move(*kept));
            return response;
        }
        if (again || response.error().kind != ErrorKind::unreachable) return response;
        if (std::chrono::steady_clock::now() - begin < died_at_once) {
            await_child_end();
        } else if (!settings_.url.empty() || child_running()) {
            return response;  // a time-out of a store that still runs: asking again would wait as long once more
        }
    }
}

bool ClickHouseClient::child_running() {
    const std::lock_guard lock(child_mutex_);
    return child_ && child_->running();
}

/// A killed process closes its sockets a moment before it is gone: without this the dying one would be asked again.
void ClickHouseClient::await_child_end() {
    const auto until = std::chrono::steady_clock::now() + died_at_once;
    while (child_running() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

http::Request ClickHouseClient::to_request(const ClickHouseCall& call) const {
    http::Request request;
    request.method = "POST";
    std::string target;
    const auto add = [&target](std::string_view name, std::string_view value) {
        target += (target.empty() ? "/?" : "&") + http::percent_encode(name) + "=" + http::percent_encode(value);
    };
    if (!call.database.empty()) add("database", call.database);
    for (const auto& [name, value] : call.parameters) add("param_" + name, value);
    for (const auto& [name, value] : call.settings) add(name, value);
    if (call.bounded) {
        char seconds[32];
        std::snprintf(seconds, sizeof(seconds), "%.3f", std::max(1u, settings_.query_timeout_ms) / 1000.0);
        add("max_execution_time", seconds);
        add("readonly", "2");  // such a one ends when its connection is closed
        add("cancel_http_readonly_queries_on_client_close", "1");
    }
    if (call.data.empty()) {
        request.body = call.sql;
        request.content_type = "text/plain; charset=UTF-8";
    } else {
        add("query", call.sql);
        request.body = call.data;
        request.content_type = "application/octet-stream";
    }
    request.target = target.empty() ? "/" : std::move(target);
    return request;
}

Result<ClickHouseReply> ClickHouseClient::call(const ClickHouseCall& call) {
    auto response = send(to_request(call), call.bounded, call.once);
    if (!response) return tl::make_unexpected(response.error());
    return ClickHouseReply{.code = code_of(*response), .body = std::move(response->body)};
}

Result<std::string> ClickHouseClient::must_succeed(const ClickHouseCall& what) {
    auto reply = call(what);
    if (!reply) return tl::make_unexpected(reply.error());
    if (reply->code == 0) return std::move(reply->body);
    std::string words = reply->body.substr(0, 400);
    while (words.ends_with('\n')) words.pop_back();
    return fail(ErrorKind::failed, "the store refused: " + words);
}

Result<void> ClickHouseClient::ping() {
    http::Request request;
    request.target = "/ping";
    auto response = send(request, true);
    if (!response) return tl::make_unexpected(response.error());
    if (response->status != 200)
        return fail(ErrorKind::unreachable, "the store answers /ping with HTTP " + std::to_string(response->status));
    return {};
}

}  // namespace clew::store
