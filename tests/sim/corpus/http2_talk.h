// SPDX-License-Identifier: Apache-2.0
// What clients, servers and proxies say in HTTP/2 without TLS, calls (gRPC) among it, and what an L7 proxy makes of it.
#pragma once

#include <vector>

#include "tests/sim/corpus/connection.h"

namespace clew::corpus {

Http2Exchange http2_exchange(bool is_call, HttpSignal signal, Rng& rng);

/// The exchanges of an HTTP/2 connection as they are written on each of its conversations: proxies write header blocks
/// of their own, or HTTP/1.
std::vector<std::vector<Exchange>> http2_as_written(const Connection& connection, Rng& rng);

}  // namespace clew::corpus
