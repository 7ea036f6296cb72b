// SPDX-License-Identifier: Apache-2.0
#include "cli/vault_view.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

constexpr std::string_view prefix = "vault_";

std::string bytes_text(std::uint64_t bytes) {
    const char* const units[] = {"B", "KB", "MB", "GB", "TB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1000;
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

void take(VaultState& state, const v1::StatusCounter& counter) {
    const std::string& name = counter.name();
    if (name == "vault_header_bytes") state.bytes = counter.value();
    if (name == "vault_header_bytes_max") state.bytes_max = counter.value();
    if (name == "vault_headers") state.headers = counter.value();
    if (name == "vault_headers_oldest_ns") state.oldest_ns = static_cast<TimeNs>(counter.value());
    if (name == "vault_headers_expired") state.expired = counter.value();
    if (name.starts_with("vault_headers_dropped")) state.dropped += counter.value();
}

}  // namespace

std::vector<VaultState> vaults_of(const v1::Status& status) {
    std::vector<VaultState> vaults;
    for (const v1::ObserverStatus& observer : status.observers()) {
        VaultState state;
        state.observer = observer.name();
        state.connected = observer.connected();
        for (const v1::StatusCounter& counter : observer.counters()) {
            if (!counter.name().starts_with(prefix)) continue;
            state.counters.push_back(counter);
            take(state, counter);
        }
        if (!state.counters.empty()) vaults.push_back(std::move(state));
    }
    return vaults;
}

std::string vault_table(const std::vector<VaultState>& vaults, TimeNs now, const Paint& paint) {
    TextTable table({"SENSOR", "BACK TO", "AGE", "HEADERS", "BYTES", "OF", "B/HEADER", "DROPPED"});
    for (const VaultState& state : vaults) {
        char ratio[32] = "-";
        if (state.headers != 0)
            std::snprintf(ratio, sizeof ratio, "%.2f",
                          static_cast<double>(state.bytes) / static_cast<double>(state.headers));
        table.add({{printable(state.observer), state.connected ? Style::plain : Style::faint},
                   {state.oldest_ns == 0 ? "-" : time_text(state.oldest_ns, 0)},
                   {state.oldest_ns == 0 ? "-" : age_text(now - state.oldest_ns)},
                   {with_thousands(state.headers), Style::plain, true},
                   {bytes_text(state.bytes), Style::plain, true},
                   {bytes_text(state.bytes_max), Style::plain, true},
                   {ratio, Style::plain, true},
                   {with_thousands(state.dropped), state.dropped == 0 ? Style::plain : Style::bad, true}});
    }
    std::string text = table.text(paint, 1u << 20);
    for (const VaultState& state : vaults)
        for (const v1::StatusCounter& counter : state.counters)
            if (counter.value() != 0 && counter.name().starts_with("vault_headers_dropped"))
                text += "  " + printable(state.observer) + ": " + with_thousands(counter.value()) + " " +
                        printable(counter.text()) + "\n";
    return text;
}

std::string vault_lines(const std::vector<VaultState>& vaults, bool document) {
    nlohmann::json all = nlohmann::json::array();
    std::string lines;
    for (const VaultState& state : vaults) {
        nlohmann::json one = {{"observer", state.observer}, {"connected", state.connected}};
        for (const v1::StatusCounter& counter : state.counters)
            one[counter.name().substr(prefix.size()) + (counter.tap().empty() ? "" : "." + counter.tap())] =
                counter.value();
        lines += one.dump() + "\n";
        all.push_back(std::move(one));
    }
    return document ? all.dump() + "\n" : lines;
}

}  // namespace clew::cli
