// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/route.h"

#include <algorithm>

namespace clew::corpus {

void Route::send(Way way, std::size_t number, Packet packet) {
    Link& link = links[number];
    const bool up = way == Way::to_server;
    const bool lost = loss_ > 0 && rng_.chance(loss_);
    if (lost && rng_.chance(0.5)) return;
    Nanoseconds& last = link.last_ns[index(way)];
    const Nanoseconds at_tap =
        std::max(last + 1, events_.now() + link.delay_ns[up ? 0 : 1] + rng_.between(0, link.jitter_ns));
    last = at_tap;
    for (View& view : link.views) capture_.pass(view, way, packet, at_tap);
    if (lost) return;
    events_.at(at_tap + link.delay_ns[up ? 1 : 0],
               [this, way, number, p = std::move(packet)]() mutable { arrive(way, number, std::move(p)); });
}

void Route::arrive(Way way, std::size_t number, Packet packet) {
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

}  // namespace clew::corpus
