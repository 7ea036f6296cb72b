// SPDX-License-Identifier: Apache-2.0
#include "controlplane/control_plane.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>

#include "controlplane/api.h"
#include "controlplane/gateway_keeper.h"
#include "controlplane/gateway_names.h"
#include "controlplane/ingest.h"
#include "controlplane/ladder_source.h"
#include "controlplane/leg_writer.h"
#include "controlplane/linker.h"
#include "controlplane/path_writer.h"
#include "controlplane/recording.h"
#include "controlplane/store_keeper.h"
#include "controlplane/wall_clock.h"

namespace clew::control {
namespace {

constexpr DurationNs refill_margin_ns = 60 * ns_per_s;  // legs a little older may still be in paths that live
constexpr std::uint32_t api_thread_count = 4;

class RunningControlPlane final : public ControlPlane {
  public:
    RunningControlPlane(const ControlConfig& config, std::unique_ptr<store::Store> store)
        : config_(config),
          store_(std::move(store)),
          paths_(*store_),
          profiles_(config.profile_file),
          linker_(config.engine, to_linker_, paths_),
          ingest_(*store_, to_linker_, to_writer_) {}

    ~RunningControlPlane() override {
        server_.reset();
        keeper_.reset();
        to_linker_.close();
        to_writer_.close();
        legs_.reset();  // acknowledges what it stores: the collector is still there
        collector_.reset();
    }

    Result<void> start();

    v1::Status status() const override;
    std::string wire_endpoint() const override { return collector_->endpoint(); }
    std::uint16_t api_port() const override { return server_->port(); }

  private:
    void take_profiles();
    Result<void> refill();
    Result<ConsoleFiles> console() const;

