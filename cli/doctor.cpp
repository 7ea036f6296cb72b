// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/path_jsonl.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

constexpr std::uint32_t doctor_timeout_ms = 3'000;

const char* word(Verdict verdict) {
    return verdict == Verdict::ok ? "ok" : verdict == Verdict::warning ? "warn" : "bad";
}

Style style_of(Verdict verdict) {
    return verdict == Verdict::ok ? Style::good : verdict == Verdict::warning ? Style::warning : Style::bad;
}

std::vector<Finding> check_observers(const v1::Status& status, TimeNs now) {
    if (status.observers().empty())
        return {
            {Verdict::warning, "observers", "no sensor or agent has connected yet",
             "start clew-sensor and clew-agent; their control.endpoint must be this control plane's wire.endpoint"}};
    std::vector<Finding> findings;
    std::string connected;
    for (const v1::ObserverStatus& observer : status.observers()) {
        const std::string name = printable(observer.kind()) + " " + printable(observer.name());
        if (observer.connected())
            connected += (connected.empty() ? "" : ", ") + name;
        else
            findings.push_back(
                {Verdict::warning, "observers",
                 name + " is away" +
                     (observer.heard_ns() > 0 ? ", last heard " + age_text(now - observer.heard_ns()) + " ago" : ""),
                 "see whether it runs, and whether its host reaches the control plane"});
    }
    if (!connected.empty())
        findings.insert(findings.begin(), {Verdict::ok, "observers", "connected: " + connected, ""});
    return findings;
}

}  // namespace

std::vector<Finding> check_control_plane(const std::string& api_url, bool named, TimeNs now) {
    Result<ApiClient> api = ApiClient::create(api_url, doctor_timeout_ms);
    if (!api) return {{Verdict::bad, "control plane", api.error().sentence, "write --api http://HOST:PORT"}};
    const Result<v1::Status> status = api->status();
    if (!status && status.error().kind == ErrorKind::unreachable)
        return {{named ? Verdict::bad : Verdict::warning, "control plane", "nobody answers at " + api_url,
                 "start it: clew-control --config FILE; or name another with --api URL or CLEW_API"}};
    if (!status)
        return {{Verdict::bad, "control plane", status.error().sentence,
                 "see whether another program took its port, and whether versions agree"}};
    std::vector<Finding> findings = {
        {Verdict::ok, "control plane", "clew-control " + printable(status->version()) + " answers at " + api_url, ""}};
    for (Finding& finding : check_observers(*status, now)) findings.push_back(std::move(finding));
    return findings;
}

bool any_bad(const std::vector<Finding>& findings) {
    return std::any_of(findings.begin(), findings.end(),
                       [](const Finding& finding) { return finding.verdict == Verdict::bad; });
}

std::string doctor_view(const std::vector<Finding>& findings, const Paint& paint, std::size_t columns) {
    std::size_t subject_width = 0;
    for (const Finding& finding : findings) subject_width = std::max(subject_width, display_width(finding.subject));
    const std::size_t indent = 6 + subject_width + 2;
    const std::size_t room = columns > indent + 20 ? columns - indent : 20;
    std::string text;
    for (const Finding& finding : findings) {
        text += paint(style_of(finding.verdict), pad_right(word(finding.verdict), 6)) +
                pad_right(finding.subject, subject_width + 2);
        text += wrap(finding.text, room, std::string(indent, ' ')).substr(indent);
        if (!finding.remedy.empty()) {
            const std::string remedy = wrap(finding.remedy, room - 2, std::string(indent + 2, ' '));
            text += std::string(indent, ' ') + "→ " + remedy.substr(indent + 2);
        }
    }
    return text;
}

std::string doctor_document(const std::vector<Finding>& findings) {
    nlohmann::ordered_json json = {{"ok", !any_bad(findings)}, {"findings", nlohmann::ordered_json::array()}};
    for (const Finding& finding : findings)
        json["findings"].push_back({{"verdict", word(finding.verdict)},
                                    {"subject", finding.subject},
                                    {"text", finding.text},
                                    {"remedy", finding.remedy}});
    return json_line(json);
}

}  // namespace clew::cli
