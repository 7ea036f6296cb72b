// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/bytes.h"
#include "dataplane/client_side.h"
#include "dataplane/deadline_wheel.h"
#include "dataplane/decap.h"
#include "dataplane/decap/plain.h"
#include "dataplane/duplicate_filter.h"
#include "dataplane/erspan_header.h"
#include "dataplane/fingerprint/datagram.h"
#include "dataplane/fingerprint/stream_head.h"
#include "dataplane/fingerprint/study.h"
#include "dataplane/fingerprint/tcp_options.h"
#include "dataplane/found_delays.h"
#include "dataplane/fragment_table.h"
#include "dataplane/hash.h"
#include "dataplane/header_ring.h"
#include "dataplane/icmp_error.h"
#include "dataplane/leg_ends.h"
#include "dataplane/leg_parts.h"
#include "dataplane/leg_report.h"
#include "dataplane/leg_table.h"
#include "dataplane/segment_cache.h"
#include "dataplane/stream_notes.h"
#include "dataplane/tcp_analysis.h"
#include "dataplane/tcp_flow.h"
#include "dataplane/transport.h"
#include "dataplane/vault/checksum.h"
#include "nat-trace/prefetch.h"

namespace clew::sensor {
namespace {

constexpr unsigned deadline_count_limit = 512;  ///< legs looked at in one advance()
constexpr unsigned eviction_sample_count = 32;
constexpr DurationNs unanswered_syn_delay_ns = ns_per_s;  ///< a SYN without an answer is reported after this
constexpr std::size_t payload_check_bytes_max = 64;       ///< of a payload hashed for PacketHeader::payload_check

constexpr std::size_t fetch_packets = 16;       ///< so many packets' slots, then legs, are asked for at a time
constexpr std::size_t study_fetch_packets = 3;  ///< so many are worked on while a leg's cold part comes

constexpr DurationNs dns_quiet_ns = 500 * ns_per_ms;

/// One packet on its way through a burst.
struct InFlight {
    Decapped decapped;
    Transport transport;
    LegKey key;
    std::uint32_t hash = 0;
    LegNumber likely_leg = 0;  ///< LegTable::guess(): asked for from memory
    std::uint64_t digest = 0;  ///< what makes two packets the same to the duplicate filter
    Side side = 0;
    bool refused = false;
    bool may_quote = false;       ///< of a refused one: ICMP that is no echo
    bool later_fragment = false;  ///< of a refused one: its leg is asked of the fragment table
    std::uint16_t swapped = 0;    ///< of a packet of side 0
};

const TcpLeg tcp_of_others{};  // what the report of a leg that is not TCP says of it

std::uint16_t payload_check(const Packet& packet, const Transport& transport) {
    const std::size_t length = std::min<std::size_t>(transport.payload_captured, payload_check_bytes_max);
    return static_cast<std::uint16_t>(hash_bytes(packet.bytes + transport.payload_offset, length));
}

class PipelineOnArrays final : public Pipeline {
  public:
    PipelineOnArrays(const PipelineSettings& settings, LegSink& sink)
        : settings_(settings),
          sink_(sink),
          parts_(counters_),
          study_(counters_, parts_),
          quiet_limit_ns_(std::min({settings.tcp_idle_ns, settings.tcp_closed_ns, settings.udp_idle_ns,
                                    settings.icmp_idle_ns, dns_quiet_ns})),
          id_base_(
              hash_bytes(settings.observer_name.data(), settings.observer_name.size(),
                         static_cast<std::uint64_t>(settings.started_ns) ^ (std::uint64_t{settings.worker} << 48))),
          hash_seed_(mix(id_base_)),
          segment_cache_(segments_, hash_seed_) {}

    bool allocate() {
        const bool populate = settings_.populate_memory;
        return legs_.allocate(settings_.leg_count_max, populate) &&
               segments_.allocate(settings_.segment_count_max, populate) && segment_cache_.allocate(populate) &&
               wheel_.allocate(settings_.leg_count_max, populate) &&
               parts_.allocate(settings_.leg_count_max, settings_.leg_parts, populate) &&
               headers_.allocate(settings_.header_count_max, populate) && duplicates_.allocate(populate) &&
               fragments_.allocate(settings_.fragment_count_max, populate);
    }

    Result<void> open_logs() {
        logs_packets_ = settings_.packet_log || settings_.header_log;
        if (settings_.packet_log) {
            auto log = vault::PacketAppender::create(*settings_.packet_log, settings_.leg_count_max, id_base_,
                                                     settings_.populate_memory);
            if (!log) return tl::make_unexpected(log.error());
            packet_log_ = std::move(*log);
        }
        if (!settings_.header_log) return {};
        auto log = vault::HeaderAppender::create(*settings_.header_log, settings_.leg_count_max, id_base_,
                                                 settings_.populate_memory);
        if (!log) return tl::make_unexpected(log.error());
        header_log_ = std::move(*log);
        return {};
    }

