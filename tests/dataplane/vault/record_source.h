// SPDX-License-Identifier: Apache-2.0
// Legs and records by hand for the header log's tests, and random ones with a seed.
#pragma once

#include <random>
#include <vector>

#include "dataplane/vault/header_block.h"

namespace clew::vault {

/// A block's content held as values.
class RecordSource final : public HeaderBlockSource {
  public:
    struct SourceLeg {
        LegLabel label;
        std::vector<HeaderRecord> records;
    };
    std::uint64_t base = 0;

    SourceLeg& add(const LegLabel& label) {
        legs_.push_back({label, {}});
        return legs_.back();
    }
    void finish() {
        numbers_.clear();
        records_.clear();
        for (const SourceLeg& leg : legs_) {
            auto& numbers = numbers_.emplace_back();
            for (const HeaderRecord& record : leg.records) {
                numbers.push_back(static_cast<std::uint32_t>(records_.size()));
                records_.push_back(&record);
            }
        }
    }
    const std::vector<SourceLeg>& legs() const { return legs_; }

    std::uint64_t id_base() const override { return base; }
    std::uint32_t leg_count() const override { return static_cast<std::uint32_t>(legs_.size()); }
    const LegLabel& label(std::uint32_t leg) const override { return legs_[leg].label; }
    std::span<const std::uint32_t> packets_of(std::uint32_t leg) const override { return numbers_[leg]; }
    LegTimes times_of(std::uint32_t leg) const override {
        LegTimes times;
        for (const HeaderRecord& record : legs_[leg].records) times.add(record.time_ns);
        return times;
    }
    void read(std::uint32_t packet, HeaderRecord& record) const override { record = *records_[packet]; }

  private:
    std::vector<SourceLeg> legs_;
    std::vector<std::vector<std::uint32_t>> numbers_;
    std::vector<const HeaderRecord*> records_;
};

/// Anything that a record may hold, likely and unlikely.
class RandomRecords {
  public:
    explicit RandomRecords(std::uint32_t seed) : random_(seed) {}

    LegLabel label() {
        LegLabel label;
        label.id = (std::uint64_t{random_()} << 32 | random_()) | 1;
        const bool v6 = one_in(4);
        label.low = address(v6);
        label.high = address(v6);
        label.port_low = static_cast<std::uint16_t>(random_());
        label.port_high = one_in(2) ? 443 : static_cast<std::uint16_t>(random_());
        label.tap = static_cast<TapId>(random_() % 3);
        constexpr Protocol protocols[] = {Protocol::tcp, Protocol::tcp, Protocol::udp, Protocol::icmp};
        label.protocol = static_cast<std::uint8_t>(protocols[random_() % 4]);
        label.segment.layer_count = static_cast<std::uint8_t>(one_in(3) ? random_() % 4 : 0);
        for (std::size_t i = 0; i < label.segment.layer_count; ++i) {
            label.segment.layers[i].type = static_cast<LayerType>(1 + random_() % 5);
            label.segment.layers[i].has_id = one_in(2);
            if (label.segment.layers[i].has_id) label.segment.layers[i].id = random_();
            label.segment.layers[i].client_end = address(false);
        }
        for (auto& byte : label.segment.client_mac.bytes) byte = static_cast<std::uint8_t>(random_());
        return label;
    }

    HeaderRecord record(const LegLabel& leg, TimeNs time, bool wild) {
        HeaderRecord r;
        const bool tcp = leg.protocol == static_cast<std::uint8_t>(Protocol::tcp);
        const bool udp = leg.protocol == static_cast<std::uint8_t>(Protocol::udp);
        r.time_ns = time;
        r.v6 = leg.v6() || (wild && one_in(16));  // IPv6 may carry IPv4-mapped addresses
        r.side = static_cast<std::uint8_t>(random_() % 2);
        r.to_server = one_in(8) ? one_in(2) : r.side == 0;
        r.payload_length = one_in(2) ? 0 : random_() % (wild ? 70'000 : 1448);
        r.ip_offset = 14;
        r.ttl = 64;
        r.ip_protocol = leg.protocol;
        if (!r.v6) r.ip_id = static_cast<std::uint16_t>(next_id_ += one_in(10) ? random_() : 1);
        r.ip_checksum = r.v6 ? Checksum::absent : Checksum::good;
        r.checksum = static_cast<Checksum>(random_() % 3);
        if (tcp) fill_tcp(r);
        if (udp) r.udp_length = static_cast<std::uint16_t>(8 + r.payload_length);
        if (!tcp && !udp) r.icmp_type = 8, r.seq = random_() & 0xffff;
        r.ip_length = static_cast<std::uint16_t>(40 + r.payload_length);
        r.wire_length = r.ip_offset + r.ip_length;
        if (one_in(3)) {
            r.has_payload_check = true;
            r.payload_check = static_cast<std::uint16_t>(random_());
        }
        if (wild) distort(r, tcp);
        return r;
    }

    bool one_in(unsigned n) { return random_() % n == 0; }
    std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }

