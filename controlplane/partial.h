// SPDX-License-Identifier: Apache-2.0
// What an answer lacks, said in its `partial`: one sentence after the other.
#pragma once

#include <string>
#include <string_view>

namespace clew::control {

/// `Message` has a field `partial`.
template <typename Message>
void add_partial(Message& message, std::string_view sentence) {
    std::string& partial = *message.mutable_partial();
    if (!partial.empty()) partial += "; ";
    partial += sentence;
}

/// The same, each sentence once.
inline void note_partial(std::string& partial, std::string_view sentence) {
    if (sentence.empty() || partial.find(sentence) != std::string::npos) return;
    if (!partial.empty()) partial += "; ";
    partial += sentence;
}

}  // namespace clew::control
