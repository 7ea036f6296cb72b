// SPDX-License-Identifier: Apache-2.0
// One description of a leg's fields serves both ways. In front: the id, what takes a few bits, and the keys. Then codes
// of two bits for all numbers of varying length, then all fields.
#include "nat-trace/packed_leg.h"

#include <array>
#include <type_traits>

#include "nat-trace/check.h"

namespace clew {
namespace {

constexpr std::size_t number_count = 53;        ///< of varying length, samples aside
constexpr std::size_t sample_number_count = 6;  ///< of each sample
constexpr std::size_t code_bytes(std::size_t sample_count) {
    return (number_count + sample_number_count * sample_count + 3) / 4;
}

constexpr std::size_t codes_per_word = 32;

/// How many bytes a code stands for: of any number, and of one that is a time as a rule.
enum class Width : std::uint8_t { any = 0, time = 1 };
constexpr std::uint8_t widths[2][4] = {{0, 1, 2, 4}, {0, 2, 3, 4}};
/// The code of a number that needs so many bytes.
constexpr std::uint8_t codes[2][5] = {{0, 1, 2, 3, 3}, {0, 1, 1, 2, 3}};
constexpr std::uint32_t masks[5] = {0, 0xff, 0xffff, 0xff'ffff, 0xffff'ffff};

std::size_t bytes_of(std::uint32_t value) {
    return value == 0 ? 0 : (static_cast<std::size_t>(39 - __builtin_clz(value))) / 8;
}

/// A number of four bytes at most, as the packer takes it.
template <typename T>
std::uint32_t number_of(const T& value) {
    return static_cast<std::uint32_t>(value);
}

class Packer {
  public:
    Packer(std::uint8_t* out, std::size_t sample_count) : codes_at_(out), at_(out + code_bytes(sample_count)) {}
    /// Writes the last codes; gives the end of all.
    const std::uint8_t* finish() {
        std::memcpy(codes_at_, &codes_, (count_ % codes_per_word + 3) / 4);
        return at_;
    }
    std::size_t count() const { return count_; }

    template <typename T>
    void whole(const T& value) {
        std::memcpy(at_, &value, sizeof value);
        at_ += sizeof value;
    }
    /// `value` less `base`.
    template <typename T>
    void number(const T& value, std::uint32_t base = 0, Width width = Width::any) {
        using Bits = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                        std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>>;
        const std::uint32_t rest = static_cast<Bits>(number_of(value) - base);
        const std::uint64_t code = codes[static_cast<std::size_t>(width)][bytes_of(rest)];
        codes_ |= code << (count_ % codes_per_word * 2);
        if (++count_ % codes_per_word == 0) {
            std::memcpy(codes_at_, &codes_, sizeof codes_);
            codes_at_ += sizeof codes_;
            codes_ = 0;
        }
        std::memcpy(at_, &rest, sizeof rest);
        at_ += widths[static_cast<std::size_t>(width)][code];
    }
    void wide(std::uint64_t value) {
        number(static_cast<std::uint32_t>(value), 0, Width::time);
        number(static_cast<std::uint32_t>(value >> 32));
    }

  private:
    std::uint8_t* codes_at_;
    std::uint8_t* at_;
    std::uint64_t codes_ = 0;
    std::size_t count_ = 0;
};

class Unpacker {
  public:
    Unpacker(const std::uint8_t* from, std::size_t sample_count)
        : codes_at_(from), at_(from + code_bytes(sample_count)) {}

    template <typename T>
    void whole(T& value) {
        std::memcpy(&value, at_, sizeof value);
        at_ += sizeof value;
    }
    template <typename T>
    void number(T& value, std::uint32_t base = 0, Width width = Width::any) {
        if (count_++ % codes_per_word == 0) {
            std::memcpy(&codes_, codes_at_, sizeof codes_);
            codes_at_ += sizeof codes_;
        }
        const std::size_t code = codes_ & 3;
        codes_ >>= 2;
        std::uint32_t rest = 0;
        std::memcpy(&rest, at_, sizeof rest);
        const std::size_t bytes = widths[static_cast<std::size_t>(width)][code];
        at_ += bytes;
        value = static_cast<T>((rest & masks[bytes]) + base);
    }
    void wide(std::uint64_t& value) {
        std::uint32_t low = 0, high = 0;
        number(low, 0, Width::time);
        number(high);
        value = std::uint64_t{high} << 32 | low;
    }

