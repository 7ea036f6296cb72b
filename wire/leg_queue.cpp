// SPDX-License-Identifier: Apache-2.0
#include "wire/leg_queue.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>

#include <array>

#include "nat-trace/check.h"
#include "wire/convert.h"
#include "wire/leg.pb.h"

namespace clew::wire {
namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::size_t ground_bytes = 32 << 10;  // what a leg's message takes while it is built, with room
constexpr std::uint32_t length_delimited = 2;   // a wire type of protobuf's encoding
constexpr std::uint32_t legs_tag = v1::Batch::kLegsFieldNumber << 3 | length_delimited;
static_assert(legs_tag < 0x80, "the tag is one byte");

}  // namespace

struct LegEncoder::Ground {
    std::array<char, ground_bytes> block{};
    google::protobuf::Arena arena;

    Ground() : arena(options(block)) {}
    static google::protobuf::ArenaOptions options(std::array<char, ground_bytes>& block) {
        google::protobuf::ArenaOptions out;
        out.initial_block = block.data();
        out.initial_block_size = block.size();
        return out;
    }
};

LegEncoder::LegEncoder() : ground_(std::make_unique<Ground>()) {}
LegEncoder::~LegEncoder() = default;

std::string_view LegEncoder::encode(const Leg& leg) {
    ground_->arena.Reset();
    v1::Leg& message = *google::protobuf::Arena::CreateMessage<v1::Leg>(&ground_->arena);
    wire::encode(leg, message);
    const std::size_t length = message.ByteSizeLong();
    field_.resize(1 + CodedOutputStream::VarintSize32(static_cast<std::uint32_t>(length)) + length);
    auto* at = reinterpret_cast<std::uint8_t*>(field_.data());
    at = CodedOutputStream::WriteVarint32ToArray(legs_tag, at);
    at = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(length), at);
    message.SerializeWithCachedSizesToArray(at);
    return field_;
}

std::string_view EncodedLegs::next(std::size_t& from, std::size_t count_max, std::size_t& taken) const {
    const std::size_t begin = from;
    CodedInputStream rest(reinterpret_cast<const std::uint8_t*>(bytes.data()) + begin,
                          static_cast<int>(bytes.size() - begin));
    std::uint32_t length = 0;
    for (taken = 0; taken < count_max && rest.ReadTag() == legs_tag; ++taken)
        CLEW_CHECK(rest.ReadVarint32(&length) && rest.Skip(static_cast<int>(length)));
    from = begin + static_cast<std::size_t>(rest.CurrentPosition());
    return std::string_view(bytes).substr(begin, from - begin);
}

bool LegQueue::put(const Leg& leg) {
    std::size_t count = 0;
    const std::string_view field = encoder_.encode(leg);
    {
        const std::lock_guard lock(mutex_);
        if (legs_.count >= leg_count_max_) return false;
        legs_.bytes += field;
        count = ++legs_.count;
    }
    if (count == wake_at_) waker_.wake();
    return true;
}

void LegQueue::take_all(EncodedLegs& into) {
    into.bytes.clear();
    into.count = 0;
    waker_.clear();
    const std::lock_guard lock(mutex_);
    std::swap(legs_, into);
}

}  // namespace clew::wire
