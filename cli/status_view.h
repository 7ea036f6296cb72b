// SPDX-License-Identifier: Apache-2.0
// Who is connected, and what was counted: losses first.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/paint.h"
#include "nat-trace/time.h"
#include "wire/path.pb.h"

namespace clew::cli {

std::string status_view(const v1::Status& status, TimeNs now, const Paint& paint, std::size_t columns);
std::string status_document(const v1::Status& status);  ///< one JSON document; times and counts as numbers

/// By its name: something was dropped, refused or spoilt, so a number above 0 wants a look.
bool counts_a_loss(std::string_view counter_name);

}  // namespace clew::cli
