// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/stream_head.h"

#include <algorithm>
#include <cstring>

#include "dataplane/hash.h"

namespace clew::sensor {
namespace {

void hash_head(ColdFlow& flow, std::span<const std::uint8_t> bytes) {
    HeadHashes& head = flow.head;
    const std::size_t length = std::min<std::size_t>(bytes.size(), stream_head_bytes);
    flow.head_length = static_cast<std::uint16_t>(length);
    if (length >= 16) head.hash_16 = hash_bytes(bytes.data(), 16);
    if (length >= 64) head.hash_64 = hash_bytes(bytes.data(), 64);
    if (length >= 256) head.hash_256 = hash_bytes(bytes.data(), 256);
    if (length > 0) head.hash_all = hash_bytes(bytes.data(), length);
}

/// Keeps the bytes for the next payload; without a buffer the head stays as long as it is.
void keep(ColdFlow& flow, LegParts& parts, std::span<const std::uint8_t> bytes) {
    if (flow.head_buffer == 0) flow.head_buffer = parts.take_stream_buffer();
    if (flow.head_buffer == 0) {
        flow.head_done = head_complete;
        return;
    }
    std::memcpy(parts.stream_buffer(flow.head_buffer), bytes.data(), bytes.size());
    flow.head_held = static_cast<std::uint16_t>(bytes.size());
}

}  // namespace

ProxyHeader add_to_head(ColdFlow& flow, LegParts& parts, std::uint32_t offset, std::span<const std::uint8_t> payload) {
    const std::uint32_t wanted = flow.head_start + flow.head_held;  // the stream offset that comes next
    const std::uint64_t end = std::uint64_t{offset} + payload.size();
    if (flow.head_done == head_complete || offset > wanted || end <= wanted) return {};

    std::array<std::uint8_t, stream_head_bytes> joined;
    std::size_t size = flow.head_held;
    if (size != 0) std::memcpy(joined.data(), parts.stream_buffer(flow.head_buffer), size);
    const std::size_t fresh = std::min<std::size_t>(end - wanted, joined.size() - size);
    std::memcpy(joined.data() + size, payload.data() + (wanted - offset), fresh);
    size += fresh;
    const std::span<const std::uint8_t> bytes(joined.data(), size);

    if (flow.head_done == head_undecided) {
        const ProxyHeader proxy = parse_proxy_header(bytes);
        if (proxy.state == ProxyHeader::State::incomplete && size < joined.size()) {
            keep(flow, parts, bytes);
            return {};
        }
        flow.head_done = head_body;
        if (proxy.state == ProxyHeader::State::found) {
            flow.head_start = proxy.byte_count;
            flow.head_held = 0;
            add_to_head(flow, parts, offset, payload);  // what follows the header in this payload
            return proxy;
        }
    }
    hash_head(flow, bytes);
    if (size == joined.size()) {
        flow.head_done = head_complete;
        parts.give_back_stream_buffer(flow.head_buffer);
    } else {
        keep(flow, parts, bytes);
    }
    return {};
}

void set_datagram_head(ColdFlow& flow, std::span<const std::uint8_t> payload) { hash_head(flow, payload); }

}  // namespace clew::sensor
