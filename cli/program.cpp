// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/paint.h"

namespace clew::cli {
namespace {

constexpr const char* footer = R"(Examples:
  clew paths                   connections of the last five minutes, hop by hop
  clew paths --since 1h ip.addr == 10.0.0.7
  clew path show 9f3a11c0      one in full: addresses, evidence, delays
  clew ladder 9f3a11c0         its packets at every tap, side by side
  clew pcap 9f3a11c0 -w path.pcapng      the same for Wireshark
  clew replay --tap edge=edge.pcap --tap lb=lb.pcap
  clew doctor                  is this machine fit, is the control plane there?

Exit codes: 0 ok, 1 failed, 2 usage, 3 nothing found, 4 partial, 5 not allowed,
6 unreachable.)";

void add_verbs(CLI::App& root, Program& program) {
    add_paths_verb(root, program);
    add_path_verb(root, program);
    add_ladder_verb(root, program);
    add_pcap_verb(root, program);
    add_link_verb(root, program);
    add_gateways_verb(root, program);
    add_overview_verbs(root, program);
    add_status_verb(root, program);
    add_sensor_verb(root, program);
    add_vault_verb(root, program);
    add_replay_verb(root, program);
    add_config_verb(root, program);
    add_doctor_verb(root, program);
    add_keys_verb(root, program);
}

/// The innermost verb that was named: its --help is the one to point at.
std::string named_verb(const CLI::App& app) {
    for (const CLI::App* verb : app.get_subcommands())
        if (verb->parsed()) return app.get_name() + " " + named_verb(*verb);
    return app.get_name();
}

std::string usage_sentence(const CLI::App& root, const CLI::ParseError& error) {
    std::string sentence = error.what();
    const auto left = root.remaining(true);
    const bool verb_missing = sentence.find("subcommand") != std::string::npos;
    if (dynamic_cast<const CLI::RequiredError*>(&error) && (verb_missing || !left.empty()))
        sentence = left.empty() ? "a verb is missing" : "there is no verb '" + left.front() + "'";
    std::replace(sentence.begin(), sentence.end(), '\n', ' ');
    while (!sentence.empty() && (sentence.back() == ' ' || sentence.back() == '.')) sentence.pop_back();
    return printable(sentence) + "; see '" + named_verb(root) + " --help'";
}

}  // namespace

void add_format_option(CLI::App& verb, std::string& format) {
    const std::vector<std::string> choices = {"table", "json", "jsonl"};
    format = choices.front();
    verb.add_option("--format", format, "How to print: table for people, json and jsonl for programs")
        ->check(CLI::IsMember(choices))
        ->capture_default_str();
}

int run_program(const std::vector<std::string>& arguments, Surroundings& surroundings) {
    Program program{surroundings, api_url_default, {}};
    CLI::App root("Clew follows a connection through every gateway between two processes.", "clew");
    root.get_formatter()->column_width(12);
    root.get_formatter()->label("SUBCOMMAND", "VERB");
    root.group("Verbs");  // what the verbs inherit: the heading of their list
    root.set_version_flag("--version", std::string("clew ") + CLEW_VERSION);
    root.add_option("--api", program.api_url, "Where the control plane's API is")
        ->envname("CLEW_API")
        ->capture_default_str();
    root.require_subcommand(1);
    root.fallthrough();  // --api may stand behind the verb
    add_verbs(root, program);
    root.footer(footer);  // behind the verbs, which would inherit it
    try {
        root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::Success& asked) {
        root.exit(asked, surroundings.out, surroundings.err);
        return 0;
    } catch (const CLI::ParseError& error) {
        surroundings.err << "clew: " << usage_sentence(root, error) << "\n";
        return static_cast<int>(ErrorKind::usage);
    }
    const Result<void> result = program.chosen();
    surroundings.out.flush();
    if (!result) {
        surroundings.err << "clew: " << result.error().sentence << "\n";
        return static_cast<int>(result.error().kind);
    }
    if (!surroundings.out) {
        surroundings.err << "clew: the output could not be written; is the disk full?\n";
        return static_cast<int>(ErrorKind::failed);
    }
    return 0;
}

}  // namespace clew::cli
