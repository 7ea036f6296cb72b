// SPDX-License-Identifier: Apache-2.0
#include "controlplane/shared_answers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

namespace clew::control {
namespace {

using Shared = SharedAnswers<int>;

void await(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// A first who asks and is not told before release().
struct Held {
    explicit Held(Shared& shared, int answer, std::shared_ptr<http::Departure> departure = nullptr)
        : first(std::async(std::launch::async, [&shared, answer, departure, this] {
              const http::AnswerScope scope(departure);
              return shared.get("q", [this, answer]() -> Result<int> {
                  asked.set_value();
                  gate.get_future().wait();
                  return answer;
              });
          })) {
        asked.get_future().wait();
    }
    void release() { gate.set_value(); }

    std::promise<void> asked, gate;
    std::future<Result<int>> first;
};

TEST(SharedAnswers, WhoAsksTheSameMeanwhileGetsTheSameAnswer) {
    Shared shared;
    Held held(shared, 7);
    std::atomic<int> others_asked{0};
    auto second = std::async(std::launch::async, [&] {
        return shared.get("q", [&]() -> Result<int> {
            ++others_asked;
            return 8;
        });
    });
    await([&] { return shared.waiting_count("q") == 1; });
    EXPECT_EQ(*shared.get("another", []() -> Result<int> { return 9; }), 9);
    held.release();
    EXPECT_EQ(*held.first.get(), 7);
    EXPECT_EQ(*second.get(), 7);
    EXPECT_EQ(others_asked, 0);
    EXPECT_EQ(*shared.get("q", []() -> Result<int> { return 10; }), 10);  // nothing is kept
}

TEST(SharedAnswers, TheAnswerOfOneWhoLeftIsNoOneElses) {
    Shared shared;
    const auto departure = std::make_shared<http::Departure>();
    Held held(shared, 7, departure);
    auto second = std::async(std::launch::async, [&] { return shared.get("q", []() -> Result<int> { return 8; }); });
    await([&] { return shared.waiting_count("q") == 1; });
    departure->leave();
    held.release();
    EXPECT_EQ(*second.get(), 8);
    held.first.wait();
}

TEST(SharedAnswers, WhoThrowsLeavesTheOthersToAsk) {
    Shared shared;
    EXPECT_THROW(static_cast<void>(shared.get("q", []() -> Result<int> { throw std::runtime_error("no"); })),
                 std::runtime_error);
    EXPECT_EQ(*shared.get("q", []() -> Result<int> { return 8; }), 8);
}

}  // namespace
}  // namespace clew::control
