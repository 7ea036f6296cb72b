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
template <class T, unsigned Size>
class RecentModel {
    static_assert(Size <= 256);

  public:
    template <class Coder, class WriteOut>
    void code(Coder& coder, T& value, WriteOut&& write_out) {
        std::uint32_t place = 0, mark = 0;
        if constexpr (Coder::encodes) {
            mark = mark_of(value);
            while (place < count_ && !(marks_[place] == mark && slots_[order_[place]] == value)) ++place;
        }
        const bool known = count_ > 0 && coder.bit(known_, place < count_);
        if (known) {
            place = std::min(static_cast<std::uint32_t>(places_.code(coder, 0, place)), count_ - 1);
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
    }

  private:
    Probability known_;
    NumberModel<1> places_;
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

class LabelModel {
  public:
    explicit LabelModel(std::uint64_t id_base) : id_base_(id_base) {}

    template <class Coder>
    void code(Coder& coder, BlockLeg& leg) {
        LegLabel& label = leg.label;
        code_id(coder, label);
        tap_.code(coder, label.tap, last_tap_);
        last_tap_ = label.tap;
        protocol_.code(coder, label.protocol, last_protocol_);
        last_protocol_ = label.protocol;
        LabelEnds ends{label.low, label.high, label.port_low, label.port_high};
        ends_.code(coder, ends, [&](LabelEnds& whole) {
            code_address(coder, whole.low, 0);
            code_address(coder, whole.high, 1);
            code_port(coder, whole.port_low, 0);
            code_port(coder, whole.port_high, 1);
        });
        label.low = ends.low, label.high = ends.high;
        label.port_low = ends.port_low, label.port_high = ends.port_high;
        LabelSegment segment{label.segment};
        segments_.code(coder, segment, [&](LabelSegment& whole) { code_segment(coder, whole.segment); });
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
        addresses_.code(coder, address, [&](IpAddress& whole) {
            const bool v4 = coder.bit(v4_, whole.is_v4());
            if (v4) whole = IpAddress::from_v4(whole.v4());
            IpAddress& before = last_written_[v4];
            bool same = true;
            for (std::size_t i = v4 ? 12 : 0; i < 16; ++i) {
                if (same && coder.bit(byte_same_[end][i], whole.bytes[i] == before.bytes[i])) {
                    whole.bytes[i] = before.bytes[i];
                    continue;
                }
                same = false;
                whole.bytes[i] = static_cast<std::uint8_t>(coder.raw(whole.bytes[i], 8));
            }
            if (v4) {  // the rest is the same for all of them
                std::fill_n(whole.bytes.begin(), 10, std::uint8_t{0});
                whole.bytes[10] = whole.bytes[11] = 0xff;
            }
            before = whole;
        });
    }

    template <class Coder>
    void code_port(Coder& coder, std::uint16_t& port, unsigned end) {
        ports_.code(coder, port, [&](std::uint16_t& whole) {
            const auto ahead = static_cast<std::uint16_t>(whole - last_port_);
            const bool near = coder.bit(port_near_[end], ahead < 64);
            if (near)
                whole = static_cast<std::uint16_t>(last_port_ + port_ahead_.code(coder, ahead));
            else
                whole = static_cast<std::uint16_t>(coder.raw(whole, 16));
            last_port_ = whole;
        });
    }

    template <class Coder>
    void code_segment(Coder& coder, Segment& segment) {
        segment.layer_count = static_cast<std::uint8_t>(
            std::min<std::uint32_t>(layer_count_.code(coder, segment.layer_count), layer_count_max));
        for (std::size_t i = 0; i < segment.layer_count; ++i) {
            Layer& layer = segment.layers[i];
            layer.type = static_cast<LayerType>(layer_type_.code(coder, static_cast<std::uint32_t>(layer.type)));
            layer.has_id = coder.bit(has_id_, layer.has_id);
            if (layer.has_id) layer.id = coder.raw(layer.id, 32);
            code_address(coder, layer.client_end, 0);
            code_address(coder, layer.server_end, 1);
        }
        for (MacAddress* mac : {&segment.client_mac, &segment.server_mac})
            macs_.code(coder, *mac, [&](MacAddress& whole) {
                for (std::uint8_t& byte : whole.bytes) byte = static_cast<std::uint8_t>(coder.raw(byte, 8));
            });
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
    RecentModel<IpAddress, 64> addresses_;
    Probability v4_;
    std::array<std::array<Probability, 16>, 2> byte_same_;
    std::array<IpAddress, 2> last_written_{};
    RecentModel<std::uint16_t, 16> ports_;
    std::array<Probability, 2> port_near_;
    BitTree<6> port_ahead_;
    std::uint16_t last_port_ = 0;
    RecentModel<LabelSegment, 64> segments_;
    BitTree<4> layer_count_;
    BitTree<8> layer_type_;
    Probability has_id_;
    RecentModel<MacAddress, 64> macs_;
    NumberModel<1> packets_;
    Probability whole_us_;
};

}  // namespace clew::vault
