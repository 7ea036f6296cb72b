// SPDX-License-Identifier: Apache-2.0
#include "wire/pcapng.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace clew::wire {
namespace {

constexpr std::uint32_t block_section = 0x0a0d0d0a, block_interface = 1, block_packet = 6, block_statistics = 5;
constexpr std::uint16_t linktype_ethernet = 1;
constexpr std::uint8_t nanoseconds = 9;  ///< if_tsresol: 10^-9

class Body {
  public:
    template <class T>
    void put(T value) {
        const auto* at = reinterpret_cast<const std::uint8_t*>(&value);
        bytes_.insert(bytes_.end(), at, at + sizeof value);
    }
    void put_bytes(std::span<const std::uint8_t> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        while (bytes_.size() % 4 != 0) bytes_.push_back(0);
    }
    void time(TimeNs time) {
        put(static_cast<std::uint32_t>(static_cast<std::uint64_t>(time) >> 32));
        put(static_cast<std::uint32_t>(time));
    }
    void option(std::uint16_t code, std::span<const std::uint8_t> value) {
        put(code);
        put(static_cast<std::uint16_t>(value.size()));
        put_bytes(value);
        any_option_ = true;
    }
    void text(std::uint16_t code, const std::string& value) {
        constexpr std::size_t text_bytes_max = 32'768;
        if (value.empty()) return;
        option(code, {reinterpret_cast<const std::uint8_t*>(value.data()), std::min(value.size(), text_bytes_max)});
    }
    void number(std::uint16_t code, std::uint64_t value) {
        option(code, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
    }
    std::span<const std::uint8_t> finish() {
        if (any_option_) put(std::uint32_t{0});  // opt_endofopt
        return bytes_;
    }

  private:
    std::vector<std::uint8_t> bytes_;
    bool any_option_ = false;
};

}  // namespace

void PcapngWriter::send(std::uint32_t type, std::span<const std::uint8_t> body) {
    if (failed_) return;
    const auto length = static_cast<std::uint32_t>(12 + body.size());
    std::vector<std::uint8_t> block(length);
    std::memcpy(block.data(), &type, 4);
    std::memcpy(block.data() + 4, &length, 4);
    if (!body.empty()) std::memcpy(block.data() + 8, body.data(), body.size());
    std::memcpy(block.data() + length - 4, &length, 4);
    failed_ = !write_(block);
}

void PcapngWriter::section(const std::string& application, const std::string& comment) {
    Body body;
    body.put(std::uint32_t{0x1a2b3c4d});
    body.put(std::uint16_t{1});
    body.put(std::uint16_t{0});
    body.put(std::int64_t{-1});  // length of the section: not known
    body.text(4, application);
    body.text(1, comment);
    send(block_section, body.finish());
}

std::uint32_t PcapngWriter::add_interface(const PcapngInterface& interface) {
    Body body;
    body.put(linktype_ethernet);
    body.put(std::uint16_t{0});
    body.put(interface.snap_length);
    body.text(2, interface.name);
    body.text(3, interface.description);
    body.option(9, {&nanoseconds, 1});
    send(block_interface, body.finish());
    return interface_count_++;
}

void PcapngWriter::packet(const PcapngPacket& packet) {
    Body body;
    body.put(packet.interface);
    body.time(packet.time_ns);
    body.put(static_cast<std::uint32_t>(packet.bytes.size()));
    body.put(packet.wire_length);
    body.put_bytes(packet.bytes);
    body.text(1, packet.comment);
    if (packet.packet_id) body.number(5, *packet.packet_id);
    send(block_packet, body.finish());
}

void PcapngWriter::statistics(const PcapngStatistics& statistics) {
    Body body;
    body.put(statistics.interface);
    body.time(statistics.time_ns);
    body.text(1, statistics.comment);
    if (statistics.received) body.number(4, *statistics.received);
    if (statistics.dropped) body.number(5, *statistics.dropped);
    send(block_statistics, body.finish());
}

}  // namespace clew::wire
