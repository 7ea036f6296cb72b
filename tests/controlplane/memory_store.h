// SPDX-License-Identifier: Apache-2.0
// A store for tests that keeps everything in memory, as the interface asks. It stands in for ClickHouse: what is tested
// with it is the control plane around it. Several MemoryStores may share one Memory, as a store outlives its client.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "controlplane/store/store.h"
#include "wire/convert.h"

namespace clew::control {

struct Memory {
    std::mutex mutex;
    std::map<LegId, store::StoredLeg> legs;
    std::map<std::string, v1::Path> paths;
    std::map<std::pair<std::string, std::int64_t>, std::uint64_t> sequences;
    std::atomic<bool> fails{false};
};

class MemoryStore final : public store::Store {
  public:
    explicit MemoryStore(std::shared_ptr<Memory> memory) : memory_(std::move(memory)) {}

    Result<void> insert_legs(const std::vector<store::StoredLeg>& legs) override {
        if (memory_->fails) return failure();
        const std::lock_guard lock(memory_->mutex);
        for (const store::StoredLeg& leg : legs) {
            store::StoredLeg& known = memory_->legs[leg.leg.id];
            if (known.leg.revision <= leg.leg.revision) known = leg;
            std::uint64_t& sequence = memory_->sequences[{leg.observer, leg.started_ns}];
            sequence = std::max(sequence, leg.sequence);
        }
        return {};
    }
    Result<void> insert_paths(const std::vector<v1::Path>& paths) override {
        if (memory_->fails) return failure();
        const std::lock_guard lock(memory_->mutex);
        for (const v1::Path& path : paths) {
            v1::Path& known = memory_->paths[path.path_id()];
            if (known.revision() <= path.revision()) known = path;
        }
        return {};
    }
    Result<std::uint64_t> last_sequence(const std::string& observer, std::int64_t started_ns) override {
        if (memory_->fails) return failure();
        const std::lock_guard lock(memory_->mutex);
        return memory_->sequences[{observer, started_ns}];
    }
    Result<std::vector<Leg>> find_legs(const std::vector<store::LegWanted>& wanted) override {
        const std::lock_guard lock(memory_->mutex);
        std::vector<Leg> result;
        for (const store::LegWanted& one : wanted)
            if (const auto found = memory_->legs.find(one.id); found != memory_->legs.end())
                result.push_back(found->second.leg);
        return result;
    }
    Result<std::vector<store::StoredLeg>> legs_since(TimeNs since_ns, std::size_t count_max) override {
        const std::lock_guard lock(memory_->mutex);
        std::vector<store::StoredLeg> result;
        for (const auto& [id, leg] : memory_->legs)
            if (leg.leg.last_ns >= since_ns && result.size() < count_max) result.push_back(leg);
        return result;
    }
    Result<v1::PathList> find_paths(const store::PathQuery& query) override {
        if (memory_->fails) return failure();
        if (query.filter == "(") return fail(ErrorKind::usage, "the filter ends in the middle");
        const std::lock_guard lock(memory_->mutex);
        v1::PathList list;
        for (const auto& [id, path] : memory_->paths) {
            if (path.retracted() || path.last_ns() < query.since_ns) continue;
            if (static_cast<std::uint32_t>(list.paths_size()) == query.count_max) {
                list.set_partial("cut");
                break;
            }
            *list.add_paths() = path;
        }
        return list;
    }
    Result<std::optional<v1::Path>> find_path(const std::string& path_id) override {
        const std::lock_guard lock(memory_->mutex);
        const auto found = memory_->paths.find(path_id);
        return found == memory_->paths.end() ? std::nullopt : std::optional(found->second);
    }
    Result<void> ping() override {
        if (memory_->fails) return failure();
        return {};
    }

  private:
    static tl::unexpected<Error> failure() { return fail(ErrorKind::unreachable, "the store was told to fail"); }
    std::shared_ptr<Memory> memory_;
};

}  // namespace clew::control
