// SPDX-License-Identifier: Apache-2.0
// Is this machine fit for Clew, and is the control plane there? Each check is one finding with its remedy. Reads only;
// changes nothing.
#pragma once

#include <string>
#include <vector>

#include "cli/paint.h"
#include "nat-trace/time.h"

namespace clew::cli {

enum class Verdict { ok, warning, bad };

struct Finding {
    Verdict verdict = Verdict::ok;
    std::string subject;  ///< "huge pages"
    std::string text;     ///< what is so
    std::string remedy;   ///< what to do; empty when ok
};

/// `root` stands in front of /proc and /sys, so that tests can bring a machine of their own.
std::vector<Finding> check_machine(const std::string& root);

/// This process's own machine through system calls: AF_XDP sockets and the clock's state.
std::vector<Finding> check_kernel();

Finding check_store_library(const std::string& path);

/// `named`: the person said where the API is, so its absence is bad and not a mere warning.
std::vector<Finding> check_control_plane(const std::string& api_url, bool named, TimeNs now);

bool any_bad(const std::vector<Finding>& findings);
std::string doctor_view(const std::vector<Finding>& findings, const Paint& paint, std::size_t columns);
std::string doctor_document(const std::vector<Finding>& findings);

}  // namespace clew::cli
