// SPDX-License-Identifier: Apache-2.0
// What the packets of one leg so far make likely for its next one. Encoder and decoder keep the same track: it learns
// from whole records only, after each packet.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/vault/header_record.h"

namespace clew::vault {

__extension__ typedef unsigned __int128 WideNumber;

/// A data segment that its receiver may acknowledge next.
struct SentSegment {
    std::uint32_t end = 0;  ///< sequence number behind it
    std::uint32_t tsval = 0;
};

/// The clock behind one side's TSval, in ticks of 2^-24.
class TickClock {
  public:
    /// The tick that a packet at this time should bear.
    std::uint32_t predict(TimeNs now) const {
        if (!known_) return last_;
        return static_cast<std::uint32_t>(position_at(now) >> 24);
    }
    void learn(TimeNs now, std::uint32_t ticks);
    bool known() const { return known_; }

  private:
    static constexpr std::uint64_t kilohertz = (1ull << 40) / 1'000'000;  ///< 2^-40 ticks a ns
    static constexpr std::uint32_t learnt_tick_count_min = 16;
    std::uint64_t position_at(TimeNs now) const {
        constexpr DurationNs span_max = 1ll << 42;
        DurationNs span = now - last_ns_;
        span = span < 0 ? 0 : span > span_max ? span_max : span;
        return position_ + static_cast<std::uint64_t>((static_cast<WideNumber>(span) * rate_) >> 16);
    }

    bool known_ = false;
    std::uint32_t first_ = 0, last_ = 0;
    std::uint32_t learnt_ticks_ = learnt_tick_count_min;  ///< the rate is measured again when twice as many have passed
    TimeNs first_ns_ = 0, last_ns_ = 0;
    std::uint64_t rate_ = kilohertz;
    std::uint64_t position_ = 0;
};

/// What of a side starts anew with each leg.
struct SideState {
    bool seen = false;
    bool linked = false;       ///< not seen yet, but another leg of the connection told where it begins
    bool pads = true;          ///< frames below 60 bytes are filled up to that
    std::uint8_t trailer = 0;  ///< bytes behind the IP packet in a frame that is not filled up
    std::uint8_t length_outcome = 0, ip_id_outcome = 0, seq_outcome = 0, ack_outcome = 0, window_outcome = 0;
    std::uint8_t tsval_outcome = 0;
    std::uint8_t option_template = 0;
    std::uint8_t window_shift = 0;
    const HeaderRecord* last = nullptr;  ///< its last packet, borrowed; before its first: that of another leg
    std::uint32_t next_seq = 0;          ///< behind the furthest byte
    std::uint32_t after_last = 0;        ///< behind the last packet's bytes
    std::uint32_t tsval = 0, tsecr = 0;
    std::uint32_t length_again = 0, length_before = 0, length_largest = 0;  ///< of payloads
    std::array<std::uint64_t, 2> gaps{};  ///< before its last packet that followed its own one, the other side's one
    bool push = true;                     ///< the last payload had PSH
    std::array<std::uint32_t, 8> sack{};
    TickClock clock;
    std::uint32_t sent_begin = 0, sent_end = 0;  ///< running numbers into SideTrack::sent
};

/// One side of a leg.
struct SideTrack : SideState {
    static constexpr std::uint32_t sent_count_max = 64;  ///< a power of two
    std::array<SentSegment, sent_count_max> sent;

    SentSegment& sent_at(std::uint32_t number) { return sent[number & (sent_count_max - 1)]; }
    std::uint32_t sent_count() const { return sent_end - sent_begin; }
    void push_sent(const SentSegment& segment) {
        if (sent_count() == sent_count_max) ++sent_begin;
        sent_at(sent_end++) = segment;
    }
    /// Forgets what `ack` covers.
    void acknowledge(std::uint32_t ack) {
        while (sent_begin != sent_end && static_cast<std::int32_t>(sent_at(sent_begin).end - ack) <= 0) ++sent_begin;
    }
};

struct LegState {
    TimeNs last_ns = 0;
    std::uint8_t sides = 0;        ///< of the packets before, the latest in bit 0
    std::uint8_t client_side = 0;  ///< by the last packet
    std::uint8_t last_kind = 0;    ///< of the last packet: 0 no payload, 1 payload, 2 payload with PSH
    bool started = false;
    bool v6 = false;  ///< the leg's label
    bool last_empty = false;
};

struct LegTrack : LegState {
    std::array<SideTrack, 2> side;

    /// As new. What the sides sent is forgotten, but not wiped out.
    void restart();
    /// Borrows the record until its side has learnt another.
    void learn(const LegLabel& leg, const HeaderRecord& record);

  private:
    void learn_tcp(const HeaderRecord& record);
};

/// What a frame's length should be by its IP header's place and length field.
std::uint32_t expected_wire_length(const SideTrack& side, std::uint32_t ip_offset, bool v6, std::uint16_t ip_length);

}  // namespace clew::vault
