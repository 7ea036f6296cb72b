// SPDX-License-Identifier: Apache-2.0
#include "wire/spool.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "wire/envelope.h"
#include "wire/spool_bytes.h"

namespace clew::wire {
namespace {

namespace fs = std::filesystem;

std::string reason() { return std::strerror(errno); }

std::vector<std::uint8_t> read_whole(const std::string& path) {
    std::vector<std::uint8_t> bytes;
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) return bytes;
    std::uint8_t block[65536];
    std::size_t got = 0;
    while ((got = std::fread(block, 1, sizeof block, file)) > 0) bytes.insert(bytes.end(), block, block + got);
    std::fclose(file);
    return bytes;
}

bool write_whole(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

bool read_exactly(int file, std::uint64_t offset, std::span<std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t got = ::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        offset += static_cast<std::uint64_t>(got);
        bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
    return true;
}

}  // namespace

Spool::Spool(std::string directory, std::uint64_t bytes_max, int lock)
    : directory_(std::move(directory)),
      bytes_max_(bytes_max),
      segment_bytes_max_(std::clamp<std::uint64_t>(bytes_max / 16, 64u << 10, 8u << 20)),
      lock_(lock) {}

Spool::~Spool() {
    close_writer();
    close_reader();
    ::close(lock_);
}

Result<std::unique_ptr<Spool>> Spool::open(const std::string& directory, std::uint64_t bytes_max) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error)
        return fail(ErrorKind::not_allowed, "spool.directory: cannot make '" + directory + "' (" + error.message() +
                                                "); name a directory this user may write to");
    const std::string lock_path = directory + "/lock";
    const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return fail(ErrorKind::not_allowed, "spool.directory: cannot write in '" + directory + "' (" + reason() +
                                                "); name a directory this user may write to");
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock);
        return fail(ErrorKind::failed, "spool.directory: '" + directory +
                                           "' is in use by another running program; give each its own directory");
    }
    std::unique_ptr<Spool> spool(new Spool(directory, bytes_max, lock));
    if (auto recovered = spool->recover(); !recovered) return tl::make_unexpected(recovered.error());
    return spool;
}

Result<void> Spool::recover() {
    std::vector<std::uint64_t> numbers;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory_, error)) {
        const std::string name = entry.path().filename().string();
        std::uint64_t number = 0;
        const auto [stop, bad] = std::from_chars(name.data(), name.data() + name.size(), number, 16);
        if (bad == std::errc{} && stop == name.data() + 16 && name.substr(16) == ".spool") numbers.push_back(number);
    }
    if (error)
        return fail(ErrorKind::failed, "spool.directory: cannot read '" + directory_ + "' (" + error.message() + ")");
    std::sort(numbers.begin(), numbers.end());
    for (const std::uint64_t number : numbers) {
        next_number_ = number + 1;
        if (!recover_segment(number))
            return fail(ErrorKind::failed, "spool.directory: cannot read '" + path_of(number) + "' (" + reason() + ")");
    }
    return {};
}

bool Spool::recover_segment(std::uint64_t number) {
    const std::string path = path_of(number);
    const auto bytes = read_whole(path);
    const SegmentScan scan = scan_segment(bytes);
    if (scan.whole_bytes < bytes.size()) ++counters_.tails_cut;
    if (scan.record_count == 0) return ::unlink(path.c_str()) == 0;
    if (scan.whole_bytes < bytes.size() && ::truncate(path.c_str(), static_cast<off_t>(scan.whole_bytes)) != 0)
        return false;
    Segment segment;
    segment.number = number;
    segment.bytes = scan.whole_bytes;
    segment.record_count = segment.unread_records = scan.record_count;
    segment.leg_count = segment.unread_legs = scan.leg_count;
    segment.read_offset = segment.done_offset = segment_head_bytes;
    segments_.push_back(segment);
    counters_.bytes += segment.bytes;
    return true;
}

std::string Spool::path_of(std::uint64_t number) const {
    char name[32];
    std::snprintf(name, sizeof name, "/%016llx.spool", static_cast<unsigned long long>(number));
    return directory_ + name;
}

Spool::Segment* Spool::find(std::uint64_t number) {
    for (Segment& segment : segments_)
        if (segment.number == number) return &segment;
    return nullptr;
}

void Spool::drop_oldest() {
    const Segment& oldest = segments_.front();
    counters_.records_dropped += oldest.unread_records;  // those already read are in the caller's hands: see rewind()
    counters_.legs_dropped += oldest.unread_legs;
    counters_.bytes -= oldest.bytes;
    if (writer_number_ == oldest.number) close_writer();
    if (reader_number_ == oldest.number) close_reader();
    ::unlink(path_of(oldest.number).c_str());
    segments_.pop_front();
}

bool Spool::make_room(std::uint64_t bytes) {
    if (bytes + segment_head_bytes > bytes_max_) return false;
    while (counters_.bytes + bytes + segment_head_bytes > bytes_max_ && !segments_.empty()) drop_oldest();
    return true;
}

