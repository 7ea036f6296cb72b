// SPDX-License-Identifier: Apache-2.0
#include "dataplane/exporter.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "dataplane/status_counter.h"
#include "wire/convert.h"
#include "wire/curve_keys.h"

namespace clew::sensor {
namespace {

constexpr auto idle_sleep = std::chrono::milliseconds(2);

Result<wire::PublisherSettings> publisher_settings(const SensorConfig& config, TimeNs started_ns) {
    wire::PublisherSettings settings;
    settings.endpoint = config.control_endpoint;
    if (!config.own_key_file.empty()) {
        auto keys = wire::read_curve_keys(config.own_key_file);
        if (!keys) return tl::make_unexpected(keys.error());
        settings.keys = {config.server_public_key, keys->public_key, keys->secret_key};
    }
    settings.hello.set_observer(config.observer);
    settings.hello.set_kind("sensor");
    settings.hello.set_started_ns(started_ns);
    settings.hello.set_program_version(CLEW_VERSION);
    for (const TapConfig& tap : config.taps) {
        auto* named = settings.hello.add_taps();
        named->set_name(tap.name);
        named->set_clock(config.clock);
        named->set_source(to_text(tap.source));
    }
    settings.spool_directory = config.spool_directory;
    settings.spool_bytes_max = config.spool_bytes_max;
    return settings;
}

}  // namespace

Exporter::Exporter(const SensorConfig& config, std::vector<Worker*> workers, std::vector<LiveSource> sources,
                   const Steer* steer, HeaderAnswers* header_answers)
    : workers_(std::move(workers)), sources_(std::move(sources)), steer_(steer), header_answers_(header_answers) {
    for (const TapConfig& tap : config.taps) tap_names_.push_back(tap.name);
}

Result<std::unique_ptr<Exporter>> Exporter::start(const SensorConfig& config, TimeNs started_ns,
                                                  std::vector<Worker*> workers, std::vector<LiveSource> sources,
                                                  const Steer* steer, HeaderAnswers* header_answers) {
    auto settings = publisher_settings(config, started_ns);
    if (!settings) return tl::make_unexpected(settings.error());
    std::unique_ptr<Exporter> exporter(
        new Exporter(config, std::move(workers), std::move(sources), steer, header_answers));
    Exporter* self = exporter.get();
    auto publisher = wire::Publisher::start(
        *settings, [self](const auto& request, const auto& reply) { self->answer(request, reply); },
        [self] { return self->count(); });
    if (!publisher) return tl::make_unexpected(publisher.error());
    exporter->publisher_ = std::move(*publisher);
    exporter->thread_ = std::thread([self] {
        pthread_setname_np(pthread_self(), "clew-exporter");
        self->run();
    });
    return exporter;
}

Exporter::~Exporter() { stop(); }

void Exporter::stop() {
    stop_.store(true, std::memory_order_release);
    if (thread_.joinable()) thread_.join();
    publisher_.reset();
}

/// Hands on what there is; false when there was nothing.
bool Exporter::carry() {
    bool any = false;
    for (Worker* worker : workers_) {
        for (std::string_view leg = worker->ring().front(); !leg.empty(); leg = worker->ring().front()) {
            if (!publisher_->offer(
                    leg)) {  // its queue is full: the ring holds the rest back, then counts what it drops
                std::this_thread::sleep_for(idle_sleep);
                break;
            }
            worker->ring().pop();
            any = true;
        }
    }
    return any;
}

void Exporter::run() {
    while (!stop_.load(std::memory_order_acquire))
        if (!carry()) std::this_thread::sleep_for(idle_sleep);
    while (carry()) continue;
}

void Exporter::answer(const v1::HeaderRequest& request, const HeaderReplier& reply) const {
    if (header_answers_) return header_answers_->answer(request, reply);
    if (request.withdrawn()) return;  // its answer was given when it came
    if (request.has_choice() || request.has_record()) {
        v1::HeaderReply none;
        none.set_partial("this sensor has no vault to look back in: give it one (vault: in its configuration)");
        return reply_in_parts(0, std::move(none), reply, {});
    }
    const std::vector<LegId> legs(request.legs().begin(), request.legs().end());
    const std::size_t count_max = header_count_of(request);
    std::vector<PacketHeader> headers;
    std::string partial;
    for (Worker* worker : workers_) {
        std::string why;
        auto some = worker->pipeline().headers(legs, request.from_ns(), request.to_ns(), count_max, why);
        headers.insert(headers.end(), some.begin(), some.end());
        if (partial.empty() && (!some.empty() || workers_.size() == 1)) partial = why;
    }
    std::stable_sort(headers.begin(), headers.end(),
                     [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; });
    headers.resize(std::min(headers.size(), count_max));
    if (request.frames() && partial.empty())
        partial = "this sensor has no vault, so it keeps no whole headers: give it one (vault: in its configuration)";
    v1::HeaderReply last;
    last.set_partial(partial);
    reply_in_parts(headers.size(), std::move(last), reply,
                   [&](std::size_t i, v1::PacketHeader& message) { wire::encode(headers[i], message); });
}

std::vector<v1::Counter> Exporter::count() const {
    std::vector<NamedCount> totals;
    for (Worker* worker : workers_) {
        const auto counts = worker->pipeline().counters();
        if (totals.empty()) {
            totals = counts;
            continue;
        }
        for (std::size_t i = 0; i < totals.size(); ++i) totals[i].value += counts[i].value;
    }
    std::vector<v1::Counter> counters;
    for (const NamedCount& count : totals) counters.push_back(make_counter(count.name, {}, count.value, count.text));
    if (steer_) {
        const SteerCounters steer = steer_->counters();
        counters.push_back(make_counter("steered", {}, steer.steered, "packets given to one of several workers"));
        counters.push_back(make_counter("steer_ring_full", {}, steer.ring_full,
                                        "packets dropped because the ring to their worker was full"));
        counters.push_back(make_counter("steer_frames_cut", {}, steer.frames_cut,
                                        "frames cut off at 2048 bytes on the way to their worker"));
    }
    std::map<TapId, SourceCounters> by_tap;
    for (const LiveSource& source : sources_) {
        const SourceCounters own = source.source->counters();
        SourceCounters& sum = by_tap[source.tap];
        sum.packets += own.packets;
        sum.bytes += own.bytes;
        sum.missed_by_nic += own.missed_by_nic;
        sum.dropped_by_kernel += own.dropped_by_kernel;
        sum.errors += own.errors;
    }
    for (const auto& [tap, sum] : by_tap) {
        const std::string& name = tap_names_[tap];
        counters.push_back(make_counter("tap_packets", name, sum.packets, "packets received at this tap"));
        counters.push_back(make_counter("tap_bytes", name, sum.bytes, "bytes received at this tap"));
        counters.push_back(make_counter("tap_missed_by_nic", name, sum.missed_by_nic,
                                        "packets lost because the receive ring was full"));
        counters.push_back(make_counter("tap_dropped_by_kernel", name, sum.dropped_by_kernel,
                                        "packets the kernel dropped on the way"));
        counters.push_back(make_counter("tap_errors", name, sum.errors, "receive errors"));
    }
    if (header_answers_)
        for (v1::Counter& counter : header_answers_->count()) counters.push_back(std::move(counter));
    return counters;
}

}  // namespace clew::sensor
