// SPDX-License-Identifier: Apache-2.0
// Proxies: they end the client's transport connection and open one of their own. L4 passes the byte stream on, re-cut,
// with or without a PROXY header in front; L7 reads HTTP messages and writes them anew.
#pragma once

#include <string>

#include "tests/sim/corpus/connection.h"

namespace clew::corpus {

/// Joins conversations n and n+1 by the relay that stands behind conversation n.
void make_relay(Connection& connection, std::size_t n, Events& events, Rng& rng);

std::string proxy_v1_header(const End& source, const End& destination);
/// With a unique id as a TLV, unless that is empty.
std::string proxy_v2_header(const End& source, const End& destination, const std::string& unique_id = {});
/// Length of the PROXY header at the start of `bytes`; 0 while it is not whole.
std::size_t proxy_header_length(const std::string& bytes);

/// What an L7 relay makes of a request or a response.
std::string rewritten_request(const std::string& message, Relay relay, const End& client, Rng& rng);
/// The id, where there is one, is told to the client as well.
std::string rewritten_response(const std::string& message, const std::string& request_id);

}  // namespace clew::corpus
