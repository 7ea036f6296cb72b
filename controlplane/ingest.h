// SPDX-License-Identifier: Apache-2.0
// Takes batches from the collector's thread and puts them before the linker and before the leg writer. When one of the
// two has no room the batch is refused: the observer keeps it and sends it again.
#pragma once

#include "controlplane/batch_queue.h"
#include "controlplane/store/store.h"
#include "wire/collector.h"

namespace clew::control {

class Ingest final : public wire::CollectorSink {
  public:
    Ingest(store::Store& store, BatchQueue& to_linker, BatchQueue& to_writer)
        : store_(store), to_linker_(to_linker), to_writer_(to_writer) {}

    std::optional<std::uint64_t> last_stored(const std::string& observer, std::int64_t started_ns) override;
    bool receive(wire::BatchId id, const std::vector<v1::TapName>& taps, std::vector<Leg> legs) override;

  private:
    store::Store& store_;
    BatchQueue& to_linker_;
    BatchQueue& to_writer_;
};

}  // namespace clew::control
