// SPDX-License-Identifier: Apache-2.0
#include "wire/batch_decode.h"

#include <set>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "wire/convert.h"

namespace clew::wire {
namespace {

using google::protobuf::internal::WireFormatLite;

/// Walks the outermost fields without building anything: a few bytes can ask for gigabytes of empty messages.
bool within_limits(std::span<const std::uint8_t> bytes) {
    google::protobuf::io::CodedInputStream input(bytes.data(), static_cast<int>(bytes.size()));
    std::size_t legs = 0;
    std::size_t others = 0;
    while (const std::uint32_t tag = input.ReadTag()) {
        if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
            if (!WireFormatLite::SkipField(&input, tag)) return false;
            continue;
        }
        const bool leg = WireFormatLite::GetTagFieldNumber(tag) == v1::Batch::kLegsFieldNumber;
        std::uint32_t length = 0;
        if (!input.ReadVarint32(&length) || length > bytes.size() || !input.Skip(static_cast<int>(length)))
            return false;
        if (leg && (++legs > batch_leg_count_limit || length > leg_bytes_max)) return false;
        if (!leg && ++others > counter_count_limit + tap_count_limit) return false;
    }
    return input.ConsumedEntireMessage();
}

bool good_name(const std::string& name) { return !name.empty() && name.size() <= name_bytes_max; }

}  // namespace

Result<v1::Batch> parse_batch(std::span<const std::uint8_t> bytes) {
    if (bytes.size() > std::size_t{1} << 30 || !within_limits(bytes))
        return fail(ErrorKind::failed, "the batch is malformed or beyond the limits of a batch");
    v1::Batch batch;
    if (!batch.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return fail(ErrorKind::failed, "the batch cannot be decoded");
    if (!good_name(batch.observer()) || batch.started_ns() <= 0)
        return fail(ErrorKind::failed, "the batch does not say which run of which observer it is from");
    for (const v1::TapName& tap : batch.taps())
        if (!good_name(tap.name()) || tap.clock().size() > name_bytes_max)
            return fail(ErrorKind::failed, "the batch names a tap that cannot be used");
    return batch;
}

Result<void> check_hello(const v1::Hello& hello) {
    if (!good_name(hello.observer()) || hello.started_ns() <= 0)
        return fail(ErrorKind::failed, "the greeting has no usable observer name or start time");
    if (static_cast<std::size_t>(hello.taps_size()) > tap_count_limit)
        return fail(ErrorKind::failed, "an observer may have " + std::to_string(tap_count_limit) + " taps at most");
    std::set<std::string> names;
    for (const v1::TapName& tap : hello.taps())
        if (!good_name(tap.name()) || tap.clock().size() > name_bytes_max || !names.insert(tap.name()).second)
            return fail(ErrorKind::failed, "tap names must be 1 to " + std::to_string(name_bytes_max) +
                                               " characters and differ; '" + tap.name().substr(0, 60) + "' is not so");
    return {};
}

std::vector<Leg> decode_legs(const v1::Batch& batch, std::size_t tap_count, std::uint64_t& legs_bad) {
    std::vector<Leg> legs;
    legs.reserve(static_cast<std::size_t>(batch.legs_size()));
    for (const v1::Leg& message : batch.legs()) {
        auto leg = decode(message);
        if (leg && leg->tap < tap_count)
            legs.push_back(*leg);
        else
            ++legs_bad;
    }
    return legs;
}

}  // namespace clew::wire
