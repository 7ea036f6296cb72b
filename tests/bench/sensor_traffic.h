// SPDX-License-Identifier: Apache-2.0
// Traffic in memory for measuring the sensor: TCP connections in an order that no cache or prefetcher can guess, half
// of them in VXLAN, frames of 64 to 128 bytes, and a source that lends them as a poll-mode port does: a burst of
// descriptors, each leading to a packet buffer that was written before, 2304 bytes from the next.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dataplane/fixed_array.h"
#include "dataplane/packet.h"
#include "nat-trace/check.h"

namespace clew::sensor {

/// Each leg's next packet, by a running number: in rounds over all legs, in a fixed random order.
class Traffic {
  public:
    static constexpr std::size_t frame_bytes_max = 128;

    explicit Traffic(std::uint32_t legs) : rounds_(legs), legs_(legs) { set_multiplier(); }

    std::uint32_t legs() const { return legs_; }
    /// Only data in turns, so that the looked-at first packets go by soon; else every second packet is a bare ACK.
    void set_only_data(bool only_data) { only_data_ = only_data; }

    /// Writes the next frame; its length.
    std::uint32_t next(std::uint8_t* to) {
        const auto leg = static_cast<std::uint32_t>(at_ * multiplier_ % legs_);
        at_ = at_ + 1 == legs_ ? 0 : at_ + 1;
        return write(to, leg, rounds_[leg]++);
    }

  private:
    /// Coprime to the number of legs and near its golden section: visits all of them far apart.
    void set_multiplier() {
        const auto coprime = [&](std::uint64_t m) {
            std::uint64_t a = m, b = legs_;
            while (b != 0) std::swap(a %= b, b);
            return a == 1;
        };
        multiplier_ = static_cast<std::uint64_t>(0.6180339887 * legs_) | 1;
        while (!coprime(multiplier_)) multiplier_ += 2;
    }

    static void put16(std::uint8_t* to, std::uint32_t value) {
        to[0] = static_cast<std::uint8_t>(value >> 8);
        to[1] = static_cast<std::uint8_t>(value);
    }
    static void put32(std::uint8_t* to, std::uint32_t value) {
        put16(to, value >> 16);
        put16(to + 2, value & 0xffff);
    }
    static std::uint8_t* put_ethernet(std::uint8_t* to, unsigned source, unsigned destination) {
        const std::uint8_t macs[12] = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(destination),
                                       2, 0, 0, 0, 0, static_cast<std::uint8_t>(source)};
        std::memcpy(to, macs, sizeof macs);
        put16(to + 12, 0x0800);
        return to + 14;
    }
    static std::uint8_t* put_ipv4(std::uint8_t* to, std::uint32_t length, unsigned protocol, std::uint32_t id,
                                  std::uint32_t source, std::uint32_t destination) {
        std::memset(to, 0, 20);
        to[0] = 0x45;
        put16(to + 2, length);
        put16(to + 4, id);
        to[8] = 64;
        to[9] = static_cast<std::uint8_t>(protocol);
        put32(to + 12, source);
        put32(to + 16, destination);
        return to + 20;
    }

    std::uint32_t write(std::uint8_t* frame, std::uint32_t leg, std::uint32_t round) const {
        const bool tunnel = leg % 2 == 1;
        // In turns of four: the client's data, the server's ACK, the server's data, the client's ACK.
        const bool by_server = only_data_ ? round % 2 == 1 : (round % 4 == 1 || round % 4 == 2);
        const bool data = only_data_ || round % 2 == 0;
        const std::uint32_t payload = data ? (tunnel ? 1 + leg % 24 : 10 + leg % 64) : 0;
        const std::uint32_t inner = 40 + payload;
        std::uint8_t* to = frame;
        if (tunnel) {
            to = put_ethernet(to, by_server ? 2 : 1, by_server ? 1 : 2);
            const std::uint32_t here = 0xc0000201, there = 0xc0000202;
            to = put_ipv4(to, 20 + 8 + 8 + 14 + inner, 17, round, by_server ? there : here, by_server ? here : there);
            put16(to, 49152 + leg % 8192);
            put16(to + 2, 4789);
            put16(to + 4, 8 + 8 + 14 + inner);
            put16(to + 6, 0);
            put32(to + 8, 0x08000000);
            put32(to + 12, (100 + leg % 32) << 8);
            to += 16;
        }
        to = put_ethernet(to, by_server ? 4 : 3, by_server ? 3 : 4);
        const std::uint32_t client = 0x0a000000 + leg / 16, server = 0x0b000000 + leg % 64;
        to = put_ipv4(to, inner, 6, round, by_server ? server : client, by_server ? client : server);
        put_tcp(to, leg, round, by_server, payload);
        const auto length = static_cast<std::uint32_t>(to + 20 + payload - frame);
        return std::max<std::uint32_t>(length, 60);
    }

