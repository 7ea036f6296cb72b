// SPDX-License-Identifier: Apache-2.0
// What two legs have in common, in bits: the log2 of how much likelier it is if they are one connection than if they
// are strangers. Pure: the same two legs give the same evidence, whatever else is in the window.
#pragma once

#include <array>
#include <cstdint>

#include "nat-trace/link.h"
#include "nat-trace/window.h"

namespace clew {

/// The ledger of one pair of legs.
struct PairEvidence {
    static constexpr std::size_t line_count_max = 16;
    std::array<Evidence, line_count_max> lines{};
    std::uint8_t line_count = 0;
    bool is_explicit = false;           ///< a signal names the other leg
    bool rare = true;                   ///< of a proxy's stream: what is shared identifies by itself
    bool accepted = false;              ///< enough to link, if no rival is as good
    bool by_proxy = false;              ///< is accepted only since the opener of the leg behind is known as a proxy
    KnownProxy lacks = KnownProxy::no;  ///< it would be accepted if the opener of the leg behind were known as that
    float bits = 0;                     ///< the sum
    float against = 0;                  ///< of it, the contradictions; not positive
    float key_bits = 0;  ///< of it, what identifies (initial sequence numbers, signals, payloads) rather than supports

    void add(EvidenceBy by, float how_many);
    void add_key(EvidenceBy by, float how_many) {
        key_bits += how_many;
        add(by, how_many);
    }
};

/// A sequence number that so many legs of one tap have is common: a scanner's or a simple stack's.
constexpr std::uint32_t common_isn_count_min = 6;
/// The first bytes of so many legs of one tap are looked for by their time as well.
constexpr std::uint32_t crowded_head_count_min = 8;

/// How long two legs of one connection may lie apart.
struct EvidenceLimits {
    DurationNs candidate_distance_ns_max = 0;
};

/// Evidence that both legs are one transport connection, changed at most by gateways that forward packets.
PairEvidence same_connection(const LegWindow& window, const WindowLeg& a, const WindowLeg& b,
                             const EvidenceLimits& limits);

/// A quick look at two legs, before they are weighed.
enum class InCommon : std::uint8_t {
    nothing = 0,        ///< neither same_connection() nor relayed(), either way round, could accept them
    proxy_signals = 1,  ///< relayed() might, same_connection() could not
    something = 2,      ///< that says nothing
};
InCommon in_common(const LegWindow& window, const WindowLeg& a, const WindowLeg& b);

/// Both sequence numbers of a TCP connection are the same and nobody else's, and its beginning came to both taps at
/// once: nothing else that may be weighed outweighs that.
bool surely_same_connection(const LegWindow& window, const WindowLeg& a, const WindowLeg& b);

/// The bits that same_connection() asks for.
float accept_bits(const WindowLeg& a, const WindowLeg& b, bool is_explicit);

/// Evidence that a proxy ended `front`'s connection and opened `back`'s for it.
PairEvidence relayed(const LegWindow& window, const WindowLeg& front, const WindowLeg& back,
                     const EvidenceLimits& limits);

/// The same of DNS: a forwarder asked for `front`'s client what `back` asks.
PairEvidence forwarded_query(const LegWindow& window, const WindowLeg& front, const WindowLeg& back);

/// False when `back`, behind `front`, began after `front` was answered, or passed on bytes that `front` did not have
/// yet.
bool may_be_relayed(const LegWindow& window, const WindowLeg& front, const WindowLeg& back);

/// `back` carries what `front` asked for and what others did, or only a part of it: proxies keep such connections open
/// and share them, and it is not `front`'s alone.
bool carries_others(const LegWindow& window, const WindowLeg& front, const WindowLeg& back);

/// All that `back` carried from its beginning on was asked by `front`: it shows every request, each with an id that
/// `front` shows too.
bool serves_alone(const LegWindow& window, const WindowLeg& front, const WindowLeg& back);

/// `back` was opened before `front` came: a proxy keeps it open, for many.
bool stood_before(const LegWindow& window, const WindowLeg& front, const WindowLeg& back);

/// A: explicit or at least 64 bits. B: at least 32. C: less.
Grade grade_of(const PairEvidence& evidence);

/// When the leg began, where that is known: its handshake, or the start of its socket; else 0.
TimeNs start_of(const WindowLeg& leg);

/// One saw only what goes to the server, the other only what comes back.
bool are_complementary(const WindowLeg& a, const WindowLeg& b);

/// How long the leg waited for the server's answer to its SYN, by its own clock: the longer, the farther it is from the
/// server. 0 = not known.
DurationNs answer_gap(const WindowLeg& leg);
/// Time stamps that were polled are late by up to an interval that the sensor may not have stated.
constexpr DurationNs stamp_error_ns_min = 2 * ns_per_us;

/// The first bytes of the direction's stream are the same on both, and how many legs of a tap begin so at most.
struct SharedHead {
    bool same = false;
    std::uint16_t length = 0;
    std::uint32_t sharers = 0;
};
SharedHead shared_head(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, Direction direction);

/// What a value is worth that so many legs of a tap share: all of it where few do, else log2 of how many of the tap's
/// legs have another.
float price_of_value(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, std::uint32_t sharers,
                     float bits_max);

/// Both carry the same ClientHello random.
bool share_tls_random(const LegWindow& window, const WindowLeg& a, const WindowLeg& b);

/// Two samples of one direction that are the same packet; `a` and `b` are their numbers.
struct SamplePair {
    std::uint8_t a = 0;
    std::uint8_t b = 0;
    bool by_offset = false;  ///< compared by offset from the ISN; else by seq or ack as written
};
struct SampleMatch {
    std::array<SamplePair, window_sample_count_max> pairs{};
    std::uint8_t count = 0;
    std::uint8_t recut = 0;       ///< the same packet at the same offset, of another length: GRO made one of several
    std::uint8_t mismatches = 0;  ///< the same place in the stream, the same length, other bytes
    std::uint8_t same_ip_ids = 0;
    std::uint8_t other_ip_ids = 0;
    std::uint8_t same_seqs = 0;
    std::uint8_t same_acks = 0;
};
SampleMatch match_samples(const WindowLeg& a, const WindowLeg& b, Direction direction);

/// How late the stamps of two legs may be: stamps are late and never early, so the errors do not add up.
DurationNs time_error_of(const WindowLeg& a, const WindowLeg& b);

/// What lets times of two legs be compared: a time of the second less `shift_ns` is by the first's clock, give or take
/// `error_ns`, which is a guess where packets passed one way, or hardly the other. Not known for clocks between which
/// nothing, or too little, passed.
struct CommonTime {
    bool known = false;
    DurationNs shift_ns = 0;
    DurationNs error_ns = 0;
    DurationNs likely_ns = 0;  ///< the likeliest shift within the error

    struct Later {
        DurationNs by = 0;
        bool clear = false;  ///< beyond the error
    };
    /// By how much `second`, of the second leg, is later than `first`: within `error` as the likeliest shift tells.
    Later later(TimeNs first, TimeNs second, DurationNs error) const {
        const DurationNs by = second - shift_ns - first;
        if (by > error || by < -error) return {by, true};
        return {second - likely_ns - first, false};
    }
};
CommonTime common_time(const LegWindow& window, const WindowLeg& a, const WindowLeg& b);

/// The same, where packets that passed both ways bound the error: what may be told to people.
CommonTime bounded_time(const LegWindow& window, const WindowLeg& a, const WindowLeg& b);

}  // namespace clew
