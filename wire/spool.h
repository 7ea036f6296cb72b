// SPDX-License-Identifier: Apache-2.0
// The spool: batches that wait on disk until the control plane has acknowledged them, oldest first, within a budget of
// bytes. One thread; one spool a directory (it is locked). Survives a kill of its program at any moment; a power
// failure may cost what the kernel had not written yet.
//
// A segment file is "NUMBER.spool" (16 hex digits, in order) and holds, numbers little endian:
//     offset 0  8 bytes  "CLEWSPL1"
//     then one record after the other:
//            0  4 bytes  length of the content
//            4  8 bytes  XXH3-64 of the content (the record's check sum)
//           12  content: 8 bytes started_ns, 8 bytes sequence, 4 bytes number of legs,
//                        2 bytes length of the observer's name, the name, the batch (wire/leg.proto Batch)
// What does not check out at a segment's end is a torn write: it is cut off and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "nat-trace/result.h"

namespace clew::wire {

struct SpoolRecord {
    std::string observer;
    std::int64_t started_ns = 0;
    std::uint64_t sequence = 0;
    std::uint32_t leg_count = 0;
    std::string batch;  ///< serialised Batch

    bool operator==(const SpoolRecord&) const = default;
};

constexpr std::size_t spool_record_header_bytes = 12;

std::string encode_record(const SpoolRecord& record);       ///< header and content
std::string encode_record_head(const SpoolRecord& record);  ///< the same up to the batch, which ends it

/// The content of one record; nothing when it is malformed.
std::optional<SpoolRecord> decode_record_content(std::span<const std::uint8_t> content);

/// How much of a segment file is whole.
struct SegmentScan {
    std::size_t whole_bytes = 0;  ///< 0: not even the file's head
    std::uint64_t record_count = 0;
    std::uint64_t leg_count = 0;
};
SegmentScan scan_segment(std::span<const std::uint8_t> file);

struct SpoolCounters {
    std::uint64_t records_written = 0;
    std::uint64_t records_dropped = 0;  ///< left because the budget was used up, or could not be written
    std::uint64_t legs_dropped = 0;     ///< with those
    std::uint64_t tails_cut = 0;        ///< torn ends found at start
    std::uint64_t write_failures = 0;
    std::uint64_t bytes = 0;  ///< on disk now
};

class Spool {
  public:
    /// Makes the directory, takes its lock, scans what an earlier run left. One sentence when that cannot be done.
    static Result<std::unique_ptr<Spool>> open(const std::string& directory, std::uint64_t bytes_max);
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    /// Adds a record at the end; drops the oldest segments first where the budget asks for it. False: not written
    /// (counted).
    bool append(const SpoolRecord& record);
    /// The same, for a record the caller still has in memory: it counts as read. Only when all_read().
    bool append_as_read(const SpoolRecord& record);

    /// The next record not yet read; nothing at the end.
    std::optional<SpoolRecord> read_next();
    bool all_read() const;

    /// The oldest record that was read and not acknowledged yet is done with; its room comes back with its segment.
    void acknowledge_oldest_read();
    /// Reading starts again at the first record that was not acknowledged.
    void rewind();

    const SpoolCounters& counters() const { return counters_; }

  private:
    struct Segment {
        std::uint64_t number = 0;
        std::uint64_t bytes = 0;
        std::uint64_t record_count = 0;
        std::uint64_t leg_count = 0;
        std::uint64_t unread_records = 0;
        std::uint64_t unread_legs = 0;
        std::uint64_t read_offset = 0;
        std::uint64_t done_offset = 0;  ///< everything before it was acknowledged
        std::uint64_t done_records = 0;
        std::uint64_t done_legs = 0;
    };
    struct Read {  ///< a record in the caller's hands
        std::uint64_t segment = 0;
        std::uint64_t end_offset = 0;
        std::uint32_t leg_count = 0;
    };

    Spool(std::string directory, std::uint64_t bytes_max, int lock);
    Result<void> recover();
    bool recover_segment(std::uint64_t number);
    std::string path_of(std::uint64_t number) const;
    Segment* find(std::uint64_t number);
    bool make_room(std::uint64_t bytes);
    void drop_oldest();
    bool open_segment();
    void close_writer();
    void close_reader();
    void remove_finished();
    bool write_record(const SpoolRecord& record);

    std::string directory_;
    std::uint64_t bytes_max_;
    std::uint64_t segment_bytes_max_;
    int lock_;
    std::deque<Segment> segments_;
    std::deque<Read> reads_;
    std::uint64_t next_number_ = 1;
    std::uint64_t writer_number_ = 0;  ///< of the segment open for writing; 0: none
    int writer_ = -1;
    std::uint64_t reader_number_ = 0;
    int reader_ = -1;
    SpoolCounters counters_;
};

}  // namespace clew::wire
