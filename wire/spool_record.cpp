// SPDX-License-Identifier: Apache-2.0
// The spool's format: records to bytes and back. No I/O.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "nat-trace/check.h"
#include "wire/spool.h"
#include "wire/spool_bytes.h"

namespace clew::wire {
namespace {

template <typename T>
void put(std::string& bytes, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff));
}

template <typename T>
T get(const std::uint8_t* bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
    return static_cast<T>(value);
}

}  // namespace

std::size_t record_content_bytes(const std::uint8_t* header) { return get<std::uint32_t>(header); }

bool record_checks_out(const std::uint8_t* header, std::span<const std::uint8_t> content) {
    return get<std::uint64_t>(header + 4) == XXH3_64bits(content.data(), content.size());
}

std::string encode_record_head(const SpoolRecord& record) {
    CLEW_CHECK(record.observer.size() <= observer_name_bytes_max);
    const std::size_t content_bytes = record_content_fixed_bytes + record.observer.size() + record.batch.size();
    std::string content;
    put(content, record.started_ns);
    put(content, record.sequence);
    put(content, record.leg_count);
    put(content, static_cast<std::uint16_t>(record.observer.size()));
    content += record.observer;
    XXH3_state_t checksum;
    XXH3_INITSTATE(&checksum);
    XXH3_64bits_reset(&checksum);
    XXH3_64bits_update(&checksum, content.data(), content.size());
    XXH3_64bits_update(&checksum, record.batch.data(), record.batch.size());
    std::string bytes;
    put(bytes, static_cast<std::uint32_t>(content_bytes));
    put(bytes, static_cast<std::uint64_t>(XXH3_64bits_digest(&checksum)));
    return bytes += content;
}

std::string encode_record(const SpoolRecord& record) { return encode_record_head(record) + record.batch; }

std::optional<SpoolRecord> decode_record_content(std::span<const std::uint8_t> content) {
    if (content.size() < record_content_fixed_bytes) return std::nullopt;
    SpoolRecord record;
    record.started_ns = get<std::int64_t>(content.data());
    record.sequence = get<std::uint64_t>(content.data() + 8);
    record.leg_count = get<std::uint32_t>(content.data() + 16);
    const std::size_t name_bytes = get<std::uint16_t>(content.data() + 20);
    if (name_bytes > observer_name_bytes_max || content.size() < record_content_fixed_bytes + name_bytes)
        return std::nullopt;
    const char* name = reinterpret_cast<const char*>(content.data()) + record_content_fixed_bytes;
    record.observer.assign(name, name_bytes);
    record.batch.assign(name + name_bytes, content.size() - record_content_fixed_bytes - name_bytes);
    return record;
}

SegmentScan scan_segment(std::span<const std::uint8_t> file) {
    SegmentScan scan;
    if (file.size() < segment_head_bytes || std::memcmp(file.data(), segment_magic.data(), segment_head_bytes) != 0)
        return scan;
    scan.whole_bytes = segment_head_bytes;
    while (file.size() - scan.whole_bytes >= spool_record_header_bytes) {
        const std::uint8_t* header = file.data() + scan.whole_bytes;
        const std::size_t content_bytes = record_content_bytes(header);
        const std::size_t room = file.size() - scan.whole_bytes - spool_record_header_bytes;
        if (content_bytes > room || content_bytes > record_content_bytes_max) break;
        const auto content = file.subspan(scan.whole_bytes + spool_record_header_bytes, content_bytes);
        if (!record_checks_out(header, content)) break;
        const auto record = decode_record_content(content);
        if (!record) break;
        scan.whole_bytes += spool_record_header_bytes + content_bytes;
        ++scan.record_count;
        scan.leg_count += record->leg_count;
    }
    return scan;
}

}  // namespace clew::wire
