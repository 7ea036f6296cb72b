// SPDX-License-Identifier: Apache-2.0
#include "controlplane/http/departure.h"

#include <utility>

namespace clew::http {
namespace {

thread_local std::shared_ptr<Departure> answered;

}  // namespace

bool Departure::left() const {
    const std::lock_guard lock(mutex_);
    return left_;
}

void Departure::leave() {
    const std::lock_guard lock(mutex_);
    left_ = true;
    for (const auto& [number, then] : std::exchange(waiting_, {})) then();
}

std::uint64_t Departure::when_left(std::function<void()> then) {
    const std::lock_guard lock(mutex_);
    if (left_) {
        then();
        return 0;
    }
    waiting_.emplace(++last_number_, std::move(then));
    return last_number_;
}

void Departure::forget(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    waiting_.erase(number);
}

AnswerScope::AnswerScope(std::shared_ptr<Departure> departure)
    : before_(std::exchange(answered, std::move(departure))) {}
AnswerScope::~AnswerScope() { answered = std::move(before_); }
std::shared_ptr<Departure> AnswerScope::current() { return answered; }
std::function<bool()> AnswerScope::left() {
    return [departure = answered] { return departure && departure->left(); };
}

}  // namespace clew::http
