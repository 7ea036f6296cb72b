// SPDX-License-Identifier: Apache-2.0
#include "cli/vault_view.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

constexpr std::string_view prefix = "vault_", recording_prefix = "vault_recording_";

std::string bytes_text(std::uint64_t bytes) {
    const char* const units[] = {"B", "KB", "MB", "GB", "TB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1000;
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

void take(VaultTapState& tap, const std::string& name, std::uint64_t value) {
    if (name == "vault_tap_packets_kept") tap.kept = value;
    if (name == "vault_tap_packet_bytes_kept") tap.kept_bytes = value;
    if (name == "vault_tap_packets_not_chosen") tap.not_chosen = value;
    if (name == "vault_tap_packets_oldest_ns") tap.oldest_ns = static_cast<TimeNs>(value);
    if (name.starts_with("vault_tap_packets_dropped")) tap.dropped += value;
}

/// `one` and `many`: what the log's counters are named after.
void take(VaultLogState& log, const std::string& one, const std::string& many, const v1::StatusCounter& counter) {
    const std::string& name = counter.name();
    log.present |= name == many;
    if (name == many) log.packets = counter.value();
    if (name == one + "_bytes") log.bytes = counter.value();
    if (name == one + "_bytes_max") log.bytes_max = counter.value();
    if (name == one + "_bytes_open") log.bytes_open = counter.value();
    if (name == one + "_raw_bytes") log.raw_bytes = counter.value();
    if (name == many + "_oldest_ns") log.oldest_ns = static_cast<TimeNs>(counter.value());
    if (name.starts_with(many + "_dropped")) log.dropped += counter.value();
}

void take(VaultState& state, const v1::StatusCounter& counter) {
    if (counter.name().starts_with(recording_prefix))
        state.recordings.push_back({static_cast<TimeNs>(counter.value()), counter.text()});
    if (!counter.tap().empty()) return take(state.taps[counter.tap()], counter.name(), counter.value());
    take(state.headers, "vault_header", "vault_headers", counter);
    take(state.packets, "vault_packet", "vault_packets", counter);
}

/// Bytes a header, or how much smaller packets became.
std::string ratio_text(const VaultLogState& log) {
    char text[32];
    if (log.packets == 0 || log.bytes == 0) return "-";
    if (log.raw_bytes != 0)
        std::snprintf(text, sizeof text, "%.2f x", static_cast<double>(log.raw_bytes) / static_cast<double>(log.bytes));
    else
        std::snprintf(text, sizeof text, "%.2f B each",
                      static_cast<double>(log.bytes) / static_cast<double>(log.packets));
    return text;
}

Cell number_cell(std::uint64_t number) { return {with_thousands(number), Style::plain, true}; }
Cell bytes_cell(std::uint64_t bytes) { return {bytes_text(bytes), Style::plain, true}; }
Cell dropped_cell(std::uint64_t count) { return {with_thousands(count), count == 0 ? Style::plain : Style::bad, true}; }

void add_log(const VaultState& state, const char* name, const VaultLogState& log, TimeNs now, TextTable& table) {
    if (!log.present) return;
    table.add({{printable(state.observer), state.connected ? Style::plain : Style::faint},
               {name},
               {log.oldest_ns == 0 ? "-" : time_text(log.oldest_ns, 0)},
               {log.oldest_ns == 0 ? "-" : age_text(now - log.oldest_ns)},
               number_cell(log.packets),
               bytes_cell(log.bytes),
               bytes_cell(log.bytes_max),
               {ratio_text(log), Style::plain, true},
               bytes_cell(log.bytes_open),
               dropped_cell(log.dropped)});
}

std::string tap_table(const std::vector<VaultState>& vaults, const Paint& paint) {
    TextTable table({"SENSOR", "TAP", "WHOLE PACKETS BACK TO", "KEPT", "BYTES", "NOT CHOSEN", "DROPPED"});
    bool any = false;
    for (const VaultState& state : vaults)
        for (const auto& [name, tap] : state.taps) {
            any = true;
            table.add({{printable(state.observer), state.connected ? Style::plain : Style::faint},
                       {printable(name), Style::strong},
                       {tap.oldest_ns == 0 ? "-" : time_text(tap.oldest_ns, 0)},
                       number_cell(tap.kept),
                       bytes_cell(tap.kept_bytes),
                       number_cell(tap.not_chosen),
                       dropped_cell(tap.dropped)});
        }
    return any ? "\n" + table.text(paint, 1u << 20) : "";
}

std::string recording_table(const std::vector<VaultState>& vaults, const Paint& paint) {
    TextTable table({"SENSOR", "RECORDS UNTIL", "WHAT"});
    bool any = false;
    for (const VaultState& state : vaults)
        for (const VaultRecording& one : state.recordings) {
            any = true;
            table.add({{printable(state.observer), state.connected ? Style::plain : Style::faint},
                       {time_text(one.until_ns, 0)},
                       {printable(one.what)}});
        }
    return any ? "\n" + table.text(paint, 1u << 20) : "";
}

bool tells_a_loss(const v1::StatusCounter& counter) {
    return counter.value() != 0 && counter.tap().empty() &&
           (counter.name().find("_dropped_") != std::string::npos || counter.name().ends_with("bytes_damaged"));
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
    TextTable table({"SENSOR", "LOG", "BACK TO", "AGE", "PACKETS", "BYTES", "OF", "RATIO", "OPEN", "DROPPED"});
    for (const VaultState& state : vaults) {
        add_log(state, "headers", state.headers, now, table);
        add_log(state, "packets", state.packets, now, table);
    }
    std::string text = table.text(paint, 1u << 20) + tap_table(vaults, paint) + recording_table(vaults, paint);
    for (const VaultState& state : vaults)
        for (const v1::StatusCounter& counter : state.counters)
            if (tells_a_loss(counter))
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
