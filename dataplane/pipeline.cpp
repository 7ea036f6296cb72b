// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/bytes.h"
#include "dataplane/deadline_wheel.h"
#include "dataplane/decap.h"
#include "dataplane/duplicate_filter.h"
#include "dataplane/erspan_header.h"
#include "dataplane/fingerprint/datagram.h"
#include "dataplane/fingerprint/study.h"
#include "dataplane/fingerprint/tcp_options.h"
#include "dataplane/fragment_table.h"
#include "dataplane/hash.h"
#include "dataplane/header_ring.h"
#include "dataplane/icmp_error.h"
#include "dataplane/leg_report.h"
#include "dataplane/leg_table.h"
#include "dataplane/stream_notes.h"
#include "dataplane/tcp_flow.h"
#include "dataplane/transport.h"

namespace clew::sensor {
namespace {

constexpr unsigned deadline_count_limit = 512;  ///< legs looked at in one advance()
constexpr unsigned eviction_sample_count = 32;
constexpr DurationNs unanswered_syn_delay_ns = ns_per_s;  ///< a SYN without an answer is reported after this
constexpr std::size_t payload_check_bytes_max = 64;       ///< of a payload hashed for PacketHeader::payload_check

/// One packet on its way through a burst.
constexpr DurationNs dns_quiet_ns = 500 * ns_per_ms;
constexpr std::uint16_t traceroute_port = 33434;
constexpr std::uint16_t traceroute_port_count = 100;

struct InFlight {
    Decapped decapped;
    Transport transport;
    LegKey key;
    std::uint32_t hash = 0;
    Side side = 0;
    bool refused = false;
    bool may_quote = false;       ///< ICMP that is no echo
    bool later_fragment = false;  ///< refused so far: its leg is asked of the fragment table
    std::uint16_t swapped = 0;    ///< of a packet of side 0
};

/// How likely a port is the server's. A NAT gateway takes its ports from nearly the whole range, so that of a
/// datagram's two unknown ports neither is likelier.
int service_rank(std::uint16_t port, bool datagram) {
    constexpr std::uint16_t known[] = {1433, 1521, 1883, 2049, 2379, 3000, 3306,  3389,  4789,  5000,  5044,
                                       5060, 5432, 5672, 6379, 6443, 7000, 8000,  8080,  8081,  8443,  8888,
                                       9000, 9090, 9092, 9200, 9300, 9999, 10250, 11211, 15672, 25565, 27017};
    if (port < 1024) return 3;
    if (std::find(std::begin(known), std::end(known), port) != std::end(known)) return 2;
    if (datagram) return port >= traceroute_port && port < traceroute_port + traceroute_port_count ? 1 : 0;
    return port < 32768 ? 1 : 0;  // outside the usual range of ephemeral ports
}

class PipelineOnArrays final : public Pipeline {
  public:
    PipelineOnArrays(const PipelineSettings& settings, LegSink& sink)
        : settings_(settings),
          sink_(sink),
          study_(counters_),
          id_base_(
              hash_bytes(settings.observer_name.data(), settings.observer_name.size(),
                         static_cast<std::uint64_t>(settings.started_ns) ^ (std::uint64_t{settings.worker} << 48))),
          hash_seed_(mix(id_base_)) {}