bool Spool::open_segment() {
    close_writer();
    const std::string path = path_of(next_number_);
    writer_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (writer_ < 0) return false;
    if (!write_whole(writer_, segment_magic)) {
        ::unlink(path.c_str());
        close_writer();
        return false;
    }
    Segment segment;
    segment.number = writer_number_ = next_number_++;
    segment.bytes = segment.read_offset = segment.done_offset = segment_head_bytes;
    segments_.push_back(segment);
    counters_.bytes += segment_head_bytes;
    return true;
}

void Spool::close_writer() {
    if (writer_ >= 0) ::close(writer_);
    writer_ = -1;
    writer_number_ = 0;
}

void Spool::close_reader() {
    if (reader_ >= 0) ::close(reader_);
    reader_ = -1;
    reader_number_ = 0;
}

bool Spool::write_record(const SpoolRecord& record) {
    const std::string head = encode_record_head(record);
    const std::size_t bytes = head.size() + record.batch.size();
    if (!make_room(bytes)) return false;
    if (writer_ >= 0 && segments_.back().bytes + bytes > segment_bytes_max_) close_writer();
    if (writer_ < 0 && !open_segment()) {
        ++counters_.write_failures;
        return false;
    }
    Segment& segment = segments_.back();
    if (!write_whole(writer_, head) || !write_whole(writer_, record.batch)) {
        ++counters_.write_failures;
        // A part of a record may stand there now: what follows must not be written behind it.
        if (::ftruncate(writer_, static_cast<off_t>(segment.bytes)) != 0 ||
            ::lseek(writer_, static_cast<off_t>(segment.bytes), SEEK_SET) < 0)
            close_writer();
        return false;
    }
    segment.bytes += bytes;
    counters_.bytes += bytes;
    ++segment.record_count;
    segment.leg_count += record.leg_count;
    ++segment.unread_records;
    segment.unread_legs += record.leg_count;
    ++counters_.records_written;
    return true;
}

bool Spool::append(const SpoolRecord& record) {
    if (write_record(record)) return true;
    ++counters_.records_dropped;
    counters_.legs_dropped += record.leg_count;
    return false;
}

bool Spool::append_as_read(const SpoolRecord& record) {
    if (!write_record(record)) return false;
    Segment& segment = segments_.back();
    segment.read_offset = segment.bytes;
    segment.unread_records = 0;
    segment.unread_legs = 0;
    reads_.push_back({segment.number, segment.bytes, record.leg_count});
    return true;
}

bool Spool::all_read() const {
    return std::all_of(segments_.begin(), segments_.end(), [](const Segment& s) { return s.unread_records == 0; });
}

std::optional<SpoolRecord> Spool::read_next() {
    for (Segment& segment : segments_) {
        while (segment.unread_records > 0) {
            if (reader_number_ != segment.number) {
                close_reader();
                reader_ = ::open(path_of(segment.number).c_str(), O_RDONLY | O_CLOEXEC);
                reader_number_ = segment.number;
            }
            std::uint8_t head[spool_record_header_bytes];
            std::vector<std::uint8_t> content;
            bool whole = reader_ >= 0 && read_exactly(reader_, segment.read_offset, head);
            if (whole && record_content_bytes(head) <= record_content_bytes_max) {
                content.resize(record_content_bytes(head));
                whole = read_exactly(reader_, segment.read_offset + sizeof head, content) &&
                        record_checks_out(head, content);
            }
            auto record = whole ? decode_record_content(content) : std::nullopt;
            if (!record) {  // the disk changed under us: this segment's rest cannot be trusted
                counters_.records_dropped += segment.unread_records;
                counters_.legs_dropped += segment.unread_legs;
                segment.unread_records = segment.unread_legs = 0;
                break;
            }
            segment.read_offset += sizeof head + content.size();
            --segment.unread_records;
            segment.unread_legs -= std::min<std::uint64_t>(segment.unread_legs, record->leg_count);
            reads_.push_back({segment.number, segment.read_offset, record->leg_count});
            return record;
        }
    }
    return std::nullopt;
}

void Spool::acknowledge_oldest_read() {
    if (reads_.empty()) return;
    const Read read = reads_.front();
    reads_.pop_front();
    if (Segment* segment = find(read.segment)) {
        segment->done_offset = read.end_offset;
        ++segment->done_records;
        segment->done_legs += read.leg_count;
    }
    remove_finished();
}

void Spool::remove_finished() {
    while (!segments_.empty()) {
        const Segment& oldest = segments_.front();
        const bool in_hands = !reads_.empty() && reads_.front().segment == oldest.number;
        if (oldest.unread_records > 0 || in_hands || (oldest.record_count == 0 && segments_.size() == 1)) return;
        drop_oldest();
    }
}

void Spool::rewind() {
    for (const Read& read : reads_) {
        if (find(read.segment)) continue;
        ++counters_.records_dropped;  // its segment left for lack of room while the record was out
        counters_.legs_dropped += read.leg_count;
    }
    reads_.clear();
    for (Segment& segment : segments_) {
        segment.read_offset = segment.done_offset;
        segment.unread_records = segment.record_count - segment.done_records;
        segment.unread_legs = segment.leg_count - segment.done_legs;
    }
}

}  // namespace clew::wire
