// SPDX-License-Identifier: Apache-2.0
// Asks for a cache line that is needed soon. GCC takes a function that does nothing but __builtin_prefetch for one
// without effect and leaves out the calls to it; the empty asm keeps them.
#pragma once

namespace clew {

inline void prefetch_line(const void* at) {
    __builtin_prefetch(at, 1);
    asm volatile("");
}

}  // namespace clew
