// SPDX-License-Identifier: Apache-2.0
// Any text is a filter or a sentence; what it compiles to holds none of its bytes but through parameters.
#include <cstdint>
#include <string_view>

#include "controlplane/store/filter.h"
#include "nat-trace/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const auto condition = clew::store::compile_filter(text);
    if (!condition) {
        CLEW_CHECK(!condition.error().sentence.empty());
        return 0;
    }
    for (const char c : condition->sql) {
        const bool own = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                         std::string_view(" _(){}:,='<>!-.").find(c) != std::string_view::npos;
        CLEW_CHECK(own);
    }
    CLEW_CHECK(condition->parameters.size() <= clew::store::filter_value_count_max);
    return 0;
}
