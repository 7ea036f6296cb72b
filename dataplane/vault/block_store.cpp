// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/block_store.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace clew::vault {
namespace {

constexpr std::size_t number_digits = 16;

/// The number in a segment file's name; false for other files.
bool number_of(const std::string& name, const std::string& suffix, std::uint64_t& number) {
    if (name.size() != number_digits + suffix.size() || !name.ends_with(suffix)) return false;
    const auto [end, error] = std::from_chars(name.data(), name.data() + number_digits, number, 16);
    return error == std::errc{} && end == name.data() + number_digits;
}

}  // namespace

Result<std::unique_ptr<BlockStore>> BlockStore::open(Disk& disk, const BlockStoreSettings& settings,
                                                     const BlockShape& shape) {
    std::unique_ptr<BlockStore> store(new BlockStore(disk, settings, shape));
    store->settings_.segment_bytes_max =
        std::max<std::uint64_t>(1, std::min(settings.segment_bytes_max, settings.bytes_max / 8));
    std::vector<DiskEntry> entries;
    int error = disk.make_directories(settings.directory);
    if (error == 0) error = disk.list(settings.directory, entries);
    if (error != 0)
        return fail(ErrorKind::failed, "the vault's directory '" + settings.directory + "' cannot be used: " +
                                           std::strerror(-error) + "; give a writable one, or no vault");
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const DiskEntry& entry : entries) {
        std::uint64_t number = 0;
        if (!number_of(entry.name, settings.file_suffix, number)) continue;
        if (auto reopened = store->reopen(entry, number); !reopened) ++store->counters_.files_unreadable;
    }
    store->make_room(0);
    return store;
}

std::string BlockStore::path_of(std::uint64_t number) const {
    char name[number_digits + 1];
    std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(number));
    return settings_.directory + "/" + name + settings_.file_suffix;
}

/// Takes a file of an earlier run into the index, without what is torn at its end.
Result<void> BlockStore::reopen(const DiskEntry& entry, std::uint64_t number) {
    Segment segment;
    segment.number = number;
    std::unique_ptr<File> file;
    if (const int error = disk_.open(path_of(number), file); error != 0)
        return fail(ErrorKind::failed, std::strerror(-error));
    segment.file = std::move(file);
    ScannedFile scanned = scan_file(*segment.file, number, entry.bytes, shape_);
    segment.blocks = std::move(scanned.blocks);
    for (IndexedBlock& one : segment.blocks) one.filter = fitting(std::move(one.filter));
    segment.bytes = scanned.end;
    counters_.bytes_damaged += scanned.bytes_damaged;
    if (segment.bytes < entry.bytes) {
        ++counters_.tails_cut;
        counters_.bytes_cut += entry.bytes - segment.bytes;
        (void)segment.file->truncate(segment.bytes);  // else it is found torn again the next time
    }
    if (segment.blocks.empty()) {
        (void)disk_.remove(path_of(number));
        segment.file.reset();
        segment.bytes = 0;
    }
    segments_.push_back(std::move(segment));  // an empty one holds its number
    return {};
}

void BlockStore::remove_oldest() {
    const std::uint64_t number = segments_.front().number;
    if (segments_.front().file) (void)disk_.remove(path_of(number));
    const std::lock_guard lock(mutex_);
    counters_.blocks_expired += segments_.front().blocks.size();
    for (const IndexedBlock& one : segments_.front().blocks) {
        counters_.packets_expired += one.block.packets;
        filter_bytes_ -= one.filter.byte_count();
    }
    segments_.pop_front();
    if (segments_.empty()) writable_ = false;
}

/// Lets the oldest files go until `bytes` more fit into the budget.
void BlockStore::make_room(std::uint64_t bytes) {
    const auto total = [this] {
        std::uint64_t sum = 0;
        for (const Segment& segment : segments_) sum += segment.bytes;
        return sum;
    };
    while (!segments_.empty() && total() + bytes > settings_.bytes_max) remove_oldest();
}

/// A new file with its first block; false with errno set.
bool BlockStore::open_segment() {
    std::uint64_t number = segments_.empty() ? 1 : segments_.back().number + 1;
    std::unique_ptr<File> file;
    int error = -EEXIST;
    for (; error == -EEXIST; ++number) error = disk_.create(path_of(number), file);  // somebody's: passed over
    --number;
    if (error != 0) return errno = -error, false;
    {
        const std::lock_guard lock(mutex_);
        segments_.push_back({number, 0, std::move(file), {}});
    }
    writable_ = true;
    if (settings_.first_block.empty()) return true;
    error = write_whole(segments_.back(), settings_.first_block);
    const std::lock_guard lock(mutex_);
    if (error == 0) {
        segments_.back().bytes = settings_.first_block.size();
        return true;
    }
    segments_.pop_back();  // a disk that stays full is not to fill with empty files
    writable_ = false;
    (void)disk_.remove(path_of(number));
    return errno = error, false;
}

