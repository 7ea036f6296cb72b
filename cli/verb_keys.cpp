// SPDX-License-Identifier: Apache-2.0
// `clew keys new`: a key pair for the encrypted wire between observers and control plane.
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/program.h"
#include "wire/curve_keys.h"

namespace clew::cli {
namespace {

Result<void> make(const std::string& file, const Surroundings& surroundings) {
    const Result<wire::CurveKeyPair> keys = wire::make_curve_keys();
    if (!keys) return tl::make_unexpected(keys.error());
    if (const Result<void> written = wire::write_curve_keys(file, *keys); !written) return written;
    surroundings.out << keys->public_key << "\n";
    surroundings.err << "wrote " << file
                     << " (mode 0600); the line above is its public key: others name it in their configuration\n";
    return {};
}

}  // namespace

void add_keys_verb(CLI::App& root, Program& program) {
    auto file = std::make_shared<std::string>();
    CLI::App* keys = root.add_subcommand("keys", "Keys of the encrypted wire (see 'clew keys new --help')");
    keys->require_subcommand(1);
    CLI::App* verb = keys->add_subcommand("new", "Make a CURVE key pair and print its public key");
    verb->add_option("FILE", *file, "Where to keep the pair; must not exist yet")->required();
    verb->footer(
        "Examples:\n"
        "  clew keys new /etc/clew/control.key     on the control plane: prints what observers name as server_public\n"
        "  clew keys new /etc/clew/sensor.key      on a sensor: prints what the control plane lists under allowed");
    verb->callback(
        [file, &program] { program.chosen = [file, &program] { return make(*file, program.surroundings); }; });
}

}  // namespace clew::cli
