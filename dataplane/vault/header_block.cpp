// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_block.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "dataplane/vault/block_check.h"
#include "dataplane/vault/record_pool.h"
#include "nat-trace/check.h"

namespace clew::vault {
namespace {

constexpr std::size_t read_ahead = 1;      ///< packets of a leg that are read before the one that is coded
constexpr std::size_t expected_ahead = 4;  ///< and those that memory is asked for
constexpr std::size_t checked_from = offsetof(HeaderBlockHead, version);

tl::unexpected<Error> damaged(const char* what) {
    return fail(ErrorKind::failed, std::string("a header log block is damaged: ") + what);
}

}  // namespace

HeaderBlockEncoder::HeaderBlockEncoder()
    : new_model_(std::make_unique<HeaderModel>()),
      model_(std::make_unique<HeaderModel>()),
      new_label_model_(std::make_unique<LabelModel>(0)),
      label_model_(std::make_unique<LabelModel>(0)) {}

void HeaderBlockEncoder::encode_chunk(const HeaderBlockSource& source, std::span<const BlockLeg> legs,
                                      std::span<const std::uint32_t> numbers, TimeNs first_ns,
                                      std::vector<std::uint8_t>& out) {
    *model_ = *new_model_;
    model_->set_first_time(first_ns);
    RangeEncoder coder(out);
    LegTrack track;
    RecordPool<read_ahead> records;
    for (std::size_t i = 0; i < legs.size(); ++i) {
        model_->start(legs[i].label, track);
        const std::span<const std::uint32_t> packets = source.packets_of(numbers[i]);
        for (std::size_t n = 0; n < packets.size() && n < read_ahead; ++n) source.read(packets[n], records.at(n));
        for (std::size_t n = 0; n < packets.size(); ++n) {
            if (n + expected_ahead < packets.size()) source.expect(packets[n + expected_ahead]);
            if (n + read_ahead < packets.size()) source.read(packets[n + read_ahead], records.at(n + read_ahead));
            model_->code(coder, legs[i].label, track, legs[i].time_unit_ns, records.at(n));
            records.keep(n);
        }
    }
    coder.finish();
}

/// Brings the legs into order, with their counts and time units, and sums up the head.
void HeaderBlockEncoder::count_legs(const HeaderBlockSource& source, HeaderBlockHead& head) {
    order_.clear();
    for (std::uint32_t leg = 0; leg < source.leg_count(); ++leg)
        if (!source.packets_of(leg).empty())
            order_.emplace_back(leg_number_of(source.label(leg).id, head.id_base), leg);
    std::sort(order_.begin(), order_.end());
    numbers_.clear();
    for (const auto& [number, leg] : order_) numbers_.push_back(leg);
    head.first_ns = INT64_MAX;
    head.last_ns = INT64_MIN;
    legs_.resize(numbers_.size());
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
        const auto packets = source.packets_of(numbers_[i]);
        BlockLeg& leg = legs_[i];
        leg.label = source.label(numbers_[i]);
        leg.packet_count = static_cast<std::uint32_t>(packets.size());
        const LegTimes times = source.times_of(numbers_[i]);
        leg.time_unit_ns = times.whole_us ? 1000 : 1;
        head.first_ns = std::min(head.first_ns, times.first_ns);
        head.last_ns = std::max(head.last_ns, times.last_ns);
        head.packet_count += leg.packet_count;
    }
    CLEW_CHECK(head.packet_count <= block_packet_count_limit);
    head.leg_count = static_cast<std::uint32_t>(legs_.size());
}

void HeaderBlockEncoder::encode_labels(HeaderBlockHead& head) {
    labels_.clear();
    RangeEncoder coder(labels_);
    *label_model_ = *new_label_model_;
    label_model_->set_id_base(head.id_base);
    for (BlockLeg& leg : legs_) label_model_->code(coder, leg);
    coder.finish();
    head.labels_bytes = static_cast<std::uint32_t>(labels_.size());
    head.labels_check = check_of(labels_);
}

void HeaderBlockEncoder::encode_chunks(const HeaderBlockSource& source, const HeaderBlockHead& head) {
    packets_.clear();
    chunks_.clear();
    for (std::size_t begin = 0, end = 0; begin < legs_.size(); begin = end) {
        HeaderChunkHead chunk{};
        while (end < legs_.size() && chunk.packet_count < chunk_packet_count)
            chunk.packet_count += legs_[end++].packet_count;
        chunk.leg_count = static_cast<std::uint32_t>(end - begin);
        const std::size_t before = packets_.size();
        encode_chunk(source, std::span(legs_).subspan(begin, end - begin),
                     std::span<const std::uint32_t>(numbers_).subspan(begin, end - begin), head.first_ns, packets_);
        chunk.bytes = static_cast<std::uint32_t>(packets_.size() - before);
        chunk.check = check_of(std::span(packets_).subspan(before));
        chunks_.push_back(chunk);
    }
}

