// SPDX-License-Identifier: Apache-2.0
#include "dataplane/reasons.h"

namespace clew::sensor {
namespace {

struct Line {
    std::string_view name;
    std::string_view text;
    bool loss;
};

constexpr std::array<Line, reason_count> lines = {{
#define CLEW_COUNT(name, text) {#name, text, false},
#define CLEW_REASON(name, text) {#name, text, true},
#include "dataplane/reasons.def"
#undef CLEW_COUNT
#undef CLEW_REASON
}};

}  // namespace

std::string_view reason_name(Reason reason) { return lines[static_cast<std::size_t>(reason)].name; }
std::string_view reason_text(Reason reason) { return lines[static_cast<std::size_t>(reason)].text; }
bool reason_means_loss(Reason reason) { return lines[static_cast<std::size_t>(reason)].loss; }

}  // namespace clew::sensor
