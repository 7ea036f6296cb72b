// SPDX-License-Identifier: Apache-2.0
// Simulated time: what is due happens in order of time, and of asking where times are equal. One thread.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "tests/sim/corpus/packet.h"

namespace clew::corpus {

class Events {
  public:
    using Action = std::function<void()>;

    explicit Events(Nanoseconds start) : now_(start) {}
    Nanoseconds now() const { return now_; }

    void at(Nanoseconds time, Action action) {
        heap_.push_back({std::max(time, now_), count_++, std::move(action)});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    void after(Nanoseconds delay, Action action) { at(now_ + delay, std::move(action)); }

    /// Until nothing is due any more.
    void run() {
        while (!heap_.empty()) {
            std::pop_heap(heap_.begin(), heap_.end(), later);
            Event event = std::move(heap_.back());
            heap_.pop_back();
            now_ = event.time;
            event.action();
        }
    }

  private:
    struct Event {
        Nanoseconds time;
        std::uint64_t number;
        Action action;
    };
    static bool later(const Event& a, const Event& b) {
        return a.time != b.time ? a.time > b.time : a.number > b.number;
    }

    Nanoseconds now_;
    std::uint64_t count_ = 0;
    std::vector<Event> heap_;
};

}  // namespace clew::corpus
