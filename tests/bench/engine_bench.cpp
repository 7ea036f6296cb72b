// SPDX-License-Identifier: Apache-2.0
// How many legs the engine links a second with a window of so many legs, and what a leg takes there. The window is
// filled first; then new journeys come and push the oldest out, as in an engine that runs for long.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "nat-trace/engine.h"
#include "tests/sim/region_world.h"

namespace {

using namespace clew;

constexpr std::size_t tick_every = 2'000;
constexpr std::size_t expected_ahead = 4;       ///< as the control plane's linker does
constexpr double journeys_per_second = 10'000;  ///< in the simulated time: how often ports are used again

/// A region of about `legs` legs, repeated with fresh ids, numbers and times as often as is needed.
class LegSupply {
  public:
    explicit LegSupply(std::size_t journeys) {
        sim::RegionSettings settings;
        settings.journeys = journeys;
        settings.journeys_per_second = journeys_per_second;
        settings.agent_share = 0.1;
        region_ = sim::make_region(settings);
        legs_ = region_.legs_in_time();
        span_ns_ = legs_.back().last_ns - legs_.front().first_ns + ns_per_ms;
    }
    const std::vector<Tap>& taps() const { return region_.taps; }

    /// The next leg; differs from all before in its id and in what it can be linked by.
    const Leg& next() {
        if (at_ == legs_.size()) {
            at_ = 0;
            ++round_;
        }
        leg_ = legs_[at_++];
        if (round_ > 0) make_fresh();
        return leg_;
    }

  private:
    void make_fresh() {
        const std::uint32_t salt = round_ * 0x9e37'79b9U;
        const TimeNs later = static_cast<TimeNs>(round_) * span_ns_;
        leg_.id += round_ * 0x9e3779b97f4a7c15ULL;
        leg_.first_ns += later;
        leg_.last_ns += later;
        for (Flow& flow : leg_.flows) {
            flow.isn += salt;
            flow.next_seq += flow.next_seq != 0 ? salt : 0;
            flow.first_ns += flow.first_ns != 0 ? later : 0;
            flow.syn_ns += flow.syn_ns != 0 ? later : 0;
            flow.first_ack_ns += flow.first_ack_ns != 0 ? later : 0;
            flow.head.hash_all += flow.head.length != 0 ? salt : 0;
            for (std::size_t n = 0; n < flow.sample_count; ++n) {
                flow.samples[n].time_ns += later;
                flow.samples[n].seq += leg_.protocol == Protocol::tcp ? salt : 0;
                flow.samples[n].ack += leg_.protocol == Protocol::tcp ? salt : 0;
                flow.samples[n].payload_hash ^=
                    flow.samples[n].payload_hash != 0 ? std::uint64_t{salt} * 0x2'0000'0002ULL : 0;
                flow.samples[n].ip_id = static_cast<std::uint16_t>(flow.samples[n].ip_id + salt);
            }
        }
        for (std::size_t h = 0; h < leg_.hint_count; ++h) {
            leg_.hints[h].time_ns += later;
            const HintKind kind = leg_.hints[h].kind;
            if (kind == HintKind::request_id || kind == HintKind::dns_query)
                leg_.hints[h].bytes[0] = static_cast<std::uint8_t>(leg_.hints[h].bytes[0] + round_);
        }
    }

    sim::Region region_;
    std::vector<Leg> legs_;
    Leg leg_;
    std::size_t at_ = 0;
    std::uint32_t round_ = 0;
    DurationNs span_ns_ = 0;
};

struct RunningEngine {
    std::unique_ptr<LegSupply> supply;
    std::unique_ptr<Engine> engine;
    std::size_t fed = 0;
    TimeNs now = 0;

    std::vector<Leg> batch;

    void prepare() {
        batch.resize(tick_every);
        for (Leg& leg : batch) leg = supply->next();
    }
    void feed() {
        for (std::size_t n = 0; n < batch.size(); ++n) {
            if (n + expected_ahead < batch.size()) engine->expect(batch[n + expected_ahead].id);
            now = std::max(now, batch[n].last_ns);
            engine->add(batch[n]);
        }
        fed += batch.size();
        engine->tick(now);
        engine->tell([](const Path& path) { benchmark::DoNotOptimize(&path); });
    }
};

/// One filled engine for each size, shared by the benchmarks of this run.
RunningEngine& filled(std::size_t window) {
    static std::map<std::size_t, RunningEngine> engines;
    RunningEngine& r = engines[window];
    if (r.engine) return r;
    r.supply = std::make_unique<LegSupply>(std::min<std::size_t>(window, 200'000) / 4);
    EngineLimits limits;
    limits.leg_count_max = window;
    r.engine = std::make_unique<Engine>(limits);
    for (const Tap& tap : r.supply->taps()) r.engine->add_tap(tap);
    while (r.fed < window + window / 8) {
        r.prepare();
        r.feed();
    }
    return r;
}

std::string conditions(std::size_t window) {
    return std::to_string(window) +
           " legs in the window, all gateways of the simulated region, 10k connections a simulated second, a tick "
           "every " +
           std::to_string(tick_every) + " legs, paths told; making the legs is not timed";
}

void legs_per_second(benchmark::State& state, std::size_t window) {
    RunningEngine& r = filled(window);
    for (auto _ : state) {
        state.PauseTiming();
        r.prepare();
        state.ResumeTiming();
        r.feed();
    }
    const auto legs = state.iterations() * static_cast<std::int64_t>(tick_every);
    state.SetItemsProcessed(legs);
    state.counters["value"] = benchmark::Counter(static_cast<double>(legs), benchmark::Counter::kIsRate);
    state.SetLabel("legs/s; " + conditions(window));
}

void bytes_per_leg(benchmark::State& state, std::size_t window) {
    const RunningEngine& r = filled(window);
    for (auto _ : state) benchmark::DoNotOptimize(r.engine->memory_bytes());
    state.SetLabel("B; " + conditions(window));
    state.counters["value"] =
        static_cast<double>(r.engine->memory_bytes()) / static_cast<double>(r.engine->counters().legs_in_window);
}

}  // namespace

int main(int argc, char** argv) {
    for (const auto& [name, window] : std::initializer_list<std::pair<std::string, std::size_t>>{
             {"window_10k", 10'000}, {"window_100k", 100'000}, {"window_1m", 1'000'000}, {"window_4m", 4'000'000}}) {
        benchmark::RegisterBenchmark(("engine.legs_per_second." + name).c_str(), legs_per_second, window);
        benchmark::RegisterBenchmark(("engine.bytes_per_leg." + name).c_str(), bytes_per_leg, window);
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
