// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/stream_head.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/hash.h"

namespace clew::sensor {
namespace {

using Bytes = std::span<const std::uint8_t>;

/// Of the head's first bytes, more of which than before are known: what was hashed stays.
void hash_head(ColdFlow& flow, Bytes bytes) {
    HeadHashes& head = flow.head;
    const std::size_t length = std::min<std::size_t>(bytes.size(), stream_head_bytes), before = flow.head_length;
    flow.head_length = static_cast<std::uint16_t>(length);
    const auto reaches = [&](std::size_t step) { return length >= step && before < step; };
    if (reaches(16)) head.hash_16 = hash_bytes(bytes.data(), 16);
    if (reaches(64)) head.hash_64 = hash_bytes(bytes.data(), 64);
    if (reaches(256)) head.hash_256 = hash_bytes(bytes.data(), 256);
    if (length > 0) head.hash_all = hash_bytes(bytes.data(), length);
}

/// The next bytes, behind those that are held; without a buffer the head stays as long as it is.
bool keep(ColdFlow& flow, LegParts& parts, Bytes fresh) {
    if (flow.head_buffer == 0) flow.head_buffer = parts.take_stream_buffer();
    if (flow.head_buffer == 0) {
        flow.head_done = head_complete;
        return false;
    }
    std::memcpy(parts.stream_buffer(flow.head_buffer) + flow.head_held, fresh.data(), fresh.size());
    flow.head_held = static_cast<std::uint16_t>(flow.head_held + fresh.size());
    return true;
}

Bytes held(const ColdFlow& flow, LegParts& parts) { return {parts.stream_buffer(flow.head_buffer), flow.head_held}; }

void complete_head(ColdFlow& flow, LegParts& parts, Bytes bytes) {
    hash_head(flow, bytes);
    flow.head_done = head_complete;
    parts.give_back_stream_buffer(flow.head_buffer);
}

/// Hashed when it is complete, or by settle_head().
void add_body(ColdFlow& flow, LegParts& parts, Bytes fresh) {
    const bool whole = flow.head_held == 0 && fresh.size() == stream_head_bytes;
    if (whole || !keep(flow, parts, fresh)) return complete_head(flow, parts, fresh);
    if (flow.head_held == stream_head_bytes) complete_head(flow, parts, held(flow, parts));
}

/// What is held and `fresh`, in one piece.
Bytes join(const ColdFlow& flow, LegParts& parts, Bytes fresh, std::array<std::uint8_t, stream_head_bytes>& room) {
    if (flow.head_held == 0) return fresh;
    std::memcpy(room.data(), parts.stream_buffer(flow.head_buffer), flow.head_held);
    std::memcpy(room.data() + flow.head_held, fresh.data(), fresh.size());
    return {room.data(), flow.head_held + fresh.size()};
}

}  // namespace

ProxyHeader add_to_head(ColdFlow& flow, LegParts& parts, std::uint32_t offset, Bytes payload) {
    const std::uint32_t wanted = flow.head_start + flow.head_held;  // the stream offset that comes next
    const std::uint64_t end = std::uint64_t{offset} + payload.size();
    if (flow.head_done == head_complete || offset > wanted || end <= wanted) return {};
    const Bytes fresh =
        payload.subspan(wanted - offset, std::min<std::size_t>(end - wanted, stream_head_bytes - flow.head_held));

    if (flow.head_done == head_undecided) {
        std::array<std::uint8_t, stream_head_bytes> room;
        const Bytes start = join(flow, parts, fresh, room);
        const ProxyHeader proxy = parse_proxy_header(start);
        if (proxy.state == ProxyHeader::State::incomplete && start.size() < stream_head_bytes) {
            keep(flow, parts, fresh);
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
    add_body(flow, parts, fresh);
    return {};
}

void restart_head(ColdFlow& flow, LegParts& parts, std::uint32_t offset) {
    parts.give_back_stream_buffer(flow.head_buffer);
    flow.head = HeadHashes{};
    flow.head_length = flow.head_held = 0;
    flow.head_start = offset;
    flow.head_done = head_undecided;
}

void settle_head(ColdFlow& flow, LegParts& parts) {
    if (flow.head_done == head_body && flow.head_held != flow.head_length) hash_head(flow, held(flow, parts));
}

void set_datagram_head(ColdFlow& flow, Bytes payload) { hash_head(flow, payload); }

}  // namespace clew::sensor