/// 0, or the errno of what failed; then the file is as it was, or not written to any more.
int BlockStore::write_whole(Segment& segment, std::span<const std::uint8_t> block) {
    int error = 0;
    for (auto left = block; !left.empty() && error == 0;) {
        const std::int64_t taken = segment.file->append(left);
        if (taken == -EINTR) continue;
        if (taken <= 0)
            error = taken == 0 ? EIO : static_cast<int>(-taken);
        else
            left = left.subspan(static_cast<std::size_t>(taken));
    }
    if (error == 0 && settings_.sync) error = -segment.file->sync();
    if (error == 0) return 0;
    if (segment.file->truncate(segment.bytes) != 0) writable_ = false;
    return error;
}

void BlockStore::count_dropped(std::uint32_t packets, int error) {
    const std::lock_guard lock(mutex_);
    if (error == ENOSPC || error == EDQUOT)
        counters_.packets_dropped_disk_full += packets;
    else
        counters_.packets_dropped_disk_failed += packets;
}

/// The filter, or none where there is no room for it.
KeyFilter BlockStore::fitting(KeyFilter filter) const {
    if (filter_bytes_ + filter.byte_count() > settings_.filter_bytes_max) return {};
    filter_bytes_ += filter.byte_count();
    return filter;
}

void BlockStore::learn(const StoredBlock& block, KeyFilter filter) const {
    const std::lock_guard lock(mutex_);
    for (Segment& segment : segments_) {
        if (segment.number != block.file) continue;
        for (IndexedBlock& one : segment.blocks)
            if (one.block.offset == block.offset && !one.filter.known()) one.filter = fitting(std::move(filter));
    }
}

bool BlockStore::append(std::span<const std::uint8_t> block, std::uint64_t origin, KeyFilter filter) {
    StoredBlock stored;
    if (!shape_.measure(block, stored)) return false;
    make_room(block.size());
    if (writable_ && segments_.back().bytes + block.size() > settings_.segment_bytes_max &&
        segments_.back().bytes > settings_.first_block.size())
        writable_ = false;
    if (!writable_ && !open_segment()) {
        count_dropped(stored.packets, errno);
        return false;
    }
    Segment& segment = segments_.back();
    if (const int error = write_whole(segment, block); error != 0) {
        count_dropped(stored.packets, error);
        return false;
    }
    stored.file = segment.number;
    stored.offset = segment.bytes;
    stored.origin = origin;
    const std::lock_guard lock(mutex_);
    if (stored.filter_bytes != 0) filter = KeyFilter::decode(block.subspan(stored.filter_at, stored.filter_bytes));
    segment.blocks.push_back({stored, fitting(std::move(filter))});
    segment.bytes += block.size();
    ++counters_.blocks_written;
    counters_.bytes_written += block.size();
    counters_.packets_written += stored.packets;
    return true;
}

std::vector<StoredBlock> BlockStore::find(TimeNs from, TimeNs to) const {
    return find(from, to, [](const KeyFilter&) { return true; });
}

std::vector<StoredBlock> BlockStore::find(TimeNs from, TimeNs to, const Wants& wants) const {
    std::vector<StoredBlock> found;
    const std::lock_guard lock(mutex_);
    for (const Segment& segment : segments_)
        for (const auto& [block, filter] : segment.blocks)
            if (block.packets != 0 && (from == 0 || block.last_ns >= from) && (to == 0 || block.first_ns <= to) &&
                wants(filter))
                found.push_back(block);
    return found;
}

std::shared_ptr<File> BlockStore::file_of(const StoredBlock& block) const {
    const std::lock_guard lock(mutex_);
    for (const Segment& segment : segments_)
        if (segment.number == block.file) return segment.file;
    return nullptr;
}

Result<std::vector<std::uint8_t>> BlockStore::read(const StoredBlock& block, std::uint64_t from,
                                                   std::size_t count) const {
    const std::shared_ptr<File> file = file_of(block);
    std::vector<std::uint8_t> bytes;
    if (!file) return bytes;
    bytes.resize(std::min<std::uint64_t>(count, from > block.bytes ? 0 : block.bytes - from));
    if (!read_whole(*file, block.offset + from, bytes))
        return fail(ErrorKind::failed, "a block of " + path_of(block.file) + " cannot be read");
    return bytes;
}

Result<std::vector<std::uint8_t>> BlockStore::read_first(const StoredBlock& block) const {
    StoredBlock first;
    first.file = block.file;
    first.bytes = static_cast<std::uint32_t>(shape_.head_bytes);
    const auto head = read(first);
    if (!head || head->empty() || !shape_.measure(*head, first)) return head;
    return read(first);
}

TimeNs BlockStore::oldest(const Wants& wants) const {
    const std::lock_guard lock(mutex_);
    for (const Segment& segment : segments_)
        for (const auto& [block, filter] : segment.blocks)
            if (block.packets != 0 && wants(filter)) return block.first_ns;
    return 0;
}

BlockStoreCounters BlockStore::counters() const {
    const std::lock_guard lock(mutex_);
    BlockStoreCounters counters = counters_;
    counters.filter_bytes = filter_bytes_;
    for (const Segment& segment : segments_) {
        counters.bytes += segment.bytes;
        counters.blocks += segment.blocks.size();
        for (const auto& [block, filter] : segment.blocks) {
            counters.packets += block.packets;
            counters.raw_bytes += block.raw_bytes;
            if (block.packets == 0) continue;
            if (counters.oldest_ns == 0 || block.first_ns < counters.oldest_ns) counters.oldest_ns = block.first_ns;
        }
    }
    return counters;
}

}  // namespace clew::vault
