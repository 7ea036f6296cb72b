// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/app.h"

#include <array>

namespace clew {
namespace {

constexpr std::array<std::string_view, app_count> texts = {
#define CLEW_APP(name, number, text) text,
#include "nat-trace/apps.def"
#undef CLEW_APP
};

}  // namespace

std::string_view to_text(App app) {
    const auto number = static_cast<std::size_t>(app);
    return number < texts.size() ? texts[number] : std::string_view();
}

App app_of(std::string_view text) {
    for (std::size_t i = 1; i < texts.size(); ++i)
        if (texts[i] == text) return static_cast<App>(i);
    return App::unknown;
}

}  // namespace clew
