// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/block_store.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>

namespace clew::vault {
namespace {

constexpr std::size_t number_digits = 16;
constexpr const char* index_suffix = ".clvk";

/// The number in a segment file's name; false for other files.
bool number_of(const std::string& name, const std::string& suffix, std::uint64_t& number) {
    if (name.size() != number_digits + suffix.size() || !name.ends_with(suffix)) return false;
    const auto [end, error] = std::from_chars(name.data(), name.data() + number_digits, number, 16);
    return error == std::errc{} && end == name.data() + number_digits;
}

bool in_time(TimeNs first_ns, TimeNs last_ns, TimeNs from, TimeNs to) {
    return (from == 0 || last_ns >= from) && (to == 0 || first_ns <= to);
}

}  // namespace

void BlockStore::Segment::add(IndexedBlock block) {
    if (block.block.packets != 0) {
        ++packet_blocks;
        first_ns = std::min(first_ns, block.block.first_ns);
        last_ns = std::max(last_ns, block.block.last_ns);
    }
    blocks.push_back(std::move(block));
}

bool BlockStore::Segment::overlaps(TimeNs from, TimeNs to) const { return in_time(first_ns, last_ns, from, to); }

bool BlockStore::Segment::may_hold(const IndexedBlock& one, const KeyGroups& wanted) const {
    if (one.filter.known()) return one.filter.may_hold(wanted);
    return one.keys.empty() || vault::may_hold(one.keys, wanted);
}

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
    for (const DiskEntry& entry : entries) {
        std::uint64_t number = 0;
        if (!shape.keys_apart || !number_of(entry.name, index_suffix, number)) continue;
        const auto segment = std::find_if(store->segments_.begin(), store->segments_.end(),
                                          [number](const Segment& one) { return one.number == number && one.file; });
        if (segment != store->segments_.end())
            store->reopen_index(*segment, entry.bytes);
        else
            (void)disk.remove(store->index_path_of(number));
    }
    store->make_room(0);
    return store;
}

std::string BlockStore::path_of(std::uint64_t number) const {
    char name[number_digits + 1];
    std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(number));
    return settings_.directory + "/" + name + settings_.file_suffix;
}

std::string BlockStore::index_path_of(std::uint64_t number) const {
    std::string path = path_of(number);
    return path.replace(path.size() - settings_.file_suffix.size(), std::string::npos, index_suffix);
}

