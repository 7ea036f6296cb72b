// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/clickhouse_http.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "controlplane/store/statement.h"

namespace clew::store {
namespace {

constexpr int code_syntax_error = 62;
constexpr int code_unknown_setting = 115;
constexpr int code_not_implemented = 48;
constexpr int code_authentication_failed = 516;

http::Response error_response(int code, std::string text) {
    http::Response response;
    response.status = http_status_of(code);
    response.content_type = "text/plain; charset=UTF-8";
    response.headers = {{"X-ClickHouse-Exception-Code", std::to_string(code)}};
    response.body = std::move(text);
    if (!response.body.ends_with('\n')) response.body += '\n';
    return response;
}

http::Response own_error(int code, const std::string& sentence, const char* name) {
    return error_response(code, "Code: " + std::to_string(code) + ". DB::Exception: " + sentence + ". (" + name + ")");
}

std::string_view header(const http::Request& request, std::string_view name) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    for (const auto& [key, value] : request.headers) {
        if (std::ranges::equal(key, name, same)) return value;
    }
    return {};
}

/// Compares without stopping at the first difference.
bool same_key(std::string_view given, const std::string& key) {
    unsigned difference = given.size() == key.size() ? 0 : 1;
    for (std::size_t i = 0; i < given.size(); ++i)
        difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(key[i % key.size()]);
    return difference == 0;
}

bool authorized(const http::Request& request, const http::Target& target, const std::string& key) {
    return key.empty() || same_key(header(request, "X-ClickHouse-Key"), key) ||
           same_key(target.parameter("password"), key);
}

std::string_view content_type_of(std::string_view format) {
    if (format.starts_with("JSONEachRow") || format.starts_with("JSONLines"))
        return "application/x-ndjson; charset=UTF-8";
    if (format.starts_with("JSON")) return "application/json; charset=UTF-8";
    if (format.starts_with("CSV")) return "text/csv; charset=UTF-8; header=absent";
    if (format.starts_with("TabSeparated") || format.starts_with("TSV"))
        return "text/tab-separated-values; charset=UTF-8";
    if (format == "Native" || format.starts_with("RowBinary") || format == "Parquet" || format == "ArrowStream")
        return "application/octet-stream";
    return "text/plain; charset=UTF-8";
}

std::string summary_of(const EngineAnswer& answer) {
    const auto item = [](const char* name, std::uint64_t value) {
        return "\"" + std::string(name) + "\":\"" + std::to_string(value) + "\"";
    };
    return "{" + item("read_rows", answer.rows_read) + "," + item("read_bytes", answer.bytes_read) + "," +
           item("written_rows", answer.rows_written) + "," + item("written_bytes", answer.bytes_written) + "," +
           item("elapsed_ns", static_cast<std::uint64_t>(std::max(0.0, answer.elapsed_s) * 1e9)) + "}";
}

/// What a request's parameters ask for, but for the query itself.
struct Asked {
    EngineCall call;
    std::string database = "default";
    std::string default_format;
    std::string query_id;
    bool ends_with_asker = false;
    int error_code = 0;
    std::string error;
    const char* error_name = "";
};

constexpr std::array parameters_passed_over = {"query",
                                               "user",
                                               "password",
                                               "quota_key",
                                               "wait_end_of_query",
                                               "buffer_size",
                                               "send_progress_in_http_headers",
                                               "http_headers_progress_interval_ms",
                                               "enable_http_compression",
                                               "add_http_cors_header",
                                               "http_write_exception_in_output_format",
                                               "client_protocol_version",
                                               "http_response_buffer_size"};

Asked read_parameters(const http::Target& target) {
    Asked asked;
    for (const auto& [name, value] : target.parameters) {
        if (name == "database") {
            asked.database = value;
        } else if (name == "default_format") {
            asked.default_format = value;
        } else if (name == "cancel_http_readonly_queries_on_client_close") {
            asked.ends_with_asker = value == "1" || value == "true";
        } else if (name == "query_id") {
            asked.query_id = value;
        } else if (name.starts_with("param_")) {
            asked.call.parameters.emplace_back(name.substr(6), value);
        } else if (name == "compress" || name == "decompress" || name == "session_id") {
            if (value.empty() || value == "0") continue;
            asked.error_code = code_not_implemented;
            asked.error = "'" + name + "' is not there in the embedded store; leave it out";
            asked.error_name = "NOT_IMPLEMENTED";
        } else if (setting_allowed(name)) {
            asked.call.settings.emplace_back(name, value);
        } else if (std::ranges::find(parameters_passed_over, name) == parameters_passed_over.end()) {
            asked.error_code = code_unknown_setting;
            asked.error = "Setting '" + name + "' cannot be given to the embedded store";
            asked.error_name = "UNKNOWN_SETTING";
        }
    }
    return asked;
}

/// The names a word may have where it goes into the engine as a format.
bool is_format_name(std::string_view name) {
    return std::ranges::all_of(name,
                               [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}

EngineAnswer run_statement(Asked& asked, const Statement& statement, std::string_view statement_text,
                           std::string_view more_data, EmbeddedEngine& engine, std::string& format) {
    const std::string& fallback = asked.default_format;
    format = !statement.format.empty() ? statement.format
             : !fallback.empty()       ? fallback
             : statement.takes_data    ? "Values"
                                       : "TabSeparated";
    asked.call.sql = statement.sql;
    asked.call.format = format;
    asked.call.database = asked.database;
    if (!statement.takes_data) return engine.query(asked.call);
    return engine.insert(asked.call, {statement_text.substr(statement.data_offset), more_data});
}

http::Response run_request(const http::Request& request, const http::Target& target, EmbeddedEngine& engine) {
    Asked asked = read_parameters(target);
    if (asked.error_code != 0) return own_error(asked.error_code, asked.error, asked.error_name);
    if (!is_format_name(asked.default_format))
        return own_error(73, "Unknown format " + asked.default_format, "UNKNOWN_FORMAT");
    if (request.method == "GET") asked.call.settings.emplace_back("readonly", "2");
    // As ClickHouse has it: what may change something goes on.
    const bool reads = std::ranges::any_of(
        asked.call.settings, [](const auto& setting) { return setting.first == "readonly" && setting.second != "0"; });
    if (asked.ends_with_asker && reads) asked.call.departure = request.departure;

    // ClickHouse reads ?query= and the body as one text. An INSERT's rows in the body are not copied into it.
    std::string text = target.parameter("query");
    std::string_view more_data;
    auto statement = text.empty() ? read_statement(request.body) : read_statement(text);
    std::string_view statement_text = text.empty() ? std::string_view(request.body) : std::string_view(text);
    if (statement && !text.empty() && statement->takes_data) {
        more_data = request.body;
    } else if (!text.empty() && !request.body.empty()) {
        text += "\n" + request.body;
        statement_text = text;
        statement = read_statement(text);
    }
    if (!statement) return own_error(code_syntax_error, statement.error().sentence, "SYNTAX_ERROR");

    std::string format;
    EngineAnswer answer = run_statement(asked, *statement, statement_text, more_data, engine, format);
    if (answer.error_code != 0) return error_response(answer.error_code, std::move(answer.error_text));
    http::Response response;
    response.content_type = content_type_of(format);
    response.headers = {{"X-ClickHouse-Format", format},
                        {"X-ClickHouse-Timezone", "UTC"},
                        {"X-ClickHouse-Summary", summary_of(answer)}};
    if (!asked.query_id.empty()) response.headers.emplace_back("X-ClickHouse-Query-Id", asked.query_id);
    response.body = std::move(answer.body);
    return response;
}

}  // namespace

unsigned http_status_of(int error_code) {
    switch (error_code) {
        case 194:  // REQUIRED_PASSWORD
            return 401;
        case 192:
        case 193:
        case 516:  // UNKNOWN_USER, WRONG_PASSWORD, AUTHENTICATION_FAILED
            return 403;
        case 6:
        case 25:
        case 26:
        case 27:
        case 38:
        case 41:
        case 72:
        case 376:
        case 441:
        case 467:
        case 675:
        case 676:  // CANNOT_PARSE_…
        case 15:
        case 36:
        case 44:
        case 53:
        case 62:
        case 117:
        case 167:
        case 168:
        case 321:
        case 427: return 400;
        case 46:
        case 47:
        case 50:
        case 56:
        case 60:
        case 63:
        case 73:
        case 78:
        case 81:
        case 115:
        case 336:  // UNKNOWN_…
            return 404;
        case 159:  // TIMEOUT_EXCEEDED
            return 408;
        case 66:  // QUERY_IS_TOO_LARGE
            return 413;
        case 48:  // NOT_IMPLEMENTED
            return 501;
        case 209:
        case 439:  // SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK
            return 503;
        default: return 500;
    }
}

bool setting_allowed(std::string_view name) {
    static constexpr std::array whole = {"final",
                                         "extremes",
                                         "readonly",
                                         "join_use_nulls",
                                         "result_overflow_mode",
                                         "timeout_overflow_mode",
                                         "read_overflow_mode",
                                         "date_time_output_format",
                                         "date_time_input_format",
                                         "log_comment",
                                         "insert_deduplication_token",
                                         "use_top_k_dynamic_filtering",
                                         "enable_shared_storage_snapshot_in_query",
                                         "use_skip_indexes_if_final",
                                         "do_not_merge_across_partitions_select_final",
                                         "allow_experimental_analyzer",
                                         "prefer_localhost_replica",
                                         "async_insert",
                                         "wait_for_async_insert",
                                         "totals_mode",
                                         "union_default_mode",
                                         "session_timezone"};
    static constexpr std::array families = {"max_",    "min_",      "output_format_", "input_format_",
                                            "format_", "optimize_", "query_plan_",    "query_cache_"};
    const auto begins = [name](std::string_view family) { return name.starts_with(family); };
    return std::ranges::find(whole, name) != whole.end() || std::ranges::any_of(families, begins);
}

http::Response answer_clickhouse_request(const http::Request& request, EmbeddedEngine& engine, const std::string& key) {
    const http::Target target = http::parse_target(request.target);
    const bool asks =
        std::ranges::any_of(target.parameters, [](const auto& parameter) { return parameter.first == "query"; });
    if (request.method != "POST" && request.method != "GET" && request.method != "HEAD") {
        http::Response response;
        response.status = 405;
        response.content_type = "text/plain; charset=UTF-8";
        response.body = "use GET or POST\n";
        return response;
    }
    if (target.path == "/ping" || target.path == "/replicas_status" ||
        (target.path == "/" && request.method != "POST" && !asks)) {
        http::Response response;
        response.content_type = "text/html; charset=UTF-8";
        response.body = "Ok.\n";
        return response;
    }
    if (target.path != "/" && target.path != "/query") {
        http::Response response;
        response.status = 404;
        response.content_type = "text/plain; charset=UTF-8";
        response.body = "There is no handle " + target.path + ": use / or /ping\n";
        return response;
    }
    if (!authorized(request, target, key)) {
        return own_error(code_authentication_failed, "Authentication failed: this store asks for its key",
                         "AUTHENTICATION_FAILED");
    }
    return run_request(request, target, engine);
}

}  // namespace clew::store