    const ControlConfig config_;
    std::unique_ptr<store::Store> store_;
    BatchQueue to_linker_{queue_leg_count_max};
    BatchQueue to_writer_{queue_leg_count_max};
    PathWriter paths_;        ///< outlives the linker, which hands it its last paths
    GatewayKeeper profiles_;  ///< likewise
    Linker linker_;
    Ingest ingest_;
    std::unique_ptr<wire::Collector> collector_;
    std::unique_ptr<LegWriter> legs_;
    std::unique_ptr<StoreKeeper> keeper_;  ///< where the store has a house to keep
    std::unique_ptr<Api> api_;
    std::unique_ptr<http::Server> server_;
};

/// A file that cannot be read is told and left: profiles are learnt anew, and it is written over.
void RunningControlPlane::take_profiles() {
    if (auto learnt = profiles_.load())
        linker_.restore(std::move(*learnt));
    else
        fmt::print(stderr, "clew-control: {}; gateways are learnt anew\n", learnt.error().sentence);
    if (profiles_.keeps()) linker_.keep_gateways([this](std::string state) { profiles_.put(std::move(state)); });
}

Result<void> RunningControlPlane::refill() {
    const TimeNs since = wall_clock_ns() - config_.engine.leg_age_ns_max - refill_margin_ns;
    const auto legs = store_->legs_since(since, config_.engine.leg_count_max);
    if (!legs) return tl::make_unexpected(legs.error());
    store::PathQuery query;
    query.since_ns = since;
    query.count_max = refill_path_count_max;
    const auto paths = store_->find_paths(query);
    if (!paths) return tl::make_unexpected(paths.error());
    if (!paths->partial().empty() && paths->paths_size() > 0)
        fmt::print(stderr, "the engine starts with {} legs; of the stored paths {}\n", legs->size(), paths->partial());
    linker_.refill(*legs, {paths->paths().begin(), paths->paths().end()}, since);
    return {};
}

Result<ConsoleFiles> RunningControlPlane::console() const {
    auto files = ConsoleFiles::load(config_.console_directory);
    if (files) return files;
    if (config_.console_named) return fail(files.error().kind, "api.console: " + files.error().sentence);
    fmt::print(stderr, "clew-control: there is no console at {}: './dev build' builds it where npm is\n",
               config_.console_directory);
    return ConsoleFiles();
}

Result<void> RunningControlPlane::start() {
    auto files = console();
    if (!files) return tl::make_unexpected(files.error());
    take_profiles();
    if (auto refilled = refill(); !refilled) return refilled;
    auto collector = wire::Collector::start(config_.wire, ingest_);
    if (!collector) return tl::make_unexpected(collector.error());
    collector_ = std::move(*collector);
    linker_.start();
    legs_ = std::make_unique<LegWriter>(*store_, to_writer_,
                                        [this](const wire::BatchId& id) { collector_->acknowledge(id); });
    if (store_->rollup() != nullptr && store_->disk_budget() != nullptr)
        keeper_ = std::make_unique<StoreKeeper>(*store_->rollup(), *store_->disk_budget(), wall_clock_ns);
    api_ = std::make_unique<Api>(
        *store_, ApiSources{[this] { return status(); },
                            [this](const v1::Path& path, TimeNs from_ns, TimeNs to_ns, const FrameWish& wish) {
                                return LadderSource(*collector_).ladder(path, from_ns, to_ns, wish);
                            },
                            wall_clock_ns, [this](LegId a, LegId b) { return linker_.explain(a, b); },
                            [this](LegId leg) { return linker_.rivals(leg); },
                            [this] {
                                v1::GatewayList list = linker_.gateways();
                                name_gateways(config_.gateways, list);
                                return list;
                            },
                            [this](const PacketsWanted& wanted) { return PacketSearch(*collector_).find(wanted); },
                            [this](const v1::Recording& wanted) { return Recording(*collector_).start(wanted); },
                            [this](const v1::Path& path, TimeNs from_ns, TimeNs to_ns, std::uint32_t row_max) {
                                return LadderSource(*collector_).table(path, from_ns, to_ns, row_max);
                            },
                            std::move(*files)});
    http::ServerSettings settings;
    settings.address = config_.api_address;
    settings.port = config_.api_port;
    settings.thread_count = api_thread_count;
    settings.body_bytes_max = 1 << 16;  // the API takes no bodies
    auto server = http::Server::start(settings, [this](const http::Request& request) { return api_->answer(request); });
    if (!server) return fail(server.error().kind, "api: " + server.error().sentence);
    server_ = std::move(*server);
    return {};
}

v1::Status RunningControlPlane::status() const {
    v1::Status status;
    status.set_version(CLEW_VERSION);
    for (v1::ObserverStatus& observer : collector_->observers()) *status.add_observers() = std::move(observer);
    const auto add = [&status](const char* name, std::uint64_t value, const char* text) {
        v1::StatusCounter& counter = *status.add_counters();
        counter.set_name(name);
        counter.set_value(value);
        counter.set_text(text);
    };
    const auto wire = collector_->counters();
    add("ingest_batches", wire.batches, "batches taken in");
    add("ingest_batches_again", wire.batches_again, "batches sent again that were known already");
    add("ingest_batches_refused", wire.batches_refused,
        "batches put off because a queue was full; they are sent again");
    add("ingest_legs", wire.legs, "leg reports taken in");
    add("ingest_legs_bad", wire.legs_bad, "leg reports left out: a field out of range");
    add("ingest_messages_bad", wire.messages_bad, "messages that could not be decoded");
    add("ingest_messages_other_version", wire.messages_other_version, "messages of another version of the wire");
    add("ingest_observers_refused", wire.observers_refused,
        "connections refused: key not allowed, bad greeting, too many");
    const auto linker = linker_.counters();
    add("engine_legs_received", linker.engine.legs_received, "leg reports given to the engine");
    add("engine_legs_old", linker.engine.legs_old, "leg reports that changed nothing");
    add("engine_legs_in_window", linker.engine.legs_in_window, "legs in the engine's window now");
    add("engine_legs_expired", linker.engine.legs_expired, "legs that left the window by age");
    add("engine_legs_evicted", linker.engine.legs_evicted, "legs that left because the window was full");
    add("engine_legs_refilled", linker.legs_refilled, "legs taken from the store at start");
    add("engine_legs_without_tap", linker.legs_without_tap, "legs not linked: more taps than the engine can have");
    add("engine_links_made", linker.engine.links_made, "links made");
    add("engine_links_retracted", linker.engine.links_retracted, "links taken back");
    add("engine_common_keys_skipped", linker.engine.common_keys_skipped,
        "look-ups under a key that too many legs share to tell them apart (not followed)");
    add("engine_stream_notes_refused", linker.engine.stream_notes_refused,
        "leg reports whose stream marks, resets and loops found no room: their paths tell less of losses");
    add("engine_drains_put_off", linker.drains_put_off, "times that paths waited in the engine for the store");
    add("gateway_file_failures", profiles_.failures(),
        "times that what was learnt of gateways could not be written to its file; tried again a minute later");
    const auto legs = legs_ ? legs_->counters() : LegWriterCounters{};
    add("store_legs", legs.legs_stored, "leg reports stored");
    add("store_leg_inserts", legs.inserts, "inserts of legs");
    add("store_leg_insert_failures", legs.insert_failures, "inserts of legs that failed and were tried again");
    add("store_legs_waiting", to_writer_.leg_count(), "leg reports waiting for the store now");
    const auto paths = paths_.counters();
    add("store_paths", paths.paths_stored, "revisions of paths stored");
    add("store_path_insert_failures", paths.insert_failures, "inserts of paths that failed and were tried again");
    add("store_paths_waiting", paths.paths_waiting, "paths waiting for the store now");
    const auto keeper = keeper_ ? keeper_->counters() : StoreKeeperCounters{};
    add("store_hours_rolled_up", keeper.hours_made, "hours of paths rolled up, also those made anew");
    add("store_slices_rolled_up", keeper.slices_made,
        "slices of five minutes of hours that are not over rolled up, also those made anew");
    add("store_rollup_failures", keeper.rollup_failures, "tries to roll an hour or a slice up that failed; made again");
    add("store_hours_waiting", keeper.hours_waiting, "hours that are over and wait to be rolled up now");
    add("store_bytes", keeper.bytes, "bytes of the disk that all rows take now");
    add("store_bytes_max", config_.store.bytes_max, "beyond so many bytes the oldest hours leave; 0: no limit");
    add("store_oldest_ns", keeper.oldest_s * ns_per_s, "begin of the oldest hour that has rows, ns since 1970");
    add("store_hours_left", keeper.hours_left, "oldest hours that left because rows took more than store.bytes_max");
    add("store_budget_failures", keeper.budget_failures, "looks at what rows take that failed; looked again");
    return status;
}

}  // namespace

Result<std::unique_ptr<ControlPlane>> ControlPlane::start(const ControlConfig& config,
                                                          std::unique_ptr<store::Store> store) {
    auto plane = std::make_unique<RunningControlPlane>(config, std::move(store));
    if (auto started = plane->start(); !started) return tl::make_unexpected(started.error());
    return std::unique_ptr<ControlPlane>(std::move(plane));
}

}  // namespace clew::control
