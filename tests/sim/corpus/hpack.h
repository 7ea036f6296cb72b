// SPDX-License-Identifier: Apache-2.0
// HTTP/2 as a client, a server or a proxy writes it: header blocks (RFC 7541) and frames (RFC 9113).
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/corpus/rng.h"

namespace clew::corpus {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// Writes the header blocks of one direction of one connection.
class HpackWriter {
  public:
    explicit HpackWriter(Rng rng) : rng_(rng), huffman_(rng_.chance(0.8)) {}
    std::string block(const Fields& fields);

  private:
    void put_field(std::string& out, const std::string& name, const std::string& value);
    void put_text(std::string& out, const std::string& text);
    void remember(const std::string& name, const std::string& value);

    Rng rng_;
    bool huffman_;
    std::deque<std::pair<std::string, std::string>> table_;  ///< the newest first
    std::size_t size_ = 0;
};

enum FrameFlags : int { end_stream = 1, end_headers = 4 };
std::string frame(int type, int flags, std::uint32_t stream, const std::string& body);

/// The frames of one message: HEADERS, DATA where there is a body, and HEADERS again where there are trailers.
std::string message(HpackWriter& writer, std::uint32_t stream, const Fields& fields, const std::string& body,
                    const Fields& trailers = {});

/// What each side begins with.
std::string client_preface(Rng& rng);
std::string server_preface(Rng& rng);

}  // namespace clew::corpus
