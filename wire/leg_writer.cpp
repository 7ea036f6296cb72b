// SPDX-License-Identifier: Apache-2.0
#include "wire/leg_writer.h"

#include <cstring>
#include <string>

#include "wire/leg.pb.h"

namespace clew::wire {
namespace {

template <typename T>
std::uint64_t word(T value) {
    return static_cast<std::uint64_t>(value);
}

template <int field>
void put_ip(const IpAddress& ip, FieldWriter& to) {
    if (ip.is_unspecified()) return;
    const std::size_t skip = ip.is_v4() ? 12 : 0;
    to.bytes<field>(ip.bytes.data() + skip, ip.bytes.size() - skip);
}

template <int field>
void put_mac(const MacAddress& mac, FieldWriter& to) {
    if (!mac.is_zero()) to.bytes<field>(mac.bytes.data(), mac.bytes.size());
}

template <int field>
void put_endpoint(const Endpoint& endpoint, FieldWriter& to) {
    using M = v1::Endpoint;
    to.short_message<field>([&] {
        put_ip<M::kIpFieldNumber>(endpoint.ip, to);
        to.number<M::kPortFieldNumber>(endpoint.port);
    });
}

void put_segment(const Segment& segment, FieldWriter& to) {
    using M = v1::Segment;
    using L = v1::Layer;
    for (std::size_t i = 0; i < segment.layer_count; ++i) {
        const Layer& layer = segment.layers[i];
        to.short_message<M::kLayersFieldNumber>([&] {
            to.number<L::kTypeFieldNumber>(word(layer.type));
            if (layer.has_id) to.number_or_zero<L::kIdFieldNumber>(layer.id);
            put_ip<L::kClientEndFieldNumber>(layer.client_end, to);
            put_ip<L::kServerEndFieldNumber>(layer.server_end, to);
        });
    }
    put_mac<M::kClientMacFieldNumber>(segment.client_mac, to);
    put_mac<M::kServerMacFieldNumber>(segment.server_mac, to);
    to.number<M::kNetnsFieldNumber>(segment.netns);
}

void put_head(const StreamHead& head, FieldWriter& to) {
    using M = v1::StreamHead;
    to.number<M::kLengthFieldNumber>(head.length);
    to.fixed64<M::kHash16FieldNumber>(head.hash_16);
    to.fixed64<M::kHash64FieldNumber>(head.hash_64);
    to.fixed64<M::kHash256FieldNumber>(head.hash_256);
    to.fixed64<M::kHashAllFieldNumber>(head.hash_all);
}

void put_sample(const Sample& sample, FieldWriter& to) {
    using M = v1::Sample;
    to.fixed64<M::kTimeNsFieldNumber>(word(sample.time_ns));
    to.fixed64<M::kPayloadHashFieldNumber>(sample.payload_hash);
    to.fixed32<M::kSeqFieldNumber>(sample.seq);
    to.fixed32<M::kAckFieldNumber>(sample.ack);
    to.number<M::kLengthFieldNumber>(sample.length);
    to.number<M::kIpIdFieldNumber>(sample.ip_id);
    to.number<M::kTtlFieldNumber>(sample.ttl);
}

void put_tcp_of_flow(const Flow& flow, FieldWriter& to) {
    using M = v1::Flow;
    to.number<M::kFlagsSeenFieldNumber>(flow.flags_seen);
    to.number<M::kIsnFromFieldNumber>(word(flow.isn_from));
    to.fixed32<M::kIsnFieldNumber>(flow.isn);
    to.fixed32<M::kNextSeqFieldNumber>(flow.next_seq);
    to.fixed32<M::kLastAckFieldNumber>(flow.last_ack);
    to.number<M::kRetransmissionsFieldNumber>(flow.retransmissions);
    to.fixed64<M::kSynNsFieldNumber>(word(flow.syn_ns));
    to.fixed64<M::kFirstAckNsFieldNumber>(word(flow.first_ack_ns));
    to.number<M::kSynCountFieldNumber>(flow.syn_count);
    to.number<M::kMssFieldNumber>(flow.mss);
    to.number<M::kSynWindowFieldNumber>(flow.syn_window);
    if (flow.window_scale != 0xff) to.number_or_zero<M::kWindowScaleFieldNumber>(flow.window_scale);
    to.number<M::kSackPermittedFieldNumber>(flow.sack_permitted);
    to.number<M::kHasTimestampsFieldNumber>(flow.has_timestamps);
    to.fixed32<M::kFirstTsvalFieldNumber>(flow.first_tsval);
}

void put_mark(const StreamMark& mark, FieldWriter& to) {
    using M = v1::StreamMark;
    to.fixed32<M::kSeqFieldNumber>(mark.seq);
    to.number<M::kLengthFieldNumber>(mark.length);
    to.number<M::kCopiesFieldNumber>(mark.copies);
    to.number<M::kLateFieldNumber>(mark.late);
    to.number<M::kMissingMsFieldNumber>(mark.missing_ms);
}

void put_reset(const ResetSeen& reset, FieldWriter& to) {
    using M = v1::ResetSeen;
    to.fixed64<M::kTimeNsFieldNumber>(word(reset.time_ns));
    to.fixed32<M::kSeqFieldNumber>(reset.seq);
    to.fixed32<M::kAckFieldNumber>(reset.ack);
    to.number<M::kIpIdFieldNumber>(reset.ip_id);
    to.number<M::kTtlFieldNumber>(reset.ttl);
}

void put_loop(const LoopSeen& loop, FieldWriter& to) {
    using M = v1::LoopSeen;
    to.number<M::kLapsFieldNumber>(loop.laps);
    to.number<M::kTtlFirstFieldNumber>(loop.ttl_first);
    to.number<M::kTtlLastFieldNumber>(loop.ttl_last);
}

void put_icmp_error(const IcmpErrorSeen& error, FieldWriter& to) {
    using M = v1::IcmpErrorSeen;
    to.fixed64<M::kTimeNsFieldNumber>(word(error.time_ns));
    put_ip<M::kReporterFieldNumber>(error.reporter, to);
    to.number<M::kTypeFieldNumber>(error.type);
    to.number<M::kCodeFieldNumber>(error.code);
    to.number<M::kCountFieldNumber>(error.count);
}

void put_flow(const Flow& flow, FieldWriter& to) {
    using M = v1::Flow;
    to.number<M::kPacketsFieldNumber>(flow.packets);
    to.number<M::kBytesFieldNumber>(flow.bytes);
    to.number<M::kPayloadBytesFieldNumber>(flow.payload_bytes);
    to.fixed64<M::kFirstNsFieldNumber>(word(flow.first_ns));
    to.fixed64<M::kLastNsFieldNumber>(word(flow.last_ns));
    to.fixed64<M::kFirstPayloadNsFieldNumber>(word(flow.first_payload_ns));
    to.number<M::kFirstIpIdFieldNumber>(flow.first_ip_id);
    to.number<M::kFirstTtlFieldNumber>(flow.first_ttl);
    to.number<M::kLastTtlFieldNumber>(flow.last_ttl);
    put_tcp_of_flow(flow, to);
    if (flow.head != StreamHead{}) to.short_message<M::kHeadFieldNumber>([&] { put_head(flow.head, to); });
    for (std::size_t i = 0; i < flow.sample_count; ++i)
        to.short_message<M::kSamplesFieldNumber>([&] { put_sample(flow.samples[i], to); });
    for (const StreamMark& mark : flow.marks) to.short_message<M::kMarksFieldNumber>([&] { put_mark(mark, to); });
    to.number<M::kMarksForgottenFieldNumber>(flow.marks.forgotten());
    if (flow.reset != ResetSeen{}) to.short_message<M::kResetFieldNumber>([&] { put_reset(flow.reset, to); });
    if (flow.loop != LoopSeen{}) to.short_message<M::kLoopFieldNumber>([&] { put_loop(flow.loop, to); });
    if (flow.icmp_error != IcmpErrorSeen{})
        to.short_message<M::kIcmpErrorFieldNumber>([&] { put_icmp_error(flow.icmp_error, to); });
}

void put_hint(const Hint& hint, FieldWriter& to) {
    using M = v1::Hint;
    to.number<M::kKindFieldNumber>(word(hint.kind));
    to.number<M::kDirectionFieldNumber>(word(hint.direction));
    to.bytes<M::kValueFieldNumber>(hint.bytes.data(), hint.length);
    to.fixed64<M::kTimeNsFieldNumber>(word(hint.time_ns));
}

/// A command may be any bytes, a message's string must be UTF-8: what is not ASCII becomes '?'.
void put_process(const Process& process, FieldWriter& to) {
    using M = v1::Process;
    std::array<char, sizeof process.command> command;
    std::size_t length = 0;
    for (const char c : process.name()) command[length++] = static_cast<unsigned char>(c) > 0x7e ? '?' : c;
    to.number<M::kPidFieldNumber>(process.pid);
    to.number<M::kUidFieldNumber>(process.uid);
    to.bytes<M::kCommandFieldNumber>(command.data(), length);
}

/// All bins but the empty ones at the end; four at a time, as most are.
std::size_t bins_used(const DelayStatistics& delays) {
    constexpr std::size_t at_once = 4;
    static_assert(delay_bin_count % at_once == 0);
    std::size_t used = delay_bin_count;
    for (std::uint64_t four = 0; used != 0; used -= at_once) {
        std::memcpy(&four, &delays.bins[used - at_once], sizeof four);
        if (four != 0) break;
    }
    while (used != 0 && delays.bins[used - 1] == 0) --used;
    return used;
}

void put_delays(const DelayStatistics& delays, FieldWriter& to) {
    using M = v1::Delays;
    to.number<M::kCountFieldNumber>(delays.count);
    to.signed_number<M::kSumNsFieldNumber>(delays.sum_ns);
    to.signed_number<M::kMaxNsFieldNumber>(delays.max_ns);
    const std::size_t used = bins_used(delays);
    if (used == 0) return;
    std::uint16_t largest_bits = 0;
    for (const std::uint16_t bin : delays.bins) largest_bits = static_cast<std::uint16_t>(largest_bits | bin);
    if (largest_bits < 0x80)
        return to.short_message<M::kBinsFieldNumber>(
            [&] { to.small_varints<delay_bin_count>(delays.bins.data(), used); });
    to.message<M::kBinsFieldNumber>([&] {
        for (std::size_t i = 0; i < used; ++i) to.varint(delays.bins[i]);
    });
}

void put_analysis(const TcpFlowAnalysis& flow, FieldWriter& to) {
    using M = v1::TcpFlowAnalysis;
    if (flow.rtt.count != 0) to.message<M::kRttFieldNumber>([&] { put_delays(flow.rtt, to); });
    to.number<M::kRetransmissionsFastFieldNumber>(flow.retransmissions_fast);
    to.number<M::kRetransmissionsTimeoutFieldNumber>(flow.retransmissions_timeout);
    to.number<M::kRetransmissionsSpuriousFieldNumber>(flow.retransmissions_spurious);
    to.number<M::kLossesUpstreamFieldNumber>(flow.losses_upstream);
    to.number<M::kOutOfOrderFieldNumber>(flow.out_of_order);
    to.number<M::kDuplicateAcksFieldNumber>(flow.duplicate_acks);
    to.number<M::kZeroWindowsFieldNumber>(flow.zero_windows);
    to.number<M::kWindowsFullFieldNumber>(flow.windows_full);
    to.number<M::kKeepAlivesFieldNumber>(flow.keep_alives);
    to.number<M::kResetsFieldNumber>(flow.resets);
    to.number<M::kCaptureGapsFieldNumber>(flow.capture_gaps);
    to.number<M::kCaptureGapBytesFieldNumber>(flow.capture_gap_bytes);
}

void put_place_and_time(const Leg& leg, FieldWriter& to) {
    using M = v1::Leg;
    put_endpoint<M::kClientFieldNumber>(leg.client, to);
    put_endpoint<M::kServerFieldNumber>(leg.server, to);
    if (leg.segment != Segment{}) to.message<M::kSegmentFieldNumber>([&] { put_segment(leg.segment, to); });
    to.fixed64<M::kFirstNsFieldNumber>(word(leg.first_ns));
    to.fixed64<M::kLastNsFieldNumber>(word(leg.last_ns));
}

}  // namespace

void write_tcp(const TcpAnalysis& analysis, FieldWriter& to) {
    using M = v1::TcpAnalysis;
    to.message<M::kToServerFieldNumber>([&] { put_analysis(analysis.flows[0], to); });
    to.message<M::kToClientFieldNumber>([&] { put_analysis(analysis.flows[1], to); });
    if (analysis.response.count != 0) to.message<M::kResponseFieldNumber>([&] { put_delays(analysis.response, to); });
    to.signed_number<M::kHandshakeServerNsFieldNumber>(analysis.handshake_server);
    to.signed_number<M::kHandshakeClientNsFieldNumber>(analysis.handshake_client);
    to.signed_number<M::kFirstByteNsFieldNumber>(analysis.first_byte);
    to.number<M::kResetOriginFieldNumber>(word(analysis.reset_origin));
    to.number<M::kResetByServerFieldNumber>(analysis.reset_by_server);
    to.signed_number<M::kResetTtlAheadFieldNumber>(analysis.reset_ttl_ahead);
    to.number<M::kResetIpIdApartFieldNumber>(analysis.reset_ip_id_apart);
    to.signed_number<M::kHandshakeNsFieldNumber>(analysis.handshake);
}

void write_leg(const Leg& leg, FieldWriter& to) {
    using M = v1::Leg;
    to.fixed64<M::kIdFieldNumber>(leg.id);
    to.number<M::kRevisionFieldNumber>(leg.revision);
    to.number<M::kPhaseFieldNumber>(word(leg.phase));
    to.number<M::kEndFieldNumber>(word(leg.end));
    to.number<M::kObserverFieldNumber>(word(leg.observer));
    to.number<M::kClientByFieldNumber>(word(leg.client_by));
    to.number<M::kTapFieldNumber>(leg.tap);
    to.number<M::kProtocolFieldNumber>(word(leg.protocol));
    to.number<M::kTimeSourceFieldNumber>(word(leg.time_source));
    to.number<M::kTimeErrorNsFieldNumber>(leg.time_error_ns);
    to.number<M::kDuplicatesFieldNumber>(leg.duplicates);
    put_place_and_time(leg, to);
    to.message<M::kToServerFieldNumber>([&] { put_flow(leg.flow(Direction::to_server), to); });
    to.message<M::kToClientFieldNumber>([&] { put_flow(leg.flow(Direction::to_client), to); });
    for (std::size_t i = 0; i < leg.hint_count; ++i)
        to.short_message<M::kHintsFieldNumber>([&] { put_hint(leg.hints[i], to); });
    if (leg.process != Process{}) to.short_message<M::kProcessFieldNumber>([&] { put_process(leg.process, to); });
    to.number<M::kSocketRoleFieldNumber>(word(leg.socket_role));
    to.number<M::kAppFieldNumber>(word(leg.app));
    to.bytes<M::kServerNameFieldNumber>(leg.server_name.data(), name_in(leg.server_name).size());
    to.bytes<M::kAlpnFieldNumber>(leg.alpn.data(), name_in(leg.alpn).size());
    if (leg.tcp != TcpAnalysis{}) to.message<M::kTcpFieldNumber>([&] { write_tcp(leg.tcp, to); });
}

static_assert(leg_message_bytes_max < 1u << 14, "a leg's length takes two bytes at most");

std::size_t write_leg_field(const Leg& leg, std::uint8_t* to) {
    FieldWriter writer(to);
    writer.message<v1::Batch::kLegsFieldNumber>([&] { write_leg(leg, writer); });
    return static_cast<std::size_t>(writer.at() - to);
}

}  // namespace clew::wire
