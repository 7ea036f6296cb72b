// SPDX-License-Identifier: Apache-2.0
#include "bpf/publishing.h"

#include "wire/curve_keys.h"

namespace clew::agent {

Result<wire::PublisherSettings> publisher_settings(const AgentConfig& config, TimeNs started_ns) {
    wire::PublisherSettings settings;
    settings.endpoint = config.control_endpoint;
    if (!config.own_key_file.empty()) {
        const auto keys = wire::read_curve_keys(config.own_key_file);
        if (!keys) return tl::make_unexpected(keys.error());
        settings.keys = {config.server_public_key, keys->public_key, keys->secret_key};
    }
    settings.hello.set_observer(config.observer);
    settings.hello.set_kind("agent");
    settings.hello.set_started_ns(started_ns);
    settings.hello.set_program_version(CLEW_VERSION);
    auto& tap = *settings.hello.add_taps();
    tap.set_name(config.tap);
    tap.set_clock(config.clock);
    tap.set_source("sockets");
    settings.spool_directory = config.spool_directory;
    settings.spool_bytes_max = config.spool_bytes_max;
    return settings;
}

std::vector<v1::Counter> counter_messages(const std::vector<ProbeCount>& counts) {
    std::vector<v1::Counter> messages;
    messages.reserve(counts.size());
    for (const auto& count : counts) {
        auto& message = messages.emplace_back();
        message.set_name(std::string(count.name));
        message.set_text(std::string(count.text));
        message.set_value(count.value);
    }
    return messages;
}

v1::HeaderReply no_headers(const v1::HeaderRequest& request) {
    v1::HeaderReply reply;
    reply.set_request_id(request.request_id());
    reply.set_last(true);
    return reply;
}

}  // namespace clew::agent
