// SPDX-License-Identifier: Apache-2.0
// What an observer may send: envelope, greeting, batch, its legs, header replies. What decodes must come back the same.
#include <cstddef>
#include <cstdint>

#include "nat-trace/check.h"
#include "wire/batch_decode.h"
#include "wire/convert.h"
#include "wire/envelope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    using namespace clew;
    const std::span input(bytes, size);
    (void)wire::decode_envelope(input.first(std::min(size, wire::envelope_bytes)));
    v1::Hello hello;
    if (hello.ParseFromArray(bytes, static_cast<int>(size))) (void)wire::check_hello(hello);
    v1::HeaderReply reply;
    if (reply.ParseFromArray(bytes, static_cast<int>(size)))
        for (const v1::PacketHeader& header : reply.headers()) (void)wire::decode(header);
    const auto batch = wire::parse_batch(input);
    if (!batch) return 0;
    std::uint64_t bad = 0;
    for (const Leg& leg : wire::decode_legs(*batch, 16, bad)) {
        v1::Leg message;
        wire::encode(leg, message);
        const auto again = wire::decode(message);
        CLEW_CHECK(again && again->id == leg.id && again->flows == leg.flows && again->segment == leg.segment);
    }
    return 0;
}
