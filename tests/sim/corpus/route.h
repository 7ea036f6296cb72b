// SPDX-License-Identifier: Apache-2.0
// The way of one transport connection: links with taps on them, and middleboxes between the links.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/corpus/capture.h"
#include "tests/sim/corpus/events.h"
#include "tests/sim/corpus/packet.h"
#include "tests/sim/corpus/rng.h"

namespace clew::corpus {

/// Where a box puts packets: towards the server, or towards the client.
using Emit = std::function<void(Way, Packet)>;

/// A middlebox in the way. One instance serves one connection; what is shared (address pools) is drawn beforehand.
class Middlebox {
  public:
    virtual ~Middlebox() = default;
    /// A packet came in, going `way`. Emits what leaves, now.
    virtual void pass(Way way, Packet packet, const Emit& emit) = 0;
    /// How long it keeps a packet.
    Nanoseconds delay_ns = 20 * ns_us;
    /// What it does to connections on purpose; injected.jsonl tells it.
    enum class Fault : std::uint8_t { none, eats_syn, eats_answer, resets };
    Fault fault = Fault::none;
};

/// A link between two middleboxes (or an end), with the views of the taps on it.
struct Link {
    std::vector<View> views;
    Nanoseconds delay_ns[2] = {20 * ns_us, 20 * ns_us};  ///< before and behind the tap, seen from the client
    Nanoseconds jitter_ns = 5 * ns_us;
    int return_past =
        -1;  ///< packets to the client leave this link for the link of this number (DR); -1: the one before
    bool loops =
        false;  ///< the last link: its two routers send packets to the server back and forth until the TTL ends
    Nanoseconds last_ns[2] = {0, 0};  ///< packets of one direction do not overtake each other
};

class Route {
  public:
    Route(Events& events, Capture& capture, Rng rng, double loss)
        : events_(events), capture_(capture), rng_(rng), loss_(loss) {}

    std::vector<Link> links;
    std::vector<std::unique_ptr<Middlebox>> boxes;     ///< boxes[i] stands between links[i] and links[i+1]
    std::function<void(Packet)> to_client, to_server;  ///< the ends

    void from_client(Packet packet) { send(Way::to_server, 0, std::move(packet)); }
    void from_server(Packet packet) { send(Way::to_client, links.size() - 1, std::move(packet)); }

  private:
    void send(Way way, std::size_t number, Packet packet);
    void arrive(Way way, std::size_t number, Packet packet);
    void note_loss(Way way, std::size_t number, bool before_tap, const Packet& packet);
    void bounce(std::size_t number, Packet packet, bool turned);

    Events& events_;
    Capture& capture_;
    Rng rng_;
    double loss_;
};

}  // namespace clew::corpus