    void receive(std::span<const Packet> burst) override {
        while (!burst.empty()) {
            const std::size_t count = std::min(burst.size(), burst_packet_count_max);
            receive_some(settings_.erspan_stamps ? stamped_by_switch(burst.first(count)) : burst.first(count));
            burst = burst.subspan(count);
        }
    }
    void advance(TimeNs now) override;
    void flush() override;
    std::vector<NamedCount> counters() const override;
    std::vector<PacketHeader> headers(std::span<const LegId> legs, TimeNs from, TimeNs to, std::size_t count_max,
                                      std::string& partial) const override {
        return headers_.copy(legs, from, to, count_max, partial);
    }
    vault::HeaderAppender* header_log() override { return header_log_.get(); }
    vault::PacketAppender* packet_log() override { return packet_log_.get(); }

  private:
    void receive_some(std::span<const Packet> burst);
    std::span<const Packet> stamped_by_switch(std::span<const Packet> burst);
    void parse(const Packet& packet, InFlight& flight);
    void set_key(const Packet& packet, InFlight& flight);
    bool note_icmp_error(const Packet& packet, const Decapped& decapped);
    LegNumber find(const Packet& packet, const InFlight& flight) const;
    void count_on_leg(const Packet& packet, InFlight& flight);
    bool count_fragment(const Packet& packet, const InFlight& flight);
    void remember_fragment(LegNumber leg, const Packet& packet, const InFlight& flight);
    LegNumber find_or_start(const Packet& packet, InFlight& flight);
    LegNumber start_leg(const Packet& packet, InFlight& flight);
    bool asks_again(const HotLeg& hot, const InFlight& flight) const;
    bool leg_is_over(LegNumber leg, const Packet& packet, const InFlight& flight, LegEnd& end);
    [[gnu::always_inline]] inline void update(LegNumber leg, const Packet& packet, const InFlight& flight);
    [[gnu::noinline]] StudyFindings study(LegNumber leg, const Packet& packet, const InFlight& flight, bool advances);
    [[gnu::noinline]] SegmentFindings look_at_odd(LegNumber leg, const Packet& packet, const InFlight& flight);
    void note_delays(LegNumber leg, Side side, const SegmentFindings& found);
    [[gnu::always_inline]] inline void count_bytes(LegNumber leg, HotFlow& flow, const InFlight& flight);
    [[gnu::noinline]] static void move_sums(HotFlow& flow, ColdFlow& cold);
    DurationNs update_interval_ns() const;
    DurationNs update_interval_ns(const HotLeg& hot, const ColdLeg& cold) const;
    void tell_news(LegNumber leg, TimeNs now);
    void append_header(LegNumber leg, const HotLeg& hot, const Packet& packet, const InFlight& flight);
    void log_packet(LegNumber leg, const HotLeg& hot, const Packet& packet, const InFlight& flight);
    void describe(LegNumber leg, vault::LegLabel& label);
    void schedule(LegNumber leg, const StudyFindings& findings, TimeNs now);
    void deadline(LegNumber leg, TimeNs now);
    void report(LegNumber leg, LegPhase phase, LegEnd end);
    void end_leg(LegNumber leg, LegEnd end);
    DurationNs idle_limit_ns(const HotLeg& hot) const;
    LegEnd closing_end(const HotLeg& hot) const;
    LegId id_of(LegNumber leg, std::uint32_t generation) const;

