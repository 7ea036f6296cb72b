// SPDX-License-Identifier: Apache-2.0
// Ends running queries by a mark of theirs, again and again until they are over: one that was asked to end before it
// began must not be missed. Own thread; methods may be called from any.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace clew::store {

class QueryEnder {
  public:
    static constexpr int again_ms = 100;

    /// `end` ends the query with a mark, if it runs; called on the own thread, with nothing locked.
    explicit QueryEnder(std::function<void(const std::string& mark)> end);
    ~QueryEnder();
    QueryEnder(const QueryEnder&) = delete;
    QueryEnder& operator=(const QueryEnder&) = delete;

    void end(const std::string& mark);   ///< returns at once
    void over(const std::string& mark);  ///< the query is over, however

  private:
    void run();

    const std::function<void(const std::string& mark)> end_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::string> marks_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace clew::store
