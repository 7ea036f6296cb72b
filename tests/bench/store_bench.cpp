// SPDX-License-Identifier: Apache-2.0
// The store over its HTTP path, in a directory of its own: rows a second in, milliseconds until a path is found.
// CLEW_BENCH_PATH_COUNT (200,000 unless given) paths of 4 legs, each stored in two revisions, are there to search.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <benchmark/benchmark.h>

#include "tests/controlplane/random_rows.h"
#include "tests/controlplane/store_fixture.h"

namespace clew::store {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// The store and what is in it; made at the first use, ended with the program.
class Loaded {
  public:
    static Loaded& get() {
        static Loaded loaded;
        return loaded;
    }

    std::unique_ptr<Store> store;
    std::uint64_t path_count = 200'000;
    std::uint64_t next_leg = 1;
    std::string known_endpoint;
    std::string known_address;

    ~Loaded() {
        store.reset();
        std::filesystem::remove_all(directory_);
    }

  private:
    Loaded() {
        if (const char* given = std::getenv("CLEW_BENCH_PATH_COUNT")) path_count = std::strtoull(given, nullptr, 10);
        std::string pattern = (std::filesystem::temp_directory_path() / "clew-store-bench-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) std::abort();
        directory_ = pattern;
        StoreSettings settings;
        settings.store_program = store_program();
        settings.library = library_path();
        settings.directory = directory_ + "/store";
        auto opened = Store::open(settings);
        if (!opened) {
            std::fprintf(stderr, "%s\n", opened.error().sentence.c_str());
            std::abort();
        }
        store = std::move(*opened);
        load();
    }

    void load() {
        RandomRows rows(1);
        const auto begin = Clock::now();
        std::vector<v1::Path> paths;
        for (std::uint64_t i = 0; i < path_count; ++i) {
            v1::Path path = rows.path(i * 0x9e3779b97f4a7c15ull + 1, 1, static_cast<std::int64_t>(i * 3600), 4);
            paths.push_back(path);
            path.set_revision(2);
            paths.push_back(std::move(path));
            if (i == path_count / 2) {
                known_endpoint = paths.back().legs(2).client();
                known_address = to_text(parse_endpoint(known_endpoint)->ip);
            }
            if (paths.size() >= 20'000 || i + 1 == path_count) {
                if (auto inserted = store->insert_paths(paths); !inserted)
                    std::fprintf(stderr, "%s\n", inserted.error().sentence.c_str());
                paths.clear();
            }
        }
        std::fprintf(stderr, "%llu paths in two revisions stored in %.1f s\n",
                     static_cast<unsigned long long>(path_count), ms_since(begin) / 1000);
    }
    std::string directory_;
};

std::string conditions(const char* what) {
    return std::string("ms; ") + what + ", " + std::to_string(Loaded::get().path_count) + " paths of 4 legs";
}

void insert_legs(benchmark::State& state) {
    Loaded& loaded = Loaded::get();
    RandomRows rows(2);
    const auto count = static_cast<std::size_t>(state.range(0));
    double rate = 0;
    for (auto _ : state) {
        std::vector<StoredLeg> legs;
        for (std::size_t i = 0; i < count; ++i) legs.push_back(rows.leg(loaded.next_leg++, 1));
        const auto begin = Clock::now();
        if (auto inserted = loaded.store->insert_legs(legs); !inserted)
            state.SkipWithError(inserted.error().sentence.c_str());
        rate = static_cast<double>(count) / ms_since(begin) * 1000;
    }
    state.counters["value"] = rate;
    state.SetLabel("rows/s; legs, durable, " + std::to_string(count) + " an insert");
}

void search(benchmark::State& state, const char* what, const PathQuery& query) {
    Store& store = *Loaded::get().store;
    double ms = 1e9;
    for (auto _ : state) {
        const auto begin = Clock::now();
        const auto found = store.find_paths(query);
        ms = std::min(ms, ms_since(begin));
        if (!found || found->paths_size() == 0) state.SkipWithError("nothing found");
    }
    state.counters["value"] = ms;
    state.SetLabel(conditions(what));
}

void find_newest(benchmark::State& state) { search(state, "the newest 100 paths", {}); }
void find_address(benchmark::State& state) {
    search(state, "ip.addr == X", {.since_ns = 0, .until_ns = 0, .filter = Loaded::get().known_address});
}
void find_endpoint(benchmark::State& state) {
    search(state, "a bare address:port", {.since_ns = 0, .until_ns = 0, .filter = Loaded::get().known_endpoint});
}
void find_network(benchmark::State& state) {
    search(state, "ip.addr == 11.0.0.0/8 and tcp.port < 30000",
           {.since_ns = 0, .until_ns = 0, .filter = "ip.addr == 11.0.0.0/8 and tcp.port < 30000"});
}

void find_one(benchmark::State& state) {
    Loaded& loaded = Loaded::get();
    std::uint64_t i = 1;
    double ms = 1e9;
    for (auto _ : state) {
        i = (i * 7919) % loaded.path_count;
        const auto begin = Clock::now();
        const auto found = loaded.store->find_path(wire::id_text(i * 0x9e3779b97f4a7c15ull + 1));
        ms = std::min(ms, ms_since(begin));
        if (!found || !*found) state.SkipWithError("not found");
    }
    state.counters["value"] = ms;
    state.SetLabel(conditions("one path by its id"));
}

/// From the call of insert_paths until find_paths has it.
void become_visible(benchmark::State& state) {
    Loaded& loaded = Loaded::get();
    static std::uint64_t next = 1ull << 62;
    RandomRows rows(next);
    double ms = 0;
    for (auto _ : state) {
        ++next;
        const v1::Path path =
            rows.path(next, 1, static_cast<std::int64_t>(loaded.path_count * 3600 + (next & 0xffffff)), 4);
        const auto begin = Clock::now();
        if (!loaded.store->insert_paths({path})) state.SkipWithError("not inserted");
        while (true) {
            const auto found =
                loaded.store->find_paths({.since_ns = path.first_ns(), .until_ns = 0, .filter = {}, .count_max = 10});
            if (found && found->paths_size() > 0 && found->paths(0).path_id() == path.path_id()) break;
        }
        ms = std::max(ms, ms_since(begin));
    }
    state.counters["value"] = ms;
    state.SetLabel(conditions("insert of one path until the search finds it, slowest of 20"));
}

}  // namespace
}  // namespace clew::store

int main(int argc, char** argv) {
    if (const std::string reason = clew::store::reason_to_skip(); !reason.empty()) {
        std::fprintf(stderr, "SKIPPED, THE STORE IS NOT MEASURED: %s\n", reason.c_str());
        return 0;
    }
    using namespace clew::store;
    benchmark::RegisterBenchmark("store.leg_rows_per_s.batch_100k", insert_legs)->Arg(100'000)->Iterations(1);
    benchmark::RegisterBenchmark("store.leg_rows_per_s.batch_500", insert_legs)->Arg(500)->Iterations(10);
    benchmark::RegisterBenchmark("store.find_path_ms", find_one)->Iterations(20);
    benchmark::RegisterBenchmark("store.find_newest_ms", find_newest)->Iterations(5);
    benchmark::RegisterBenchmark("store.find_address_ms", find_address)->Iterations(5);
    benchmark::RegisterBenchmark("store.find_endpoint_ms", find_endpoint)->Iterations(5);
    benchmark::RegisterBenchmark("store.find_network_ms", find_network)->Iterations(5);
    benchmark::RegisterBenchmark("store.visible_ms", become_visible)->Iterations(20);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