    PipelineSettings settings_;
    LegSink& sink_;
    ReasonCounters counters_;
    LegTable legs_;
    SegmentTable segments_;
    DeadlineWheel wheel_;
    LegParts parts_;
    Study study_;
    HeaderRing headers_;
    std::unique_ptr<vault::HeaderAppender> header_log_;
    std::unique_ptr<vault::PacketAppender> packet_log_;
    DuplicateFilter duplicates_;
    FragmentTable fragments_;
    std::array<InFlight, burst_packet_count_max> flights_;
    std::array<Packet, burst_packet_count_max> restamped_;
    FoundDelays delays_;
    bool studies_ = false;       ///< a packet of this burst, or of the one before, was among its leg's first
    bool logs_packets_ = false;  ///< there is a header log or a packet log
    DurationNs quiet_limit_ns_;  ///< no leg is over that was quiet for less
    std::uint64_t id_base_;
    std::uint64_t hash_seed_;
    SegmentCache segment_cache_;
};

/// In stages over the whole burst, so that what one packet waits for from memory comes while the others are worked on.
void PipelineOnArrays::receive_some(std::span<const Packet> burst) {
    constexpr std::size_t line_bytes = 64;
    std::uint64_t bytes = 0, on_legs = 0;
    segments_.keep_unused();
    for (const Packet& packet : burst) {
        prefetch_line(packet.bytes);
        if (packet.captured_length > line_bytes) prefetch_line(packet.bytes + line_bytes);
        bytes += packet.wire_length;
    }
    // Many at a time: each first has its page looked up, and those of one go on beside those of another.
    const auto fetch_slots = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            if (flights_[i].refused) continue;
            legs_.prefetch_slot(flights_[i].hash);
            duplicates_.prefetch(flights_[i].digest);
        }
    };
    const auto fetch_legs = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            if (flights_[i].refused) continue;
            flights_[i].likely_leg = legs_.guess(flights_[i].hash);
            legs_.prefetch_leg(flights_[i].likely_leg);
        }
    };
    const std::size_t count = burst.size();
    std::size_t slots_fetched = 0, legs_fetched = 0;
    for (std::size_t i = 0; i < count; ++i) {
        parse(burst[i], flights_[i]);
        if (i + 1 - slots_fetched < fetch_packets) continue;
        fetch_slots(slots_fetched, i + 1);
        fetch_legs(legs_fetched, slots_fetched);
        legs_fetched = std::exchange(slots_fetched, i + 1);
    }
    fetch_slots(slots_fetched, count);
    delays_.add_all(legs_, parts_);  // of the burst before: their places were asked for then
    fetch_legs(legs_fetched, count);
    const auto fetch_studied = [&](std::size_t i) {
        const InFlight& flight = flights_[i];
        if (!flight.refused)
            legs_.prefetch_studied(flight.likely_leg, flight.side, flight.transport.payload_length != 0);
    };
    const std::size_t fetched = std::exchange(studies_, false) ? burst.size() : 0;  // where one was, others are near
    for (std::size_t i = 0; i < std::min(fetched, study_fetch_packets); ++i) fetch_studied(i);
    for (std::size_t i = 0; i < burst.size(); ++i) {
        if (i + study_fetch_packets < fetched) fetch_studied(i + study_fetch_packets);
        if (flights_[i].refused) [[unlikely]] {
            if (flights_[i].may_quote)
                counters_.add(note_icmp_error(burst[i], flights_[i].decapped) ? Reason::icmp_about_legs
                                                                              : Reason::icmp_not_echo);
            if (flights_[i].later_fragment && count_fragment(burst[i], flights_[i])) ++on_legs;
            continue;
        }
        ++on_legs;
        count_on_leg(burst[i], flights_[i]);
    }
    segments_.free_unused();
    counters_.add(Reason::packets_received, burst.size());
    counters_.add(Reason::bytes_received, bytes);
    counters_.add(Reason::packets_on_legs, on_legs);
}

/// The burst with the times that ERSPAN headers carry.
std::span<const Packet> PipelineOnArrays::stamped_by_switch(std::span<const Packet> burst) {
    Decapped found;
    for (std::size_t i = 0; i < burst.size(); ++i) {
        Packet& packet = restamped_[i] = burst[i];
        decap(packet, settings_.decap, found);
        if (found.erspan_offset == 0) continue;
        const ErspanHeader header = read_erspan_header(packet.bytes + found.erspan_offset);
        const auto time = erspan_time(header, packet.time_ns);
        if (!time) continue;
        packet.time_ns = *time;
        packet.time_source = TimeSource::hardware;
        packet.time_error_ns = static_cast<std::uint32_t>(header.granularity);
    }
    return {restamped_.data(), burst.size()};
}

void PipelineOnArrays::parse(const Packet& packet, InFlight& flight) {
    const bool plain = decap_layers::read_plain(packet, settings_.decap.ports, flight.decapped);
    if (!plain) [[unlikely]]
        walk_layers(packet, settings_.decap, flight.decapped);
    Reason reason = flight.decapped.reason;
    if (reason == Reason::none) reason = parse_transport(packet.bytes, flight.decapped, flight.transport);
    flight.refused = reason != Reason::none;
    if (!flight.refused) [[likely]]
        return set_key(packet, flight);
    flight.may_quote = reason == Reason::icmp_not_echo;
    flight.later_fragment = reason == Reason::ip_fragments_later;
    if (!flight.may_quote && !flight.later_fragment) counters_.add(reason);  // what these belong to may stand behind
}

void PipelineOnArrays::set_key(const Packet& packet, InFlight& flight) {
    flight.side = set_ends(packet.bytes, flight.decapped, flight.transport, hash_seed_, flight.key);
    const FoundSegment found = segment_cache_.find(packet.bytes, flight.decapped, packet.tap);
    if (found.segment == segment_none) {
        flight.refused = true;
        flight.may_quote = flight.later_fragment = false;
        counters_.add(Reason::segments_full);
        return;
    }
    flight.swapped = static_cast<std::uint16_t>(flight.side == 0 ? found.swapped : ~found.swapped);
    flight.key.segment = found.segment;
    flight.key.protocol = flight.decapped.protocol;
    flight.hash = LegTable::hash_of(flight.key, hash_seed_);
    flight.digest = DuplicateFilter::digest_of(flight.hash, flight.side, flight.decapped, flight.transport);
}

LegNumber PipelineOnArrays::find(const Packet& packet, const InFlight& flight) const {
    if (!flight.key.v6) [[likely]] {
        if (legs_.holds(flight.likely_leg, flight.key)) [[likely]]
            return flight.likely_leg;
        return legs_.find(flight.key, flight.hash, {});
    }
    return legs_.find(flight.key, flight.hash, addresses_of(packet.bytes, flight.decapped, flight.side));
}

