// SPDX-License-Identifier: Apache-2.0
// The batches an observer still owes the control plane, in order: the first of them in memory, the rest in the spool.
// Either all are in memory (and the older of them perhaps on disk too), or all are on disk (and the first of them also
// in memory), so that order holds and a kill of the observer loses at most what was never spooled. One thread, no
// sockets.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "wire/spool.h"

namespace clew::wire {

struct OutboxCounters {
    std::uint64_t batches_acknowledged = 0;
    std::uint64_t batches_dropped = 0;  ///< spool and memory both full, or the disk refused
    std::uint64_t legs_dropped = 0;
};

class Outbox {
  public:
    /// `taps` is a serialised Batch with nothing but the tap names: appended to a spooled batch, it is part of it.
    Outbox(std::unique_ptr<Spool> spool, std::uint32_t window_batch_count_max, std::string taps);

    void add(SpoolRecord batch);

    /// The next batch to send, marked as sent; null when the window is full or nothing is left. Valid until the next
    /// call.
    const SpoolRecord* next_unsent();

    /// Everything of that run up to `sequence` is safely stored.
    void acknowledge(const std::string& observer, std::int64_t started_ns, std::uint64_t sequence);

    void connected();     ///< the window may fill again
    void disconnected();  ///< what is in memory goes to disk; everything will be sent again

    bool empty() const { return window_.empty() && spool_->all_read(); }
    std::size_t window_batch_count() const { return window_.size(); }
    std::uint64_t legs_in_memory_only() const;  ///< they end with the program
    const OutboxCounters& counters() const { return counters_; }
    const SpoolCounters& spool_counters() const { return spool_->counters(); }

  private:
    struct Waiting {
        SpoolRecord batch;
        bool on_disk = false;
        bool sent = false;
    };
    bool spill();
    SpoolRecord with_taps(SpoolRecord batch) const;
    void remove_acknowledged();
    bool is_acknowledged(const SpoolRecord& batch) const;

    std::unique_ptr<Spool> spool_;
    std::uint32_t window_batch_count_max_;
    std::string taps_;
    bool connected_ = false;
    std::deque<Waiting> window_;
    std::map<std::pair<std::string, std::int64_t>, std::uint64_t> acknowledged_;
    OutboxCounters counters_;
};

}  // namespace clew::wire
