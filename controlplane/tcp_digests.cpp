// SPDX-License-Identifier: Apache-2.0
#include "controlplane/tcp_digests.h"

#include <algorithm>
#include <utility>

#include "wire/convert.h"

namespace clew::control {
namespace {

constexpr std::uint32_t TcpFlowAnalysis::*flow_counts[] = {
    &TcpFlowAnalysis::retransmissions_fast, &TcpFlowAnalysis::retransmissions_spurious,
    &TcpFlowAnalysis::out_of_order,         &TcpFlowAnalysis::duplicate_acks,
    &TcpFlowAnalysis::zero_windows,         &TcpFlowAnalysis::windows_full,
    &TcpFlowAnalysis::keep_alives};
constexpr void (v1::PathTcp::*setters[])(std::uint32_t) = {
    &v1::PathTcp::set_fast_retransmissions, &v1::PathTcp::set_spurious_retransmissions,
    &v1::PathTcp::set_out_of_order,         &v1::PathTcp::set_duplicate_acks,
    &v1::PathTcp::set_zero_windows,         &v1::PathTcp::set_windows_full,
    &v1::PathTcp::set_keep_alives};

}  // namespace

TcpDigests::Digest TcpDigests::digest_of(const TcpAnalysis& tcp) {
    static_assert(std::size(flow_counts) == count_kinds && std::size(setters) == count_kinds);
    Digest digest;
    digest.initial_rtt_ns = std::max(tcp.handshake, tcp.handshake_server + tcp.handshake_client);
    for (std::size_t i = 0; i < count_kinds; ++i)
        digest.counts[i] = tcp.flows[0].*flow_counts[i] + tcp.flows[1].*flow_counts[i];
    return digest;
}

void TcpDigests::merge(const Digest& from, Digest& to) {
    to.initial_rtt_ns = std::max(to.initial_rtt_ns, from.initial_rtt_ns);
    for (std::size_t i = 0; i < count_kinds; ++i) to.counts[i] = std::max(to.counts[i], from.counts[i]);
}

void TcpDigests::take(const Leg& leg) {
    if (leg.protocol != Protocol::tcp || leg.observer == Observer::socket) return;
    if (young_.size() >= young_count_max_) {
        old_ = std::move(young_);
        young_.clear();
    }
    Digest& known = young_[leg.id];
    merge(digest_of(leg.tcp), known);
    if (const auto before = old_.find(leg.id); before != old_.end()) {
        merge(before->second, known);
        old_.erase(before);
    }
}

void TcpDigests::fill(v1::Path& path) const {
    Digest most;
    bool any = false;
    for (const v1::PathLeg& leg : path.legs()) {
        const auto id = wire::parse_id(leg.leg_id());
        if (!id) continue;
        for (const auto* part : {&young_, &old_}) {
            const auto found = part->find(*id);
            if (found == part->end()) continue;
            merge(found->second, most);
            any = true;
        }
    }
    if (!any) return;
    v1::PathTcp& tcp = *path.mutable_tcp();
    tcp.set_initial_rtt_ns(most.initial_rtt_ns);
    for (std::size_t i = 0; i < count_kinds; ++i) {
        const auto set = setters[i];  // by itself: else GCC's bounds check looks at an index that was never computed
        (tcp.*set)(most.counts[i]);
    }
}

}  // namespace clew::control
