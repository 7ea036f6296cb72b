// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/http2.h"

#include <algorithm>
#include <cstring>

#include "dataplane/bytes.h"

namespace clew::sensor {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t frame_header_bytes = 9;

enum FrameType : std::uint8_t { frame_headers = 1, frame_push_promise = 5, frame_continuation = 9 };
enum FrameFlags : std::uint8_t { end_headers = 0x04, padded = 0x08, has_priority = 0x20 };

/// The header block of a whole HEADERS frame; false when it goes on in another frame or contradicts itself.
bool find_block(Bytes frame, Bytes& block) {
    constexpr std::size_t priority_bytes = 5;
    const std::uint8_t flags = frame[4];
    if ((flags & end_headers) == 0) return false;
    block = frame.subspan(frame_header_bytes);
    std::size_t padding = 0;
    if (flags & padded) {
        if (block.empty()) return false;
        padding = block[0];
        block = block.subspan(1);
    }
    const std::size_t before = (flags & has_priority) ? priority_bytes : 0;
    if (before + padding > block.size()) return false;
    block = block.subspan(before, block.size() - before - padding);
    return true;
}

}  // namespace

bool begins_http2(Bytes payload) {
    return payload.size() >= http2_preface.size() &&
           std::memcmp(payload.data(), http2_preface.data(), http2_preface.size()) == 0;
}

void Http2Reader::arrive(std::uint32_t offset, Bytes& captured, std::uint32_t sent) {
    const auto late = static_cast<std::int32_t>(offset - next_);
    if (late > 0) stopped_ = true;  // what lies between was not seen, and may have changed the table
    const std::uint32_t known = late < 0 ? static_cast<std::uint32_t>(-std::int64_t{late}) : 0;
    if (stopped_ || known >= sent) {
        captured = {};
        return;
    }
    next_ = offset + sent;
    if (known > captured.size()) stopped_ = true;
    captured = captured.subspan(std::min<std::size_t>(known, captured.size()));
}

/// The first `wanted` bytes of the frame that comes next, once they are there; nothing until then.
Bytes Http2Reader::gather(Bytes& bytes, std::size_t wanted) {
    if (held_count_ == 0 && bytes.size() >= wanted) return bytes.first(wanted);
    if (held_count_ < wanted) {
        if (wanted > held_.size()) {
            stopped_ = true;
            return {};
        }
        const std::size_t count = std::min(wanted - held_count_, bytes.size());
        std::copy_n(bytes.begin(), count, held_.begin() + held_count_);
        held_count_ = static_cast<std::uint16_t>(held_count_ + count);
        bytes = bytes.subspan(count);
    }
    return held_count_ < wanted ? Bytes{} : Bytes(held_).first(wanted);
}

/// The first `count` bytes of the frame are done with.
void Http2Reader::release(Bytes& bytes, std::size_t count) {
    if (held_count_ == 0) bytes = bytes.subspan(count);
    held_count_ = 0;
}

bool Http2Reader::next(Bytes& bytes, HpackText& text, HttpHead& head) {
    while (!stopped_ && !bytes.empty()) {
        if (skip_ != 0) {
            const std::size_t count = std::min<std::size_t>(skip_, bytes.size());
            skip_ -= static_cast<std::uint32_t>(count);
            bytes = bytes.subspan(count);
            continue;
        }
        const Bytes start = gather(bytes, frame_header_bytes);
        if (start.empty()) return false;
        const std::uint32_t length = load_be24(start.data());
        const std::uint8_t type = start[3];
        if (type == frame_push_promise || type == frame_continuation) {
            stopped_ = true;
            return false;
        }
        if (type != frame_headers) {
            release(bytes, frame_header_bytes);
            skip_ = length;
            continue;
        }
        const Bytes frame = gather(bytes, frame_header_bytes + length);
        if (frame.empty()) return false;
        head = HttpHead{};
        Bytes block;
        if (!find_block(frame, block) || !read_header_block(block, table_, text, head)) {
            stopped_ = true;
            return false;
        }
        release(bytes, frame_header_bytes + length);
        return true;
    }
    return false;
}

void Http2Reader::miss(std::uint32_t byte_count) {
    if (held_count_ != 0 || byte_count > skip_) stopped_ = stopped_ || byte_count != 0;
    skip_ -= std::min(skip_, byte_count);
}

}  // namespace clew::sensor
