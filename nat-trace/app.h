// SPDX-License-Identifier: Apache-2.0
// The application protocol of a leg, as its first payloads tell it: apps.def lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace clew {

enum class App : std::uint8_t {
#define CLEW_APP(name, number, text) name = number,
#include "nat-trace/apps.def"
#undef CLEW_APP
};
constexpr std::size_t app_count = 0
#define CLEW_APP(name, number, text) +1
#include "nat-trace/apps.def"
#undef CLEW_APP
    ;

std::string_view to_text(App app);  ///< "http", "tls", …; empty for unknown
App app_of(std::string_view text);  ///< unknown when no protocol is called so

}  // namespace clew
