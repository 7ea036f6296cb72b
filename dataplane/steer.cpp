// SPDX-License-Identifier: Apache-2.0
#include "dataplane/steer.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "dataplane/bytes.h"
#include "dataplane/hash.h"
#include "dataplane/transport.h"
#include "dataplane/worker.h"

namespace clew::sensor {
namespace {

void add_one(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // one writer
}

/// Both ends in an order-free way: sums and products of what each end is.
std::uint64_t of_end(const std::uint8_t* address, bool v6, std::uint16_t port) {
    const std::uint64_t low = v6 ? load_be64(address) ^ mix(load_be64(address + 8)) : load_be32(address);
    return mix(low + (std::uint64_t{port} << 40));
}

}  // namespace

std::uint32_t steer_hash(const Packet& packet, const DecapSettings& settings, Decapped& decapped) {
    decap(packet, settings, decapped);
    if (decapped.reason != Reason::none && decapped.reason != Reason::ip_fragments_later) return 0;
    std::uint16_t source_port = 0, destination_port = 0;
    if (decapped.reason == Reason::none && !decapped.first_fragment) {
        const Transport transport = parse_transport(packet.bytes, decapped);
        source_port = transport.source_port;
        destination_port = transport.destination_port;
    }
    const std::uint8_t* at = packet.bytes + decapped.addresses_offset;
    const std::uint64_t source = of_end(at, decapped.v6, source_port);
    const std::uint64_t destination = of_end(at + (decapped.v6 ? 16 : 4), decapped.v6, destination_port);
    return static_cast<std::uint32_t>(mix((source ^ destination) + decapped.protocol) >> 32);
}

bool SteeredQueue::push(const Packet& packet) {
    const std::uint64_t number = pushed_.load(std::memory_order_relaxed);
    if (number - taken_.load(std::memory_order_acquire) == slots_.size()) return false;
    Slot& slot = slots_[number % slots_.size()];
    slot.packet = packet;
    slot.packet.bytes = slot.bytes;
    slot.packet.captured_length =
        static_cast<std::uint32_t>(std::min<std::size_t>(packet.captured_length, steer_frame_bytes_max));
    std::memcpy(slot.bytes, packet.bytes, slot.packet.captured_length);
    pushed_.store(number + 1, std::memory_order_release);
    return true;
}

std::size_t SteeredQueue::receive(std::span<Packet> burst) {
    const std::uint64_t first = taken_.load(std::memory_order_relaxed);
    const std::uint64_t there = pushed_.load(std::memory_order_acquire) - first;
    held_ = std::min<std::size_t>(burst.size(), there);
    for (std::size_t i = 0; i < held_; ++i) burst[i] = slots_[(first + i) % slots_.size()].packet;
    return held_;
}

void SteeredQueue::release() {
    taken_.store(taken_.load(std::memory_order_relaxed) + held_, std::memory_order_release);
    held_ = 0;
}

bool SteeredQueue::at_end() const {
    return ended_.load(std::memory_order_acquire) &&
           taken_.load(std::memory_order_relaxed) == pushed_.load(std::memory_order_acquire);
}

Steer::Steer(std::vector<PacketSource*> sources, const DecapSettings& settings, bool waits)
    : sources_(std::move(sources)), merge_(sources_.size()), settings_(settings), waits_(waits) {}

Result<std::unique_ptr<Steer>> Steer::create(std::vector<PacketSource*> sources, std::size_t worker_count,
                                             const DecapSettings& settings, bool waits) {
    std::unique_ptr<Steer> steer(new Steer(std::move(sources), settings, waits));
    for (std::size_t i = 0; i < worker_count; ++i) {
        steer->queues_.push_back(std::make_unique<SteeredQueue>());
        if (!steer->queues_.back()->allocate())
            return fail(ErrorKind::failed, "the machine does not have the " +
                                               std::to_string(memory_bytes(worker_count) >> 20) +
                                               " MB for rings between the receiving thread and workers: lower workers");
    }
    return steer;
}

Steer::~Steer() { stop(); }

void Steer::start() {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "clew-steer");
        run();
    });
}

void Steer::stop() {
    stop_.store(true, std::memory_order_relaxed);
    if (thread_.joinable()) thread_.join();
}

SteerCounters Steer::counters() const {
    return {steered_.load(std::memory_order_relaxed), ring_full_.load(std::memory_order_relaxed),
            frames_cut_.load(std::memory_order_relaxed)};
}

void Steer::give(const Packet& packet) {
    const std::uint64_t hash = steer_hash(packet, settings_, decapped_);
    SteeredQueue& queue = *queues_[hash * queues_.size() >> 32];
    if (packet.captured_length > steer_frame_bytes_max) add_one(frames_cut_);
    while (!queue.push(packet)) {
        if (!waits_ || stop_.load(std::memory_order_relaxed)) return add_one(ring_full_);
        std::this_thread::sleep_for(std::chrono::microseconds(idle_sleep_us_max));
    }
    add_one(steered_);
}

std::size_t Steer::poll() {
    for (std::size_t i = 0; i < sources_.size(); ++i) merge_.set_count(i, sources_[i]->receive(merge_.room(i)));
    const auto packets = merge_.merge();
    for (const Packet& packet : packets) give(packet);
    for (PacketSource* source : sources_) source->release();
    return packets.size();
}

void Steer::run() {
    IdleWait idle;
    while (!stop_.load(std::memory_order_relaxed)) {
        if (poll() != 0) {
            idle.worked();
            continue;
        }
        if (std::all_of(sources_.begin(), sources_.end(), [](const auto* source) { return source->at_end(); })) break;
        idle.wait();
    }
    for (const auto& queue : queues_) queue->end();
}

}  // namespace clew::sensor