/// Takes a file of an earlier run into the store, without what is torn at its end.
Result<void> BlockStore::reopen(const DiskEntry& entry, std::uint64_t number) {
    Segment segment;
    segment.number = number;
    std::unique_ptr<File> file;
    if (const int error = disk_.open(path_of(number), file); error != 0)
        return fail(ErrorKind::failed, std::strerror(-error));
    segment.file = std::move(file);
    ScannedFile scanned = scan_file(*segment.file, number, entry.bytes, shape_);
    for (IndexedBlock& one : scanned.blocks) {
        one.filter = fitting(std::move(one.filter));
        segment.add(std::move(one));
    }
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

/// A damaged one leaves: its blocks are asked themselves, and it is written anew once they all were.
void BlockStore::reopen_index(Segment& segment, std::uint64_t bytes) {
    std::unique_ptr<File> file;
    if (disk_.open(index_path_of(segment.number), file) == 0) segment.index = KeyIndex::open(std::move(file), bytes);
    if (segment.index) {
        segment.index_bytes = bytes;
        return;
    }
    ++counters_.indexes_failed;
    (void)disk_.remove(index_path_of(segment.number));
}

/// The index last: one without its file leaves when the store is opened.
void BlockStore::remove_files_of(const Segment& segment) {
    if (segment.file) (void)disk_.remove(path_of(segment.number));
    if (segment.index) (void)disk_.remove(index_path_of(segment.number));
}

void BlockStore::remove_oldest() {
    remove_files_of(segments_.front());
    const std::lock_guard lock(mutex_);
    counters_.blocks_expired += segments_.front().blocks.size();
    for (const IndexedBlock& one : segments_.front().blocks) {
        counters_.packets_expired += one.block.packets;
        key_bytes_ -= one.filter.byte_count() + one.keys.size() * sizeof one.keys[0];
    }
    segments_.pop_front();
    if (segments_.empty()) writable_ = false;
}

/// Lets the oldest files go until `bytes` more fit into the budget.
void BlockStore::make_room(std::uint64_t bytes) {
    const auto total = [this] {
        std::uint64_t sum = 0;
        for (const Segment& segment : segments_) sum += segment.bytes + segment.index_bytes;
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
        Segment& segment = segments_.emplace_back();
        segment.number = number;
        segment.file = std::move(file);
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
    if (key_bytes_ + filter.byte_count() > settings_.key_bytes_max) return {};
    key_bytes_ += filter.byte_count();
    return filter;
}

/// The same of keys.
void BlockStore::take_keys(IndexedBlock& one, BlockKeys keys) const {
    const std::size_t bytes = keys.size() * sizeof keys[0];
    if (key_bytes_ + bytes > settings_.key_bytes_max) return;
    key_bytes_ += bytes;
    one.keys = std::move(keys);
}

void BlockStore::learn(const StoredBlock& block, std::vector<std::uint64_t> keys) const {
    BlockKeys halves = to_block_keys(std::move(keys));
    const std::lock_guard lock(mutex_);
    for (Segment& segment : segments_) {
        if (segment.number != block.file || segment.index) continue;
        for (IndexedBlock& one : segment.blocks)
            if (one.block.offset == block.offset && !one.known()) take_keys(one, std::move(halves));
    }
}

bool BlockStore::has_all_keys(const Segment& segment) const {
    const std::lock_guard lock(mutex_);
    return segment.file && !segment.index &&
           std::all_of(segment.blocks.begin(), segment.blocks.end(),
                       [](const IndexedBlock& one) { return one.block.packets == 0 || !one.keys.empty(); });
}

/// Where that fails the keys stay in memory.
void BlockStore::write_index(Segment& segment) {
    std::vector<PlacedKeys> blocks;
    for (const IndexedBlock& one : segment.blocks)
        if (one.block.packets != 0) blocks.push_back({one.block.offset, &one.keys});
    if (blocks.empty() || blocks.size() > index_block_limit) return;
    const std::vector<std::uint8_t> bytes = encode_key_index(blocks);
    const std::uint64_t number = segment.number;
    make_room(bytes.size());
    if (segments_.empty() || segments_.front().number > number) return;  // it left itself
    const std::string path = index_path_of(number);
    Segment written;
    std::unique_ptr<File> file;
    bool whole = false;
    if (disk_.create(path, file) == 0) {
        written.file = std::move(file);
        const bool was_writable = writable_;
        whole = write_whole(written, bytes) == 0;
        writable_ = was_writable;
        if (whole) written.index = KeyIndex::open(written.file, bytes.size());
        if (!written.index) (void)disk_.remove(path);
    }
    const std::lock_guard lock(mutex_);
    if (!written.index) {
        ++counters_.indexes_failed;
        return;
    }
    segment.index = std::move(written.index);
    segment.index_bytes = bytes.size();
    for (IndexedBlock& one : segment.blocks) {
        key_bytes_ -= one.keys.size() * sizeof one.keys[0];
        one.keys = {};
    }
}

void BlockStore::close_file() {
    writable_ = false;
    if (!shape_.keys_apart) return;
    std::vector<std::uint64_t> numbers;
    for (const Segment& segment : segments_)
        if (has_all_keys(segment)) numbers.push_back(segment.number);
    for (const std::uint64_t number : numbers) {  // old ones may leave meanwhile
        const auto segment = std::find_if(segments_.begin(), segments_.end(),
                                          [number](const Segment& one) { return one.number == number; });
        if (segment != segments_.end()) write_index(*segment);
    }
}

bool BlockStore::append(std::span<const std::uint8_t> block, std::uint64_t origin,
                        const std::vector<std::uint64_t>& keys) {
    StoredBlock stored;
    if (!shape_.measure(block, stored)) return false;
    make_room(block.size());
    if (writable_ && segments_.back().bytes + block.size() > settings_.segment_bytes_max &&
        segments_.back().bytes > settings_.first_block.size())
        close_file();
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
    IndexedBlock one{stored, {}, {}};
    if (stored.filter_bytes != 0) one.filter = KeyFilter::decode(block.subspan(stored.filter_at, stored.filter_bytes));
    BlockKeys halves;
    if (shape_.keys_apart) halves = to_block_keys(keys);
    const std::lock_guard lock(mutex_);
    one.filter = fitting(std::move(one.filter));
    take_keys(one, std::move(halves));
    segment.add(std::move(one));
    segment.bytes += block.size();
    ++counters_.blocks_written;
    counters_.bytes_written += block.size();
    counters_.packets_written += stored.packets;
    return true;
}

std::vector<StoredBlock> BlockStore::find(TimeNs from, TimeNs to, const KeyGroups& wanted) const {
    struct Asked {
        std::shared_ptr<const KeyIndex> index;
        std::optional<std::vector<std::uint64_t>> offsets;  ///< nothing: it cannot be read
    };
    std::map<std::uint64_t, Asked> asked;
    if (!wanted.empty()) {
        const std::lock_guard lock(mutex_);
        for (const Segment& segment : segments_)
            if (segment.index && segment.overlaps(from, to)) asked[segment.number].index = segment.index;
    }
    for (const auto& [number, one] : asked) one.index->expect(wanted);
    std::uint64_t failed = 0;
    for (auto& [number, one] : asked) {
        one.offsets = one.index->blocks_with(wanted);
        failed += !one.offsets;
    }
    std::vector<StoredBlock> found;
    const std::lock_guard lock(mutex_);
    counters_.indexes_failed += failed;
    for (const Segment& segment : segments_) {
        if (!segment.overlaps(from, to)) continue;
        const auto place = asked.find(segment.number);
        const Asked* index = place != asked.end() && place->second.offsets ? &place->second : nullptr;
        if (index && index->offsets->empty() && index->index->block_count() == segment.packet_blocks) continue;
        for (const IndexedBlock& one : segment.blocks) {
            const StoredBlock& block = one.block;
            if (block.packets == 0 || !in_time(block.first_ns, block.last_ns, from, to)) continue;
            const bool covered = index && index->index->covers(block.offset);
            if (covered ? !std::binary_search(index->offsets->begin(), index->offsets->end(), block.offset)
                        : !segment.may_hold(one, wanted))
                continue;
            found.push_back(block);
            found.back().keys_known = one.known() || (segment.index && segment.index->covers(block.offset));
        }
    }
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

void BlockStore::expect(const StoredBlock& block, std::uint64_t from, std::size_t count) const {
    if (const std::shared_ptr<File> file = file_of(block); file && from < block.bytes)
        file->expect(block.offset + from, std::min<std::uint64_t>(count, block.bytes - from));
}

Result<std::vector<std::uint8_t>> BlockStore::read_first(const StoredBlock& block) const {
    StoredBlock first;
    first.file = block.file;
    first.bytes = static_cast<std::uint32_t>(shape_.head_bytes);
    const auto head = read(first);
    if (!head || head->empty() || !shape_.measure(*head, first)) return head;
    return read(first);
}

TimeNs BlockStore::oldest(std::uint64_t key) const {
    const KeyGroups wanted{{key}};
    const std::lock_guard lock(mutex_);
    for (const Segment& segment : segments_) {
        const auto offsets = segment.index ? segment.index->blocks_with(wanted) : std::nullopt;
        for (const IndexedBlock& one : segment.blocks)
            if (one.block.packets != 0 && (offsets && segment.index->covers(one.block.offset)
                                               ? std::binary_search(offsets->begin(), offsets->end(), one.block.offset)
                                               : segment.may_hold(one, wanted)))
                return one.block.first_ns;
    }
    return 0;
}

BlockStoreCounters BlockStore::counters() const {
    const std::lock_guard lock(mutex_);
    BlockStoreCounters counters = counters_;
    counters.key_bytes = key_bytes_;
    for (const Segment& segment : segments_) {
        counters.bytes += segment.bytes + segment.index_bytes;
        counters.index_bytes += segment.index_bytes;
        if (segment.index) counters.key_bytes += segment.index->memory_bytes();
        counters.blocks += segment.blocks.size();
        for (const IndexedBlock& one : segment.blocks) {
            const StoredBlock& block = one.block;
            counters.packets += block.packets;
            counters.raw_bytes += block.raw_bytes;
            if (block.packets == 0) continue;
            if (counters.oldest_ns == 0 || block.first_ns < counters.oldest_ns) counters.oldest_ns = block.first_ns;
        }
    }
    return counters;
}

}  // namespace clew::vault
