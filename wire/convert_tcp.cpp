// SPDX-License-Identifier: Apache-2.0
#include "wire/convert_tcp.h"

#include <algorithm>
#include <array>
#include <limits>

#include "nat-trace/check.h"
#include "wire/leg_writer.h"

namespace clew::wire {
namespace {

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
    std::array<std::uint8_t, leg_message_bytes_max> bytes;
    FieldWriter to(bytes.data());
    write_tcp(analysis, to);
    CLEW_CHECK(message.ParseFromArray(bytes.data(), static_cast<int>(to.at() - bytes.data())));
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
