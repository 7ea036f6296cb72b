// SPDX-License-Identifier: Apache-2.0
// A DNS forwarder: asks its upstream server under an id of its own what its clients ask, and remembers the answers.
#pragma once

#include <map>
#include <string>

#include "tests/sim/corpus/connection.h"

namespace clew::corpus {

/// What one forwarder remembers, of all its clients: by the question.
struct DnsMemory {
    struct Answer {
        std::string message;
        Nanoseconds until = 0;
    };
    std::map<std::string, Answer> answers;
};

/// Joins the connection's two conversations: what the client's comes in on, and what goes to the upstream server.
void make_forwarder(Connection& connection, Events& events, Rng& rng);

}  // namespace clew::corpus