/// An error that quotes a packet of a leg seen here, on the same segment: the leg keeps the first one. False: no error,
/// or of no leg that is known.
bool PipelineOnArrays::note_icmp_error(const Packet& packet, const Decapped& decapped) {
    const std::optional<IcmpError> error = parse_icmp_error(packet.bytes, decapped);
    if (!error) return false;
    LegKey key;
    const Side side = set_ends(error->source, error->destination, hash_seed_, key);
    key.protocol = error->protocol;
    key.segment = segments_.find(segment_key(packet.bytes, decapped, packet.tap));
    if (key.segment == segment_none) return false;
    const LegAddresses addresses = side == 0 ? LegAddresses{error->source.ip, error->destination.ip}
                                             : LegAddresses{error->destination.ip, error->source.ip};
    const LegNumber leg = legs_.find(key, LegTable::hash_of(key, hash_seed_), addresses);
    if (leg == leg_none) return false;
    if (FlowOddities* odd = parts_.take_oddities(legs_.cold(leg).flows[side])) {
        IcmpErrorSeen& seen = odd->icmp_error;
        if (seen.count == 0) seen = {packet.time_ns, error->reporter, error->type, error->code, 0};
        if (seen.count != 0xffff) ++seen.count;
    }
    HotLeg& hot = legs_.hot(leg);
    hot.set(leg_changed);
    tell_news(leg, packet.time_ns);
    if (hot.is(leg_sleeping)) schedule(leg, {}, packet.time_ns);
    return true;
}

void PipelineOnArrays::count_on_leg(const Packet& packet, InFlight& flight) {
    if (!wheel_.started()) wheel_.start(packet.time_ns);
    const LegNumber leg = find_or_start(packet, flight);
    if (leg == leg_none) return;
    if (flight.decapped.fragment.cut) [[unlikely]]
        remember_fragment(leg, packet, flight);
    if (duplicates_.seen_just_now(flight.digest, flight.decapped, flight.transport, packet.time_ns)) {
        ++legs_.cold(leg).duplicates;
        counters_.add(Reason::packets_mirrored_twice);
        return;
    }
    update(leg, packet, flight);
}

void PipelineOnArrays::remember_fragment(LegNumber leg, const Packet& packet, const InFlight& flight) {
    const Decapped& decapped = flight.decapped;
    const FragmentOwner owner{.leg = leg,
                              .generation = legs_.hot(leg).generation,
                              .side = flight.side,
                              .of_tunnel = decapped.fragment.layer_count != decapped.layer_count};
    const std::uint64_t digest = FragmentTable::digest_of(packet.bytes, packet.tap, decapped, hash_seed_);
    if (!fragments_.remember(digest, owner, packet.time_ns)) counters_.add(Reason::ip_fragments_forgotten);
}

/// A later fragment: counted on the leg of its packet's first one. Of a tunnel's packet it is a piece of a packet that
/// is counted already. False when no leg counted it.
bool PipelineOnArrays::count_fragment(const Packet& packet, const InFlight& flight) {
    const Decapped& decapped = flight.decapped;
    const std::uint64_t digest = FragmentTable::digest_of(packet.bytes, packet.tap, decapped, hash_seed_);
    const FragmentOwner* owner = fragments_.find(digest, packet.time_ns);
    if (!owner || !legs_.in_use(owner->leg) || legs_.hot(owner->leg).generation != owner->generation) {
        counters_.add(Reason::ip_fragments_later);
        return false;
    }
    counters_.add(Reason::ip_fragments_on_legs);
    HotLeg& hot = legs_.hot(owner->leg);
    hot.times[owner->side] = packet.time_ns;
    if (owner->of_tunnel) return false;
    InFlight piece;
    piece.side = owner->side;
    piece.decapped = decapped;
    piece.transport.seq = decapped.fragment.place;
    piece.transport.payload_length = decapped.transport_length;
    const std::uint32_t hash = LegTable::hash_of(hot.key(), hash_seed_);
    const std::uint64_t twice = DuplicateFilter::digest_of(hash, piece.side, decapped, piece.transport);
    if (duplicates_.seen_just_now(twice, decapped, piece.transport, packet.time_ns)) {
        ++legs_.cold(owner->leg).duplicates;
        counters_.add(Reason::packets_mirrored_twice);
        return true;
    }
    count_bytes(owner->leg, hot.flows[owner->side], piece);
    hot.set(leg_changed);
    if (hot.is(leg_sleeping)) schedule(owner->leg, {}, packet.time_ns);
    return true;
}

LegNumber PipelineOnArrays::find_or_start(const Packet& packet, InFlight& flight) {
    const LegNumber leg = find(packet, flight);
    if (leg == leg_none) [[unlikely]]
        return start_leg(packet, flight);
    LegEnd end = LegEnd::none;
    if (!leg_is_over(leg, packet, flight, end)) [[likely]]
        return leg;
    end_leg(leg, end);
    return start_leg(packet, flight);
}

