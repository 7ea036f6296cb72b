// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

namespace clew::sensor {

Worker::Worker(std::vector<PacketSource*> sources, TimeNs (*now)())
    : sources_(std::move(sources)), now_(now), ring_(worker_ring_leg_count_max), burst_(burst_packet_count_max) {}

Worker::~Worker() { stop(); }

Result<std::unique_ptr<Worker>> Worker::create(const PipelineSettings& settings, std::vector<PacketSource*> sources,
                                               TimeNs (*now)()) {
    std::unique_ptr<Worker> worker(new Worker(std::move(sources), now));
    auto pipeline = Pipeline::create(settings, *worker);
    if (!pipeline) return tl::make_unexpected(pipeline.error());
    worker->pipeline_ = std::move(*pipeline);
    worker->may_wait_ = now == nullptr;
    return worker;
}

std::size_t Worker::memory_bytes(const PipelineSettings& settings) {
    return Pipeline::memory_bytes(settings) + LegRing::memory_bytes(worker_ring_leg_count_max);
}

void Worker::start() {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "clew-worker");
        run();
    });
}

void Worker::stop() {
    stop_.store(true, std::memory_order_relaxed);
    if (thread_.joinable()) thread_.join();
}

bool Worker::offer(const Leg& leg) {
    while (!ring_.push(leg)) {
        if (!may_wait_) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(idle_sleep_us_max));
    }
    return true;
}

std::size_t Worker::poll() {
    std::size_t received = 0;
    for (PacketSource* source : sources_) {
        const std::size_t count = source->receive(burst_);
        if (count == 0) continue;
        latest_ns_ = std::max(latest_ns_, burst_[count - 1].time_ns);
        if (trace_ && !trace_->over()) [[unlikely]]
            trace_->pass(*pipeline_, {burst_.data(), count});
        else
            pipeline_->receive({burst_.data(), count});
        source->release();
        received += count;
    }
    if (now_) pipeline_->advance(now_());
    if (!now_ && latest_ns_ != 0) pipeline_->advance(latest_ns_);
    return received;
}

bool Worker::sources_used_up() const {
    return std::all_of(sources_.begin(), sources_.end(), [](const PacketSource* source) { return source->at_end(); });
}

void Worker::run() {
    unsigned idle_rounds = 0;
    while (!stop_.load(std::memory_order_relaxed)) {
        if (poll() != 0) {
            idle_rounds = 0;
            continue;
        }
        if (!now_ && sources_used_up()) break;
        ++idle_rounds;
        if (idle_rounds <= idle_spin_count) continue;
        const unsigned sleep_us = std::min(idle_rounds - idle_spin_count, idle_sleep_us_max);
        std::this_thread::sleep_for(std::chrono::microseconds(sleep_us));
    }
    may_wait_ = true;
    pipeline_->flush();
    at_end_.store(true, std::memory_order_release);
}

}  // namespace clew::sensor
