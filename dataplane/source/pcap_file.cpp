// SPDX-License-Identifier: Apache-2.0
#include "dataplane/source/pcap_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <pcap/pcap.h>
#include <sys/stat.h>

namespace clew::sensor {
namespace {

constexpr std::int64_t seconds_max = 8'000'000'000;  ///< damaged time stamps stay where arithmetic on them is safe
constexpr std::size_t burst_bytes = 1u << 20;
/// More of one packet is left out, as if the capture had been cut.
constexpr std::size_t packet_bytes_max = pcap_packet_bytes_max;

Result<FILE*> open_file(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0 || S_ISDIR(status.st_mode))
        return fail(ErrorKind::failed, "cannot read the capture file '" + path + "': " +
                                           (S_ISDIR(status.st_mode) ? "it is a directory" : std::strerror(errno)) +
                                           "; give the path of a pcap or pcapng file");
    if (S_ISREG(status.st_mode) && status.st_size == 0)
        return fail(ErrorKind::failed, "the capture file '" + path +
                                           "' is empty (0 bytes): was the capture stopped before its first packet?");
    FILE* file = std::fopen(path.c_str(), "rb");
    if (!file)
        return fail(errno == EACCES ? ErrorKind::not_allowed : ErrorKind::failed,
                    "cannot read the capture file '" + path + "': " + std::strerror(errno) + "; check its permissions");
    return file;
}

std::optional<LinkType> link_of(int linktype) {
    switch (linktype) {
        case DLT_EN10MB: return LinkType::ethernet;
        case DLT_RAW:
        case DLT_IPV4:
        case DLT_IPV6: return LinkType::raw_ip;
        case DLT_LINUX_SLL: return LinkType::linux_cooked;
        case DLT_LINUX_SLL2: return LinkType::linux_cooked_2;
        case DLT_NULL:
        case DLT_LOOP: return LinkType::loopback;
        case DLT_C_HDLC: return LinkType::cisco_hdlc;
        case DLT_PPP:
        case DLT_PPP_SERIAL: return LinkType::ppp;
        default: return std::nullopt;
    }
}

void add(std::atomic<std::uint64_t>& to, std::uint64_t n) {
    to.store(to.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // one writer
}

}  // namespace

SourceCounters PcapFile::counters() const {
    SourceCounters counters;
    counters.packets = packets_.load(std::memory_order_relaxed);
    counters.bytes = byte_count_.load(std::memory_order_relaxed);
    counters.errors = errors_.load(std::memory_order_relaxed);
    return counters;
}

Result<std::unique_ptr<PcapFile>> PcapFile::open(const std::string& path, TapId tap) {
    auto file = open_file(path);
    if (!file) return tl::make_unexpected(file.error());
    const std::optional<PcapFormat> format = pcap_format_of(*file);
    char message[PCAP_ERRBUF_SIZE] = "";
    pcap_t* capture = pcap_fopen_offline_with_tstamp_precision(*file, PCAP_TSTAMP_PRECISION_NANO, message);
    if (!capture) {
        std::fclose(*file);
        return fail(ErrorKind::failed,
                    "'" + path + "' is no readable capture file (" + message + "): give a pcap or pcapng file");
    }
    const int linktype = pcap_datalink(capture);
    const auto link = link_of(linktype);
    if (!link) {
        const char* name = pcap_datalink_val_to_name(linktype);
        pcap_close(capture);
        return fail(ErrorKind::failed,
                    "'" + path + "' has linktype " + (name ? name : std::to_string(linktype)) +
                        ", but Clew reads captures of Ethernet, LINUX_SLL, LINUX_SLL2, RAW (IP), NULL, C_HDLC and PPP");
    }
    return std::unique_ptr<PcapFile>(new PcapFile(capture, *link, path, tap, format));
}

PcapFile::PcapFile(pcap* capture, LinkType link, std::string path, TapId tap, std::optional<PcapFormat> format)
    : capture_(capture),
      link_(link),
      path_(std::move(path)),
      tap_(tap),
      snapshot_length_(static_cast<std::uint32_t>(pcap_snapshot(capture))),
      bytes_(format ? 0 : burst_bytes) {
    if (format) records_.emplace(::pcap_file(capture), *format);
}

PcapFile::~PcapFile() { pcap_close(capture_); }

int PcapFile::linktype() const { return pcap_datalink(capture_); }

/// What came before is lent; `error` says what stopped the reading, or nothing at a good end.
void PcapFile::end(const std::string& error) {
    at_end_ = true;
    if (error.empty()) return;
    add(errors_, 1);
    error_ = "'" + path_ + "' cannot be read beyond its packet " +
             std::to_string(packets_.load(std::memory_order_relaxed)) + " (" + error +
             "): the packets before it were read";
}

Packet PcapFile::packet_of(const PcapRecord& record) {
    Packet packet;
    packet.bytes = record.bytes;
    packet.captured_length = record.captured_length;
    packet.wire_length = std::max(record.wire_length, record.captured_length);
    packet.time_ns = record.seconds * ns_per_s + std::min<std::int64_t>(record.fraction_ns, ns_per_s - 1);
    packet.tap = tap_;
    packet.link = link_;
    packet.time_source = TimeSource::file;
    return packet;
}

/// Whole records out of the block that was read; a new one is read when none is lent out of the old one.
std::size_t PcapFile::lend_records(std::span<Packet> burst) {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    PcapRecord record;
    while (count < burst.size()) {
        if (records_->next(record)) {
            record.captured_length = std::min(record.captured_length, snapshot_length_);
            burst[count] = packet_of(record);
            bytes += burst[count++].wire_length;
        } else if (count != 0) {
            break;
        } else if (!records_->refill()) {
            end(records_->error());
            break;
        }
    }
    add(packets_, count);
    add(byte_count_, bytes);
    return count;
}

/// Fetches the next packet from libpcap unless one is waiting; false at the end.
bool PcapFile::read_ahead() {
    if (ahead_bytes_) return true;
    if (at_end_) return false;
    pcap_pkthdr* header = nullptr;
    const int got = pcap_next_ex(capture_, &header, &ahead_bytes_);
    if (got != 1) {
        ahead_bytes_ = nullptr;
        end(got == PCAP_ERROR ? pcap_geterr(capture_) : "");
        return false;
    }
    const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(header->caplen, packet_bytes_max));
    const auto seconds = std::clamp<std::int64_t>(header->ts.tv_sec, 0, seconds_max);
    ahead_ = packet_of({0, 0, length, header->len, nullptr});
    add(packets_, 1);
    add(byte_count_, ahead_.wire_length);
    ahead_.time_ns = seconds * ns_per_s + std::clamp<std::int64_t>(header->ts.tv_usec, 0, ns_per_s - 1);
    return true;
}

std::size_t PcapFile::receive(std::span<Packet> burst) {
    if (at_end_) return 0;
    if (records_) return lend_records(burst);
    std::size_t count = 0;
    held_bytes_ = 0;
    while (count < burst.size() && read_ahead()) {
        if (held_bytes_ + ahead_.captured_length > bytes_.size()) break;
        std::uint8_t* to = bytes_.data() + held_bytes_;
        std::memcpy(to, ahead_bytes_, ahead_.captured_length);
        ahead_.bytes = to;
        held_bytes_ += ahead_.captured_length;
        burst[count++] = ahead_;
        ahead_bytes_ = nullptr;
    }
    return count;
}

}  // namespace clew::sensor
