// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/route.h"

#include <algorithm>

namespace clew::corpus {

void Route::send(Way way, std::size_t number, Packet packet) {
    Link& link = links[number];
    const bool up = way == Way::to_server;
    const bool lost = loss_ > 0 && rng_.chance(loss_);
    const bool before_tap = lost && rng_.chance(0.5);
    if (lost) note_loss(way, number, before_tap, packet);
    if (before_tap) return;
    Nanoseconds& last = link.last_ns[index(way)];
    const Nanoseconds at_tap =
        std::max(last + 1, events_.now() + link.delay_ns[up ? 0 : 1] + rng_.between(0, link.jitter_ns));
    last = at_tap;
    for (View& view : link.views) capture_.pass(view, way, packet, at_tap);
    if (lost) return;
    events_.at(at_tap + link.delay_ns[up ? 1 : 0],
               [this, way, number, p = std::move(packet)]() mutable { arrive(way, number, std::move(p)); });
}

void Route::note_loss(Way way, std::size_t number, bool before_tap, const Packet& packet) {
    const bool up = way == Way::to_server;
    const auto tap_of = [this](std::size_t link) {  // a number past either end is none
        return link < links.size() ? "\"" + capture_.tap_name(links[link].views[0].tap) + "\"" : std::string("null");
    };
    std::size_t next = up ? number + 1 : number - 1, previous = up ? number - 1 : number + 1;
    for (std::size_t n = 0; !up && n < links.size(); ++n) {  // servers that answer past the balancer
        if (links[n].return_past < 0) continue;
        if (n == number) next = static_cast<std::size_t>(links[n].return_past);
        if (static_cast<std::size_t>(links[n].return_past) == number) previous = n;
    }
    capture_.note(R"({"what": "network-loss", "connection": "c)" + std::to_string(links[number].views[0].connection) +
                  R"(", "way": ")" + (up ? "to_server" : "to_client") + R"(", "from": )" +
                  tap_of(before_tap ? previous : number) + R"(, "to": )" + tap_of(before_tap ? number : next) +
                  R"(, "seq": )" + std::to_string(packet.seq) + R"(, "length": )" +
                  std::to_string(packet.payload.size()) + R"(, "syn": )" + (packet.has(tcp_syn) ? "true" : "false") +
                  R"(, "flags": )" + std::to_string(packet.flags) + R"(, "ns": )" + std::to_string(events_.now()) +
                  "}");
}

void Route::arrive(Way way, std::size_t number, Packet packet) {
    if (way == Way::to_server && links[number].loops) return bounce(number, std::move(packet), true);
    if (way == Way::to_server && number + 1 == links.size()) return to_server(std::move(packet));
    if (way == Way::to_client && number == 0) return to_client(std::move(packet));
    std::size_t box = way == Way::to_server ? number : number - 1;
    if (way == Way::to_client && links[number].return_past >= 0)
        box = static_cast<std::size_t>(links[number].return_past);
    events_.after(boxes[box]->delay_ns, [this, box, way, p = std::move(packet)]() mutable {
        boxes[box]->pass(way, std::move(p), [this, box](Way out, Packet packet_out) {
            send(out, out == Way::to_server ? box + 1 : box, std::move(packet_out));
        });
    });
}

void Route::bounce(std::size_t number, Packet packet, bool turned) {
    if (--packet.ttl == 0) return;
    Link& link = links[number];
    events_.after(link.delay_ns[0] + link.delay_ns[1], [this, number, turned, p = std::move(packet)]() mutable {
        for (View& view : links[number].views) capture_.pass(view, Way::to_server, p, events_.now(), turned);
        bounce(number, std::move(p), !turned);
    });
}

}  // namespace clew::corpus
