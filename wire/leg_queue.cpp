// SPDX-License-Identifier: Apache-2.0
#include "wire/leg_queue.h"

#include <google/protobuf/io/coded_stream.h>

#include "nat-trace/check.h"
#include "wire/leg.pb.h"
#include "wire/leg_writer.h"

namespace clew::wire {
namespace {

using google::protobuf::io::CodedInputStream;

constexpr std::uint32_t length_delimited = 2;  // a wire type of protobuf's encoding
constexpr std::uint32_t legs_tag = v1::Batch::kLegsFieldNumber << 3 | length_delimited;
static_assert(legs_tag < 0x80, "the tag is one byte");

}  // namespace

std::string_view LegEncoder::encode(const Leg& leg) {
    FieldWriter to(field_.data());
    to.message<v1::Batch::kLegsFieldNumber>([&] { write_leg(leg, to); });
    return {reinterpret_cast<const char*>(field_.data()), static_cast<std::size_t>(to.at() - field_.data())};
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
