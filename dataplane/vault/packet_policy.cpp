// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/packet_policy.h"

namespace clew::vault {
namespace {

Result<std::shared_ptr<const wire::BpfProgram>> compile_or_any(const std::string& expression, wire::BpfOn on) {
    if (expression.empty()) return std::shared_ptr<const wire::BpfProgram>();
    return wire::BpfProgram::compile(expression, on);
}

}  // namespace

Result<std::shared_ptr<const PacketPolicy>> PacketPolicy::compile(const std::vector<PacketRule>& rules) {
    auto policy = std::make_shared<PacketPolicy>();
    for (const PacketRule& rule : rules) {
        auto bpf = compile_or_any(rule.bpf, wire::BpfOn::ethernet);
        if (!bpf) return tl::make_unexpected(bpf.error());
        auto inner = compile_or_any(rule.inner_bpf, wire::BpfOn::ip);
        if (!inner) return tl::make_unexpected(inner.error());
        policy->rules_.push_back({rule, std::move(*bpf), std::move(*inner)});
    }
    return policy;
}

bool PacketPolicy::fits(const Rule& one, const SeenHeader& seen) {
    const PacketRule& rule = one.rule;
    const sensor::Packet& packet = *seen.packet;
    if (!rule.taps.empty() && std::find(rule.taps.begin(), rule.taps.end(), packet.tap) == rule.taps.end())
        return false;
    if (packet.time_ns < rule.from || (rule.until != 0 && packet.time_ns > rule.until)) return false;
    if (one.bpf && (packet.link != sensor::LinkType::ethernet ||
                    !one.bpf->takes({packet.bytes, packet.captured_length}, packet.wire_length)))
        return false;
    if (!one.inner_bpf) return true;
    const std::uint32_t ip = ip_offset_of(*seen.decapped);
    return one.inner_bpf->takes({packet.bytes + ip, packet.captured_length - ip}, packet.wire_length - ip);
}

PacketPolicy::Verdict PacketPolicy::judge(const SeenHeader& seen, const LegKept& kept, std::uint32_t& bytes) const {
    bytes = seen.packet->captured_length;
    if (rules_.empty()) return Verdict::keep;
    for (const Rule& one : rules_) {
        if (!fits(one, seen)) continue;
        if (kept.packets >= one.rule.leg_packets_max || kept.kb >= one.rule.leg_kb_max) return Verdict::leg_has_enough;
        const std::uint32_t headers = seen.transport->payload_offset;
        const std::uint64_t cut = std::uint64_t{headers} + one.rule.payload_bytes_max;
        if (one.rule.payload_bytes_max != PacketRule::unlimited && cut < bytes) bytes = static_cast<std::uint32_t>(cut);
        bytes = std::min(bytes, std::max(one.rule.frame_bytes_max, headers));
        return Verdict::keep;
    }
    return Verdict::not_chosen;
}

}  // namespace clew::vault
