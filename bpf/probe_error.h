// SPDX-License-Identifier: Apache-2.0
// What a probe's failure to load means, as one sentence with its remedy; and libbpf's own words, silenced unless
// wanted.
#pragma once

#include <string_view>

#include "nat-trace/result.h"

namespace clew::agent {

constexpr int kernel_major_min = 5;
constexpr int kernel_minor_min = 11;

/// Whether libbpf's words go to stderr. Before the first probe, once.
void set_libbpf_words(bool shown);

/// What can be told before trying: rights, kernel version, type information.
Result<void> check_kernel();

/// For an errno (positive) of libbpf at `step`: "load", "attach to the kernel", …
Error probe_error(std::string_view probe, std::string_view step, int error_number);

}  // namespace clew::agent
