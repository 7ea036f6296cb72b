// SPDX-License-Identifier: Apache-2.0
#include "cli/vault_archive.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unordered_map>

#include "cli/merged_captures.h"
#include "dataplane/pipeline.h"
#include "dataplane/vault/header_frame.h"
#include "dataplane/vault/tap_table.h"
#include "wire/pcapng.h"

namespace clew::cli {
namespace {

using vault::BlockLeg;
using vault::HeaderRecord;

class NoSink final : public sensor::LegSink {
    bool offer(const Leg&) override { return true; }
};

/// Encodes full blocks into the file and checks each by decoding it.
class Packer {
  public:
    Packer(sensor::Pipeline& pipeline, std::ofstream& out, PackOutcome& outcome)
        : log_(*pipeline.header_log()), out_(out), outcome_(outcome) {}

    Result<void> pack_full() {
        while (const vault::OpenBlock* block = log_.oldest_full()) {
            const auto begin = std::chrono::steady_clock::now();
            sorted_.sort(*block);
            bytes_.clear();
            encoder_.encode(sorted_, bytes_);
            outcome_.encode_ns += static_cast<std::uint64_t>(
                std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin).count());
            if (auto same = check(); !same) return same;
            out_.write(reinterpret_cast<const char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
            outcome_.bytes += bytes_.size();
            log_.release();
        }
        return {};
    }

  private:
    Result<void> check() {
        const auto reader = vault::HeaderBlockReader::open(bytes_);
        if (!reader) return tl::make_unexpected(reader.error());
        const auto legs = reader->legs();
        if (!legs) return tl::make_unexpected(legs.error());
        std::unordered_map<LegId, std::uint32_t> numbers;
        for (std::uint32_t leg = 0; leg < sorted_.leg_count(); ++leg) numbers[sorted_.label(leg).id] = leg;
        std::uint64_t headers = 0;
        bool same = true;
        std::size_t place = 0;
        const BlockLeg* before = nullptr;
        const auto compare = [&](const BlockLeg& leg, const HeaderRecord& decoded) {
            place = &leg == before ? place + 1 : 0;
            before = &leg;
            const std::uint32_t number = numbers.at(leg.label.id);
            HeaderRecord original;
            sorted_.read(sorted_.packets_of(number)[place], original);
            same = decoded == original && leg.label == sorted_.label(number);
            ++headers;
            outcome_.tcp_headers += leg.label.protocol == static_cast<std::uint8_t>(Protocol::tcp);
            return same;
        };
        const auto read = reader->packets(
            *legs, [](const BlockLeg&) { return true; }, compare);
        if (!read) return tl::make_unexpected(read.error());
        if (!same || headers != reader->head().packet_count)
            return fail(ErrorKind::failed,
                        "a packed header differs from the captured one; this is a bug of clew, "
                        "please report it with the capture");
        outcome_.headers += headers;
        outcome_.legs += legs->size();
        return {};
    }

