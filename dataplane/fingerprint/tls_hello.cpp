// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/tls_hello.h"

#include <algorithm>

#include "dataplane/bytes.h"

namespace clew::sensor {
namespace {

/// Reads forward; what would go beyond the end gives nothing, and so does everything after it.
class Reader {
  public:
    explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    std::size_t left() const { return bytes_.size(); }
    bool skip(std::size_t count) {
        if (count > bytes_.size()) return fail();
        bytes_ = bytes_.subspan(count);
        return true;
    }
    std::size_t number(std::size_t size) {
        if (size > bytes_.size()) return fail();
        std::size_t value = 0;
        for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes_[i];
        bytes_ = bytes_.subspan(size);
        return value;
    }
    bool skip_vector(std::size_t length_size) { return left() >= length_size && skip(number(length_size)); }
    /// The next `count` bytes; of a cut one, those that are there.
    std::span<const std::uint8_t> take(std::size_t count) {
        const auto taken = bytes_.first(std::min(count, bytes_.size()));
        bytes_ = bytes_.subspan(taken.size());
        return taken;
    }

  private:
    bool fail() {
        bytes_ = {};
        return false;
    }
    std::span<const std::uint8_t> bytes_;
};

/// Whole and printable, or nothing.
std::string_view text(std::span<const std::uint8_t> bytes, std::size_t length) {
    if (bytes.size() != length) return {};
    if (!std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte > 0x20 && byte < 0x7f; })) return {};
    return {reinterpret_cast<const char*>(bytes.data()), length};
}

void read_extension(std::size_t type, std::span<const std::uint8_t> bytes, TlsHello& hello) {
    constexpr std::size_t extension_server_name = 0, extension_alpn = 16, name_is_host = 0;
    Reader reader(bytes);
    reader.number(2);  // the list's length
    if (type == extension_server_name && reader.left() > 3 && reader.number(1) == name_is_host) {
        const std::size_t length = reader.number(2);
        hello.server_name = text(reader.take(length), length);
    } else if (type == extension_alpn && reader.left() > 1) {
        const std::size_t length = reader.number(1);
        hello.alpn = text(reader.take(length), length);
    }
}

}  // namespace

TlsHello parse_tls_hello(std::span<const std::uint8_t> payload) {
    constexpr std::size_t record_header_bytes = 5, handshake_header_bytes = 4, random_bytes = 32;
    constexpr std::uint8_t record_handshake = 22, client_hello = 1, server_hello = 2;
    TlsHello hello;
    if (payload.size() < record_header_bytes + handshake_header_bytes || payload[0] != record_handshake) return hello;
    const std::uint8_t type = payload[record_header_bytes];
    if (type != client_hello && type != server_hello) return hello;
    hello.client = type == client_hello;
    Reader reader(payload.subspan(record_header_bytes + handshake_header_bytes));
    reader.skip(2 + random_bytes);
    reader.skip_vector(1);  // session id
    if (hello.client) {
        reader.skip_vector(2);  // cipher suites
        reader.skip_vector(1);  // compressions
    } else {
        reader.skip(2 + 1);
    }
    std::size_t rest = reader.number(2);
    while (rest >= 4 && reader.left() >= 4) {
        const std::size_t extension = reader.number(2), length = reader.number(2);
        read_extension(extension, reader.take(length), hello);
        rest -= std::min(rest, length + 4);
    }
    return hello;
}

}  // namespace clew::sensor
