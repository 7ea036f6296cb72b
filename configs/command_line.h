// SPDX-License-Identifier: Apache-2.0
// The daemons' command lines: --help, --version, and one sentence for a mistake.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <string>

#include "nat-trace/result.h"

namespace clew::configs {

/// Parses into what the app's options are bound to. The exit code when the program is to end now: it was asked for
/// help or its version (stdout), or there was a mistake (one sentence on stderr).
inline std::optional<int> parse_command_line(CLI::App& app, const char* name, int argc, char** argv) {
    app.name(name);
    app.set_version_flag("--version", std::string(name) + " " + CLEW_VERSION);
    app.allow_extras();  // looked at below: a misspelt option is told before a required one that is missing for it
    std::string sentence;
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {
        return app.exit(asked);
    } catch (const CLI::ParseError& mistake) {
        sentence = mistake.what();
    }
    if (const auto strangers = app.remaining(); !strangers.empty()) sentence = "unknown '" + strangers.front() + "'";
    if (sentence.empty()) return std::nullopt;
    std::fprintf(stderr, "%s: %s; see '%s --help'\n", name, sentence.c_str(), name);
    return static_cast<int>(ErrorKind::usage);
}

}  // namespace clew::configs
