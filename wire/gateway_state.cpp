// SPDX-License-Identifier: Apache-2.0
#include "wire/gateway_state.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "wire/convert_gateway.h"
#include "wire/gateway_state.pb.h"

namespace clew::wire {
namespace {

constexpr std::string_view magic = "CLEWGWS1";
constexpr std::size_t head_bytes = 16;

std::uint64_t check_of(std::string_view content) { return XXH3_64bits(content.data(), content.size()); }

void encode(const TraitRecord& record, std::size_t trait, v1::GatewayTraitState& out) {
    out.set_trait(static_cast<std::uint32_t>(trait));
    for (const std::uint64_t count : record.counts) out.add_counts(count);
    out.set_recent(record.recent.data(), record.recent.size());
    out.set_total(record.total);
    out.set_settled(record.settled);
}

bool decode(const v1::GatewayTraitState& in, Gateway& gateway) {
    const auto is_value = [](std::uint32_t v) { return v < trait_value_count; };
    if (in.trait() >= gateway_trait_count || in.counts_size() > static_cast<int>(trait_value_count) ||
        in.recent().size() != trait_recent_count || (!is_value(in.settled()) && in.settled() != trait_unknown))
        return false;
    TraitRecord& out = gateway.traits[in.trait()];
    std::copy(in.counts().begin(), in.counts().end(), out.counts.begin());
    std::memcpy(out.recent.data(), in.recent().data(), trait_recent_count);
    out.total = in.total();
    out.settled = static_cast<std::uint8_t>(in.settled());
    return std::all_of(out.recent.begin(), out.recent.end(), is_value);
}

void encode(const DelayHistogram& delay, DurationNs usual_ns, v1::DelayState& out) {
    std::size_t used = delay.bins.size();
    while (used > 0 && delay.bins[used - 1] == 0) --used;
    out.mutable_bins()->Add(delay.bins.begin(), delay.bins.begin() + static_cast<std::ptrdiff_t>(used));
    out.set_count(delay.count);
    out.set_min_ns(delay.min_ns);
    out.set_max_ns(delay.max_ns);
    out.set_error_ns(delay.error_ns);
    out.set_usual_ns(usual_ns);
}

bool decode(const v1::DelayState& in, DelayHistogram& out, DurationNs& usual_ns) {
    if (in.bins_size() > static_cast<int>(DelayHistogram::bin_count) || in.min_ns() > in.max_ns()) return false;
    std::copy(in.bins().begin(), in.bins().end(), out.bins.begin());
    out.count = in.count();
    out.min_ns = in.min_ns();
    out.max_ns = in.max_ns();
    out.error_ns = in.error_ns();
    usual_ns = in.usual_ns();
    return true;
}

void encode(const AddressSet& set, v1::AddressSetState& out) {
    for (const IpAddress& ip : set.addresses) out.add_addresses(ip.bytes.data(), ip.bytes.size());
    out.set_more(set.more);
}

bool decode(const v1::AddressSetState& in, AddressSet& out) {
    if (in.addresses_size() > static_cast<int>(gateway_address_count_max)) return false;
    for (const std::string& bytes : in.addresses()) {
        if (bytes.size() != sizeof(IpAddress)) return false;
        out.addresses.push_back(IpAddress::from_v6_bytes(reinterpret_cast<const std::uint8_t*>(bytes.data())));
    }
    out.more = in.more();
    return true;
}

void encode(const Gateway& gateway, v1::GatewayState& out) {
    out.set_known_by(gateway.known_by);
    out.set_from_tap(gateway.from_tap);
    out.set_to_tap(gateway.to_tap);
    out.set_first_ns(gateway.first_ns);
    out.set_last_ns(gateway.last_ns);
    out.set_links(gateway.links);
    for (std::size_t n = 0; n < gateway_trait_count; ++n)
        if (gateway.traits[n].total != 0) encode(gateway.traits[n], n, *out.add_traits());
    encode(gateway.pool, *out.mutable_pool());
    encode(gateway.services, *out.mutable_services());
    encode(gateway.backends, *out.mutable_backends());
    for (std::size_t d = 0; d < direction_count; ++d) {
        encode(gateway.delay[d], gateway.usual_delay_ns[d], *out.add_delays());
        out.add_packets(gateway.packets[d]);
        out.add_lost(gateway.lost[d]);
    }
    out.set_resets(gateway.resets);
    out.set_syns_eaten(gateway.syns_eaten);
    for (const GatewayEvent& event : gateway.events) encode_event(event, *out.add_events());
}

bool decode(const v1::GatewayState& in, Gateway& out) {
    constexpr int ways = direction_count;
    if (in.delays_size() != ways || in.packets_size() != ways || in.lost_size() != ways || in.known_by().empty() ||
        in.events_size() > static_cast<int>(gateway_event_count_max))
        return false;
    out.known_by = in.known_by();
    out.from_tap = in.from_tap();
    out.to_tap = in.to_tap();
    out.first_ns = in.first_ns();
    out.last_ns = in.last_ns();
    out.links = in.links();
    for (const v1::GatewayTraitState& trait : in.traits())
        if (!decode(trait, out)) return false;
    for (int d = 0; d < ways; ++d) {
        const auto way = static_cast<std::size_t>(d);
        if (!decode(in.delays(d), out.delay[way], out.usual_delay_ns[way])) return false;
        out.packets[way] = in.packets(d);
        out.lost[way] = in.lost(d);
    }
    out.resets = in.resets();
    out.syns_eaten = in.syns_eaten();
    for (const v1::GatewayEvent& event : in.events())
        out.events.push_back({event.time_ns(), event.what(), event.before(), event.after()});
    return decode(in.pool(), out.pool) && decode(in.services(), out.services) && decode(in.backends(), out.backends);
}

tl::unexpected<Error> damaged(const char* why) {
    return fail(ErrorKind::failed, std::string("what was learnt of gateways cannot be read back: ") + why);
}

}  // namespace

std::string encode_gateway_state(const GatewayBook& book) {
    v1::GatewayBookState state;
    for (const auto& [id, gateway] : book.all()) encode(gateway, *state.add_gateways());
    for (const PathId id : book.counted())
        if (id != 0) state.add_counted_paths(id);
    std::string out(head_bytes, '\0');
    state.AppendToString(&out);
    const std::uint64_t check = check_of(std::string_view(out).substr(head_bytes));
    std::memcpy(out.data(), magic.data(), magic.size());
    std::memcpy(out.data() + magic.size(), &check, sizeof check);
    return out;
}

Result<LearntGateways> decode_gateway_state(std::string_view bytes) {
    if (bytes.size() < head_bytes || !bytes.starts_with(magic)) return damaged("it does not begin with CLEWGWS1");
    const std::string_view content = bytes.substr(head_bytes);
    std::uint64_t check = 0;
    std::memcpy(&check, bytes.data() + magic.size(), sizeof check);
    v1::GatewayBookState state;
    if (check != check_of(content)) return damaged("its check sum is wrong");
    if (!state.ParseFromArray(content.data(), static_cast<int>(content.size())))
        return damaged("it is no such message");
    LearntGateways out;
    for (const v1::GatewayState& gateway : state.gateways())
        if (!decode(gateway, out.gateways.emplace_back())) return damaged("a number is out of range");
    out.counted.assign(state.counted_paths().begin(), state.counted_paths().end());
    return out;
}

}  // namespace clew::wire