    bool allocate() {
        const bool populate = settings_.populate_memory;
        return legs_.allocate(settings_.leg_count_max, populate) &&
               segments_.allocate(settings_.segment_count_max, populate) &&
               wheel_.allocate(settings_.leg_count_max, populate) &&
               study_.allocate(settings_.leg_count_max, populate) &&
               headers_.allocate(settings_.header_count_max, populate) && duplicates_.allocate(populate) &&
               fragments_.allocate(settings_.fragment_count_max, populate);
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

  private:
    void receive_some(std::span<const Packet> burst);
    std::span<const Packet> stamped_by_switch(std::span<const Packet> burst);
    void parse(const Packet& packet, InFlight& flight);
    void set_key(const Packet& packet, InFlight& flight);
    bool note_icmp_error(const Packet& packet, const Decapped& decapped);
    void count_on_leg(const Packet& packet, InFlight& flight);
    bool count_fragment(const Packet& packet, const InFlight& flight);
    void remember_fragment(LegNumber leg, const Packet& packet, const InFlight& flight);
    LegNumber find_or_start(const Packet& packet, InFlight& flight);
    LegNumber start_leg(const Packet& packet, InFlight& flight);
    bool asks_again(const HotLeg& hot, const InFlight& flight) const;
    bool leg_is_over(LegNumber leg, const Packet& packet, const InFlight& flight, LegEnd& end);
    void guess_client(HotLeg& hot, const InFlight& flight) const;
    void learn_client(HotLeg& hot, const InFlight& flight) const;
    void update(LegNumber leg, const Packet& packet, const InFlight& flight);
    void append_header(LegNumber leg, const Packet& packet, const InFlight& flight);
    void schedule(LegNumber leg, const StudyFindings& findings, TimeNs now);
    void deadline(LegNumber leg, TimeNs now);
    void report(LegNumber leg, LegPhase phase, LegEnd end);
    void end_leg(LegNumber leg, LegEnd end);
    DurationNs idle_limit_ns(const HotLeg& hot) const;
    LegEnd closing_end(const HotLeg& hot) const;
    LegId id_of(LegNumber leg) const;

    PipelineSettings settings_;
    LegSink& sink_;
    ReasonCounters counters_;
    LegTable legs_;
    SegmentTable segments_;
    DeadlineWheel wheel_;
    Study study_;
    HeaderRing headers_;
    DuplicateFilter duplicates_;
    FragmentTable fragments_;
    std::array<InFlight, burst_packet_count_max> flights_;
    std::array<Packet, burst_packet_count_max> restamped_;
    std::uint64_t id_base_;
    std::uint64_t hash_seed_;
};

void PipelineOnArrays::receive_some(std::span<const Packet> burst) {
    std::uint64_t bytes = 0;
    for (const Packet& packet : burst) __builtin_prefetch(packet.bytes);
    for (std::size_t i = 0; i < burst.size(); ++i) {
        bytes += burst[i].wire_length;
        parse(burst[i], flights_[i]);
        if (!flights_[i].refused) legs_.prefetch_slot(flights_[i].hash);
    }
    for (std::size_t i = 0; i < burst.size(); ++i)
        if (!flights_[i].refused) legs_.prefetch_leg(flights_[i].hash);
    std::uint64_t on_legs = 0;
    for (std::size_t i = 0; i < burst.size(); ++i) {
        if (flights_[i].may_quote)
            counters_.add(note_icmp_error(burst[i], flights_[i].decapped) ? Reason::icmp_about_legs
                                                                          : Reason::icmp_not_echo);
        if (flights_[i].refused) {
            if (flights_[i].later_fragment && count_fragment(burst[i], flights_[i])) ++on_legs;
            continue;
        }
        ++on_legs;
        count_on_leg(burst[i], flights_[i]);
        segments_.release(flights_[i].key.segment);
    }
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
    decap(packet, settings_.decap, flight.decapped);
    Reason reason = flight.decapped.reason;
    if (reason == Reason::none) {
        flight.transport = parse_transport(packet.bytes, flight.decapped);
        reason = flight.transport.reason;
    }
    flight.refused = reason != Reason::none;
    flight.may_quote = reason == Reason::icmp_not_echo;
    flight.later_fragment = reason == Reason::ip_fragments_later;
    if (flight.may_quote || flight.later_fragment) return;  // what they belong to may stand in this burst
    if (flight.refused) {
        counters_.add(reason);
    } else {
        set_key(packet, flight);
    }
}

void PipelineOnArrays::set_key(const Packet& packet, InFlight& flight) {
    const Decapped& decapped = flight.decapped;
    const Transport& transport = flight.transport;
    const std::uint8_t* addresses = packet.bytes + decapped.addresses_offset;
    Endpoint source, destination;
    if (decapped.v6) {
        std::memcpy(source.ip.bytes.data(), addresses, 16);
        std::memcpy(destination.ip.bytes.data(), addresses + 16, 16);
    } else {
        source.ip.bytes[10] = source.ip.bytes[11] = destination.ip.bytes[10] = destination.ip.bytes[11] = 0xff;
        std::memcpy(source.ip.bytes.data() + 12, addresses, 4);
        std::memcpy(destination.ip.bytes.data() + 12, addresses + 4, 4);
    }
    source.port = transport.source_port;
    destination.port = transport.destination_port;
    const int order = compare_addresses<16>(source.ip.bytes.data(), destination.ip.bytes.data());
    flight.side = order > 0 || (order == 0 && source.port > destination.port) ? 1 : 0;
    const Endpoint& low = flight.side == 0 ? source : destination;
    const Endpoint& high = flight.side == 0 ? destination : source;
    const SegmentKey segment = segment_key(packet.bytes, decapped);
    flight.swapped = static_cast<std::uint16_t>(flight.side == 0 ? segment.swapped : ~segment.swapped);
    LegKey& key = flight.key;
    key.low = low.ip;
    key.high = high.ip;
    key.port_low = low.port;
    key.port_high = high.port;
    key.tap = packet.tap;
    key.protocol = decapped.protocol;
    key.segment = segments_.add(segment);
    if (key.segment == segment_none) {
        flight.refused = true;
        counters_.add(Reason::segments_full);
        return;
    }
    segments_.use(key.segment);  // until this packet is done: an eviction in between must not free it
    flight.hash = LegTable::hash_of(key, hash_seed_);
}

/// An error that quotes a packet of a leg seen here, on the same segment: the leg keeps the first one. False: no error,
/// or of no leg that is known.
bool PipelineOnArrays::note_icmp_error(const Packet& packet, const Decapped& decapped) {
    const std::optional<IcmpError> error = parse_icmp_error(packet.bytes, decapped);
    if (!error) return false;
    const int order = compare_addresses<16>(error->source.ip.bytes.data(), error->destination.ip.bytes.data());
    const Side side = order > 0 || (order == 0 && error->source.port > error->destination.port) ? 1 : 0;
    const Endpoint& low = side == 0 ? error->source : error->destination;
    const Endpoint& high = side == 0 ? error->destination : error->source;
    LegKey key;
    key.low = low.ip;
    key.high = high.ip;
    key.port_low = low.port;
    key.port_high = high.port;
    key.tap = packet.tap;
    key.protocol = error->protocol;
    key.segment = segments_.find(segment_key(packet.bytes, decapped));
    if (key.segment == segment_none) return false;
    const LegNumber leg = legs_.find(key, LegTable::hash_of(key, hash_seed_));
    if (leg == leg_none) return false;
    IcmpErrorSeen& seen = legs_.cold(leg).flows[side].flow.icmp_error;
    if (seen.count == 0) seen = {packet.time_ns, error->reporter, error->type, error->code, 0};
    if (seen.count != 0xffff) ++seen.count;
    HotLeg& hot = legs_.hot(leg);
    hot.set(leg_changed);
    if (hot.is(leg_sleeping)) schedule(leg, {}, packet.time_ns);
    return true;
}

void PipelineOnArrays::count_on_leg(const Packet& packet, InFlight& flight) {
    if (!wheel_.started()) wheel_.start(packet.time_ns);
    const LegNumber leg = find_or_start(packet, flight);
    if (leg == leg_none) return;
    if (flight.decapped.fragment.cut) [[unlikely]]
        remember_fragment(leg, packet, flight);
    if (duplicates_.seen_just_now(leg, flight.side, flight.decapped, flight.transport, packet.time_ns)) {
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
    HotFlow& flow = hot.flows[owner->side];
    flow.last_ns = packet.time_ns;
    if (owner->of_tunnel) return false;
    Transport piece;
    piece.seq = decapped.fragment.place;
    piece.payload_length = decapped.transport_length;
    if (duplicates_.seen_just_now(owner->leg, owner->side, decapped, piece, packet.time_ns)) {
        ++legs_.cold(owner->leg).duplicates;
        counters_.add(Reason::packets_mirrored_twice);
        return true;
    }
    if (++flow.packets == 0) ++legs_.cold(owner->leg).flows[owner->side].packets_wrapped;
    flow.bytes += decapped.ip_length;
    flow.payload_bytes += decapped.transport_length;
    hot.set(leg_changed);
    if (hot.is(leg_sleeping)) schedule(owner->leg, {}, packet.time_ns);
    return true;
}

LegNumber PipelineOnArrays::find_or_start(const Packet& packet, InFlight& flight) {
    const LegNumber leg = legs_.find(flight.key, flight.hash);
    if (leg == leg_none) return start_leg(packet, flight);
    LegEnd end = LegEnd::none;
    if (!leg_is_over(leg, packet, flight, end)) return leg;
    end_leg(leg, end);
    return start_leg(packet, flight);
}

/// A query after the last one was answered: a resolver, or a NAT gateway, uses its port again.
bool PipelineOnArrays::asks_again(const HotLeg& hot, const InFlight& flight) const {
    return hot.key.protocol == static_cast<std::uint8_t>(Protocol::udp) &&
           flight.transport.destination_port == port_dns && hot.flows[flight.side ^ 1].packets != 0;
}

/// Whether this packet cannot belong to the leg of its key any more: too long idle, or its ports were used again.
bool PipelineOnArrays::leg_is_over(LegNumber leg, const Packet& packet, const InFlight& flight, LegEnd& end) {
    const HotLeg& hot = legs_.hot(leg);
    const DurationNs quiet = packet.time_ns - hot.last_ns();
    end = closing_end(hot);
    if (quiet > idle_limit_ns(hot)) return true;
    if (quiet > dns_quiet_ns && asks_again(hot, flight)) return true;
    const bool syn = hot.key.protocol == static_cast<std::uint8_t>(Protocol::tcp) && (flight.transport.flags & tcp_syn);
    if (!syn) return false;
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
    LegNumber leg = legs_.insert(flight.key, flight.hash);
    if (leg == leg_none) {
        const LegNumber victim = legs_.longest_idle(eviction_sample_count);
        if (victim == leg_none) {  // leg_count_max is 0
            segments_.release(flight.key.segment);
            return leg_none;
        }
        counters_.add(Reason::legs_evicted);
        end_leg(victim, legs_.hot(victim).is(leg_closed) ? closing_end(legs_.hot(victim)) : LegEnd::evicted);
        leg = legs_.insert(flight.key, flight.hash);
    }
    HotLeg& hot = legs_.hot(leg);
    ColdLeg& cold = legs_.cold(leg);
    for (HotFlow& flow : hot.flows) {
        flow.packets_to_study = studied_packet_count;
        flow.payloads_to_study = studied_payload_count;
    }
    cold.swapped = flight.swapped;
    cold.id = id_of(leg);
    cold.first_ns = packet.time_ns;
    cold.time_source = packet.time_source;
    guess_client(hot, flight);
    const bool bare_syn = flight.decapped.protocol == static_cast<std::uint8_t>(Protocol::tcp) &&
                          (flight.transport.flags & (tcp_syn | tcp_ack)) == tcp_syn;
    cold.due_ns = packet.time_ns + (bare_syn ? unanswered_syn_delay_ns : settings_.first_report_delay_ns);
    wheel_.set(leg, cold.due_ns);
    counters_.add(Reason::legs_started);
    return leg;
}

/// Before anything is known of a leg but its first packet.
void PipelineOnArrays::guess_client(HotLeg& hot, const InFlight& flight) const {
    const Transport& transport = flight.transport;
    const auto protocol = static_cast<Protocol>(flight.decapped.protocol);
    const Side other = flight.side ^ 1;
    if (protocol == Protocol::icmp || protocol == Protocol::icmpv6)
        return hot.set_client(transport.echo_request ? flight.side : other, ClientBy::first_packet);
    const bool datagram = protocol == Protocol::udp;
    const int source = service_rank(transport.source_port, datagram);
    const int destination = service_rank(transport.destination_port, datagram);
    if (source == destination) return hot.set_client(flight.side, ClientBy::first_packet);
    hot.set_client(source > destination ? other : flight.side, ClientBy::known_port);
}

/// A SYN or SYN-ACK tells the client for certain.
void PipelineOnArrays::learn_client(HotLeg& hot, const InFlight& flight) const {
    const bool answer = (flight.transport.flags & tcp_ack) != 0;
    if (answer && hot.client_by() == ClientBy::syn) return;
    const Side other = flight.side ^ 1;
    hot.set_client(answer ? other : flight.side, answer ? ClientBy::syn_ack : ClientBy::syn);
}

void PipelineOnArrays::update(LegNumber leg, const Packet& packet, const InFlight& flight) {
    HotLeg& hot = legs_.hot(leg);
    ColdLeg& cold = legs_.cold(leg);
    HotFlow& flow = hot.flows[flight.side];
    const Transport& transport = flight.transport;
    const bool tcp = flight.decapped.protocol == static_cast<std::uint8_t>(Protocol::tcp);
    if (tcp && (transport.flags & tcp_syn)) learn_client(hot, flight);
    if (tcp)
        note_segment(hot, cold, flight.side, flight.decapped, transport, packet.time_ns);
    else
        note_datagram(hot, cold, flight.side, flight.decapped, transport);
    const bool advances = !tcp || advance_sequence(hot, cold, flight.side, transport);
    StudyFindings findings;
    const bool study = flow.packets_to_study != 0 || (flow.payloads_to_study != 0 && transport.payload_length != 0) ||
                       (transport.flags & tcp_syn);
    if (study) {
        if (flow.packets_to_study != 0) --flow.packets_to_study;
        const SeenPacket seen{&packet, &flight.decapped, &transport, flight.side};
        findings = study_.look(hot, cold, seen, advances);
        cold.time_error_ns = std::max(cold.time_error_ns, packet.time_error_ns);
    }
    if (++flow.packets == 0) ++cold.flows[flight.side].packets_wrapped;
    flow.bytes += flight.decapped.ip_length;
    flow.payload_bytes += transport.payload_length;
    flow.last_ns = packet.time_ns;
    flow.last_ttl = flight.decapped.ttl;
    if (tcp) note_flags(hot, flight.side, transport);
    hot.set(leg_changed);
    append_header(leg, packet, flight);
    if (hot.is(leg_sleeping) || findings.handshake_over || findings.first_payload || findings.hint)
        schedule(leg, findings, packet.time_ns);
}

void PipelineOnArrays::append_header(LegNumber leg, const Packet& packet, const InFlight& flight) {
    if (headers_.empty_sized()) return;
    headers_.prefetch_next();
    const Transport& transport = flight.transport;
    PacketHeader header;
    header.leg = id_of(leg);
    header.time_ns = packet.time_ns;
    header.seq = transport.seq;
    header.ack = transport.ack;
    if (transport.options_length != 0)
        header.has_timestamps = find_timestamps(packet.bytes + transport.options_offset, transport.options_length,
                                                header.tsval, header.tsecr);
    header.length = static_cast<std::uint16_t>(std::min<std::uint32_t>(transport.payload_length, 0xffff));
    header.ip_id = flight.decapped.ip_id;
    header.window = transport.window;
    if (transport.payload_captured != 0)
        header.payload_check = static_cast<std::uint16_t>(
            hash_bytes(packet.bytes + transport.payload_offset,
                       std::min<std::size_t>(transport.payload_captured, payload_check_bytes_max)));
    header.flags = transport.flags;
    header.ttl = flight.decapped.ttl;
    header.direction = flight.side == legs_.hot(leg).client_side() ? Direction::to_server : Direction::to_client;
    headers_.append(header);
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
        wheel_.set(leg, std::max(now, cold.reported_ns + settings_.update_interval_ns));
    }
    hot.clear(leg_sleeping);
}

DurationNs PipelineOnArrays::idle_limit_ns(const HotLeg& hot) const {
    switch (static_cast<Protocol>(hot.key.protocol)) {
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
    ColdLeg& cold = legs_.cold(leg);
    const TimeNs expiry = hot.last_ns() + idle_limit_ns(hot);
    if (now >= expiry) return end_leg(leg, closing_end(hot));
    TimeNs due = cold.due_ns;
    if (due == 0 && hot.is(leg_changed)) due = cold.reported_ns + settings_.update_interval_ns;
    if (due != 0 && now >= due) {
        report(leg, cold.reported_ns == 0 ? LegPhase::opened : LegPhase::updated, LegEnd::none);
        cold.reported_ns = now;
        cold.due_ns = due = 0;
        hot.clear(leg_changed);
    }
    if (due == 0) hot.set(leg_sleeping);
    wheel_.set(leg, due == 0 ? expiry : std::min(due, expiry));
}

void PipelineOnArrays::report(LegNumber leg, LegPhase phase, LegEnd end) {
    ColdLeg& cold = legs_.cold(leg);
    ++cold.revision;
    const bool taken = sink_.offer(make_leg(legs_.hot(leg), cold, segments_, phase, end));
    counters_.add(taken ? Reason::leg_reports : Reason::leg_reports_refused);
}

void PipelineOnArrays::end_leg(LegNumber leg, LegEnd end) {
    report(leg, LegPhase::ended, end);
    const LegKey key = legs_.hot(leg).key;
    wheel_.clear(leg);
    study_.forget(legs_.cold(leg));
    legs_.remove(leg, LegTable::hash_of(key, hash_seed_));
    segments_.release(key.segment);
    counters_.add(Reason::legs_ended);
}

/// A running number, taken apart: which place of the table, and how often it was given away. Mixing is one to one.
LegId PipelineOnArrays::id_of(LegNumber leg) const {
    const LegId id = mix(id_base_ + (std::uint64_t{legs_.hot(leg).generation} << 32 | leg));
    return id != 0 ? id : 1;
}

void PipelineOnArrays::advance(TimeNs now) {
    if (!wheel_.started()) wheel_.start(now);
    wheel_.advance(now, deadline_count_limit, [&](LegNumber leg) { deadline(leg, now); });
}

void PipelineOnArrays::flush() {
    for (LegNumber leg = 0; leg < legs_.capacity(); ++leg) {
        if (!legs_.in_use(leg)) continue;
        const HotLeg& hot = legs_.hot(leg);
        end_leg(leg, hot.is(leg_closed) ? closing_end(hot) : LegEnd::flushed);
    }
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
           DeadlineWheel::memory_bytes(settings.leg_count_max) + Study::memory_bytes(settings.leg_count_max) +
           HeaderRing::memory_bytes(settings.header_count_max) + DuplicateFilter::memory_bytes() +
           FragmentTable::memory_bytes(settings.fragment_count_max);
}

Result<std::unique_ptr<Pipeline>> Pipeline::create(const PipelineSettings& settings, LegSink& sink) {
    auto pipeline = std::make_unique<PipelineOnArrays>(settings, sink);
    if (pipeline->allocate()) return pipeline;
    return fail(ErrorKind::failed, "the sensor needs " + std::to_string(memory_bytes(settings) >> 20) +
                                       " MB for its tables and the machine does not have them: lower leg_count_max (" +
                                       std::to_string(settings.leg_count_max) + ") or header_count_max (" +
                                       std::to_string(settings.header_count_max) + ")");
}

}  // namespace clew::sensor
