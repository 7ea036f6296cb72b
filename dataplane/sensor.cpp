// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace clew::sensor {
namespace {

std::size_t file_count(const SensorConfig& config) {
    return static_cast<std::size_t>(std::count_if(config.taps.begin(), config.taps.end(), [](const TapConfig& tap) {
        return tap.source.kind == SourceKind::pcap;
    }));
}

std::vector<LivePortRequest> live_requests(const SensorConfig& config) {
    std::vector<LivePortRequest> requests;
    for (std::size_t i = 0; i < config.taps.size(); ++i) {
        const TapConfig& tap = config.taps[i];
        if (tap.source.kind != SourceKind::pcap)
            requests.push_back({tap.source, static_cast<TapId>(i), tap.queues, config.kernel_stamp_error_us * 1000});
    }
    return requests;
}

std::size_t live_queue_count(const SensorConfig& config) {
    std::size_t queues = 0;
    for (const LivePortRequest& request : live_requests(config)) queues += request.queues;
    return queues;
}

std::size_t live_worker_count(const SensorConfig& config) { return live_queue_count(config) == 0 ? 0 : config.workers; }

/// With more workers than queues one thread receives, and steers packets to them.
bool is_steered(const SensorConfig& config) { return live_worker_count(config) > live_queue_count(config); }

std::size_t worker_count(const SensorConfig& config) { return live_worker_count(config) + file_count(config); }

/// One worker's share of the sensor's limits.
PipelineSettings share_of(const SensorConfig& config, std::size_t workers) {
    PipelineSettings settings = config.pipeline;
    const auto share = [&](std::uint32_t all) { return static_cast<std::uint32_t>((all + workers - 1) / workers); };
    settings.observer_name = config.observer;
    settings.leg_count_max = share(settings.leg_count_max);
    settings.header_count_max = share(settings.header_count_max);
    if (config.vault_directory.empty()) return settings;
    settings.header_count_max = 0;  // the vault has them all
    settings.header_log = vault::HeaderAppenderSettings{};
    settings.header_log->block.packet_count_max = config.vault_block_packets;
    settings.header_log->block_count = config.vault_blocks;
    settings.header_log->block_age_max_ns = config.vault_block_age_s * ns_per_s;
    settings.header_log->payload_checks = config.vault_payload_checks;
    if (!config.vault_packets) return settings;
    settings.packet_log = vault::PacketAppenderSettings{};
    settings.packet_log->block.bytes_max = config.vault_packets_block_mb << 20;
    settings.packet_log->block_count = config.vault_packets_blocks;
    settings.packet_log->block_age_max_ns = config.vault_block_age_s * ns_per_s;
    return settings;
}

void print_trace(const std::string& words) {
    std::fwrite(words.data(), 1, words.size(), stdout);
    std::fflush(stdout);
}

std::size_t memory_available() {
    std::ifstream meminfo("/proc/meminfo");
    std::string key, rest;
    std::size_t kb = 0;
    while (meminfo >> key >> kb && std::getline(meminfo, rest))
        if (key == "MemAvailable:") return kb << 10;
    return 0;
}

Result<void> check_memory(const SensorConfig& config) {
    const MemoryBudget budget = memory_budget(config);
    if (const std::size_t available = memory_available(); available != 0 && budget.total() > available)
        return fail(ErrorKind::failed, "the sensor would take " + to_text(budget) + ", and " +
                                           std::to_string(available >> 20) +
                                           " MB are available: lower leg_count_max, header_count_max or memory.mb");
    const std::size_t needed = LivePorts::memory_bytes(live_requests(config)) >> 20;
    if (needed + 16 > config.memory_mb && needed != 0)
        return fail(ErrorKind::failed, "memory.mb: " + std::to_string(config.memory_mb) +
                                           " is too little for the packet buffers of all queues: set it to " +
                                           std::to_string(needed + 32) + " or more");
    return {};
}

}  // namespace

MemoryBudget memory_budget(const SensorConfig& config) {
    constexpr std::size_t unacknowledged_bytes = 32u << 20;
    MemoryBudget budget;
    const std::size_t workers = worker_count(config);
    if (workers != 0) budget.tables = workers * Worker::memory_bytes(share_of(config, workers));
    if (is_steered(config)) budget.tables += Steer::memory_bytes(live_worker_count(config));
    if (!live_requests(config).empty()) budget.buffers = std::size_t{config.memory_mb} << 20;
    budget.outbox = wire::PublisherSettings{}.queue_leg_count_max * sizeof(Leg) + unacknowledged_bytes;
    return budget;
}

