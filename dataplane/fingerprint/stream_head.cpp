// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/stream_head.h"

#include <algorithm>
#include <cstring>

#include "dataplane/hash.h"

namespace clew::sensor {
namespace {

void hash_head(StreamHead& head, std::span<const std::uint8_t> bytes) {
    head.length = static_cast<std::uint16_t>(std::min<std::size_t>(bytes.size(), stream_head_bytes));
    if (head.length >= 16) head.hash_16 = hash_bytes(bytes.data(), 16);
    if (head.length >= 64) head.hash_64 = hash_bytes(bytes.data(), 64);
    if (head.length >= 256) head.hash_256 = hash_bytes(bytes.data(), 256);
    if (head.length > 0) head.hash_all = hash_bytes(bytes.data(), head.length);
}

/// Keeps the bytes for the next payload; without a buffer the head stays as long as it is.
void keep(ColdFlow& flow, StreamBuffers& buffers, std::span<const std::uint8_t> bytes, ReasonCounters& counters) {
    if (flow.head_buffer == 0) flow.head_buffer = buffers.take();
    if (flow.head_buffer == 0) {
        counters.add(Reason::stream_buffers_short);
        flow.head_done = head_complete;
        return;
    }
    std::memcpy(buffers.bytes(flow.head_buffer), bytes.data(), bytes.size());
    flow.head_held = static_cast<std::uint16_t>(bytes.size());
}

}  // namespace

bool StreamBuffers::allocate(std::uint32_t buffer_count, bool populate) {
    if (!buffers_.allocate(buffer_count, populate) || !free_.allocate(buffer_count, populate)) return false;
    free_count_ = buffer_count;
    for (std::uint32_t i = 0; i < buffer_count; ++i) free_[i] = buffer_count - 1 - i;
    return true;
}

std::size_t StreamBuffers::memory_bytes(std::uint32_t buffer_count) {
    return std::size_t{buffer_count} * (stream_head_bytes + sizeof(std::uint32_t));
}

ProxyHeader add_to_head(ColdFlow& flow, StreamBuffers& buffers, std::uint32_t offset,
                        std::span<const std::uint8_t> payload, ReasonCounters& counters) {
    const std::uint32_t wanted = flow.head_start + flow.head_held;  // the stream offset that comes next
    const std::uint64_t end = std::uint64_t{offset} + payload.size();
    if (flow.head_done == head_complete || offset > wanted || end <= wanted) return {};

    std::array<std::uint8_t, stream_head_bytes> joined;
    std::size_t size = flow.head_held;
    if (size != 0) std::memcpy(joined.data(), buffers.bytes(flow.head_buffer), size);
    const std::size_t fresh = std::min<std::size_t>(end - wanted, joined.size() - size);
    std::memcpy(joined.data() + size, payload.data() + (wanted - offset), fresh);
    size += fresh;
    const std::span<const std::uint8_t> bytes(joined.data(), size);

    if (flow.head_done == head_undecided) {
        const ProxyHeader proxy = parse_proxy_header(bytes);
        if (proxy.state == ProxyHeader::State::incomplete && size < joined.size()) {
            keep(flow, buffers, bytes, counters);
            return {};
        }
        flow.head_done = head_body;
        if (proxy.state == ProxyHeader::State::found) {
            flow.head_start = proxy.byte_count;
            flow.head_held = 0;
            add_to_head(flow, buffers, offset, payload, counters);  // what follows the header in this payload
            return proxy;
        }
    }
    hash_head(flow.flow.head, bytes);
    if (size == joined.size()) {
        flow.head_done = head_complete;
        buffers.give_back(flow.head_buffer);
    } else {
        keep(flow, buffers, bytes, counters);
    }
    return {};
}

void set_datagram_head(StreamHead& head, std::span<const std::uint8_t> payload) { hash_head(head, payload); }

}  // namespace clew::sensor
