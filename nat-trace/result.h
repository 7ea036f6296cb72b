// SPDX-License-Identifier: Apache-2.0
// An expected failure is a Result<T>: one sentence for a person, and the kind that decides the exit code.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace clew {

/// What kind of failure; the value is the exit code of a program that ends because of it.
enum class ErrorKind : int { failed = 1, usage = 2, nothing_found = 3, partial = 4, not_allowed = 5, unreachable = 6 };

/// One sentence that names what is wrong, the value, and the remedy.
struct Error {
    ErrorKind kind = ErrorKind::failed;
    std::string sentence;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string sentence) {
    return tl::make_unexpected(Error{kind, std::move(sentence)});
}

}  // namespace clew
