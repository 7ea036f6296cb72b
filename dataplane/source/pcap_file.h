// SPDX-License-Identifier: Apache-2.0
// A capture file as a source: pcap or pcapng as libpcap reads them, time stamps in nanoseconds; linktypes Ethernet,
// LINUX_SLL and SLL2 (captures of the interface "any"), RAW, NULL, C_HDLC and PPP. One thread. Packets of classic pcap
// files are lent in place (pcap_records.h); those of others are copied out of libpcap's buffer into one of its own, so
// that a whole burst can be lent.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/packet.h"
#include "dataplane/source/pcap_records.h"
#include "nat-trace/result.h"

struct pcap;

namespace clew::sensor {

class PcapFile final : public PacketSource {
  public:
    /// Fails with one sentence: not there, not readable, no capture file, empty, of another linktype.
    static Result<std::unique_ptr<PcapFile>> open(const std::string& path, TapId tap);
    ~PcapFile() override;
    PcapFile(const PcapFile&) = delete;
    PcapFile& operator=(const PcapFile&) = delete;

    std::size_t receive(std::span<Packet> burst) override;
    void release() override { held_bytes_ = 0; }
    bool at_end() const override { return at_end_; }
    /// Set when the file ends inside a packet: what came before it was received.
    std::string error_sentence() const override { return error_; }
    SourceCounters counters() const override;  ///< from any thread
    int linktype() const;                      ///< libpcap's DLT_ number

  private:
    PcapFile(pcap* capture, LinkType link, std::string path, TapId tap, std::optional<PcapFormat> format);
    Packet packet_of(const PcapRecord& record);
    std::size_t lend_records(std::span<Packet> burst);
    void end(const std::string& error);
    bool read_ahead();

    pcap* capture_;
    LinkType link_;
    std::string path_;
    TapId tap_;
    std::optional<PcapRecords> records_;  ///< none: libpcap reads
    std::uint32_t snapshot_length_;
    std::vector<std::uint8_t> bytes_;  ///< the lent burst, where libpcap reads
    std::size_t held_bytes_ = 0;
    const std::uint8_t* ahead_bytes_ = nullptr;  ///< read from libpcap and not lent yet
    Packet ahead_;
    bool at_end_ = false;
    std::string error_;
    std::atomic<std::uint64_t> packets_{0}, byte_count_{0}, errors_{0};  ///< one writer
};

}  // namespace clew::sensor