/// A query after the last one was answered: a resolver, or a NAT gateway, uses its port again.
bool PipelineOnArrays::asks_again(const HotLeg& hot, const InFlight& flight) const {
    return hot.protocol == static_cast<std::uint8_t>(Protocol::udp) && flight.transport.destination_port == port_dns &&
           hot.flows[flight.side ^ 1].packets != 0;
}

/// Whether this packet cannot belong to the leg of its key any more: too long idle, or its ports were used again.
bool PipelineOnArrays::leg_is_over(LegNumber leg, const Packet& packet, const InFlight& flight, LegEnd& end) {
    const HotLeg& hot = legs_.hot(leg);
    const DurationNs quiet = packet.time_ns - hot.last_ns();
    const bool syn = (flight.transport.flags & tcp_syn) != 0;
    if (quiet <= quiet_limit_ns_ && !syn) [[likely]]
        return false;
    const bool opens = syn && hot.is_tcp();
    if (quiet <= quiet_limit_ns_ && !opens) return false;
    end = closing_end(hot);
    if (quiet > idle_limit_ns(hot)) return true;
    if (quiet > dns_quiet_ns && asks_again(hot, flight)) return true;
    if (!opens) return false;
    switch (judge_syn(hot, legs_.cold(leg), flight.side, flight.transport, quiet)) {
        case SynOnLeg::again: return false;
        case SynOnLeg::astray: counters_.add(Reason::syn_on_live_leg); return false;
        case SynOnLeg::starts_another: break;
    }
    counters_.add(Reason::legs_restarted);
    return true;
}

LegNumber PipelineOnArrays::start_leg(const Packet& packet, InFlight& flight) {
    segments_.use(flight.key.segment);
    const LegAddresses addresses = addresses_of(packet.bytes, flight.decapped, flight.side);
    LegNumber leg = legs_.insert(flight.key, flight.hash, addresses);
    if (leg == leg_none) {
        const LegNumber victim = legs_.longest_idle(eviction_sample_count);
        if (victim == leg_none) {  // leg_count_max is 0
            segments_.release(flight.key.segment);
            return leg_none;
        }
        counters_.add(Reason::legs_evicted);
        end_leg(victim, legs_.hot(victim).is(leg_closed) ? closing_end(legs_.hot(victim)) : LegEnd::evicted);
        leg = legs_.insert(flight.key, flight.hash, addresses);
    }
    HotLeg& hot = legs_.hot(leg);
    ColdLeg& cold = legs_.cold(leg);
    for (HotFlow& flow : hot.flows) {
        flow.packets_to_study = studied_packet_count;
        flow.payloads_to_study = studied_payload_count;
        flow.tcp_bits = tcp_scale_unknown;
    }
    cold.swapped = flight.swapped;
    cold.first_ns = packet.time_ns;
    cold.time_source = packet.time_source;
    guess_client(hot, flight.transport, flight.side);
    const bool bare_syn = flight.decapped.protocol == static_cast<std::uint8_t>(Protocol::tcp) &&
                          (flight.transport.flags & (tcp_syn | tcp_ack)) == tcp_syn;
    cold.due_ns = packet.time_ns + (bare_syn ? unanswered_syn_delay_ns : settings_.first_report_delay_ns);
    wheel_.set(leg, cold.due_ns);
    counters_.add(Reason::legs_started);
    return leg;
}

void PipelineOnArrays::update(LegNumber leg, const Packet& packet, const InFlight& flight) {
    HotLeg& hot = legs_.hot(leg);
    const Side side = flight.side;
    HotFlow& flow = hot.flows[side];
    const Transport& transport = flight.transport;
    const TimeNs now = packet.time_ns;
    SegmentFindings found;
    const bool plain = hot.is_tcp() && follow_plain(hot, transport, side, now, found);
    if (!plain) [[unlikely]]
        found = look_at_odd(leg, packet, flight);
    note_delays(leg, side, found);
    StudyFindings findings;
    bool tells = false;
    if (flow.is_studied() || (transport.flags & tcp_syn) != 0) [[unlikely]] {
        findings = study(leg, packet, flight, found.advances);
        tells = findings.handshake_over || findings.first_payload || findings.hint;
    }
    count_bytes(leg, flow, flight);
    hot.times[side] = now;
    flow.last_ttl = flight.decapped.ttl;
    flow.last_ip_id = flight.decapped.ip_id;
    if (plain) [[likely]]
        flow.flags_seen |= transport.flags;  // neither FIN nor reset
    else if (hot.is_tcp())
        note_flags(hot, side, transport);
    hot.set(leg_changed);
    append_header(leg, hot, packet, flight);
    if (logs_packets_) log_packet(leg, hot, packet, flight);
    if (tells || hot.is(leg_sleeping)) [[unlikely]]
        schedule(leg, findings, now);
}

