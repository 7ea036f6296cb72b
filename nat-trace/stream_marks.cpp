// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/stream_marks.h"

#include <algorithm>

namespace clew {
namespace {

bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

std::uint16_t moment_ms(TimeNs now) { return static_cast<std::uint16_t>(now / ns_per_ms); }

std::uint8_t one_more(std::uint8_t copies) { return copies == 255 ? copies : static_cast<std::uint8_t>(copies + 1); }

}  // namespace

/// Joins two neighbouring parts that fared alike. False when there are none.
bool StreamMarks::make_room() {
    for (std::size_t i = 0; i < count_; ++i)
        for (std::size_t j = 0; j < count_; ++j) {
            StreamMark& a = marks_[i];
            const StreamMark b = marks_[j];
            if (i == j || a.seq + a.length != b.seq || a.copies != b.copies || a.late != b.late) continue;
            a.missing_ms = a.copies == 0 ? a.missing_ms : std::max(a.missing_ms, b.missing_ms);
            a.length += b.length;
            remove(j);
            return true;
        }
    return false;
}

void StreamMarks::remove(std::size_t i) {
    for (; i + 1 < count_; ++i) marks_[i] = marks_[i + 1];
    marks_[--count_] = StreamMark{};
}

void StreamMarks::add(const StreamMark& mark) {
    if (mark.length == 0) return;
    if (count_ == marks_.size() && !make_room()) {
        if (forgotten_ != 0xffff) ++forgotten_;
        return;
    }
    marks_[count_++] = mark;
}

void StreamMarks::skip(std::uint32_t seq, std::uint32_t length, TimeNs now) {
    add({seq, length, 0, false, moment_ms(now)});
}

void StreamMarks::come_again(std::uint32_t seq, std::uint32_t length, TimeNs now) {
    while (length > 0) {
        // The mark that holds the first byte, or the distance to the nearest one behind it.
        std::size_t at = count_;
        std::uint32_t free_length = length;
        for (std::size_t i = 0; i < count_; ++i) {
            const StreamMark& m = marks_[i];
            if (!before(seq, m.seq) && before(seq, m.seq + m.length)) at = i;
            if (before(seq, m.seq)) free_length = std::min(free_length, m.seq - seq);
        }
        if (at == count_) {
            add({seq, free_length, 2, false, 0});
            seq += free_length;
            length -= free_length;
            continue;
        }
        const StreamMark m = marks_[at];
        const std::uint32_t part = std::min(length, m.seq + m.length - seq);
        const StreamMark behind{seq + part, m.seq + m.length - (seq + part), m.copies, m.late, m.missing_ms};
        const StreamMark ahead{m.seq, seq - m.seq, m.copies, m.late, m.missing_ms};
        const auto missing_ms =
            m.copies == 0 ? static_cast<std::uint16_t>(moment_ms(now) - m.missing_ms) : m.missing_ms;
        marks_[at] = {seq, part, one_more(m.copies), m.late || m.copies == 0, missing_ms};
        add(ahead);
        add(behind);
        seq += part;
        length -= part;
    }
}

}  // namespace clew
