// SPDX-License-Identifier: Apache-2.0
#include "wire/leg_queue.h"

#include <algorithm>

namespace clew::wire {

std::string_view LegEncoder::encode(const Leg& leg) {
    return {reinterpret_cast<const char*>(field_.data()), write_leg_field(leg, field_.data())};
}

void EncodedLegs::add(std::string_view field) {
    bytes_ += field;
    ends_.push_back(bytes_.size());
}

void EncodedLegs::clear() {
    bytes_.clear();
    ends_.clear();
}

std::string_view EncodedLegs::next(std::size_t& from, std::size_t count_max) const {
    const std::size_t begin = from == 0 ? 0 : ends_[from - 1];
    from = std::min(count(), from + count_max);
    const std::size_t end = from == 0 ? 0 : ends_[from - 1];
    return std::string_view(bytes_).substr(begin, end - begin);
}

bool LegQueue::put(std::string_view field) {
    std::size_t count = 0;
    {
        const std::lock_guard lock(mutex_);
        if (legs_.count() >= leg_count_max_) return false;
        legs_.add(field);
        count = legs_.count();
    }
    if (count == wake_at_) waker_.wake();
    return true;
}

void LegQueue::take_all(EncodedLegs& into) {
    into.clear();
    waker_.clear();
    const std::lock_guard lock(mutex_);
    std::swap(legs_, into);
}

}  // namespace clew::wire