    vault::HeaderAppender& log_;
    std::ofstream& out_;
    PackOutcome& outcome_;
    vault::SortedBlock sorted_;
    vault::HeaderBlockEncoder encoder_;
    std::vector<std::uint8_t> bytes_;
};

sensor::PipelineSettings settings_of(bool payload_checks) {
    sensor::PipelineSettings settings;
    settings.observer_name = "pack";
    settings.header_count_max = 0;
    settings.header_log = vault::HeaderAppenderSettings{};
    settings.header_log->block_age_max_ns = INT64_MAX;  // blocks as full as they get
    settings.header_log->payload_checks = payload_checks;
    settings.header_log->verify_checksums = true;
    return settings;
}

Result<void> cannot_write(const std::string& to) {
    return fail(ErrorKind::failed, "cannot write '" + to + "'; is there room, and may this user write there?");
}

std::vector<std::uint8_t> file_bytes(std::ifstream& in) {
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Reads an archive block after block and writes its packets.
class Unpacker {
  public:
    explicit Unpacker(wire::PcapngWriter& writer) : writer_(writer) {}

    Result<void> taps(std::span<const std::uint8_t> block) {
        const auto table = vault::decode_tap_table(block);
        if (!table) return tl::make_unexpected(table.error());
        interfaces_.clear();
        for (const std::string& tap : table->taps)
            interfaces_.push_back(writer_.add_interface({tap, "headers of tap " + tap, 0}));
        return {};
    }

    /// Writes what is whole of the block, and says in `damage` when not all is.
    std::uint64_t packets(std::span<const std::uint8_t> block, std::string& damage) {
        const auto reader = vault::HeaderBlockReader::open(block);
        if (!reader) return damage = reader.error().sentence, 0;
        const auto legs = reader->legs();
        if (!legs) return damage = legs.error().sentence, 0;
        std::vector<std::pair<const BlockLeg*, HeaderRecord>> all;
        const auto read = reader->packets(
            *legs, [](const BlockLeg&) { return true; },
            [&all](const BlockLeg& leg, const HeaderRecord& record) {
                all.emplace_back(&leg, record);
                return true;
            });
        if (!read) damage = read.error().sentence;
        std::stable_sort(all.begin(), all.end(),
                         [](const auto& a, const auto& b) { return a.second.time_ns < b.second.time_ns; });
        for (const auto& [leg, record] : all) write(leg->label, record);
        return all.size();
    }

  private:
    void write(const vault::LegLabel& leg, const HeaderRecord& record) {
        while (leg.tap >= interfaces_.size())
            interfaces_.push_back(writer_.add_interface({"tap " + std::to_string(interfaces_.size()), "", 0}));
        vault::build_frame(leg, record, frame_);
        wire::PcapngPacket packet;
        packet.interface = interfaces_[leg.tap];
        packet.time_ns = record.time_ns;
        packet.bytes = frame_;
        packet.wire_length = std::max(vault::built_wire_length(leg, record), static_cast<std::uint32_t>(frame_.size()));
        if (std::string segment = to_text(leg.segment); leg.segment.layer_count != 0) packet.comment = segment;
        writer_.packet(packet);
    }

    wire::PcapngWriter& writer_;
    std::vector<std::uint32_t> interfaces_;
    std::vector<std::uint8_t> frame_;
};

}  // namespace

Result<PackOutcome> pack_captures(const std::vector<TapFile>& taps, const std::string& to, bool payload_checks) {
    std::vector<TapId> numbers;
    vault::TapTable table{"pack", {}};
    PackOutcome outcome;
    for (std::size_t i = 0; i < taps.size(); ++i) {
        numbers.push_back(static_cast<TapId>(i));
        table.taps.push_back(taps[i].name);
        std::error_code ignored;
        if (const auto size = std::filesystem::file_size(taps[i].file, ignored); !ignored)
            outcome.capture_bytes += size;
    }
    Result<MergedCaptures> captures = MergedCaptures::open(taps, numbers);
    if (!captures) return tl::make_unexpected(captures.error());
    NoSink sink;
    auto pipeline = sensor::Pipeline::create(settings_of(payload_checks), sink);
    if (!pipeline) return tl::make_unexpected(pipeline.error());
    std::ofstream out(to, std::ios::binary | std::ios::trunc);
    const auto head = vault::encode(table);
    out.write(reinterpret_cast<const char*>(head.data()), static_cast<std::streamsize>(head.size()));
    outcome.bytes = head.size();
    Packer packer(**pipeline, out, outcome);
    while (captures->advance()) {
        const auto packets = captures->take(INT64_MAX);
        outcome.packets += packets.size();
        (*pipeline)->receive(packets);
        if (auto packed = packer.pack_full(); !packed) return tl::make_unexpected(packed.error());
    }
    (*pipeline)->flush();
    if (auto packed = packer.pack_full(); !packed) return tl::make_unexpected(packed.error());
    if (!out.flush()) return tl::make_unexpected(cannot_write(to).error());
    for (const sensor::NamedCount& count : (*pipeline)->counters())
        if (count.value != 0)
            outcome.counters.push_back({std::string(count.name), std::string(count.text), count.value});
    outcome.damaged_files = captures->damaged_files();
    return outcome;
}

Result<UnpackOutcome> unpack_archive(const std::string& from, const std::string& to) {
    std::ifstream in(from, std::ios::binary);
    if (!in) return fail(ErrorKind::failed, "cannot read the archive '" + from + "'");
    const std::vector<std::uint8_t> bytes = file_bytes(in);
    std::ofstream out(to, std::ios::binary | std::ios::trunc);
    wire::PcapngWriter writer([&out](std::span<const std::uint8_t> some) {
        return !!out.write(reinterpret_cast<const char*>(some.data()), static_cast<std::streamsize>(some.size()));
    });
    writer.section("clew", "headers only: payload and transport check sums are not kept, tunnels are in the comments");
    Unpacker unpacker(writer);
    UnpackOutcome outcome;
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto rest = std::span(bytes).subspan(at);
        vault::StoredBlock block;
        if (!vault::header_log_shape.measure(rest, block) || block.bytes > rest.size()) {
            outcome.damage = "from byte " + std::to_string(at) + " on there is no whole block";
            break;
        }
        if (block.packets == 0) {
            if (auto named = unpacker.taps(rest.first(block.bytes)); !named) outcome.damage = named.error().sentence;
        } else {
            outcome.packets += unpacker.packets(rest.first(block.bytes), outcome.damage);
        }
        at += block.bytes;
    }
    if (at == 0) return fail(ErrorKind::failed, "'" + from + "' is no header archive of clew");
    if (writer.failed() || !out.flush()) return tl::make_unexpected(cannot_write(to).error());
    return outcome;
}

}  // namespace clew::cli
