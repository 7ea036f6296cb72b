// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/leg.h"

#include <algorithm>

namespace clew {

std::string_view Process::name() const {
    const auto end = std::find(command.begin(), command.end(), '\0');
    return {command.data(), static_cast<std::size_t>(end - command.begin())};
}

bool Leg::add_hint(const Hint& hint) {
    for (std::size_t i = 0; i < hint_count; ++i)
        if (hints[i].kind == hint.kind && hints[i].direction == hint.direction && hints[i].value() == hint.value())
            return false;
    if (hint_count == hint_count_max) return false;
    hints[hint_count++] = hint;
    return true;
}

std::string_view to_text(Protocol protocol) {
    switch (protocol) {
        case Protocol::icmp: return "icmp";
        case Protocol::tcp: return "tcp";
        case Protocol::udp: return "udp";
        case Protocol::icmpv6: return "icmpv6";
    }
    return "ip";
}

std::string_view to_text(Observer observer) {
    switch (observer) {
        case Observer::mirror: return "mirror";
        case Observer::nic: return "nic";
        case Observer::socket: return "socket";
    }
    return "unknown";
}

std::string_view to_text(LegEnd end) {
    switch (end) {
        case LegEnd::none: return "none";
        case LegEnd::fin: return "fin";
        case LegEnd::reset: return "reset";
        case LegEnd::idle: return "idle";
        case LegEnd::evicted: return "evicted";
        case LegEnd::flushed: return "flushed";
    }
    return "unknown";
}

std::string_view to_text(HintKind kind) {
    switch (kind) {
        case HintKind::none: return "none";
        case HintKind::toa: return "toa";
        case HintKind::proxy_source: return "proxy";
        case HintKind::request_id: return "request_id";
        case HintKind::traceparent: return "traceparent";
        case HintKind::forwarded_for: return "forwarded_for";
        case HintKind::tls_random: return "tls_random";
        case HintKind::dns_query: return "dns_query";
        case HintKind::quic_cid: return "quic_cid";
        case HintKind::http_request: return "http_request";
        case HintKind::geneve_options: return "geneve_options";
        case HintKind::asked_target: return "asked_target";
    }
    return "unknown";
}

std::string_view to_text(TimeSource source) {
    switch (source) {
        case TimeSource::unknown: return "unknown";
        case TimeSource::poll: return "poll";
        case TimeSource::kernel: return "kernel";
        case TimeSource::hardware: return "hardware";
        case TimeSource::file: return "file";
    }
    return "unknown";
}

}  // namespace clew
