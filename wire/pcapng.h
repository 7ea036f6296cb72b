// SPDX-License-Identifier: Apache-2.0
// Writes pcapng (draft-ietf-opsawg-pcapng): one section, an interface block a tap, enhanced packet blocks in
// nanoseconds, an interface statistics block a tap. Little endian. Bytes out by parameter.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "nat-trace/time.h"

namespace clew::wire {

struct PcapngInterface {
    std::string name;
    std::string description;
    std::uint32_t snap_length = 0;  ///< 0: not cut
};

struct PcapngPacket {
    std::uint32_t interface = 0;
    TimeNs time_ns = 0;
    std::uint32_t wire_length = 0;
    std::span<const std::uint8_t> bytes;
    std::optional<std::uint64_t> packet_id;  ///< epb_packetid: the same for the same packet at every tap
    std::string comment;
};

struct PcapngStatistics {
    std::uint32_t interface = 0;
    TimeNs time_ns = 0;
    std::optional<std::uint64_t> received;
    std::optional<std::uint64_t> dropped;  ///< isb_ifdrop
    std::string comment;
};

class PcapngWriter {
  public:
    /// `write` takes bytes and says whether they were taken; after a no nothing more is written.
    using Write = std::function<bool(std::span<const std::uint8_t>)>;
    explicit PcapngWriter(Write write) : write_(std::move(write)) {}

    void section(const std::string& application, const std::string& comment);
    std::uint32_t add_interface(const PcapngInterface& interface);  ///< its number
    void packet(const PcapngPacket& packet);
    void statistics(const PcapngStatistics& statistics);
    bool failed() const { return failed_; }

  private:
    void send(std::uint32_t type, std::span<const std::uint8_t> body);

    Write write_;
    std::uint32_t interface_count_ = 0;
    bool failed_ = false;
};

}  // namespace clew::wire
