// SPDX-License-Identifier: Apache-2.0
#include "dataplane/source/source_spec.h"

#include <array>

namespace clew::sensor {
namespace {

struct Prefix {
    std::string_view text;
    SourceKind kind;
};
constexpr std::array<Prefix, 4> prefixes = {{{"af_xdp:", SourceKind::af_xdp},
                                             {"af_packet:", SourceKind::af_packet},
                                             {"pci:", SourceKind::pci},
                                             {"pcap:", SourceKind::pcap}}};

bool is_interface_name(std::string_view name) {
    constexpr std::size_t name_bytes_max = 15;  // IFNAMSIZ without its NUL
    return !name.empty() && name.size() <= name_bytes_max && name.find_first_of("/, \t:=") == std::string_view::npos;
}

bool is_pci_address(std::string_view text) {
    return text.size() <= 12 && text.find('.') != std::string_view::npos &&
           text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

}  // namespace

Result<SourceSpec> parse_source(std::string_view text) {
    for (const Prefix& prefix : prefixes) {
        if (!text.starts_with(prefix.text)) continue;
        SourceSpec spec{prefix.kind, std::string(text.substr(prefix.text.size()))};
        const bool interface = spec.kind == SourceKind::af_xdp || spec.kind == SourceKind::af_packet;
        if (interface && !is_interface_name(spec.target))
            return fail(ErrorKind::usage, "'" + std::string(text) + "' names no interface; write af_xdp:eth1");
        if (spec.kind == SourceKind::pci && !is_pci_address(spec.target))
            return fail(ErrorKind::usage, "'" + std::string(text) + "' names no PCI address; write pci:0000:03:00.1");
        if (spec.target.empty()) return fail(ErrorKind::usage, "'" + std::string(text) + "' names no file");
        return spec;
    }
    return fail(ErrorKind::usage,
                "'" + std::string(text) +
                    "' is no source; use af_xdp:INTERFACE, af_packet:INTERFACE, pci:ADDRESS or pcap:FILE");
}

std::string to_text(const SourceSpec& spec) {
    for (const Prefix& prefix : prefixes)
        if (prefix.kind == spec.kind) return std::string(prefix.text) + spec.target;
    return spec.target;
}

}  // namespace clew::sensor