/// What is more than the next packets of a connection that runs as expected is not held back.
void PipelineOnArrays::tell_news(LegNumber leg, TimeNs now) {
    HotLeg& hot = legs_.hot(leg);
    if (hot.is(leg_has_news)) return;
    const ColdLeg& cold = legs_.cold(leg);
    const DurationNs plain_interval = update_interval_ns(hot, cold);
    hot.set(leg_has_news);
    if (cold.reported_ns == 0 || cold.due_ns != 0 || hot.is(leg_sleeping)) return;
    const DurationNs interval = update_interval_ns(hot, cold);
    if (interval < plain_interval) wheel_.set(leg, std::max(now, cold.reported_ns + interval));
}

/// Anything but a TCP segment that is just what was expected.
SegmentFindings PipelineOnArrays::look_at_odd(LegNumber leg, const Packet& packet, const InFlight& flight) {
    const SeenSegment seen{&flight.transport,     packet.bytes,        packet.time_ns,
                           flight.decapped.ip_id, flight.decapped.ttl, flight.side};
    HotLeg& hot = legs_.hot(leg);
    ColdLeg& cold = legs_.cold(leg);
    if (!hot.is_tcp()) {
        note_datagram(hot, cold, parts_, flight.side, flight.decapped, flight.transport);
        return {};
    }
    if (flight.transport.flags & tcp_syn) learn_client(hot, flight.transport, flight.side);
    note_segment(hot, cold, parts_, flight.side, flight.decapped, flight.transport, seen.time_ns);
    const SegmentFindings found = look_closely(hot, {cold.handshake, legs_.tcp(leg), parts_}, seen);
    if (found.notes != 0 || (flight.transport.flags & (tcp_syn | tcp_fin | tcp_reset)) != 0)
        tell_news(leg, seen.time_ns);
    return found;
}

void PipelineOnArrays::note_delays(LegNumber leg, Side side, const SegmentFindings& found) {
    const auto peer = side == 0 ? DelayKind::rtt_of_high : DelayKind::rtt_of_low;
    if (found.rtt_ns >= 0) delays_.note(legs_, leg, peer, found.rtt_ns);
    if (found.response_ns >= 0) delays_.note(legs_, leg, DelayKind::response, found.response_ns);
}

/// One of a side's first packets, of its first payloads, or a SYN.
StudyFindings PipelineOnArrays::study(LegNumber leg, const Packet& packet, const InFlight& flight, bool advances) {
    HotLeg& hot = legs_.hot(leg);
    HotFlow& flow = hot.flows[flight.side];
    const Transport& transport = flight.transport;
    studies_ = true;
    if (flow.packets_to_study == 0 && transport.payload_length == 0 && (transport.flags & tcp_syn) == 0) return {};
    ColdLeg& cold = legs_.cold(leg);
    if (flow.packets_to_study != 0) --flow.packets_to_study;
    tell_news(leg, packet.time_ns);
    const SeenPacket seen{&packet, &flight.decapped, &transport, flight.side};
    const StudyFindings findings = study_.look(hot, cold, seen, advances);
    cold.time_error_ns = std::max(cold.time_error_ns, packet.time_error_ns);
    return findings;
}

/// The hot part's sums are small; before they could wrap they move into the cold part.
void PipelineOnArrays::count_bytes(LegNumber leg, HotFlow& flow, const InFlight& flight) {
    ++flow.packets;
    flow.bytes += flight.decapped.ip_length;
    flow.payload_bytes += flight.transport.payload_length;
    if (flow.packets == 0 || flow.bytes >= hot_bytes_moved) [[unlikely]]
        move_sums(flow, legs_.cold(leg).flows[flight.side]);
}

void PipelineOnArrays::move_sums(HotFlow& flow, ColdFlow& cold) {
    if (flow.packets == 0) ++cold.packets_wrapped;
    const auto move = [](std::uint32_t& from, std::uint32_t& to) {
        if (from < hot_bytes_moved) return;
        from -= hot_bytes_moved;
        ++to;
    };
    move(flow.bytes, cold.bytes_moved);
    move(flow.payload_bytes, cold.payload_bytes_moved);
}

void PipelineOnArrays::append_header(LegNumber leg, const HotLeg& hot, const Packet& packet, const InFlight& flight) {
    if (headers_.empty_sized()) return;
    const Transport& transport = flight.transport;
    Timestamps stamps;
    if (transport.options_length != 0)
        stamps = find_timestamps(packet.bytes + transport.options_offset, transport.options_length);
    const std::uint16_t check = transport.payload_captured != 0 ? payload_check(packet, transport) : std::uint16_t{0};
    const bool to_server = flight.side == hot.client_side();
    const PacketHeader header{.leg = id_of(leg, hot.generation),
                              .time_ns = packet.time_ns,
                              .seq = transport.seq,
                              .ack = transport.ack,
                              .tsval = stamps.value(),
                              .tsecr = stamps.echo(),
                              .length = static_cast<std::uint16_t>(std::min(transport.payload_length, 0xffffu)),
                              .ip_id = flight.decapped.ip_id,
                              .window = transport.window,
                              .payload_check = check,
                              .flags = transport.flags,
                              .ttl = flight.decapped.ttl,
                              .direction = to_server ? Direction::to_server : Direction::to_client,
                              .has_timestamps = stamps.found};
    headers_.append(header);
}

