// SPDX-License-Identifier: Apache-2.0
// What only some legs have, out of pools of fixed size: hints, names, marks and resets, oddities of TCP, full delay
// tables, buffers for stream heads, readers of HTTP/2. Nothing is allocated after allocate(); what finds no room is
// counted by its reason. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/fingerprint/http2.h"
#include "dataplane/leg_state.h"
#include "dataplane/part_pool.h"
#include "dataplane/reasons.h"
#include "dataplane/tcp_leg.h"

namespace clew::sensor {

/// How many parts of each kind there are for 100 legs; 0: none are kept.
struct LegPartShares {
    std::uint32_t hints = 100;
    std::uint32_t names = 50;
    std::uint32_t marks = 25;         ///< FlowOddities, of one direction each
    std::uint32_t tcp_oddities = 50;  ///< TcpOddities, of one direction each
    std::uint32_t delay_tables = 5;
    std::uint32_t stream_heads = 25;  ///< in the making
    std::uint32_t http2 = 2;          ///< connections whose first headers are being read
};

constexpr std::uint32_t stream_head_bytes = 256;

/// A leg's hints are a chain, the newest first.
struct KeptHint {
    TimeNs time_ns;
    PartNumber before;
    HintKind kind;
    Side side;
    std::uint8_t length;
    std::array<std::uint8_t, hint_bytes_max> bytes;

    std::string_view value() const { return {reinterpret_cast<const char*>(bytes.data()), length}; }
};
static_assert(sizeof(KeptHint) == 56);

struct LegNames {
    std::array<char, server_name_bytes_max> server;
    std::array<char, alpn_bytes_max> alpn;
};

/// What was odd in one direction, whatever its protocol.
struct FlowOddities {
    StreamMarks marks;
    ResetSeen reset;
    LoopSeen loop;
    IcmpErrorSeen icmp_error;
};

class LegParts {
  public:
    using DelayTable = std::array<std::uint16_t, delay_bin_count>;

    explicit LegParts(ReasonCounters& counters) : counters_(counters) {}
    bool allocate(std::uint32_t leg_count_max, const LegPartShares& shares, bool populate);
    static std::size_t memory_bytes(std::uint32_t leg_count_max, const LegPartShares& shares);

    /// The leg is going.
    void give_back(ColdLeg& cold, TcpLeg& tcp, bool is_tcp);

    /// Those that take a part where there was none give null where the pool is empty. Parts begin all zero.
    KeptHint* add_hint(ColdLeg& cold);
    const KeptHint* newest_hint(const ColdLeg& cold) const { return cold.hints == 0 ? nullptr : &hints_[cold.hints]; }
    const KeptHint* hint_before(const KeptHint& hint) const {
        return hint.before == 0 ? nullptr : &hints_[hint.before];
    }

    LegNames* take_names(ColdLeg& cold) { return take(names_, cold.names, Reason::leg_names_short); }
    const LegNames& names(const ColdLeg& cold) const { return cold.names == 0 ? no_names : names_[cold.names]; }

    FlowOddities* take_oddities(ColdFlow& flow) { return take(flow_oddities_, flow.oddities, Reason::marks_short); }
    const FlowOddities& oddities(const ColdFlow& flow) const {
        return flow.oddities == 0 ? no_flow_oddities : flow_oddities_[flow.oddities];
    }

    TcpOddities* take_oddities(TcpSide& side) { return take(tcp_oddities_, side.oddities, Reason::tcp_oddities_short); }
    TcpOddities* known_oddities(const TcpSide& side) {
        return side.oddities == 0 ? nullptr : &tcp_oddities_[side.oddities];
    }
    const TcpOddities& oddities(const TcpSide& side) const {
        return side.oddities == 0 ? no_tcp_oddities : tcp_oddities_[side.oddities];
    }

    [[gnu::always_inline]] void add_delay(LegDelays& to, DurationNs delay, std::uint8_t bin) {
        ++to.count;
        to.sum_ns += delay;
        to.max_ns = delay > to.max_ns ? delay : to.max_ns;
        for (std::uint8_t i = 0; i < to.bin_count; ++i)
            if (to.bins[i] == bin && to.counts[i] != 0xffff) [[likely]]
                return void(++to.counts[i]);
        add_to_bin(to, bin);
    }
    DelayStatistics statistics(const LegDelays& delays) const;

    /// Of stream_head_bytes; 0 when none is left, counted.
    PartNumber take_stream_buffer();
    void give_back_stream_buffer(PartNumber& buffer) { stream_buffers_.give_back(buffer); }
    std::uint8_t* stream_buffer(PartNumber buffer) { return stream_buffers_[buffer].data(); }

    Http2Talk* take_http2(ColdLeg& cold) { return take(http2_, cold.http2, Reason::http2_readers_short); }
    void give_back_http2(ColdLeg& cold) { http2_.give_back(cold.http2); }

  private:
    template <typename T>
    T* take(PartPool<T>& pool, PartNumber& part, Reason none_left) {
        if (part != 0) return &pool[part];
        part = pool.take();
        if (part == 0) {
            counters_.add(none_left);
            return nullptr;
        }
        pool[part] = T{};
        return &pool[part];
    }
    [[gnu::noinline]] void add_to_bin(LegDelays& to, std::uint8_t bin);

    static const LegNames no_names;
    static const FlowOddities no_flow_oddities;
    static const TcpOddities no_tcp_oddities;

    ReasonCounters& counters_;
    PartPool<KeptHint> hints_;
    PartPool<LegNames> names_;
    PartPool<FlowOddities> flow_oddities_;
    PartPool<TcpOddities> tcp_oddities_;
    PartPool<DelayTable> delay_tables_;
    PartPool<std::array<std::uint8_t, stream_head_bytes>> stream_buffers_;
    PartPool<Http2Talk> http2_;
};

}  // namespace clew::sensor
