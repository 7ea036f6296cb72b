// SPDX-License-Identifier: Apache-2.0
#include "cli/replay.h"

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "cli/merged_captures.h"
#include "dataplane/pipeline.h"
#include "nat-trace/verdict.h"
#include "wire/convert.h"
#include "wire/convert_gateway.h"
#include "wire/convert_tcp.h"

namespace clew::cli {
namespace {

/// A pause of the captures is ticked through for this long, enough for every timeout to pass; then time jumps.
constexpr DurationNs pause_ticked_ns = 600 * ns_per_s;

/// Where legs go: straight into the engine, without wire or store.
class IntoEngine : public sensor::LegSink {
  public:
    explicit IntoEngine(Engine& engine) : engine_(engine) {}
    bool offer(const Leg& leg) override {
        legs_.insert(leg.id);
        if (leg.tcp != TcpAnalysis{}) analyses_.insert_or_assign(leg.id, leg.tcp);
        engine_.add(leg);
        return true;
    }
    const std::unordered_set<LegId>& legs() const { return legs_; }

    /// Tells with each leg what its TCP showed; the engine does not keep that.
    v1::Path with_analysis(const Path& path) const {
        v1::Path message = wire::to_message(path, engine_);
        for (std::size_t i = 0; i < path.legs.size(); ++i)
            if (const auto found = analyses_.find(path.legs[i].leg); found != analyses_.end())
                wire::encode(found->second, *message.mutable_legs(static_cast<int>(i))->mutable_tcp());
        return message;
    }

  private:
    Engine& engine_;
    std::unordered_set<LegId> legs_;
    std::unordered_map<LegId, TcpAnalysis> analyses_;
};

class Replay {
  public:
    Replay(MergedCaptures captures, Engine& engine, IntoEngine& sink, std::unique_ptr<sensor::Pipeline> pipeline)
        : captures_(std::move(captures)), engine_(engine), sink_(sink), pipeline_(std::move(pipeline)) {}

    ReplayOutcome run(const std::optional<std::array<LegId, 2>>& explained) {
        ReplayOutcome outcome;
        while (captures_.advance()) {
            tick_until(captures_.time_ns());
            const std::span<const sensor::Packet> packets = captures_.take(next_tick_);
            outcome.packets += packets.size();
            pipeline_->receive(packets);
        }
        tick(next_tick_);
        pipeline_->flush();
        engine_.finish();
        keep_paths();
        fill(outcome);
        if (!explained) return outcome;
        const PairVerdict verdict = engine_.weigh((*explained)[0], (*explained)[1]);
        if (verdict.known[0] && verdict.known[1]) outcome.explanation = wire::to_message(verdict, engine_);
        return outcome;
    }

  private:
    void tick(TimeNs now) {
        pipeline_->advance(now);
        engine_.tick(now);
        keep_paths();
    }

    void tick_until(TimeNs time) {
        if (next_tick_ == 0) next_tick_ = time + replay_tick_ns;
        const TimeNs pause_end = next_tick_ + pause_ticked_ns;
        while (next_tick_ <= time && next_tick_ < pause_end) {
            tick(next_tick_);
            next_tick_ += replay_tick_ns;
        }
        if (next_tick_ <= time) next_tick_ = time + replay_tick_ns;
    }

    void keep_paths() {
        engine_.tell([this](const Path& path) {
            if (path.retracted)
                paths_.erase(path.id);
            else
                paths_.insert_or_assign(path.id, path);
        });
    }

    void fill(ReplayOutcome& outcome) const {
        std::vector<const Path*> sorted;
        std::unordered_set<LegId> placed;
        for (const auto& [id, path] : paths_) {
            sorted.push_back(&path);
            for (const PathLeg& leg : path.legs) placed.insert(leg.leg);
        }
        std::sort(sorted.begin(), sorted.end(), [](const Path* a, const Path* b) {
            return a->first_ns != b->first_ns ? a->first_ns < b->first_ns : a->id < b->id;
        });
        GatewayBook gateways(engine_);
        for (const Path* path : sorted) gateways.learn(*path);
        for (const Path* path : sorted) {
            outcome.paths.push_back(sink_.with_analysis(*path));
            wire::name_gateways(*path, gateways, outcome.paths.back());
        }
        outcome.gateways = wire::to_message(gateways);
        outcome.legs = sink_.legs().size();
        for (const LegId leg : sink_.legs()) outcome.legs_without_path += !placed.contains(leg);
        for (const sensor::NamedCount& counter : pipeline_->counters())
            if (counter.value != 0)
                outcome.counters.push_back({std::string(counter.name), std::string(counter.text), counter.value});
        outcome.damaged_files = captures_.damaged_files();
    }

    MergedCaptures captures_;
    Engine& engine_;
    IntoEngine& sink_;
    std::unique_ptr<sensor::Pipeline> pipeline_;
    std::unordered_map<PathId, Path> paths_;
    TimeNs next_tick_ = 0;
};

}  // namespace

Result<ReplayOutcome> replay(const std::vector<TapFile>& taps, const std::optional<std::array<LegId, 2>>& explained) {
    // Tap numbers come from the engine, and its limits from the files: they are opened before the engine is made.
    std::vector<TapId> numbers;
    for (std::size_t i = 0; i < taps.size(); ++i) numbers.push_back(static_cast<TapId>(i));
    Result<MergedCaptures> captures = MergedCaptures::open(taps, numbers);
    if (!captures) return tl::make_unexpected(captures.error());
    EngineLimits limits;
    // Clocks may be hours apart: a leg must wait for its neighbours in a file that begins that much later.
    limits.leg_age_ns_max += captures->start_spread_ns();
    Engine engine(limits);
    for (std::size_t i = 0; i < taps.size(); ++i)
        if (engine.add_tap({taps[i].name, taps[i].clock}) != numbers[i])
            return fail(ErrorKind::usage, "the tap name " + taps[i].name + " stands twice; names are unique");
    IntoEngine sink(engine);
    sensor::PipelineSettings settings;
    settings.observer_name = "replay";
    settings.header_count_max = 0;
    auto pipeline = sensor::Pipeline::create(settings, sink);
    if (!pipeline) return tl::make_unexpected(pipeline.error());
    return Replay(std::move(*captures), engine, sink, std::move(*pipeline)).run(explained);
}

}  // namespace clew::cli
