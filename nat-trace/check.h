// SPDX-License-Identifier: Apache-2.0
// CHECK: a programmer's error ends the program with the place and the condition, in release too.
#pragma once

namespace clew {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CLEW_CHECK(condition) \
    ((condition) ? static_cast<void>(0) : ::clew::check_failed(#condition, __FILE__, __LINE__))
