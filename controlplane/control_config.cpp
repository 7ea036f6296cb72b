// SPDX-License-Identifier: Apache-2.0
#include "controlplane/control_config.h"

#include <cstdlib>
#include <filesystem>

#include "configs/yaml_reader.h"
#include "wire/curve_keys.h"

namespace clew::control {
namespace {

using configs::YamlMap;

/// clew-store stands beside this program.
std::string store_program() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? "clew-store" : (self.parent_path() / "clew-store").string();
}

/// Beside the programs: bin/ and share/clew/console/ stand in one folder, built or installed.
std::string console_directory() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::string() : (self.parent_path().parent_path() / "share" / "clew" / "console").string();
}

void take_wire(YamlMap map, ControlConfig& config) {
    map.take("endpoint", config.wire.endpoint);
    map.take("observer_count_max", config.wire.observer_count_max, 1, 65'536);
    YamlMap keys = map.map("keys");
    keys.take("own", config.own_key_file);
    keys.take("allowed", config.wire.allowed_public);
    for (const std::string& key : config.wire.allowed_public)
        if (!wire::is_curve_key(key))
            keys.mistake("allowed", "'" + key.substr(0, 60) + "' is no public key; it has 40 characters of Z85");
    if (config.own_key_file.empty() && !config.wire.allowed_public.empty())
        keys.mistake("allowed", "needs wire.keys.own, the control plane's own key file, beside it");
}

void take_store(YamlMap map, store::StoreSettings& store) {
    map.take("url", store.url);
    map.take("directory", store.directory);
    map.take("library", store.library);
    map.take("program", store.store_program);
    map.take("database", store.database);
    map.take("cluster", store.cluster);
    map.take("memory_bytes_max", store.memory_bytes_max, 256ull << 20, 1ull << 42);
    map.take("retention_hours", store.retention_hours, 1, 87'600);
    if (store.url.empty()) store.bytes_max = store::embedded_bytes_max;  // others may use a server
    map.take("bytes_max", store.bytes_max, 0, 1ull << 50);
    map.take("query_timeout_ms", store.query_timeout_ms, 100, 600'000);
    if (!store.url.empty() && !store.directory.empty())
        map.mistake("url",
                    "and store.directory exclude each other: name a running server or the embedded store's directory");
    if (store.url.empty() && store.directory.empty()) store.directory = "store";
}

/// Beside the embedded store. A store elsewhere leaves no place on this host that is known to be there.
std::string profile_file(const store::StoreSettings& store) {
    if (!store.url.empty()) return {};
    const std::size_t end = store.directory.find_last_not_of('/');
    return store.directory.substr(0, end + 1) + ".gateways";
}

void take_engine(YamlMap map, ControlConfig& config) {
    EngineLimits& limits = config.engine;
    config.profile_file = profile_file(config.store);
    map.take("profile_file", config.profile_file);
    std::uint64_t leg_count_max = limits.leg_count_max;
    std::uint64_t leg_age_s = static_cast<std::uint64_t>(limits.leg_age_ns_max / ns_per_s);
    std::uint64_t settle_ms = static_cast<std::uint64_t>(limits.settle_ns / ns_per_ms);
    std::uint64_t distance_ms = static_cast<std::uint64_t>(limits.candidate_distance_ns_max / ns_per_ms);
    map.take("leg_count_max", leg_count_max, 1000, 100'000'000);
    map.take("leg_age_s", leg_age_s, 10, 86'400);
    map.take("settle_ms", settle_ms, 10, 60'000);
    map.take("candidate_distance_ms", distance_ms, 10, 60'000);
    limits.leg_count_max = leg_count_max;
    limits.leg_age_ns_max = static_cast<DurationNs>(leg_age_s) * ns_per_s;
    limits.settle_ns = static_cast<DurationNs>(settle_ms) * ns_per_ms;
    limits.candidate_distance_ns_max = static_cast<DurationNs>(distance_ms) * ns_per_ms;
}

void take_gateways(YamlMap& document, ControlConfig& config) {
    for (YamlMap& map : document.list("gateways")) {
        GatewayName one;
        map.require("name");
        map.require("address");
        map.take("name", one.name);
        map.take("address", one.address);
        if (config.gateways.size() == gateway_name_count_max)
            map.mistake("name", "there are more than " + std::to_string(gateway_name_count_max) + " gateways named");
        else
            config.gateways.push_back(std::move(one));
    }
}

}  // namespace

Result<ControlConfig> load_control_config(const std::string& path) {
    auto document = YamlMap::parse_file(path);
    if (!document) return tl::make_unexpected(document.error());
    ControlConfig config;
    config.wire.endpoint = "tcp://127.0.0.1:7411";
    config.store.library = "/usr/local/lib/clew/libchdb.so";
    config.store.store_program = store_program();
    std::string program;
    document->require("program");
    document->take("program", program);
    if (program != "control") document->mistake("program", "must be control in the configuration of clew-control");
    take_wire(document->map("wire"), config);
    YamlMap api = document->map("api");
    api.take("address", config.api_address);
    api.take("port", config.api_port, 0, 65'535);
    config.console_named = api.has("console");
    config.console_directory = console_directory();
    api.take("console", config.console_directory);
    take_store(document->map("store"), config.store);
    take_engine(document->map("engine"), config);
    take_gateways(*document, config);
    if (auto finished = document->finish(); !finished) return tl::make_unexpected(finished.error());
    if (const char* library = std::getenv("CLEW_CHDB")) config.store.library = library;
    return config;
}

Result<void> read_keys(ControlConfig& config) {
    if (config.own_key_file.empty()) return {};
    const auto keys = wire::read_curve_keys(config.own_key_file);
    if (!keys) return tl::make_unexpected(keys.error());
    config.wire.own_public = keys->public_key;
    config.wire.own_secret = keys->secret_key;
    return {};
}

}  // namespace clew::control