std::string to_text(const MemoryBudget& budget) {
    const auto mb = [](std::size_t bytes) { return std::to_string((bytes + (1u << 20) - 1) >> 20) + " MB"; };
    return mb(budget.total()) + " of memory (tables " + mb(budget.tables) + ", packet buffers " + mb(budget.buffers) +
           ", outbox " + mb(budget.outbox) + ")";
}

Result<void> Sensor::open_sources(const SensorConfig& config, std::vector<std::string>& remarks) {
    for (std::size_t i = 0; i < config.taps.size(); ++i) {
        if (config.taps[i].source.kind != SourceKind::pcap) continue;
        auto file = PcapFile::open(config.taps[i].source.target, static_cast<TapId>(i));
        if (!file) return tl::make_unexpected(file.error());
        files_.push_back(std::move(*file));
        sources_.push_back({static_cast<TapId>(i), files_.back().get()});
    }
    const auto requests = live_requests(config);
    if (requests.empty()) return {};
    auto ports = LivePorts::open(requests, {config.huge_pages_auto, config.memory_mb});
    if (!ports) return tl::make_unexpected(ports.error());
    ports_ = std::move(*ports);
    for (const std::string& remark : ports_->remarks()) remarks.push_back(remark);
    sources_.insert(sources_.end(), ports_->sources().begin(), ports_->sources().end());
    return {};
}

Result<void> Sensor::make_workers(const SensorConfig& config) {
    PipelineSettings settings = share_of(config, worker_count(config));
    settings.started_ns = started_ns_;
    if (settings.packet_log) {
        auto policy = vault::PacketPolicy::compile(
            PacketRecorder::rules_with({}, config.vault_packets_rules, config.vault_packets_on_demand));
        if (!policy) return tl::make_unexpected(policy.error());
        settings.packet_log->policy = std::move(*policy);
    }
    const auto add = [&](std::vector<PacketSource*> sources, TimeNs (*now)()) -> Result<void> {
        settings.worker = static_cast<std::uint16_t>(workers_.size());
        settings.populate_memory = now != nullptr;  // a file waits for a page fault
        if (settings.header_log) settings.header_log->wait_for_writer = now == nullptr;
        if (settings.packet_log) settings.packet_log->wait_for_writer = now == nullptr;
        auto worker = Worker::create(settings, std::move(sources), now);
        if (!worker) return tl::make_unexpected(worker.error());
        workers_.push_back(std::move(*worker));
        return {};
    };
    for (const auto& file : files_)
        if (auto added = add({file.get()}, nullptr); !added) return added;
    std::vector<std::vector<PacketSource*>> groups(live_worker_count(config));
    if (groups.empty()) return {};
    std::vector<PacketSource*> live;
    for (const LiveSource& source : ports_->sources()) live.push_back(source.source);
    if (is_steered(config)) {
        auto steer = Steer::create(std::move(live), groups.size(), settings.decap, false);
        if (!steer) return tl::make_unexpected(steer.error());
        steer_ = std::move(*steer);
        for (std::size_t i = 0; i < groups.size(); ++i) groups[i].push_back(&steer_->queue(i));
    } else {
        for (std::size_t i = 0; i < live.size(); ++i) groups[i % groups.size()].push_back(live[i]);
    }
    for (auto& group : groups)
        if (auto added = add(std::move(group), real_time_ns); !added) return added;
    return {};
}

/// The store of one of the vault's logs; its shape tells which.
Result<std::unique_ptr<vault::BlockStore>> Sensor::open_store(const SensorConfig& config,
                                                              const vault::BlockShape& shape) {
    const bool of_packets = &shape == &vault::packet_log_shape;
    vault::TapTable table{config.observer, {}};
    for (const TapConfig& tap : config.taps) table.taps.push_back(tap.name);
    vault::BlockStoreSettings settings;
    settings.directory = config.vault_directory + (of_packets ? "/packets" : "/headers");
    if (of_packets) settings.file_suffix = ".clvp";
    settings.bytes_max = of_packets ? config.vault_packets_bytes_max : config.vault_bytes_max;
    settings.first_block = vault::encode(table);
    settings.sync = config.vault_sync;
    return vault::BlockStore::open(*disk_, settings, shape);
}

