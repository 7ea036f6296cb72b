// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/http.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "dataplane/fingerprint/text.h"
#include "dataplane/hash.h"

namespace clew::sensor {
namespace {

constexpr std::string_view methods[] = {"GET ",     "POST ",  "PUT ",     "HEAD ", "DELETE ",
                                        "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "};

/// A line with its end, off the front of `text`; nothing when the end is not there: a cut line would give a wrong
/// value.
std::optional<std::string_view> take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end + 1);
    return line;
}

void read_header(std::string_view line, HttpHead& head) {
    const std::string_view name = take_word(line, ':');
    const std::string_view value = trim(line);
    if (same_name(name, "host")) {
        head.host = value;
    } else if (names_request_id(name)) {
        if (head.request_id.empty()) head.request_id = value;
    } else if (same_name(name, "traceparent")) {
        head.traceparent = value;
    } else if (same_name(name, "x-forwarded-for") && !value.empty()) {
        head.forwarded_for = value;  // of several lines the last continues the list
    } else if (same_name(name, "forwarded") && !value.empty()) {
        head.forwarded = value;
    }
}

/// The start line; false when this is not HTTP.
bool read_start(std::string_view& text, HttpHead& head) {
    head.response = text.starts_with("HTTP/1.");
    head.request = !text.empty() && may_begin_http(static_cast<std::uint8_t>(text[0])) &&
                   std::any_of(std::begin(methods), std::end(methods),
                               [&](std::string_view method) { return text.starts_with(method); });
    if (!head.response && !head.request) return false;
    auto line = take_line(text);
    if (!line) return false;
    if (head.response) return true;
    head.method = take_word(*line, ' ');
    head.uri = take_word(*line, ' ');
    return line->starts_with("HTTP/1.");
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

bool read_hex(std::string_view text, std::uint8_t* to) {
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return false;
        to[i / 2] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

/// An address as a proxy writes it: alone, or with a port behind it; IPv6 then in brackets.
bool read_node(std::string_view text, IpAddress& node) {
    if (text.starts_with('[')) {
        text.remove_prefix(1);
        text = take_word(text, ']');
    } else if (std::count(text.begin(), text.end(), ':') == 1) {
        text = take_word(text, ':');
    }
    const auto ip = read_ip(text);
    if (ip) node = *ip;
    return ip.has_value();
}

/// Takes the text up to the next `stops` outside quotes off the front of `text`, and the stop with it. `stop`: which it
/// was, '\0' at the end. Nothing when quotes do not end.
std::optional<std::string_view> take_unquoted(std::string_view& text, std::string_view stops, char& stop) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && stops.find(c) != std::string_view::npos) {
            const std::string_view word = text.substr(0, i);
            text.remove_prefix(i + 1);
            stop = c;
            return word;
        }
    }
    if (quoted) return std::nullopt;
    stop = '\0';
    return std::exchange(text, std::string_view{});
}

}  // namespace

HttpHead parse_http_head(std::span<const std::uint8_t> payload, bool in_head) {
    HttpHead head;
    std::string_view text(reinterpret_cast<const char*>(payload.data()), std::min(payload.size(), http_bytes_max));
    if (!read_start(text, head)) {
        head.request = head.response = false;
        if (!in_head || !take_line(text)) return head;  // the rest of a line whose start was in an earlier packet
    }
    while (auto line = take_line(text)) {
        if (line->empty()) {
            head.complete = true;
            break;
        }
        read_header(*line, head);
    }
    return head;
}

bool names_request_id(std::string_view header) {
    return same_name(header, "x-request-id") || same_name(header, "x-correlation-id") ||
           same_name(header, "request-id");
}

bool parse_traceparent(std::string_view text, std::span<std::uint8_t, 24> ids) {
    if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
    return read_hex(text.substr(3, 32), ids.data()) && read_hex(text.substr(36, 16), ids.data() + 16);
}

bool parse_forwarded_for(std::string_view text, IpAddress& client) {
    return read_node(trim(text.substr(text.rfind(',') + 1)), client);  // npos + 1: the whole text
}

bool parse_forwarded(std::string_view text, IpAddress& client) {
    std::string_view node;  // of the element that is read
    bool begins = true;     // an element
    while (!text.empty()) {
        char stop = '\0';
        const auto pair = take_unquoted(text, ",;", stop);
        if (!pair) return false;
        std::string_view value = trim(*pair);
        if (!value.empty()) {  // an element without anything is none
            if (begins) node = {};
            begins = false;
            const std::string_view name = trim(take_word(value, '='));
            if (same_name(name, "for")) node = trim(value);
        }
        begins |= stop == ',';
    }
    if (node.size() >= 2 && node.front() == '"' && node.back() == '"') node = node.substr(1, node.size() - 2);
    return read_node(node, client);
}

std::uint64_t hash_http_request(const HttpHead& head) {
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, head.method.data(), head.method.size());
    XXH3_64bits_update(&state, " ", 1);
    XXH3_64bits_update(&state, head.host.data(), head.host.size());
    XXH3_64bits_update(&state, " ", 1);
    XXH3_64bits_update(&state, head.uri.data(), head.uri.size());
    return XXH3_64bits_digest(&state);
}

}  // namespace clew::sensor
