// SPDX-License-Identifier: Apache-2.0
// The packets of a classic pcap file, lent in place out of blocks that are read whole: a call into the kernel for some
// thousand packets, and nothing copied. Other formats, and files that cannot be read twice, are libpcap's
// (pcap_file.h). One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "nat-trace/time.h"

namespace clew::sensor {

constexpr std::size_t pcap_packet_bytes_max = 256u << 10;  ///< libpcap's own limit: more is a damaged file

constexpr std::size_t pcap_record_header_bytes = 16;

/// How a file's numbers are written, told by its first bytes.
struct PcapFormat {
    bool swapped = false;      ///< by a machine of the other byte order
    bool nanoseconds = false;  ///< else microseconds
};

/// Of a regular file that begins as pcap version 2.4 does; moves nothing. None: leave it to libpcap.
std::optional<PcapFormat> pcap_format_of(FILE* file);

/// One packet record (draft-ietf-opsawg-pcap, 5).
struct PcapRecord {
    std::uint32_t seconds = 0;
    std::uint32_t fraction_ns = 0;  ///< as written, also where that is more than a second
    std::uint32_t captured_length = 0;
    std::uint32_t wire_length = 0;
    const std::uint8_t* bytes = nullptr;  ///< until refill()
};

class PcapRecords {
  public:
    /// `file` is borrowed and stands behind the file's header.
    PcapRecords(FILE* file, PcapFormat format);

    /// The next record that is there whole; false: refill() first, which makes earlier records' bytes invalid.
    bool next(PcapRecord& record) {
        if (end_ - begin_ < pcap_record_header_bytes) return false;
        const std::uint32_t length = word_at(begin_ + 8);
        if (length > std::min(end_ - begin_ - pcap_record_header_bytes, pcap_packet_bytes_max)) return false;
        const std::uint64_t fraction = std::uint64_t{word_at(begin_ + 4)} * (format_.nanoseconds ? 1 : ns_per_us);
        record.seconds = word_at(begin_);
        record.fraction_ns = static_cast<std::uint32_t>(std::min<std::uint64_t>(fraction, 0xffff'ffff));
        record.captured_length = length;
        record.wire_length = word_at(begin_ + 12);
        record.bytes = bytes_.data() + begin_ + pcap_record_header_bytes;
        begin_ += pcap_record_header_bytes + length;
        return true;
    }
    /// False at the end of the file. error() says whether it ended well.
    bool refill();
    const std::string& error() const { return error_; }  ///< empty: none

  private:
    std::uint32_t word_at(std::size_t at) const {
        std::uint32_t word;
        std::memcpy(&word, bytes_.data() + at, sizeof word);
        return format_.swapped ? __builtin_bswap32(word) : word;
    }
    bool end_with(std::string error);

    FILE* file_;
    PcapFormat format_;
    std::vector<std::uint8_t> bytes_;
    std::size_t begin_ = 0, end_ = 0;  ///< what of bytes_ was read and not lent yet
    std::string error_;
};

}  // namespace clew::sensor
