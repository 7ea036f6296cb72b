// SPDX-License-Identifier: Apache-2.0
// One direction of an HTTP/2 connection without TLS (RFC 9113), read from its first byte on for the heads of its first
// requests or responses. What is not understood, missed, or too large ends the reading. Owns no memory; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/fingerprint/hpack.h"

namespace clew::sensor {

/// What a client that knows its server begins with.
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
bool begins_http2(std::span<const std::uint8_t> payload);

class Http2Reader {
  public:
    /// Call with bytes that lie `offset` behind where the reading began; of them `captured` is there and `sent` was
    /// sent. Leaves in `captured` what is new, nothing where there is a hole before it.
    void arrive(std::uint32_t offset, std::span<const std::uint8_t>& captured, std::uint32_t sent);

    /// Takes bytes off the front of `bytes` until a head is whole: true, with views into `text`. False when all were
    /// taken.
    bool next(std::span<const std::uint8_t>& bytes, HpackText& text, HttpHead& head);

    /// Behind what was captured of a payload so much is missing.
    void miss(std::uint32_t byte_count);
    void pass_by(std::uint32_t byte_count) { skip_ += byte_count; }
    void stop() { stopped_ = true; }
    bool has_stopped() const { return stopped_; }

  private:
    std::span<const std::uint8_t> gather(std::span<const std::uint8_t>& bytes, std::size_t wanted);
    void release(std::span<const std::uint8_t>& bytes, std::size_t count);

    std::uint32_t next_ = 0;  ///< offset of the byte that comes next
    std::uint32_t skip_ = 0;  ///< bytes of the frame that are not looked at
    std::uint16_t held_count_ = 0;
    bool stopped_ = false;
    HpackTable table_;
    std::array<std::uint8_t, 512> held_{};  ///< of a frame that is cut, its beginning
};

/// Both sides of a connection.
struct Http2Talk {
    std::array<Http2Reader, 2> sides;
};

}  // namespace clew::sensor
