// SPDX-License-Identifier: Apache-2.0
#include "controlplane/recording.h"

#include <algorithm>
#include <future>

#include "wire/bpf_program.h"

namespace clew::control {
namespace {

constexpr std::string_view sensor_kind = "sensor";

bool has_any_of(const v1::ObserverStatus& observer, const v1::Recording& wanted) {
    return wanted.taps_size() == 0 || std::any_of(wanted.taps().begin(), wanted.taps().end(), [&](const auto& tap) {
               return std::find(observer.taps().begin(), observer.taps().end(), tap) != observer.taps().end();
           });
}

v1::RecordingSensor outcome_of(const std::string& sensor, const Result<v1::HeaderReply>& reply) {
    v1::RecordingSensor outcome;
    outcome.set_observer(sensor);
    if (!reply)
        outcome.set_refusal(reply.error().sentence);
    else if (reply->recording_until_ns() != 0)
        outcome.set_until_ns(reply->recording_until_ns());
    else
        outcome.set_refusal(reply->partial().empty() ? "it is of a version that cannot be switched on from here"
                                                     : reply->partial());
    return outcome;
}

}  // namespace

Result<v1::RecordingList> Recording::start(const v1::Recording& wanted) const {
    // As a sensor compiles it: on the innermost IP packet.
    if (!wanted.bpf().empty())
        if (const auto good = wire::BpfProgram::compile(wanted.bpf(), wire::BpfOn::ip); !good)
            return fail(good.error().kind, "bpf: " + good.error().sentence);
    v1::HeaderRequest request;
    *request.mutable_record() = wanted;
    std::vector<std::string> sensors;
    for (const v1::ObserverStatus& observer : collector_.observers())
        if (observer.kind() == sensor_kind && observer.connected() && has_any_of(observer, wanted))
            sensors.push_back(observer.name());
    if (sensors.empty())
        return fail(ErrorKind::unreachable, wanted.taps_size() == 0 ? "no sensor is connected that could record"
                                                                    : "no connected sensor has such a tap");
    std::vector<std::future<Result<v1::HeaderReply>>> asks;
    for (const std::string& name : sensors)
        asks.push_back(std::async(std::launch::async, [this, name, &request] {
            return collector_.ask_headers(name, request, ask_timeout_ms);
        }));
    v1::RecordingList list;
    list.set_id(wanted.id());
    for (std::size_t i = 0; i < sensors.size(); ++i) {
        const auto reply = asks[i].get();
        if (reply && reply->recording_unknown()) continue;
        *list.add_sensors() = outcome_of(sensors[i], reply);
    }
    if (list.sensors().empty()) return fail(ErrorKind::nothing_found, "no connected sensor has such a recording");
    return list;
}

}  // namespace clew::control
