// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/gateway.h"

#include <algorithm>
#include <bit>

namespace clew {
namespace {

/// Four bins an octave; what is not positive falls into the first.
std::size_t bin_of(DurationNs delay) {
    if (delay < 4) return 0;
    const auto value = static_cast<std::uint64_t>(delay);
    const auto octave = static_cast<std::size_t>(std::bit_width(value)) - 1;
    const std::size_t bin = (octave - 2) * 4 + (value >> (octave - 2) & 3) + 1;
    return std::min(bin, DelayHistogram::bin_count - 1);
}

DurationNs upper_edge(std::size_t bin) {
    if (bin == 0) return 4;
    const std::size_t octave = (bin - 1) / 4 + 2;
    return static_cast<DurationNs>((std::uint64_t{4} + (bin - 1) % 4 + 1) << (octave - 2));
}

}  // namespace

void DelayHistogram::add(DurationNs delay, DurationNs error) {
    min_ns = count == 0 ? delay : std::min(min_ns, delay);
    max_ns = count == 0 ? delay : std::max(max_ns, delay);
    error_ns = std::max(error_ns, error);
    ++count;
    ++bins[bin_of(delay)];
}

void DelayHistogram::merge(const DelayHistogram& other) {
    if (other.count == 0) return;
    min_ns = count == 0 ? other.min_ns : std::min(min_ns, other.min_ns);
    max_ns = count == 0 ? other.max_ns : std::max(max_ns, other.max_ns);
    error_ns = std::max(error_ns, other.error_ns);
    count += other.count;
    for (std::size_t i = 0; i < bin_count; ++i) bins[i] += other.bins[i];
}

DurationNs DelayHistogram::quantile(double share) const {
    if (count == 0) return 0;
    const double wanted = share * static_cast<double>(count);
    double seen = 0;
    for (std::size_t i = 0; i < bin_count; ++i) {
        seen += bins[i];
        if (seen >= wanted && bins[i] > 0) return std::clamp(upper_edge(i), min_ns, max_ns);
    }
    return max_ns;
}

void AddressSet::add(const IpAddress& ip) {
    if (std::find(addresses.begin(), addresses.end(), ip) != addresses.end()) return;
    if (addresses.size() < gateway_address_count_max)
        addresses.push_back(ip);
    else
        ++more;
}

std::string_view to_text(GatewayTrait trait) {
    constexpr std::string_view names[gateway_trait_count] = {
        "kind", "client-sequence", "server-sequence", "timestamps", "toa", "ip-id", "client-port", "mss", "handshake",
        "ttl"};
    return names[static_cast<std::size_t>(trait)];
}

std::string trait_value_text(GatewayTrait trait, std::uint8_t value) {
    if (value == trait_unknown) return "mixed";
    switch (trait) {
        case GatewayTrait::kind: return std::string(to_text(static_cast<LinkKind>(value)));
        case GatewayTrait::client_sequence:
        case GatewayTrait::server_sequence: return value == 0 ? "kept" : "shifted";
        case GatewayTrait::timestamps: return value == 0 ? "kept" : "stripped";
        case GatewayTrait::toa: return value == 0 ? "none" : value == 1 ? "added" : "stripped";
        case GatewayTrait::handshake: return value == 0 ? "passed" : "answered";
        case GatewayTrait::ttl: return std::to_string(value) + (value + 1u == trait_value_count ? " or more" : "");
        case GatewayTrait::ip_id:
        case GatewayTrait::client_port:
        case GatewayTrait::mss: break;
    }
    return value == 0 ? "kept" : "changed";
}

}  // namespace clew