void HeaderBlockEncoder::put_together(HeaderBlockHead& head, std::vector<std::uint8_t>& out) const {
    head.chunk_count = static_cast<std::uint16_t>(chunks_.size());
    const std::size_t table_bytes = chunks_.size() * sizeof(HeaderChunkHead);
    head.block_bytes = static_cast<std::uint32_t>(sizeof head + table_bytes + labels_.size() + packets_.size());
    const std::size_t at = out.size();
    out.resize(at + sizeof head + table_bytes);
    std::memcpy(out.data() + at, &head, sizeof head);
    std::memcpy(out.data() + at + sizeof head, chunks_.data(), table_bytes);
    head.head_check = check_of(std::span(out).subspan(at + checked_from));
    std::memcpy(out.data() + at, &head, sizeof head);
    out.insert(out.end(), labels_.begin(), labels_.end());
    out.insert(out.end(), packets_.begin(), packets_.end());
}

void HeaderBlockEncoder::encode(const HeaderBlockSource& source, std::vector<std::uint8_t>& out) {
    HeaderBlockHead head{};
    head.magic = header_block_magic;
    head.version = header_block_version;
    head.id_base = source.id_base();
    count_legs(source, head);
    if (legs_.empty()) return;
    encode_labels(head);
    encode_chunks(source, head);
    put_together(head, out);
}

std::size_t HeaderBlockReader::front_bytes(std::span<const std::uint8_t> bytes) {
    HeaderBlockHead head;
    if (bytes.size() < sizeof head) return 0;
    std::memcpy(&head, bytes.data(), sizeof head);
    const std::uint64_t front =
        sizeof head + head.chunk_count * sizeof(HeaderChunkHead) + std::uint64_t{head.labels_bytes};
    return head.magic == header_block_magic && head.version == header_block_version && front <= head.block_bytes
               ? static_cast<std::size_t>(front)
               : 0;
}

Result<HeaderBlockReader> HeaderBlockReader::open(std::span<const std::uint8_t> bytes) {
    auto reader = open_front(bytes);
    if (reader && reader->head_.block_bytes > bytes.size()) return damaged("its length does not fit");
    return reader;
}

Result<HeaderBlockReader> HeaderBlockReader::open_front(std::span<const std::uint8_t> bytes) {
    HeaderBlockReader reader;
    HeaderBlockHead& head = reader.head_;
    if (bytes.size() < sizeof head) return damaged("it is shorter than its head");
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.magic != header_block_magic) return damaged("it does not begin with CLHB");
    const std::size_t table_bytes = head.chunk_count * sizeof(HeaderChunkHead);
    const std::size_t body = sizeof head + table_bytes;
    if (head.block_bytes > block_bytes_limit || head.block_bytes < body || bytes.size() < body)
        return damaged("its length does not fit");
    if (check_of(bytes.subspan(checked_from, body - checked_from)) != head.head_check)
        return damaged("the check sum of its head is wrong");
    if (head.version != header_block_version)
        return fail(ErrorKind::failed, "a header log block has format version " + std::to_string(head.version) +
                                           ", this program reads version " + std::to_string(header_block_version));
    reader.chunks_.resize(head.chunk_count);
    if (table_bytes != 0) std::memcpy(reader.chunks_.data(), bytes.data() + sizeof head, table_bytes);
    std::uint64_t total = head.labels_bytes, packets = 0, legs = 0;
    for (const HeaderChunkHead& chunk : reader.chunks_) {
        total += chunk.bytes;
        packets += chunk.packet_count;
        legs += chunk.leg_count;
    }
    if (total != head.block_bytes - body || packets != head.packet_count || legs != head.leg_count ||
        packets > block_packet_count_limit || legs > packets)
        return damaged("its chunks contradict its head");
    if (head.labels_bytes > bytes.size() - body) return damaged("its legs are not all there");
    reader.labels_ = bytes.subspan(body, head.labels_bytes);
    const std::size_t front = body + head.labels_bytes;
    reader.packets_ = bytes.subspan(front, std::min<std::size_t>(head.block_bytes, bytes.size()) - front);
    return reader;
}