  private:
    IpAddress address(bool v6) {
        if (!v6) return IpAddress::from_v4(0x0a000000 + static_cast<std::uint32_t>(random_() % 300));
        IpAddress ip;
        for (auto& byte : ip.bytes) byte = static_cast<std::uint8_t>(random_());
        return ip;
    }

    void fill_tcp(HeaderRecord& r) {
        r.seq = next_seq_ += one_in(20) ? static_cast<std::uint32_t>(random_()) : r.payload_length;
        r.ack = one_in(2) ? last_ack_ : last_ack_ = static_cast<std::uint32_t>(random_());
        r.flags = one_in(20) ? static_cast<std::uint8_t>(random_()) : 0x10;
        r.window = one_in(2) ? 501 : static_cast<std::uint16_t>(random_());
        if (one_in(2)) {
            const std::uint8_t timestamps[12] = {1, 1, 8, 10};
            std::copy(std::begin(timestamps), std::end(timestamps), r.options.begin());
            for (std::size_t i = 4; i < 12; ++i) r.options[i] = static_cast<std::uint8_t>(random_());
            r.options_length = 12;
        }
        if (one_in(10)) {  // anything at all
            r.options_length = static_cast<std::uint8_t>(random_() % 41);
            r.options = {};
            for (std::size_t i = 0; i < r.options_length; ++i) r.options[i] = static_cast<std::uint8_t>(random_() % 12);
        }
        r.tcp_offset = static_cast<std::uint8_t>((20 + r.options_length) / 4 << 4);
    }

    void distort(HeaderRecord& r, bool tcp) {
        if (one_in(4)) r.ttl = static_cast<std::uint8_t>(random_());
        if (one_in(4)) r.tos = static_cast<std::uint8_t>(random_());
        if (one_in(4)) r.wire_length = static_cast<std::uint32_t>(random_());
        if (one_in(4)) r.ip_length = static_cast<std::uint16_t>(random_());
        if (one_in(4)) r.ip_offset = static_cast<std::uint16_t>(random_());
        if (one_in(4)) r.ip_protocol = static_cast<std::uint8_t>(random_());
        if (one_in(4)) r.ip_checksum = static_cast<Checksum>(random_() % 4);
        if (one_in(4)) r.checksum = static_cast<Checksum>(random_() % 4);
        if (r.v6 && one_in(4)) r.flow_label = static_cast<std::uint32_t>(random_()) & 0xf'ffff;
        if (!r.v6 && one_in(4)) r.fragment = static_cast<std::uint16_t>(random_());
        if (tcp && one_in(4)) r.tcp_offset = static_cast<std::uint8_t>(random_());
        if (tcp && one_in(4)) r.urgent = static_cast<std::uint16_t>(random_());
        if (one_in(4)) {
            r.ip_extra_cut = one_in(2);
            r.ip_extra_length = static_cast<std::uint8_t>(random_() % (ip_extra_bytes_max + 1));
            for (std::size_t i = 0; i < r.ip_extra_length; ++i) r.ip_extra[i] = static_cast<std::uint8_t>(random_());
        }
    }

    std::mt19937 random_;
    std::uint32_t next_seq_ = 1, last_ack_ = 1;
    std::uint64_t next_id_ = 1;
};

/// `leg_count` legs of up to `packets` packets.
inline void fill(RecordSource& source, RandomRecords& random, unsigned leg_count, unsigned packets, bool wild) {
    TimeNs time = 1'700'000'000 * ns_per_s;
    for (unsigned leg = 0; leg < leg_count; ++leg) {
        auto& to = source.add(random.label());
        const bool whole_us = random.one_in(2);
        const unsigned count = 1 + random.number() % packets;
        TimeNs now = time += random.number() % ns_per_ms;
        for (unsigned i = 0; i < count; ++i) {
            now += random.one_in(50) ? -static_cast<TimeNs>(random.number() % ns_per_ms)
                                     : static_cast<TimeNs>(random.number() % (10 * ns_per_ms));
            to.records.push_back(random.record(to.label, whole_us ? now - now % 1000 : now, wild));
        }
    }
    source.finish();
}

}  // namespace clew::vault
