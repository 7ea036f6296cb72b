// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ingest.h"

namespace clew::control {

std::optional<std::uint64_t> Ingest::last_stored(const std::string& observer, std::int64_t started_ns) {
    const auto sequence = store_.last_sequence(observer, started_ns);
    return sequence ? std::optional(*sequence) : std::nullopt;
}

bool Ingest::receive(wire::BatchId id, const std::vector<v1::TapName>& taps, std::vector<Leg> legs) {
    if (!to_linker_.has_room(legs.size()) || !to_writer_.has_room(legs.size())) return false;
    auto batch = std::make_shared<const ReceivedBatch>(ReceivedBatch{std::move(id), taps, std::move(legs)});
    to_linker_.put(batch);
    to_writer_.put(std::move(batch));
    return true;
}

}  // namespace clew::control
