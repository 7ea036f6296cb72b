// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ladder_source.h"

#include <algorithm>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controlplane/http/departure.h"
#include "controlplane/ladder_absence.h"
#include "controlplane/ladder_table.h"
#include "controlplane/partial.h"
#include "nat-trace/ladder.h"
#include "nat-trace/path_clocks.h"
#include "wire/convert.h"
#include "wire/packed_headers.h"

namespace clew::control {
namespace {

constexpr const char* socket_observer = "socket";  // sockets see no packets: they get no column

std::map<std::string, std::string> observer_of_tap(const std::vector<v1::ObserverStatus>& observers) {
    std::map<std::string, std::string> result;
    for (const v1::ObserverStatus& observer : observers)
        for (const std::string& tap : observer.taps())
            if (observer.connected() || !result.contains(tap)) result[tap] = observer.name();
    return result;
}

/// As many headers as the rows can have cells at this observer's legs.
std::uint32_t header_limit_of(const v1::HeaderRequest& request, const FrameWish& wish, std::uint32_t row_max) {
    if (wish.frames) return LadderSource::framed_header_count_max;
    const auto legs = static_cast<std::uint32_t>(std::min(request.legs_size(), 1'000));
    return std::min(LadderSource::header_count_max, row_max * legs);
}

using Frames = std::map<PacketHeader, v1::PacketHeader>;

void fill_cell(const LadderCell& cell, const Frames& frames, v1::LadderCell& message) {
    message.set_seen(cell.seen);
    message.set_missing(to_text(cell.missing));
    message.set_carriers(cell.carriers);
    if (cell.has_delay) message.set_delay_ns(cell.delay_ns);
    if (!cell.seen) return;
    message.set_time_ns(cell.header.time_ns);
    message.set_aligned_ns(cell.aligned_ns);
    message.set_seq(cell.header.seq);
    message.set_ack(cell.header.ack);
    message.set_length(cell.header.length);
    message.set_flags(cell.header.flags);
    message.set_ttl(cell.header.ttl);
    message.set_ip_id(cell.header.ip_id);
    message.set_window(cell.header.window);
    const auto frame = frames.find(cell.header);
    if (frame == frames.end()) return;
    message.set_frame(frame->second.frame());
    message.set_wire_length(frame->second.wire_length());
    message.set_whole(frame->second.whole());
}

/// The ± of what passes between two legs of a path: that of every link between them; nothing when one has none.
class DelayErrors {
  public:
    explicit DelayErrors(const v1::Path& path) : of_link_(static_cast<std::size_t>(path.legs_size()), unknown) {
        for (const v1::PathLink& link : path.links()) {
            if (link.to() != link.from() + 1 || link.to() >= of_link_.size()) continue;
            for (const v1::PathDelay& delay : link.delays())
                of_link_[link.to()] = std::max(of_link_[link.to()], delay.error_ns());
        }
    }
    std::optional<std::int64_t> between(std::size_t a, std::size_t b) const {
        std::int64_t sum = 0;
        for (std::size_t i = std::min(a, b) + 1; i <= std::max(a, b); ++i) {
            if (of_link_[i] == unknown) return std::nullopt;
            sum += of_link_[i];
        }
        return sum;
    }

  private:
    static constexpr std::int64_t unknown = -1;
    std::vector<std::int64_t> of_link_;  ///< by the leg it leads to
};

/// A cell's delay is counted from the tap before that saw the packet, in its direction of travel.
void fill_row(std::span<const std::size_t> legs, const LadderRow& row, const Frames& frames, const DelayErrors& errors,
              v1::LadderRow& message) {
    message.set_direction(wire::direction_name(row.direction));
    message.set_time_ns(row.time_ns);
    message.set_retransmission(row.retransmission);
    for (const char* mark : to_texts(row.marks)) message.add_marks(mark);
    const std::size_t count = row.cells.size();
    std::vector<std::optional<std::int64_t>> error(count);
    std::optional<std::size_t> before;
    for (std::size_t n = 0; n < count; ++n) {
        const std::size_t i = row.direction == Direction::to_server ? n : count - 1 - n;
        if (before) error[i] = errors.between(*before, i);
        if (row.cells[i].seen) before = i;
    }
    for (const std::size_t i : legs) {
        v1::LadderCell& cell = *message.add_cells();
        fill_cell(row.cells[i], frames, cell);
        if (row.cells[i].has_delay && error[i]) cell.set_delay_error_ns(*error[i]);
    }
}

/// What one observer has, and why that is not everything.
struct Observed {
    std::vector<PacketHeader> headers;
    Frames frames;
    std::string partial;
    TimeNs complete_until_ns = 0;  ///< 0 = all is here
    bool answered = false;
};

using Ask = std::function<Result<v1::HeaderReply>(const v1::HeaderRequest&)>;

/// Page after page, until `count_max` headers are there or nothing is left; frames come in one page.
Observed ask_pages(const std::string& observer, const Ask& ask, v1::HeaderRequest request, std::uint32_t count_max) {
    Observed observed;
    for (;;) {
        Result<v1::HeaderReply> reply = ask(request);
        if (!reply) {
            observed.partial = reply.error().sentence;
            return observed;
        }
        observed.answered = true;
        for (v1::PacketHeader& message : *reply->mutable_headers()) {
            const auto header = wire::decode(message);
            if (!header) continue;
            observed.headers.push_back(*header);
            if (!message.frame().empty()) observed.frames.emplace(*header, std::move(message));
        }
        wire::unpack(reply->packed(), observed.headers);
        const TimeNs next = reply->complete_until_ns();
        if (next == 0 || next <= request.from_ns() || request.frames() || observed.headers.size() >= count_max) {
            if (!reply->partial().empty()) observed.partial = observer + ": " + reply->partial();
            observed.complete_until_ns = next;
            return observed;
        }
        request.set_from_ns(next);
        request.set_header_count_max(count_max - static_cast<std::uint32_t>(observed.headers.size()));
    }
}

/// A path's packets in rows, before they are told.
struct LinedUp {
    v1::Ladder ladder;                 ///< without its rows
    TimeNs rows_until_ns = INT64_MAX;  ///< complete_until_ns as rows' times are counted
    std::vector<std::size_t> legs;     ///< of the path: one for each column
    std::vector<LadderRow> rows;
    Frames frames;
    bool answered = false;  ///< an observer did
};

/// Rows from complete_until_ns on have cells missing that were seen: who looks at rows gets none of them, who takes
/// packets takes each cell before that time, whatever clock its row has.
void cut_rows(LinedUp& lined_up, const FrameWish& wish, std::uint32_t row_max) {
    v1::Ladder& ladder = lined_up.ladder;
    auto& rows = lined_up.rows;
    if (const TimeNs until = lined_up.rows_until_ns; until != INT64_MAX && !wish.frames)
        rows.erase(
            std::find_if(rows.begin(), rows.end(), [until](const LadderRow& row) { return row.time_ns >= until; }),
            rows.end());
    if (rows.size() <= row_max) return;
    TimeNs first_left_out = ladder.complete_until_ns() == 0 ? INT64_MAX : ladder.complete_until_ns();
    for (auto row = rows.begin() + row_max; row != rows.end(); ++row)
        for (const LadderCell& cell : row->cells)
            if (cell.seen) first_left_out = std::min(first_left_out, cell.header.time_ns);
    ladder.set_complete_until_ns(first_left_out);
    rows.resize(row_max);
    add_partial(ladder, "only the first " + std::to_string(row_max) + " packets are shown; narrow the time");
}

Result<LinedUp> line_up(wire::Collector& collector, const v1::Path& path, TimeNs from_ns, TimeNs to_ns,
                        const FrameWish& wish, std::uint32_t row_max) {
    const auto vocabulary = wire::path_from_message(path);
    if (!vocabulary) return tl::make_unexpected(vocabulary.error());
    LinedUp lined_up;
    v1::Ladder& ladder = lined_up.ladder;
    ladder.set_path_id(path.path_id());
    const auto observers = observer_of_tap(collector.observers());
    const PathClocks clocks(*vocabulary);
    std::map<std::string, v1::HeaderRequest> requests;
    std::map<std::string, std::size_t> a_leg_of;  ///< each observer
    const TimeSpan span = packets_span(path);
    for (int i = 0; i < path.legs_size(); ++i) {
        const v1::PathLeg& leg = path.legs(i);
        if (leg.observer() == socket_observer) continue;
        *ladder.add_columns() = leg;
        lined_up.legs.push_back(static_cast<std::size_t>(i));
        const auto observer = observers.find(leg.tap());
        if (observer == observers.end())
            add_partial(ladder,
                        "nobody who sees tap '" + leg.tap() + "' has connected since this control plane started");
        if (observer == observers.end()) continue;
        requests[observer->second].add_legs(vocabulary->legs[static_cast<std::size_t>(i)].leg);
        a_leg_of.try_emplace(observer->second, static_cast<std::size_t>(i));
    }
    const auto asker_left = http::AnswerScope::left();
    std::vector<std::pair<std::size_t, std::future<Observed>>> asks;  // all at once: they are few; each with its leg
    for (auto& [observer, request] : requests) {
        request.set_from_ns(from_ns != 0 ? from_ns : span.from_ns);
        request.set_to_ns(to_ns != 0 ? to_ns : span.to_ns);
        const std::uint32_t limit = header_limit_of(request, wish, row_max);
        request.set_header_count_max(limit);
        request.set_packed(!wish.frames);
        wish.apply(request);
        const Ask ask = [&collector, name = observer, asker_left](const v1::HeaderRequest& wanted) {
            return collector.ask_headers(name, wanted, LadderSource::ask_timeout_ms, asker_left);
        };
        asks.emplace_back(a_leg_of[observer], std::async(std::launch::async, ask_pages, observer, ask, request, limit));
    }
    std::vector<PacketHeader> headers;
    for (auto& [leg, ask] : asks) {
        Observed observed = ask.get();
        if (!observed.partial.empty()) add_partial(ladder, observed.partial);
        lined_up.answered |= observed.answered;
        const TimeNs until = observed.complete_until_ns, known = ladder.complete_until_ns();
        if (until != 0) {
            ladder.set_complete_until_ns(known == 0 ? until : std::min(known, until));
            lined_up.rows_until_ns = std::min(lined_up.rows_until_ns, clocks.aligned(leg, until));
        }
        if (headers.empty())
            headers = std::move(observed.headers);
        else
            headers.insert(headers.end(), observed.headers.begin(), observed.headers.end());
        lined_up.frames.merge(observed.frames);
    }
    lined_up.rows = build_ladder(*vocabulary, std::move(headers));
    cut_rows(lined_up, wish, row_max);
    return lined_up;
}

}  // namespace

TimeSpan packets_span(const v1::Path& path) {
    TimeSpan span{INT64_MAX, 0};
    bool ended = true;
    for (const v1::PathLeg& leg : path.legs()) {
        span.from_ns = std::min(span.from_ns, leg.first_ns() - LadderSource::clock_slack_ns);
        span.to_ns = std::max(span.to_ns, leg.last_ns() + LadderSource::clock_slack_ns);
        ended &= !leg.end().empty() && leg.end() != "none";
    }
    if (span.from_ns < 0 || path.legs().empty()) span.from_ns = 0;
    if (!ended) span.to_ns = 0;
    return span;
}

Result<v1::Ladder> LadderSource::ladder(const v1::Path& path, TimeNs from_ns, TimeNs to_ns,
                                        const FrameWish& wish) const {
    auto lined_up = line_up(collector_, path, from_ns, to_ns, wish, row_count_max);
    if (!lined_up) return tl::make_unexpected(lined_up.error());
    const DelayErrors errors(path);
    for (const LadderRow& row : lined_up->rows)
        fill_row(lined_up->legs, row, lined_up->frames, errors, *lined_up->ladder.add_rows());
    return std::move(lined_up->ladder);
}

Result<v1::LadderTable> LadderSource::table(const v1::Path& path, TimeNs from_ns, TimeNs to_ns,
                                            std::uint32_t row_max) const {
    const auto lined_up = line_up(collector_, path, from_ns, to_ns, {}, row_max);
    if (!lined_up) return tl::make_unexpected(lined_up.error());
    const DelayErrors errors(path);
    std::vector<double> of_columns;
    for (std::size_t n = 0; n < lined_up->legs.size(); ++n) {
        const auto error = n == 0 ? std::nullopt : errors.between(lined_up->legs[n - 1], lined_up->legs[n]);
        of_columns.push_back(error ? static_cast<double>(*error) : -1);
    }
    v1::LadderTable table = to_table(lined_up->ladder, lined_up->rows, lined_up->legs, of_columns);
    table.set_more(lined_up->ladder.complete_until_ns() != 0);
    if (!lined_up->rows.empty() || table.more()) return table;
    const LadderAbsence absence =
        why_no_rows(path, collector_.observers(), lined_up->answered, from_ns != 0 || to_ns != 0);
    table.set_empty(absence.why);
    table.set_kept_since_ns(absence.kept_since_ns);
    return table;
}

}  // namespace clew::control
