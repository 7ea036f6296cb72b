// SPDX-License-Identifier: Apache-2.0
#include "controlplane/linker.h"

#include <algorithm>
#include <chrono>

#include "controlplane/wall_clock.h"
#include "nat-trace/verdict.h"
#include "wire/convert.h"
#include "wire/convert_gateway.h"

namespace clew::control {
namespace {
constexpr std::size_t legs_per_turn_max = 20'000;
constexpr std::size_t legs_expected = 4;                // so far ahead the engine is told of them
constexpr DurationNs restart_grace_ns = 10 * ns_per_s;  // observers have connected and sent what was not stored

tl::unexpected<Error> not_in_window(LegId leg) {
    return fail(ErrorKind::nothing_found, "leg " + wire::id_text(leg) +
                                              " is not in the linker's window: it never came, or it has aged out; "
                                              "a path keeps its evidence: explain the path instead");
}
}  // namespace

Linker::Linker(const EngineLimits& limits, BatchQueue& queue, PathWriter& paths)
    : restart_settle_ns_(restart_grace_ns + limits.settle_ns),
      queue_(queue),
      paths_(paths),
      engine_(limits),
      tcp_digests_(limits.leg_count_max),
      revision_base_(revision_base(wall_clock_ns())),
      gateways_(engine_) {}

Linker::~Linker() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
}

void Linker::refill(const std::vector<store::StoredLeg>& legs, const std::vector<v1::Path>& paths, TimeNs since_ns) {
    std::unordered_set<std::string> ids;
    for (const store::StoredLeg& stored : legs) {
        if (add(stored.leg, stored.tap, stored.clock)) ids.insert(wire::id_text(stored.leg.id));
    }
    counters_.legs_refilled = ids.size();
    restart_ = std::make_unique<Restart>(paths, ids, since_ns);
    restart_done_at_ns_ = wall_clock_ns() + restart_settle_ns_;
}

void Linker::restore(wire::LearntGateways learnt) { gateways_.restore(std::move(learnt.gateways), learnt.counted); }

void Linker::start() {
    thread_ = std::thread([this] { run(); });
}

void Linker::run() {
    using std::chrono::steady_clock;
    auto next_tick = steady_clock::now();
    for (;;) {
        const bool last = stopping_;
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(next_tick - steady_clock::now()).count();
        const auto batches =
            queue_.take(legs_per_turn_max, static_cast<std::uint32_t>(std::max<std::int64_t>(0, left)));
        for (const SharedBatch& batch : batches) take(*batch);
        if (steady_clock::now() >= next_tick || (last && batches.empty())) {
            tick();
            next_tick = steady_clock::now() + std::chrono::milliseconds(tick_every_ms);
        }
        answer_questions();
        if (!last || !batches.empty()) continue;
        const std::lock_guard lock(mutex_);
        closed_ = true;
        questions_.clear();  // whoever waits is told by the broken promise
        hand_over_gateways();
        return;
    }
}

template <typename Message>
Result<Message> Linker::ask(std::function<Result<Message>()> answer) {
    const auto promise = std::make_shared<std::promise<Result<Message>>>();
    std::future<Result<Message>> answered = promise->get_future();
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || questions_.size() >= question_count_max)
            return fail(ErrorKind::unreachable, "the linker has too many questions waiting; ask again");
        questions_.emplace_back([promise, answer = std::move(answer)] { promise->set_value(answer()); });
    }
    if (answered.wait_for(std::chrono::milliseconds(explain_timeout_ms)) != std::future_status::ready)
        return fail(ErrorKind::unreachable, "the linker is too busy to weigh legs now; ask again");
    try {
        return answered.get();
    } catch (const std::future_error&) {
        return fail(ErrorKind::unreachable, "the control plane is stopping");
    }
}

Result<v1::LinkExplanation> Linker::explain(LegId a, LegId b) {
    return ask<v1::LinkExplanation>([this, a, b] { return explained(a, b); });
}

Result<v1::LinkRivals> Linker::rivals(LegId leg) {
    return ask<v1::LinkRivals>([this, leg] { return rivals_of(leg); });
}

Result<v1::LinkExplanation> Linker::explained(LegId a, LegId b) const {
    const PairVerdict verdict = engine_.weigh(a, b);
    for (const std::size_t n : {0u, 1u})
        if (!verdict.known[n]) return not_in_window(n == 0 ? a : b);
    return wire::to_message(verdict, engine_);
}

