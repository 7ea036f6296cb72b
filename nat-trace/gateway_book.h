// SPDX-License-Identifier: Apache-2.0
// Learns gateways' profiles from paths as they are told. Bounded: when there are too many, the one longest not seen
// leaves. A path counts once, when its legs are over or it is old enough. Gateways' ids depend on the taps' names
// alone, so they are the same after a restart. One thread; a pure function of the paths.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "nat-trace/engine.h"
#include "nat-trace/gateway.h"

namespace clew {

constexpr std::size_t gateway_count_max = 4096;
constexpr std::size_t counted_path_count = 65'536;     ///< paths remembered as counted; later ones push them out
constexpr DurationNs counted_after_ns = 5 * ns_per_s;  ///< a living path counts when it is so old
constexpr std::size_t delay_batch_count = 64;          ///< delays compared with those before them at a time
constexpr DurationNs delay_change_ns_min = 100 * ns_per_us;

class GatewayBook {
  public:
    /// `engine`, which outlives it, names the taps of the paths.
    explicit GatewayBook(const Engine& engine) : engine_(engine), counted_(counted_path_count) {}

    /// Before any path: what an earlier book had learnt, and of which paths (see counted()). Of more gateways than are
    /// kept the first.
    void restore(std::vector<Gateway> gateways, std::span<const PathId> counted);
    void learn(const Path& path);

    /// The gateway that the packets of `leg`, on their way to the server, are sent to; null when it is not known. Where
    /// it leads to several taps, the one most used.
    const Gateway* behind(const PathLeg& leg) const;

    const std::unordered_map<std::uint64_t, Gateway>& all() const { return gateways_; }
    /// The paths that need not be counted again, with zeros among them.
    const std::vector<PathId>& counted() const { return counted_; }
    std::uint64_t evicted() const { return evicted_; }
    std::size_t memory_bytes() const;

  private:
    struct Batch {
        std::array<DurationNs, delay_batch_count> delays{};
        std::size_t count = 0;
    };
    using Batches = std::array<Batch, direction_count>;

    void learn_link(const Path& path, std::size_t n);
    void learn_origins(const Path& path);
    Gateway& of(const PathLeg& from, const PathLeg& to);
    Gateway* find(const PathLeg& from, const PathLeg& to);
    void add_trait(Gateway& gateway, GatewayTrait trait, std::uint8_t value, TimeNs now);
    void add_delay(Gateway& gateway, Direction direction, const SegmentDelay& delay, TimeNs now);
    PathId& place_of(PathId path);
    Gateway& keep(Gateway gateway, std::uint64_t entrance);
    void make_room();

    const Engine& engine_;
    std::unordered_map<std::uint64_t, Gateway> gateways_;
    std::unordered_map<std::uint64_t, Batches> batches_;
    std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> by_entrance_;  ///< gateways by tap and address
    std::vector<PathId> counted_;
    std::uint64_t evicted_ = 0;
};

}  // namespace clew