/// Into the vault: the header, and the packet if the policy wants it.
void PipelineOnArrays::log_packet(LegNumber leg, const HotLeg& hot, const Packet& packet, const InFlight& flight) {
    const Transport& transport = flight.transport;
    vault::SeenHeader seen{&packet, &flight.decapped, &transport, flight.side, 0};
    if (flight.side == hot.client_side()) seen.marks |= vault::mark_to_server;
    const LegId id = id_of(leg, hot.generation);
    const auto label_it = [&](vault::LegLabel& label) { describe(leg, label); };
    if (packet_log_) packet_log_->append(leg, id, seen, label_it);
    if (!header_log_) return;
    const vault::HeaderAppenderSettings& settings = header_log_->settings();
    if (settings.payload_checks && transport.payload_captured != 0) {
        seen.marks |= vault::mark_payload_check;
        seen.payload_check = payload_check(packet, transport);
    }
    const vault::Checksum checksum = settings.verify_checksums
                                         ? vault::verify_checksum(packet.bytes, flight.decapped, transport)
                                         : vault::absent_or_unchecked(flight.decapped, transport);
    seen.marks |= static_cast<std::uint8_t>(static_cast<unsigned>(checksum) << vault::mark_checksum_shift);
    header_log_->append(leg, id, seen, label_it);
}

void PipelineOnArrays::describe(LegNumber leg, vault::LegLabel& label) {
    const HotLeg& hot = legs_.hot(leg);
    const ColdLeg& cold = legs_.cold(leg);
    const LegKey key = hot.key();
    label.id = id_of(leg, hot.generation);
    label.low = cold.addresses.low;
    label.high = cold.addresses.high;
    label.port_low = key.port_low();
    label.port_high = key.port_high();
    label.tap = segments_.tap(hot.segment);
    label.protocol = key.protocol;
    label.segment = segments_.segment(hot.segment, cold.swapped);
}

/// Brings the next report forward when there is something to tell.
void PipelineOnArrays::schedule(LegNumber leg, const StudyFindings& findings, TimeNs now) {
    HotLeg& hot = legs_.hot(leg);
    ColdLeg& cold = legs_.cold(leg);
    TimeNs due = 0;
    if (findings.handshake_over || findings.first_payload) due = now + settings_.first_report_delay_ns;
    if (findings.hint && cold.reported_ns != 0) due = now;
    if (due != 0 && (cold.due_ns == 0 || due < cold.due_ns)) {
        cold.due_ns = due;
        wheel_.set(leg, due);
    } else if (hot.is(leg_sleeping)) {
        wheel_.set(leg, std::max(now, cold.reported_ns + update_interval_ns(hot, cold)));
    }
    hot.clear(leg_sleeping);
}

/// A living leg reports this often, or less often where so many live that the records would take the worker's time.
DurationNs PipelineOnArrays::update_interval_ns() const {
    return std::max(settings_.update_interval_ns,
                    DurationNs{legs_.count()} * (ns_per_s / settings_.update_count_per_s_max));
}

/// The same of one leg: of an older one that runs as expected the next report would say little (decision 20).
DurationNs PipelineOnArrays::update_interval_ns(const HotLeg& hot, const ColdLeg& cold) const {
    const DurationNs shortest = update_interval_ns();
    if (hot.is(leg_has_news)) return shortest;
    return std::max(shortest, std::min(settings_.plain_interval_ns_max, (cold.reported_ns - cold.first_ns) / 2));
}

DurationNs PipelineOnArrays::idle_limit_ns(const HotLeg& hot) const {
    switch (static_cast<Protocol>(hot.protocol)) {
        case Protocol::tcp: return hot.is(leg_closed) ? settings_.tcp_closed_ns : settings_.tcp_idle_ns;
        case Protocol::udp: return settings_.udp_idle_ns;
        default: return settings_.icmp_idle_ns;
    }
}

LegEnd PipelineOnArrays::closing_end(const HotLeg& hot) const {
    const TcpFlags seen = hot.flows[0].flags_seen | hot.flows[1].flags_seen;
    if (!hot.is(leg_closed)) return LegEnd::idle;
    return (seen & tcp_reset) ? LegEnd::reset : LegEnd::fin;
}