bool HeaderBlockReader::undamaged() const {
    if (check_of(labels_) != head_.labels_check) return false;
    if (front_size() + packets_.size() < head_.block_bytes) return false;
    std::size_t at = 0;
    for (const HeaderChunkHead& chunk : chunks_) {
        if (check_of(packets_.subspan(at, chunk.bytes)) != chunk.check) return false;
        at += chunk.bytes;
    }
    return true;
}

Result<std::vector<BlockLeg>> HeaderBlockReader::legs() const {
    if (check_of(labels_) != head_.labels_check) return damaged("the check sum of its legs is wrong");
    std::vector<BlockLeg> legs(head_.leg_count);
    RangeDecoder coder(labels_);
    auto labels = std::make_unique<LabelModel>(head_.id_base);
    std::uint64_t packets = 0;
    for (BlockLeg& leg : legs) {
        labels->code(coder, leg);
        packets += leg.packet_count;
        if (packets > head_.packet_count || coder.overrun()) return damaged("its legs contradict its head");
    }
    if (packets != head_.packet_count) return damaged("its legs contradict its head");
    return legs;
}

Result<bool> HeaderBlockReader::decode_chunk(const HeaderChunkHead& chunk, std::span<const std::uint8_t> bytes,
                                             std::span<const BlockLeg> legs,
                                             const std::function<bool(const BlockLeg&)>& wants,
                                             const Visitor& visit) const {
    std::size_t wanted_end = 0;
    std::vector<bool> wanted(legs.size());
    for (std::size_t i = 0; i < legs.size(); ++i)
        if ((wanted[i] = wants(legs[i]))) wanted_end = i + 1;
    if (wanted_end == 0) return true;
    if (check_of(bytes) != chunk.check) return damaged("the check sum of a chunk is wrong");
    auto model = std::make_unique<HeaderModel>();
    model->set_first_time(head_.first_ns);
    RangeDecoder coder(bytes);
    LegTrack track;
    RecordPool<0> records;
    for (std::size_t i = 0; i < wanted_end; ++i) {
        model->start(legs[i].label, track);
        for (std::uint32_t n = 0; n < legs[i].packet_count; ++n) {
            HeaderRecord& record = records.at(n);
            record = HeaderRecord{};
            model->code(coder, legs[i].label, track, legs[i].time_unit_ns, record);
            if (coder.overrun()) return damaged("a chunk ends before its packets do");
            if (wanted[i] && !visit(legs[i], record)) return false;
            records.keep(n);
        }
    }
    return true;
}

Result<void> HeaderBlockReader::packets(std::span<const BlockLeg> legs,
                                        const std::function<bool(const BlockLeg&)>& wants, const Visitor& visit) const {
    return visit_chunks(legs, wants, visit, [this](std::size_t at, std::size_t bytes, auto&& decode) {
        if (packets_.size() < at + bytes) return Result<bool>(damaged("a chunk is not there"));
        return decode(packets_.subspan(at, bytes));
    });
}

Result<void> HeaderBlockReader::packets(std::span<const BlockLeg> legs,
                                        const std::function<bool(const BlockLeg&)>& wants, const Fetch& fetch,
                                        const Visitor& visit) const {
    return visit_chunks(legs, wants, visit, [&](std::size_t at, std::size_t bytes, auto&& decode) {
        const auto fetched = fetch(front_size() + at, bytes);
        if (!fetched) return Result<bool>(tl::make_unexpected(fetched.error()));
        if (fetched->size() != bytes) return Result<bool>(false);  // the block left meanwhile
        return decode(std::span<const std::uint8_t>(*fetched));
    });
}

/// `with_bytes(at, bytes, decode)` calls decode with the chunk's bytes.
template <class WithBytes>
Result<void> HeaderBlockReader::visit_chunks(std::span<const BlockLeg> legs,
                                             const std::function<bool(const BlockLeg&)>& wants, const Visitor& visit,
                                             WithBytes&& with_bytes) const {
    std::size_t at = 0, leg = 0;
    Result<void> outcome;
    for (const HeaderChunkHead& chunk : chunks_) {
        if (leg + chunk.leg_count > legs.size()) return damaged("its legs are not all there");
        const auto own = legs.subspan(leg, chunk.leg_count);
        if (std::any_of(own.begin(), own.end(), wants)) {
            const Result<bool> more = with_bytes(at, chunk.bytes, [&](std::span<const std::uint8_t> bytes) {
                return decode_chunk(chunk, bytes, own, wants, visit);
            });
            if (!more && outcome) outcome = tl::make_unexpected(more.error());
            if (more && !*more) break;
        }
        at += chunk.bytes;
        leg += chunk.leg_count;
    }
    return outcome;
}

}  // namespace clew::vault
