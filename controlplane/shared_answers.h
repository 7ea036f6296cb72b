// SPDX-License-Identifier: Apache-2.0
// Several who ask the same at the same time get one answer: the first asks, the others wait for what it is told.
// Nothing is kept: who comes when it has been told asks anew. From any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "controlplane/http/departure.h"
#include "nat-trace/result.h"

namespace clew::control {

template <typename Message>
class SharedAnswers {
  public:
    using Answer = Result<Message>;

    /// `ask` runs on the thread of the first. Where that one's asker left meanwhile, its answer is no one else's: one
    /// of those who wait asks for itself.
    Answer get(const std::string& question, const std::function<Answer()>& ask) {
        std::unique_lock lock(mutex_);
        for (;;) {
            const auto [at, first] = asked_.try_emplace(question, nullptr);
            if (first) {
                const auto own = at->second = std::make_shared<Asked>();
                lock.unlock();
                const End end{*this, question, *own};  // also where `ask` throws
                Answer answer = ask();
                if (!http::AnswerScope::left()()) own->answer = answer;
                return answer;
            }
            const auto other = at->second;
            ++other->waiting_count;
            told_.wait(lock, [&] { return other->over; });
            if (other->answer) return *other->answer;
        }
    }

    std::size_t waiting_count(const std::string& question) const {
        const std::lock_guard lock(mutex_);
        const auto found = asked_.find(question);
        return found == asked_.end() ? 0 : found->second->waiting_count;
    }

  private:
    struct Asked {
        bool over = false;
        std::size_t waiting_count = 0;
        std::optional<Answer> answer;  ///< set before `over`, by the first alone
    };
    struct End {
        SharedAnswers& all;
        const std::string& question;
        Asked& asked;
        ~End() {
            const std::lock_guard lock(all.mutex_);
            asked.over = true;
            all.asked_.erase(question);
            all.told_.notify_all();
        }
    };
    mutable std::mutex mutex_;
    std::condition_variable told_;
    std::map<std::string, std::shared_ptr<Asked>> asked_;
};

}  // namespace clew::control
