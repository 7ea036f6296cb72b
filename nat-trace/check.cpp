// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/check.h"

#include <cstdio>
#include <cstdlib>

namespace clew {

void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "clew: internal error at %s:%d: CHECK(%s) failed; please report this line\n", file, line,
                 condition);
    std::abort();
}

}  // namespace clew
