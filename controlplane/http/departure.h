// SPDX-License-Identifier: Apache-2.0
// Whether who asked has left without waiting for the answer: a server tells it of the request that it answers, and a
// client that is told gives its own request up. Any thread may use it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace clew::http {

class Departure {
  public:
    bool left() const;
    /// The asker has left: once, for good. Runs what waits for it.
    void leave();

    /// `then` runs once, on the thread that calls leave(), or at once where the asker has left already. It must be
    /// quick and use no Departure. After forget() it does not run, and does not run any more.
    std::uint64_t when_left(std::function<void()> then);
    void forget(std::uint64_t number);

  private:
    mutable std::mutex mutex_;
    bool left_ = false;
    std::uint64_t last_number_ = 0;
    std::map<std::uint64_t, std::function<void()>> waiting_;
};

/// While it lives, `departure` is that of the request which this thread answers: what answers it asks others in turn,
/// and gives up when it is left.
class AnswerScope {
  public:
    explicit AnswerScope(std::shared_ptr<Departure> departure);
    ~AnswerScope();
    AnswerScope(const AnswerScope&) = delete;
    AnswerScope& operator=(const AnswerScope&) = delete;

    static std::shared_ptr<Departure> current();  ///< null where this thread answers no request
    static std::function<bool()> left();          ///< whether its asker has left; for other threads too

  private:
    std::shared_ptr<Departure> before_;
};

}  // namespace clew::http