Result<v1::LinkRivals> Linker::rivals_of(LegId leg) const {
    const PairVerdict itself = engine_.weigh(leg, leg);
    if (!itself.known[0]) return not_in_window(leg);
    const v1::LinkExplanation told = wire::to_message(itself, engine_);
    const Rivals rivals = engine_.rivals(leg, rival_count_max);
    v1::LinkRivals out;
    *out.mutable_leg() = told.a();
    out.set_path(told.path_a());
    out.set_unlinked(told.unlinked_a());
    for (const LegId rival : rivals.legs) *out.add_rivals() = wire::to_message(engine_.weigh(leg, rival), engine_);
    out.set_keys_crowded(static_cast<std::uint32_t>(rivals.keys_crowded));
    if (rivals.more)
        out.set_partial(rivals.keys_crowded > 0 ? "so many legs share " + std::to_string(rivals.keys_crowded) +
                                                      " of its keys that those were not looked through"
                                                : "there are more; these are those that most speaks for");
    return out;
}

void Linker::answer_questions() {
    std::vector<Question> asked;
    {
        const std::lock_guard lock(mutex_);
        asked.swap(questions_);
    }
    for (const Question& question : asked) question();
}

void Linker::show_gateways() {
    if (++ticks_since_shown_ < gateways_every_ticks) return;
    ticks_since_shown_ = 0;
    auto fresh = std::make_shared<const v1::GatewayList>(wire::to_message(gateways_));
    const std::lock_guard lock(mutex_);
    gateways_shown_ = std::move(fresh);
}

void Linker::hand_over_gateways() {
    ticks_since_kept_ = 0;
    if (keep_gateways_) keep_gateways_(wire::encode_gateway_state(gateways_));
}

v1::GatewayList Linker::gateways() const {
    std::shared_ptr<const v1::GatewayList> shown;
    {
        const std::lock_guard lock(mutex_);
        shown = gateways_shown_;
    }
    return *shown;
}

void Linker::take(const ReceivedBatch& batch) {
    for (std::size_t n = 0; n < batch.legs.size(); ++n) {
        if (n + legs_expected < batch.legs.size()) engine_.expect(batch.legs[n + legs_expected].id);
        const Leg& leg = batch.legs[n];
        const v1::TapName& tap = batch.taps[leg.tap];
        if (!add(leg, tap.name(), tap.clock())) ++counters_.legs_without_tap;
    }
}

bool Linker::add(Leg leg, const std::string& tap, const std::string& clock) {
    const auto known = taps_.find(tap);
    if (known != taps_.end()) {
        leg.tap = known->second;
    } else {
        if (taps_.size() >= tap_count_max) return false;
        leg.tap = engine_.add_tap({tap, clock});
        taps_.emplace(tap, leg.tap);
    }
    latest_ns_ = std::max(latest_ns_, leg.last_ns);
    tcp_digests_.take(leg);
    engine_.add(leg);
    return true;
}

void Linker::tick() {
    const TimeNs wall = wall_clock_ns();
    const TimeNs now = std::clamp(latest_ns_, wall, wall + clock_lead_ns_max);
    engine_.tick(now);
    hand_on();
    if (restart_) finish_restart(wall);
    show_gateways();
    if (++ticks_since_kept_ >= gateways_kept_every_ticks) hand_over_gateways();
    counters_.engine = engine_.counters();
    const std::lock_guard lock(mutex_);
    shown_ = counters_;
}

void Linker::hand_on() {
    if (!paths_.has_room()) {
        ++counters_.drains_put_off;
        return;
    }
    std::vector<v1::Path> messages;
    engine_.tell([&](const Path& path) {
        gateways_.learn(path);
        v1::Path message = wire::to_message(path, engine_);
        wire::name_gateways(path, gateways_, message);
        tcp_digests_.fill(message);
        message.set_revision(revision_base_ + path.revision);
        if (!restart_ || restart_->admit(message)) messages.push_back(std::move(message));
    });
    if (!messages.empty()) paths_.put(std::move(messages));
}

void Linker::finish_restart(TimeNs now) {
    if (restart_done_at_ns_ == 0 || now < restart_done_at_ns_) return;
    restart_done_at_ns_ = 0;
    auto retractions = restart_->finish(revision_base_);
    if (!retractions.empty()) paths_.put(std::move(retractions));
}

LinkerCounters Linker::counters() const {
    const std::lock_guard lock(mutex_);
    return shown_;
}

}  // namespace clew::control
