// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/block_scan.h"

#include <algorithm>
#include <cerrno>

#include "dataplane/vault/block_check.h"

namespace clew::vault {
namespace {

constexpr std::size_t window_bytes = 1u << 20;  // searched at a time

class Scan {
  public:
    Scan(File& file, std::uint64_t number, std::uint64_t file_bytes, const BlockShape& shape)
        : file_(file), number_(number), file_bytes_(file_bytes), shape_(shape), head_(shape.head_bytes) {}

    ScannedFile run() {
        follow();
        while (found_.end < file_bytes_ && resume()) follow();
        while (!found_.blocks.empty() && !is_whole(found_.blocks.back().block)) {
            found_.end = found_.blocks.back().block.offset;
            found_.blocks.pop_back();
        }
        std::uint64_t in_blocks = 0;
        for (const IndexedBlock& one : found_.blocks) in_blocks += one.block.bytes;
        found_.bytes_damaged = found_.end - in_blocks;
        return std::move(found_);
    }

  private:
    bool measure(std::uint64_t offset, StoredBlock& block) {
        block = {};
        if (offset + head_.size() > file_bytes_ || !read_whole(file_, offset, head_)) return false;
        if (!shape_.measure(head_, block) || block.bytes > file_bytes_ - offset) return false;
        block.file = number_;
        block.offset = offset;
        return true;
    }

    /// A write that was cut short may have left a whole head before missing bytes.
    bool is_whole(const StoredBlock& block) {
        std::vector<std::uint8_t> bytes(block.bytes);
        return read_whole(file_, block.offset, bytes) && shape_.verify(bytes);
    }

    void take(const StoredBlock& block) {
        std::vector<std::uint8_t> filter(block.filter_bytes);
        if (!read_whole(file_, block.offset + block.filter_at, filter) || check_of(filter) != block.filter_check)
            filter.clear();  // then every question is asked of the block itself
        found_.blocks.push_back({block, KeyFilter::decode(filter), {}});
        found_.end = block.offset + block.bytes;
    }

    /// Block after block, as long as one follows the other.
    void follow() {
        StoredBlock block;
        while (measure(found_.end, block)) take(block);
    }

    /// Finds the next whole block behind a gap. The block before the gap may bear a wrong length: then it goes.
    bool resume() {
        if (!found_.blocks.empty() && !is_whole(found_.blocks.back().block)) {
            found_.end = found_.blocks.back().block.offset;
            found_.blocks.pop_back();
        }
        std::uint64_t from = found_.end + 1;
        for (std::vector<std::uint8_t> window; from + head_.size() <= file_bytes_; from += window_bytes) {
            window.resize(std::min<std::uint64_t>(window_bytes + 1, file_bytes_ - from));
            if (!read_whole(file_, from, window)) return false;
            for (std::size_t i = 0; i + 1 < window.size(); ++i) {
                StoredBlock block;
                if (window[i] != 'C' || window[i + 1] != 'L' || !measure(from + i, block) || !is_whole(block)) continue;
                take(block);
                return true;
            }
        }
        return false;
    }

    File& file_;
    std::uint64_t number_;
    std::uint64_t file_bytes_;
    const BlockShape& shape_;
    std::vector<std::uint8_t> head_;
    ScannedFile found_;
};

}  // namespace

bool read_whole(File& file, std::uint64_t offset, std::span<std::uint8_t> to) {
    while (!to.empty()) {
        const std::int64_t got = file.read(offset, to);
        if (got == -EINTR) continue;
        if (got <= 0) return false;
        offset += static_cast<std::uint64_t>(got);
        to = to.subspan(static_cast<std::size_t>(got));
    }
    return true;
}

ScannedFile scan_file(File& file, std::uint64_t number, std::uint64_t file_bytes, const BlockShape& shape) {
    return Scan(file, number, file_bytes, shape).run();
}

}  // namespace clew::vault
