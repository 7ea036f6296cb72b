// SPDX-License-Identifier: Apache-2.0
// Any text as region.json: taps with names and files inside the folder, or one sentence.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cli/region_json.h"
#include "nat-trace/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const auto taps = clew::cli::parse_region({reinterpret_cast<const char*>(bytes), size}, "fuzz");
    if (!taps) {
        CLEW_CHECK(!taps.error().sentence.empty());
        return 0;
    }
    CLEW_CHECK(!taps->empty() && taps->size() <= clew::cli::region_tap_count_max);
    for (const clew::cli::TapFile& tap : *taps)
        CLEW_CHECK(!tap.name.empty() && !tap.file.empty() && tap.file[0] != '/');
    return 0;
}