    /// Sequence numbers follow from the round, so that every segment is the one that was expected.
    void put_tcp(std::uint8_t* to, std::uint32_t leg, std::uint32_t round, bool by_server,
                 std::uint32_t payload) const {
        const std::uint32_t size = leg % 2 == 1 ? 1 + leg % 24 : 10 + leg % 64;
        const std::uint32_t own = leg + sent_by(by_server, round) * size;
        const std::uint32_t peer = leg + sent_by(!by_server, round) * size;
        const std::uint32_t client_port = 1024 + leg % 60000;
        put16(to, by_server ? 443 : client_port);
        put16(to + 2, by_server ? client_port : 443);
        put32(to + 4, own);
        put32(to + 8, peer);
        to[12] = 0x50;
        to[13] = payload != 0 ? 0x18 : 0x10;
        put16(to + 14, 0xfff0);
        put32(to + 16, leg ^ round);
        std::memset(to + 20, 'p', payload);
    }

    /// Segments with data that a side sent before this round.
    std::uint32_t sent_by(bool server, std::uint32_t round) const {
        const std::uint32_t fast = std::min(round, only_data_rounds_), slow = round - fast;
        const std::uint32_t first = server ? fast / 2 : (fast + 1) / 2;
        return first + (server ? (slow + 1) / 4 : (slow + 3) / 4);
    }

  public:
    /// Rounds of only data come first and are a multiple of four, the same for all legs.
    void set_only_data_rounds(std::uint32_t rounds) { only_data_rounds_ = rounds; }

  private:
    std::vector<std::uint32_t> rounds_;
    std::uint32_t legs_;
    std::uint32_t only_data_rounds_ = 0;
    std::uint64_t multiplier_ = 1;
    std::uint64_t at_ = 0;
    bool only_data_ = false;
};

/// Lends what fill() laid into its buffers.
class MemorySource final : public PacketSource {
  public:
    static constexpr std::size_t buffer_count = 4096, buffer_bytes = 2304;

    explicit MemorySource(Traffic& traffic) : traffic_(traffic), descriptors_(buffer_count) {
        CLEW_CHECK(buffers_.allocate(buffer_count * buffer_bytes, true));
    }

    /// As a NIC does: writes the buffers and their descriptors. Packets come 67 ns apart: 15 million a second.
    void fill() {
        for (std::size_t i = 0; i < buffer_count; ++i) {
            Descriptor& descriptor = descriptors_[i];
            descriptor.bytes = &buffers_[0] + i * buffer_bytes;
            descriptor.length = traffic_.next(&buffers_[0] + i * buffer_bytes);
            descriptor.time_ns = now_ += 67;
        }
        at_ = 0;
    }

    std::size_t receive(std::span<Packet> burst) override {
        const std::size_t count = std::min(burst.size(), buffer_count - at_);
        for (std::size_t i = 0; i < count; ++i) {
            const Descriptor& descriptor = descriptors_[at_ + i];
            if (at_ + i + 4 < buffer_count) __builtin_prefetch(&descriptors_[at_ + i + 4]);
            burst[i].bytes = descriptor.bytes;
            burst[i].captured_length = burst[i].wire_length = descriptor.length;
            burst[i].time_ns = descriptor.time_ns;
            burst[i].tap = 0;
            burst[i].time_source = TimeSource::kernel;
            burst[i].time_error_ns = 0;
        }
        at_ += count;
        counters_.packets += count;
        return count;
    }
    void release() override {}
    bool at_end() const override { return at_ == buffer_count; }
    SourceCounters counters() const override { return counters_; }
    TimeNs now() const { return now_; }

  private:
    struct alignas(128) Descriptor {  // what a driver keeps of a buffer
        const std::uint8_t* bytes = nullptr;
        std::uint32_t length = 0;
        TimeNs time_ns = 0;
    };
    Traffic& traffic_;
    FixedArray<std::uint8_t> buffers_;  ///< in huge pages, as packet buffers are
    std::vector<Descriptor> descriptors_;
    std::size_t at_ = 0;
    TimeNs now_ =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();  ///< real time: the legs may go on over a live source
    SourceCounters counters_;
};

}  // namespace clew::sensor
