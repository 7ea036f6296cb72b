// SPDX-License-Identifier: Apache-2.0
// An answer that goes out in parts while its question's search goes on: the header log's and the packet log's packets
// as one, in the order of time.
#pragma once

#include <functional>
#include <memory>

#include "dataplane/vault/log_search.h"

namespace clew::vault {

/// A part of the answer: packets later than all of the parts before, and the legs that they are of. Of the last one,
/// which may be empty, `partial` and complete_until tell of the whole. False: nobody wants the rest.
using TakePart = std::function<bool(Answer& part, bool last)>;

/// A first part goes out as soon as it is known that no earlier packet can come; the next ones when they are worth a
/// message. `packets` may be null.
void stream_answer(const Question& question, LogSearch& headers, LogSearch* packets, const TakePart& take);

/// The parts put together.
Answer find_all(const Question& question, std::unique_ptr<LogSearch> headers, std::unique_ptr<LogSearch> packets);

}  // namespace clew::vault
