// SPDX-License-Identifier: Apache-2.0
#include "dataplane/source/pcap_records.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace clew::sensor {
namespace {

constexpr std::size_t file_header_bytes = 24;
constexpr std::size_t block_bytes = 128u << 10;  ///< read at once: what a core's second cache holds beside the tables
constexpr std::uint32_t magic_us = 0xa1b2c3d4, magic_ns = 0xa1b23c4d;
constexpr std::uint16_t version_major = 2, version_minor = 4;

}  // namespace

std::optional<PcapFormat> pcap_format_of(FILE* file) {
    struct {
        std::uint32_t magic;
        std::uint16_t major, minor;
    } header{};
    static_assert(sizeof header < file_header_bytes);
    if (pread(fileno(file), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) return std::nullopt;
    const bool swapped = header.magic == __builtin_bswap32(magic_us) || header.magic == __builtin_bswap32(magic_ns);
    if (swapped) {
        header.magic = __builtin_bswap32(header.magic);
        header.major = __builtin_bswap16(header.major);
        header.minor = __builtin_bswap16(header.minor);
    }
    const bool known = header.magic == magic_us || header.magic == magic_ns;
    if (!known || header.major != version_major || header.minor != version_minor) return std::nullopt;
    return PcapFormat{swapped, header.magic == magic_ns};
}

PcapRecords::PcapRecords(FILE* file, PcapFormat format)
    : file_(file), format_(format), bytes_(pcap_record_header_bytes + pcap_packet_bytes_max + block_bytes) {}

bool PcapRecords::end_with(std::string error) {
    error_ = std::move(error);
    begin_ = end_ = 0;
    return false;
}

bool PcapRecords::refill() {
    const std::size_t rest = end_ - begin_;
    if (rest >= pcap_record_header_bytes && word_at(begin_ + 8) > pcap_packet_bytes_max)
        return end_with("a packet of " + std::to_string(word_at(begin_ + 8)) + " bytes: the file is damaged");
    std::memmove(bytes_.data(), bytes_.data() + begin_, rest);
    begin_ = 0;
    end_ = rest;
    const std::size_t count = std::fread(bytes_.data() + end_, 1, block_bytes, file_);
    end_ += count;
    if (count != 0) return true;
    if (std::ferror(file_)) return end_with(std::strerror(errno));
    return end_with(rest == 0 ? "" : "the file ends inside a packet");
}

}  // namespace clew::sensor
