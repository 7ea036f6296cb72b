// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

namespace clew::sensor {

Worker::Worker(std::vector<PacketSource*> sources, TimeNs (*now)())
    : sources_(std::move(sources)), now_(now), ring_(worker_ring_bytes), merge_(sources_.size()) {}

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
    return Pipeline::memory_bytes(settings) + LegRing::memory_bytes(worker_ring_bytes);
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
    for (std::size_t i = 0; i < sources_.size(); ++i) merge_.set_count(i, sources_[i]->receive(merge_.room(i)));
    const std::span<const Packet> packets = merge_.merge();
    if (!packets.empty()) {
        latest_ns_ = std::max(latest_ns_, packets.back().time_ns);
        if (trace_ && !trace_->over()) [[unlikely]]
            trace_->pass(*pipeline_, packets);
        else
            pipeline_->receive(packets);
        for (PacketSource* source : sources_) source->release();
    }
    if (now_) pipeline_->advance(now_());
    if (!now_ && latest_ns_ != 0) pipeline_->advance(latest_ns_);
    return packets.size();
}

void IdleWait::wait() {
    ++rounds_;
    if (rounds_ <= idle_spin_count) return;
    const unsigned sleep_us = std::min(rounds_ - idle_spin_count, idle_sleep_us_max);
    std::this_thread::sleep_for(std::chrono::microseconds(sleep_us));
}

bool Worker::sources_used_up() const {
    return std::all_of(sources_.begin(), sources_.end(), [](const PacketSource* source) { return source->at_end(); });
}

void Worker::run() {
    IdleWait idle;
    while (!stop_.load(std::memory_order_relaxed)) {
        if (poll() != 0) {
            idle.worked();
            continue;
        }
        if (!now_ && sources_used_up()) break;
        idle.wait();
    }
    may_wait_ = true;
    pipeline_->flush();
    at_end_.store(true, std::memory_order_release);
}

}  // namespace clew::sensor
