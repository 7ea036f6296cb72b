// SPDX-License-Identifier: Apache-2.0
#include "wire/convert_tcp.h"

#include <algorithm>
#include <limits>

namespace clew::wire {
namespace {

void encode_delays(const DelayStatistics& delays, v1::Delays& message) {
    message.set_count(delays.count);
    message.set_sum_ns(delays.sum_ns);
    message.set_max_ns(delays.max_ns);
    std::size_t used = delay_bin_count;
    while (used != 0 && delays.bins[used - 1] == 0) --used;
    for (std::size_t i = 0; i < used; ++i) message.add_bins(delays.bins[i]);
}

bool delays_of(const v1::Delays& message, DelayStatistics& delays) {
    delays.count = message.count();
    delays.sum_ns = message.sum_ns();
    delays.max_ns = message.max_ns();
    if (delays.sum_ns < 0 || delays.max_ns < 0 || message.bins_size() > static_cast<int>(delay_bin_count)) return false;
    for (int i = 0; i < message.bins_size(); ++i) {
        if (message.bins(i) > std::numeric_limits<std::uint16_t>::max()) return false;
        delays.bins[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(message.bins(i));
    }
    return true;
}

void encode_flow(const TcpFlowAnalysis& flow, v1::TcpFlowAnalysis& message) {
    if (flow.rtt.count != 0) encode_delays(flow.rtt, *message.mutable_rtt());
    message.set_retransmissions_fast(flow.retransmissions_fast);
    message.set_retransmissions_timeout(flow.retransmissions_timeout);
    message.set_retransmissions_spurious(flow.retransmissions_spurious);
    message.set_losses_upstream(flow.losses_upstream);
    message.set_out_of_order(flow.out_of_order);
    message.set_duplicate_acks(flow.duplicate_acks);
    message.set_zero_windows(flow.zero_windows);
    message.set_windows_full(flow.windows_full);
    message.set_keep_alives(flow.keep_alives);
    message.set_resets(flow.resets);
    message.set_capture_gaps(flow.capture_gaps);
    message.set_capture_gap_bytes(flow.capture_gap_bytes);
}

bool flow_of(const v1::TcpFlowAnalysis& message, TcpFlowAnalysis& flow) {
    flow.retransmissions_fast = message.retransmissions_fast();
    flow.retransmissions_timeout = message.retransmissions_timeout();
    flow.retransmissions_spurious = message.retransmissions_spurious();
    flow.losses_upstream = message.losses_upstream();
    flow.out_of_order = message.out_of_order();
    flow.duplicate_acks = message.duplicate_acks();
    flow.zero_windows = message.zero_windows();
    flow.windows_full = message.windows_full();
    flow.keep_alives = message.keep_alives();
    flow.resets = message.resets();
    flow.capture_gaps = message.capture_gaps();
    flow.capture_gap_bytes = message.capture_gap_bytes();
    return delays_of(message.rtt(), flow.rtt);
}

}  // namespace

void encode(const TcpAnalysis& analysis, v1::TcpAnalysis& message) {
    encode_flow(analysis.flows[0], *message.mutable_to_server());
    encode_flow(analysis.flows[1], *message.mutable_to_client());
    if (analysis.response.count != 0) encode_delays(analysis.response, *message.mutable_response());
    message.set_handshake_server_ns(analysis.handshake_server);
    message.set_handshake_client_ns(analysis.handshake_client);
    message.set_handshake_ns(analysis.handshake);
    message.set_first_byte_ns(analysis.first_byte);
    message.set_reset_origin(static_cast<std::uint32_t>(analysis.reset_origin));
    message.set_reset_by_server(analysis.reset_by_server);
    message.set_reset_ttl_ahead(analysis.reset_ttl_ahead);
    message.set_reset_ip_id_apart(analysis.reset_ip_id_apart);
}

Result<TcpAnalysis> decode(const v1::TcpAnalysis& message) {
    TcpAnalysis analysis;
    const bool delays = flow_of(message.to_server(), analysis.flows[0]) &&
                        flow_of(message.to_client(), analysis.flows[1]) &&
                        delays_of(message.response(), analysis.response);
    if (!delays) return fail(ErrorKind::failed, "tcp has delays that no histogram can hold");
    analysis.handshake_server = message.handshake_server_ns();
    analysis.handshake_client = message.handshake_client_ns();
    analysis.handshake = message.handshake_ns();
    analysis.first_byte = message.first_byte_ns();
    if (std::min({analysis.handshake_server, analysis.handshake_client, analysis.handshake, analysis.first_byte}) < 0)
        return fail(ErrorKind::failed, "tcp has a delay below 0");
    if (message.reset_origin() > static_cast<std::uint32_t>(ResetOrigin::between))
        return fail(ErrorKind::failed, "tcp.reset_origin is " + std::to_string(message.reset_origin()));
    analysis.reset_origin = static_cast<ResetOrigin>(message.reset_origin());
    analysis.reset_by_server = message.reset_by_server();
    analysis.reset_ttl_ahead = static_cast<std::int16_t>(std::clamp(message.reset_ttl_ahead(), -255, 255));
    analysis.reset_ip_id_apart = message.reset_ip_id_apart();
    return analysis;
}

}  // namespace clew::wire