  private:
    const std::uint8_t* codes_at_;
    const std::uint8_t* at_;
    std::uint64_t codes_ = 0;
    std::size_t count_ = 0;
};

/// `value`, told by how much later than `base` it is.
void code_time(Packer& packer, TimeNs value, TimeNs base) {
    packer.wide(static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(base));
}
void code_time(Unpacker& unpacker, TimeNs& value, TimeNs base) {
    std::uint64_t later = 0;
    unpacker.wide(later);
    value = static_cast<TimeNs>(static_cast<std::uint64_t>(base) + later);
}

/// What takes a few bits each, in 32.
struct Bits {
    std::uint32_t all = 0;
    std::uint32_t used = 0;

    template <typename T>
    void put(const T& value, std::uint32_t width) {
        all |= (static_cast<std::uint32_t>(value) & ((1U << width) - 1)) << used;
        used += width;
    }
    template <typename T>
    void get(T& value, std::uint32_t width) {
        value = static_cast<T>(all >> used & ((1U << width) - 1));
        used += width;
    }
};

template <typename L, typename F>
void each_bit_field(L& l, F&& take) requires std::is_same_v<std::remove_const_t<L>, WindowLeg> {
    take(l.protocol, 8);
    take(l.observer, 2);
    take(l.phase, 2);
    take(l.end, 3);
    take(l.client_by, 3);
    take(l.socket_role, 2);
    take(l.head, 2);
    take(l.dirty, 1);
    take(l.settled, 1);
    take(l.ambiguous, 1);
    take(l.relay_next, 1);
    take(l.flows[0].sample_count, 2);
    take(l.flows[1].sample_count, 2);
}
std::size_t codes_at(const WindowLeg& leg) { return packed_keys_at + 1 + leg.key_count * sizeof leg.keys[0]; }

constexpr std::uint32_t client_is_v4 = 1U << 30;
constexpr std::uint32_t server_is_v4 = 1U << 31;

template <typename L, typename F>
void each_bit_field(L& f, F&& take) requires std::is_same_v<std::remove_const_t<L>, WindowFlow> {
    take(f.has_isn, 1);
    take(f.has_timestamps, 1);
    take(f.sack_permitted, 1);
}

void code_endpoint(Packer& packer, const Endpoint& endpoint, bool is_v4) {
    packer.whole(endpoint.port);
    if (!is_v4) return packer.whole(endpoint.ip);
    std::uint32_t last = 0;
    std::memcpy(&last, endpoint.ip.bytes.data() + 12, sizeof last);
    packer.whole(last);
}
void code_endpoint(Unpacker& unpacker, Endpoint& endpoint, bool is_v4) {
    unpacker.whole(endpoint.port);
    if (!is_v4) return unpacker.whole(endpoint.ip);
    std::array<std::uint8_t, 4> last{};
    unpacker.whole(last);
    endpoint.ip = IpAddress::from_v4_bytes(last.data());
}

void code_flags(Packer& packer, const WindowFlow& f) {
    Bits bits;
    each_bit_field(f, [&](const auto& value, std::uint32_t width) { bits.put(value, width); });
    packer.whole(static_cast<std::uint8_t>(bits.all));
}
void code_flags(Unpacker& unpacker, WindowFlow& f) {
    std::uint8_t flags = 0;
    unpacker.whole(flags);
    Bits bits{flags, 0};
    each_bit_field(f, [&](auto& value, std::uint32_t width) { bits.get(value, width); });
}

/// `F` is the flow, constant where it is packed.
template <typename Coder, typename F>
void code_flow(Coder& coder, F& f, std::uint32_t peer_isn) {
    code_flags(coder, f);
    coder.whole(f.first_ttl);
    coder.whole(f.data_ttl);
    coder.wide(f.packets);
    coder.wide(f.bytes);
    coder.number(f.retransmissions);
    coder.number(f.next_seq, f.isn);
    coder.number(f.first_tsval);
    coder.number(f.syn, time_offset_unknown, Width::time);
    coder.number(f.first_ack, time_offset_unknown, Width::time);
    coder.number(f.mss);
    coder.number(f.first_ip_id);
    coder.number(f.window_scale, 0xff);
    coder.number(f.syn_count, 1);
    coder.number(f.head_length);
    coder.number(f.head);
    TimeOffset time = 0;
    std::uint32_t seq = f.isn + 1;
    std::uint32_t ack = peer_isn + 1;
    for (std::size_t n = 0; n < f.sample_count; ++n) {
        auto& s = f.samples[n];
        coder.number(s.time, time, Width::time);
        coder.number(s.hash);
        coder.number(s.seq, seq);
        coder.number(s.ack, ack);
        coder.number(s.length);
        coder.number(s.ip_id);
        time = s.time;
        seq = s.seq;
        ack = s.ack;
    }
}

/// All that does not stand in front.
template <typename Coder, typename L>
void code_leg(Coder& coder, L& l, std::uint32_t v4) {
    coder.whole(l.first_ns);
    code_endpoint(coder, l.client, (v4 & client_is_v4) != 0);
    code_endpoint(coder, l.server, (v4 & server_is_v4) != 0);
    code_time(coder, l.last_ns, l.first_ns);
    coder.number(l.revision);
    coder.number(l.segment);
    coder.number(l.process, no_leg);
    coder.number(l.server_name, no_name);
    coder.number(l.first_hint, no_leg);
    coder.number(l.time_error_ns);
    coder.number(l.tap);
    coder.number(l.clock);
    coder.number(l.app);
    coder.number(l.names_given);
    coder.number(l.rivals);
    coder.number(l.margin_bits);
    coder.number(l.path, no_leg, Width::time);
    coder.number(l.next_in_path, no_leg, Width::time);
    for (auto& count : l.sharers.counts) coder.number(count, 1);
    coder.whole(l.sharers.epoch);
    for (auto& flow : l.flows) coder.whole(flow.isn);
    for (std::size_t d = 0; d < direction_count; ++d) code_flow(coder, l.flows[d], l.flows[1 - d].isn);
}

}  // namespace

std::size_t pack_leg(const WindowLeg& leg, std::uint8_t* out) {
    Bits bits;
    each_bit_field(leg, [&](const auto& value, std::uint32_t width) { bits.put(value, width); });
    bits.all |= (leg.client.ip.is_v4() ? client_is_v4 : 0) | (leg.server.ip.is_v4() ? server_is_v4 : 0);
    std::memcpy(out, &leg.id, sizeof leg.id);
    std::memcpy(out + sizeof leg.id, &bits.all, sizeof bits.all);
    const std::size_t samples = std::size_t{leg.flows[0].sample_count} + leg.flows[1].sample_count;
    out[packed_keys_at] = leg.key_count;
    std::memcpy(out + packed_keys_at + 1, leg.keys.data(), leg.key_count * sizeof leg.keys[0]);
    Packer packer(out + codes_at(leg), samples);
    code_leg(packer, leg, bits.all);
    CLEW_CHECK(packer.count() == number_count + sample_number_count * samples);
    return static_cast<std::size_t>(packer.finish() - out);
}

void unpack_leg(const std::uint8_t* packed, WindowLeg& leg) {
    leg = WindowLeg{};
    leg.id = packed_leg_id(packed);
    Bits bits;
    std::memcpy(&bits.all, packed + sizeof leg.id, sizeof bits.all);
    each_bit_field(leg, [&](auto& value, std::uint32_t width) { bits.get(value, width); });
    const std::size_t samples = std::size_t{leg.flows[0].sample_count} + leg.flows[1].sample_count;
    each_packed_key(packed, [&](std::uint32_t key) { leg.keys[leg.key_count++] = key; });
    Unpacker unpacker(packed + codes_at(leg), samples);
    code_leg(unpacker, leg, bits.all);
}

}  // namespace clew