void PipelineOnArrays::deadline(LegNumber leg, TimeNs now) {
    HotLeg& hot = legs_.hot(leg);
    const TimeNs expiry = hot.last_ns() + idle_limit_ns(hot);
    if (now >= expiry) return end_leg(leg, closing_end(hot));
    if (hot.is(leg_sleeping)) return wheel_.set(leg, expiry);  // nothing to tell: the cold part is left alone
    ColdLeg& cold = legs_.cold(leg);
    TimeNs due = cold.due_ns;
    if (due == 0 && hot.is(leg_changed)) due = cold.reported_ns + update_interval_ns(hot, cold);
    if (due != 0 && now >= due) {
        report(leg, cold.reported_ns == 0 ? LegPhase::opened : LegPhase::updated, LegEnd::none);
        cold.reported_ns = now;
        cold.due_ns = due = 0;
        hot.clear(leg_changed);
        hot.clear(leg_has_news);
    }
    if (due == 0) hot.set(leg_sleeping);
    wheel_.set(leg, due == 0 ? expiry : std::min(due, expiry));
}

void PipelineOnArrays::report(LegNumber leg, LegPhase phase, LegEnd end) {
    delays_.add_all(legs_, parts_);
    ColdLeg& cold = legs_.cold(leg);
    for (ColdFlow& flow : cold.flows) settle_head(flow, parts_);
    ++cold.revision;
    const HotLeg& hot = legs_.hot(leg);
    const TcpLeg& tcp = hot.is_tcp() ? legs_.tcp(leg) : tcp_of_others;
    const bool taken = sink_.offer(make_leg(hot, cold, tcp, parts_, segments_, id_of(leg, hot.generation), phase, end));
    counters_.add(taken ? Reason::leg_reports : Reason::leg_reports_refused);
}

void PipelineOnArrays::end_leg(LegNumber leg, LegEnd end) {
    report(leg, LegPhase::ended, end);
    const LegKey key = legs_.hot(leg).key();
    wheel_.clear(leg);
    parts_.give_back(legs_.cold(leg), legs_.tcp(leg), legs_.hot(leg).is_tcp());
    legs_.remove(leg, LegTable::hash_of(key, hash_seed_));
    segments_.release(key.segment);
    counters_.add(Reason::legs_ended);
}

/// A running number, taken apart: which place of the table, and how often it was given away. Mixing is one to one.
LegId PipelineOnArrays::id_of(LegNumber leg, std::uint32_t generation) const {
    const LegId id = mix(id_base_ + (std::uint64_t{generation} << 32 | leg));
    return id != 0 ? id : 1;
}

void PipelineOnArrays::advance(TimeNs now) {
    if (!wheel_.started()) wheel_.start(now);
    if (header_log_) header_log_->advance(now);
    if (packet_log_) packet_log_->advance(now);
    const auto ahead = [&](LegNumber leg) {
        if (!legs_.hot(leg).is(leg_sleeping)) legs_.prefetch_cold(leg);
    };
    wheel_.advance(
        now, deadline_count_limit, [&](LegNumber leg) { deadline(leg, now); }, ahead);
}

void PipelineOnArrays::flush() {
    for (LegNumber leg = 0; leg < legs_.capacity(); ++leg) {
        if (!legs_.in_use(leg)) continue;
        const HotLeg& hot = legs_.hot(leg);
        end_leg(leg, hot.is(leg_closed) ? closing_end(hot) : LegEnd::flushed);
    }
    if (header_log_) header_log_->seal();
    if (packet_log_) packet_log_->seal();
}

std::vector<NamedCount> PipelineOnArrays::counters() const {
    std::vector<NamedCount> counts;
    for (std::size_t i = 0; i < reason_count; ++i) {
        const auto reason = static_cast<Reason>(i);
        counts.push_back({reason_name(reason), reason_text(reason), counters_.value(reason)});
    }
    return counts;
}

}  // namespace

std::size_t Pipeline::memory_bytes(const PipelineSettings& settings) {
    return LegTable::memory_bytes(settings.leg_count_max) + SegmentTable::memory_bytes(settings.segment_count_max) +
           SegmentCache::memory_bytes() + DeadlineWheel::memory_bytes(settings.leg_count_max) +
           LegParts::memory_bytes(settings.leg_count_max, settings.leg_parts) +
           HeaderRing::memory_bytes(settings.header_count_max) + DuplicateFilter::memory_bytes() +
           FragmentTable::memory_bytes(settings.fragment_count_max) +
           (settings.header_log ? vault::HeaderAppender::memory_bytes(*settings.header_log, settings.leg_count_max)
                                : 0) +
           (settings.packet_log ? vault::PacketAppender::memory_bytes(*settings.packet_log, settings.leg_count_max)
                                : 0);
}

Result<std::unique_ptr<Pipeline>> Pipeline::create(const PipelineSettings& settings, LegSink& sink) {
    auto pipeline = std::make_unique<PipelineOnArrays>(settings, sink);
    if (pipeline->allocate()) {
        if (auto opened = pipeline->open_logs(); !opened) return tl::make_unexpected(opened.error());
        return pipeline;
    }
    return fail(ErrorKind::failed, "the sensor needs " + std::to_string(memory_bytes(settings) >> 20) +
                                       " MB for its tables and the machine does not have them: lower leg_count_max (" +
                                       std::to_string(settings.leg_count_max) + ") or header_count_max (" +
                                       std::to_string(settings.header_count_max) + ")");
}

}  // namespace clew::sensor
