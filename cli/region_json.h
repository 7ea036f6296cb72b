// SPDX-License-Identifier: Apache-2.0
// region.json of a corpus: its taps, their capture files and clocks. Read strictly: an unknown, missing, doubled or
// ill-typed key is one sentence that names it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/result.h"

namespace clew::cli {

constexpr std::size_t region_bytes_max = 1u << 20;
constexpr std::size_t region_tap_count_max = 4096;

/// A capture file with the tap it was taken at, and the clock that stamped it.
struct TapFile {
    std::string name;
    std::string file;
    std::string clock;
};

/// The taps of a corpus folder; files with the folder in front.
Result<std::vector<TapFile>> read_region(const std::string& directory);

/// `name` stands in front of every sentence. Files as written: relative, inside the folder.
Result<std::vector<TapFile>> parse_region(std::string_view text, const std::string& name);

}  // namespace clew::cli
