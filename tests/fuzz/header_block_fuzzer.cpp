// SPDX-License-Identifier: Apache-2.0
// Header blocks out of files that somebody else may have written: with the check sums put right, so that the decoder
// itself is reached.
#include <cstring>
#include <vector>

#include "dataplane/vault/block_check.h"
#include "dataplane/vault/header_block.h"
#include "dataplane/vault/header_frame.h"
#include "dataplane/vault/tap_table.h"

namespace {

using namespace clew::vault;

/// Makes all check sums fit, as far as the lengths allow.
void mend(std::vector<std::uint8_t>& bytes) {
    HeaderBlockHead head;
    if (bytes.size() < sizeof head) return;
    std::memcpy(&head, bytes.data(), sizeof head);
    head.magic = header_block_magic;
    head.version = header_block_version;
    head.block_bytes = static_cast<std::uint32_t>(bytes.size());
    const std::size_t body = sizeof head + head.chunk_count * sizeof(HeaderChunkHead);
    if (body > bytes.size()) return;
    head.labels_bytes = std::min(head.labels_bytes, static_cast<std::uint32_t>(bytes.size() - body));
    head.labels_check = check_of({bytes.data() + body, head.labels_bytes});
    std::size_t at = body + head.labels_bytes;
    for (std::uint16_t i = 0; i < head.chunk_count; ++i) {
        HeaderChunkHead chunk;
        std::uint8_t* place = bytes.data() + sizeof head + i * sizeof chunk;
        std::memcpy(&chunk, place, sizeof chunk);
        const auto left = static_cast<std::uint32_t>(bytes.size() - at);
        chunk.bytes = i + 1 == head.chunk_count ? left : std::min(chunk.bytes, left);
        chunk.check = check_of({bytes.data() + at, chunk.bytes});
        at += chunk.bytes;
        std::memcpy(place, &chunk, sizeof chunk);
    }
    std::memcpy(bytes.data(), &head, sizeof head);
    constexpr std::size_t checked_from = offsetof(HeaderBlockHead, version);
    head.head_check = check_of({bytes.data() + checked_from, body - checked_from});
    std::memcpy(bytes.data(), &head, sizeof head);
}

void read(std::span<const std::uint8_t> bytes) {
    const auto block = HeaderBlockReader::open(bytes);
    if (!block) return;
    const auto legs = block->legs();
    if (!legs) return;
    std::vector<std::uint8_t> frame;
    std::size_t count = 0;
    constexpr std::size_t packets_max = 20'000;  // a fuzzer wants many short runs
    (void)block->packets(
        *legs, [](const BlockLeg&) { return true; },
        [&](const BlockLeg& leg, const HeaderRecord& record) {
            build_frame(leg.label, record, frame);
            return ++count < packets_max;
        });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    std::vector<std::uint8_t> bytes(input, input + size);
    read(bytes);
    (void)decode_tap_table(bytes);
    mend(bytes);
    read(bytes);
    return 0;
}