Result<void> Sensor::open_vault(const SensorConfig& config) {
    if (config.vault_directory.empty()) return {};
    disk_ = vault::make_real_disk();
    auto headers = open_store(config, vault::header_log_shape);
    if (!headers) return tl::make_unexpected(headers.error());
    header_store_ = std::move(*headers);
    VaultLogs logs;
    logs.header_store = header_store_.get();
    logs.header_bytes_max = config.vault_bytes_max;
    for (const TapConfig& tap : config.taps) logs.taps.push_back(tap.name);
    for (const auto& worker : workers_) logs.headers.push_back(worker->pipeline().header_log());
    header_writer_ = std::make_unique<vault::HeaderLogWriter>(logs.headers, *header_store_);
    if (config.vault_packets) {
        auto packets = open_store(config, vault::packet_log_shape);
        if (!packets) return tl::make_unexpected(packets.error());
        packet_store_ = std::move(*packets);
        logs.packet_store = packet_store_.get();
        logs.packet_bytes_max = config.vault_packets_bytes_max;
        for (const auto& worker : workers_) logs.packets.push_back(worker->pipeline().packet_log());
        packet_writer_ = std::make_unique<vault::PacketLogWriter>(logs.packets, *packet_store_);
        packet_writer_->start();
        recorder_ = std::make_unique<PacketRecorder>(config.vault_packets_rules, config.vault_packets_on_demand,
                                                     logs.taps, logs.packets);
        logs.recorder = recorder_.get();
        logs.now = real_time_ns;
    }
    header_answers_ = std::make_unique<HeaderAnswers>(std::move(logs));
    header_writer_->start();
    return {};
}

Result<std::unique_ptr<Sensor>> Sensor::start(const SensorConfig& config, std::vector<std::string>& remarks) {
    if (auto fits = check_memory(config); !fits) return tl::make_unexpected(fits.error());
    auto sensor = std::make_unique<Sensor>();
    sensor->started_ns_ = real_time_ns();
    if (auto opened = sensor->open_sources(config, remarks); !opened) return tl::make_unexpected(opened.error());
    if (auto made = sensor->make_workers(config); !made) return tl::make_unexpected(made.error());
    if (auto opened = sensor->open_vault(config); !opened) return tl::make_unexpected(opened.error());
    std::vector<Worker*> workers;
    for (const auto& worker : sensor->workers_) workers.push_back(worker.get());
    auto exporter = Exporter::start(config, sensor->started_ns_, workers, sensor->sources_, sensor->steer_.get(),
                                    sensor->header_answers_.get());
    if (!exporter) return tl::make_unexpected(exporter.error());
    sensor->exporter_ = std::move(*exporter);
    if (config.trace_packet_count != 0) {
        std::vector<std::string> names;
        for (const TapConfig& tap : config.taps) names.push_back(tap.name);
        sensor->trace_ = std::make_unique<PacketTrace>(config.trace_packet_count, config.pipeline.decap,
                                                       std::move(names), print_trace);
        for (Worker* worker : workers) worker->trace(sensor->trace_.get());
    }
    for (Worker* worker : workers) worker->start();
    if (sensor->steer_) sensor->steer_->start();
    return sensor;
}

Sensor::~Sensor() { stop(); }

bool Sensor::at_end() const {
    return !ports_ &&
           std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->at_end(); });
}

std::vector<std::string> Sensor::end_of_files() const {
    std::vector<std::string> sentences;
    for (const auto& file : files_)
        if (!file->error_sentence().empty()) sentences.push_back(file->error_sentence());
    return sentences;
}

void Sensor::stop() {
    if (stopped_) return;
    stopped_ = true;
    if (steer_) steer_->stop();
    if (exporter_)  // it empties the rings into which the workers flush
        for (const auto& worker : workers_) worker->stop();
    if (header_writer_) header_writer_->stop();  // what the workers closed last
    if (packet_writer_) packet_writer_->stop();
    if (header_answers_) header_answers_->stop();
    if (exporter_) exporter_->stop();
    exporter_.reset();
    workers_.clear();
    steer_.reset();
    ports_.reset();
}

}  // namespace clew::sensor
