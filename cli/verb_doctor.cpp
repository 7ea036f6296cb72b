// SPDX-License-Identifier: Apache-2.0
// `clew doctor`: what this machine lacks.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/doctor.h"
#include "cli/program.h"

namespace clew::cli {
namespace {

constexpr const char* store_library_default = "/usr/local/lib/clew/libchdb.so";

Result<void> run(const Program& program, const std::string& format) {
    const Surroundings& surroundings = program.surroundings;
    std::vector<Finding> findings = check_machine("");
    const auto append = [&](std::vector<Finding> more) {
        for (Finding& finding : more) findings.push_back(std::move(finding));
    };
    append(check_kernel());
    const char* library = std::getenv("CLEW_CHDB");
    append({check_store_library(library && *library ? library : store_library_default)});
    append(check_control_plane(program.api_url, program.api_url != api_url_default, surroundings.now()));
    surroundings.out << (format != "table" ? doctor_document(findings) + "\n"
                                           : doctor_view(findings, Paint(surroundings.colours),
                                                         static_cast<std::size_t>(surroundings.columns)));
    if (!any_bad(findings)) return {};
    const auto count = std::count_if(findings.begin(), findings.end(),
                                     [](const Finding& finding) { return finding.verdict == Verdict::bad; });
    return fail(ErrorKind::failed, std::to_string(count) + (count == 1 ? " check is bad" : " checks are bad") +
                                       "; the remedies stand beside them");
}

}  // namespace

void add_doctor_verb(CLI::App& root, Program& program) {
    auto format = std::make_shared<std::string>();
    CLI::App* verb = root.add_subcommand("doctor", "Is this machine fit for Clew, and is the control plane there?");
    add_format_option(*verb, *format);
    verb->footer(
        "Examples:\n"
        "  sudo clew doctor\n"
        "  clew doctor --api http://10.0.0.5:7480\n\n"
        "Exit 1 when a check is bad. Warnings name what works less well, and do not change the exit code.");
    verb->callback([format, &program] { program.chosen = [format, &program] { return run(program, *format); }; });
}

}  // namespace clew::cli
