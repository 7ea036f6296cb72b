// SPDX-License-Identifier: Apache-2.0
// The model of a block's legs: who they are and how many packets each has. One template for encoder and decoder, as in
// header_model.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dataplane/vault/header_model.h"
#include "dataplane/vault/number_model.h"

namespace clew::vault {

/// A leg of a block, and where its packets are.
struct BlockLeg {
    LegLabel label;
    std::uint32_t packet_count = 0;
    std::uint32_t time_unit_ns = 1;  ///< 1 or 1000: every time of the leg is a multiple of it
};

/// Observers number their legs and mix the numbers into ids (dataplane/hash.h): the number is what costs little.
std::uint64_t leg_number_of(LegId id, std::uint64_t id_base);
LegId leg_id_of(std::uint64_t leg_number, std::uint64_t id_base);

/// A mark of a value: equal values have equal marks. To find values fast, no part of the format.
inline std::uint32_t mark_of(std::uint16_t value) { return value; }
inline std::uint32_t mark_of(std::uint32_t value) { return value; }
inline std::uint32_t mark_of(const IpAddress& address) {
    std::uint64_t words[2];
    std::memcpy(words, address.bytes.data(), sizeof words);
    return static_cast<std::uint32_t>((words[0] ^ words[1]) * 0x9e37'79b9'7f4a'7c15ull >> 32);
}
inline std::uint32_t mark_of(const MacAddress& mac) {
    std::uint32_t upper;
    std::uint16_t lower;
    std::memcpy(&upper, mac.bytes.data(), sizeof upper);
    std::memcpy(&lower, mac.bytes.data() + sizeof upper, sizeof lower);
    return (upper ^ lower) * 0x9e37'79b9u;
}

/// Values that come again: the latest few by their place, else written out.
template <class T, unsigned Size, unsigned Contexts = 1>
class RecentModel {
    static_assert(Size <= 255);

  public:
    using Slot = std::uint8_t;  ///< where a value is kept, from 1 on; 0 is none

    /// Gives the slot that the value is in from now on, until other values have driven it out.
    template <class Coder, class WriteOut>
    Slot code(Coder& coder, unsigned context, T& value, WriteOut&& write_out) {
        std::uint32_t place = 0, mark = 0;
        if constexpr (Coder::encodes) {
            mark = mark_of(value);
            while (place < count_ && !(marks_[place] == mark && slots_[order_[place]] == value)) ++place;
        }
        const bool known = count_ > 0 && coder.bit(known_[context], place < count_);
        if (known) {
            place = std::min(static_cast<std::uint32_t>(places_.code(coder, context, place)), count_ - 1);
            value = slots_[order_[place]];
        } else {
            write_out(value);
            if (count_ < Size) order_[count_] = static_cast<std::uint8_t>(count_), ++count_;
            place = count_ - 1;
            slots_[order_[place]] = value;
        }
        const std::uint8_t slot = order_[place];
        std::move_backward(order_.begin(), order_.begin() + place, order_.begin() + place + 1);
        order_[0] = slot;
        std::move_backward(marks_.begin(), marks_.begin() + place, marks_.begin() + place + 1);
        marks_[0] = mark;
        return static_cast<Slot>(slot + 1);
    }
    /// The same where the value is likely to be in this slot.
    template <class Coder, class WriteOut>
    Slot code_guessed(Coder& coder, unsigned context, Slot guess, T& value, WriteOut&& write_out) {
        if (guess != 0) {
            const T& likely = slots_[guess - 1];
            if (coder.bit(guessed_[context], Coder::encodes && value == likely)) {
                value = likely;
                return guess;
            }
        }
        return code(coder, context, value, write_out);
    }

  private:
    std::array<Probability, Contexts> known_, guessed_;
    NumberModel<Contexts> places_;
    std::uint32_t count_ = 0;
    std::array<std::uint8_t, Size> order_{};   ///< slots, the latest first
    std::array<std::uint32_t, Size> marks_{};  ///< of the values, in that order
    std::array<T, Size> slots_{};
};

/// A segment as it is compared here: what is cheap to compare first.
struct LabelSegment {
    Segment segment;
    bool operator==(const LabelSegment& other) const {
        return segment.client_mac == other.segment.client_mac && segment.server_mac == other.segment.server_mac &&
               segment.layer_count == other.segment.layer_count &&
               std::equal(segment.layers.begin(), segment.layers.begin() + segment.layer_count,
                          other.segment.layers.begin());
    }
};

inline std::uint32_t mark_of(const LabelSegment& value) {
    std::uint32_t mark = mark_of(value.segment.client_mac) ^ mark_of(value.segment.server_mac) * 5;
    for (std::size_t i = 0; i < value.segment.layer_count; ++i)
        mark = (mark + value.segment.layers[i].id + mark_of(value.segment.layers[i].client_end)) * 0x9e37'79b9u;
    return mark;
}

/// Both ends of a connection, which may be several legs.
struct LabelEnds {
    IpAddress low, high;
    std::uint16_t port_low = 0, port_high = 0;
    bool operator==(const LabelEnds&) const = default;
};
inline std::uint32_t mark_of(const LabelEnds& ends) {
    const auto ports = static_cast<std::uint32_t>(ends.port_low << 16 | ends.port_high);
    return (mark_of(ends.low) ^ mark_of(ends.high) * 5 ^ ports) * 0x9e37'79b9u;
}

/// Bytes of addresses: each is likely to be what came behind the same ones before.
class PrefixModel {
  public:
    template <class Coder>
    void code(Coder& coder, std::uint8_t* bytes, std::size_t count) {
        std::uint32_t prefix = static_cast<std::uint32_t>(count);
        for (std::size_t i = 0; i < count; ++i) {
            prefix *= 0x9e37'79b9u;
            std::uint16_t& next = next_[prefix >> 22];
            const bool known = next >> 8 == (prefix & 0x7f) + 1;
            const std::size_t place = std::min(i, place_count - 1);
            if (known && coder.bit(as_before_[place], bytes[i] == (next & 0xff)))
                bytes[i] = static_cast<std::uint8_t>(next);
            else {
                const unsigned high = coder.symbol(highs_[place], bytes[i] >> 4);
                bytes[i] = static_cast<std::uint8_t>(high << 4 | coder.raw(bytes[i] & 15, 4));
            }
            next = static_cast<std::uint16_t>(((prefix & 0x7f) + 1) << 8 | bytes[i]);
            prefix ^= bytes[i] + 1u;
        }
    }

  private:
    static constexpr std::size_t place_count = 4;
    std::array<std::uint16_t, 1024> next_{};  ///< byte that came behind a prefix, and a mark of the prefix
    std::array<Probability, place_count> as_before_;
    std::array<SymbolModel, place_count> highs_;
};

class LabelModel {
  public:
    explicit LabelModel(std::uint64_t id_base) : id_base_(id_base) {}
    /// Of a model that has coded nothing yet.
    void set_id_base(std::uint64_t id_base) { id_base_ = id_base; }

    template <class Coder>
    void code(Coder& coder, BlockLeg& leg) {
        LegLabel& label = leg.label;
        code_id(coder, label);
        tap_.code(coder, label.tap, last_tap_);
        last_tap_ = label.tap;
        protocol_.code(coder, label.protocol, last_protocol_);
        last_protocol_ = label.protocol;
        LabelEnds ends{label.low, label.high, label.port_low, label.port_high};
        ends_.code(coder, 0, ends, [&](LabelEnds& whole) {
            code_address(coder, whole.low, 0);
            code_address(coder, whole.high, 1);
            const bool known = code_port(coder, whole.port_low, whole.low, 0);
            code_port(coder, whole.port_high, whole.high, 1 + known);
        });
        label.low = ends.low, label.high = ends.high;
        label.port_low = ends.port_low, label.port_high = ends.port_high;
        LabelSegment segment{label.segment};
        auto& slot = segment_slots_[mark_of(label.low) >> 24];
        slot = segments_.code_guessed(coder, 0, slot, segment,
                                      [&](LabelSegment& whole) { code_segment(coder, whole.segment); });
        label.segment = segment.segment;
        leg.packet_count = static_cast<std::uint32_t>(packets_.code(coder, 0, leg.packet_count));
        leg.time_unit_ns = coder.bit(whole_us_, leg.time_unit_ns == 1000) ? 1000 : 1;
    }

  private:
    template <class Coder>
    void code_id(Coder& coder, LegLabel& label) {
        const std::uint64_t ahead = leg_number_of(label.id, id_base_) - number_;
        std::uint64_t half = numbers_.code(coder, 0, ahead >> 1);
        half = half << 1 | (coder.bit(number_odd_, (ahead & 1) != 0) ? 1 : 0);
        number_ += half;
        label.id = leg_id_of(number_, id_base_);
    }

    template <class Coder>
    void code_address(Coder& coder, IpAddress& address, unsigned end) {
        addresses_.code(coder, end, address, [&](IpAddress& whole) {
            const bool v4 = coder.bit(v4_, whole.is_v4());
            if (v4) {
                whole = IpAddress::from_v4(whole.v4());
                if constexpr (!Coder::encodes) whole = IpAddress::from_v4(0);
                prefixes_.code(coder, whole.bytes.data() + 12, 4);
            } else {
                prefixes_.code(coder, whole.bytes.data(), 16);
            }
        });
    }

    /// Whether it was one of those that had come before.
    template <class Coder>
    bool code_port(Coder& coder, std::uint16_t& port, const IpAddress& host, unsigned context) {
        bool known = true;
        ports_.code(coder, context, port, [&](std::uint16_t& whole) {
            std::uint16_t& before = last_ports_[mark_of(host) >> 24];
            const auto ahead = static_cast<std::uint16_t>(whole - before);
            const bool near = coder.bit(port_near_, ahead < 64);
            if (near) {
                whole = static_cast<std::uint16_t>(before + port_ahead_.code(coder, ahead));
            } else {
                const unsigned high = coder.symbol(port_high_, whole >> 12);
                whole = static_cast<std::uint16_t>(high << 12 | coder.raw(whole & 0xfff, 12));
            }
            before = whole;
            known = false;
        });
        return known;
    }

    template <class Coder>
    void code_segment(Coder& coder, Segment& segment) {
        segment.layer_count = static_cast<std::uint8_t>(
            std::min<std::uint32_t>(layer_count_.code(coder, segment.layer_count), layer_count_max));
        for (std::size_t i = 0; i < segment.layer_count; ++i) {
            Layer& layer = segment.layers[i];
            layer.type = static_cast<LayerType>(layer_type_.code(coder, static_cast<std::uint32_t>(layer.type)));
            layer.has_id = coder.bit(has_id_, layer.has_id);
            if (layer.has_id)
                ids_.code(coder, 0, layer.id,
                          [&](std::uint32_t& id) { id = static_cast<std::uint32_t>(id_.code(coder, 0, id)); });
            code_address(coder, layer.client_end, 2);
            code_address(coder, layer.server_end, 2);
        }
        for (MacAddress* mac : {&segment.client_mac, &segment.server_mac})
            macs_.code(coder, 0, *mac, [&](MacAddress& whole) { prefixes_.code(coder, whole.bytes.data(), 6); });
    }

    std::uint64_t id_base_;
    std::uint64_t number_ = 0;
    NumberModel<1> numbers_;
    Probability number_odd_;
    FieldModel<std::uint16_t> tap_;
    std::uint16_t last_tap_ = 0;
    FieldModel<std::uint8_t> protocol_;
    std::uint8_t last_protocol_ = 6;
    RecentModel<LabelEnds, 64> ends_;
    RecentModel<IpAddress, 128, 3> addresses_;
    PrefixModel prefixes_;
    Probability v4_;
    RecentModel<std::uint16_t, 16, 3> ports_;
    Probability port_near_;
    BitTree<6> port_ahead_;
    SymbolModel port_high_;
    std::array<std::uint16_t, 256> last_ports_{};  ///< by host
    RecentModel<LabelSegment, 64> segments_;
    std::array<RecentModel<LabelSegment, 64>::Slot, 256> segment_slots_{};  ///< by the lower end's address
    BitTree<4> layer_count_;
    BitTree<8> layer_type_;
    Probability has_id_;
    RecentModel<std::uint32_t, 32> ids_;
    NumberModel<1> id_;
    RecentModel<MacAddress, 64> macs_;
    NumberModel<1> packets_;
    Probability whole_us_;
};

}  // namespace clew::vault
