// SPDX-License-Identifier: Apache-2.0
#include "controlplane/capture_stream.h"

#include <algorithm>
#include <cstdlib>
#include <span>
#include <utility>

#include "controlplane/partial.h"

namespace clew::control {
namespace {

constexpr TimeNs no_bound_from = INT64_MIN, no_bound_until = INT64_MAX;
constexpr DurationNs transit_ns_max = 100 * ns_per_ms;  ///< of a packet through all taps; longer ones get two ids
constexpr DurationNs unknown_clocks_ns_max = 2 * ns_per_s;
constexpr DurationNs slice_ns_min = ns_per_ms;
constexpr double slice_growth_max = 8;

/// How much more each leg's clock shows than the first one's; 0 where that is not known.
std::vector<std::int64_t> clock_offsets(const v1::Path& path) {
    std::vector<std::int64_t> of_leg(static_cast<std::size_t>(path.legs_size()));
    for (const v1::PathLink& link : path.links())
        if (link.to() < of_leg.size() && link.from() < link.to())
            of_leg[link.to()] = of_leg[link.from()] + (link.has_clock() ? link.clock().offset_ns() : 0);
    return of_leg;
}

/// What the clocks of a path's taps may differ by.
DurationNs clocks_apart(const v1::Path& path) {
    DurationNs apart = 0;
    for (const std::int64_t offset : clock_offsets(path)) apart = std::max(apart, std::abs(offset));
    for (const v1::PathLink& link : path.links()) {
        if (link.has_clock() || link.to() >= static_cast<std::uint32_t>(path.legs_size()) || link.from() >= link.to())
            continue;
        const TimeNs before = path.legs(static_cast<int>(link.from())).first_ns();
        const TimeNs after = path.legs(static_cast<int>(link.to())).first_ns();
        apart = std::max(apart, std::min(std::abs(after - before), unknown_clocks_ns_max));
    }
    return apart;
}

std::uint64_t packet_count_of(const v1::Path& path) {
    std::uint64_t count = 0;
    for (const v1::PathLeg& leg : path.legs()) count += leg.to_server().packets() + leg.to_client().packets();
    return count;
}

}  // namespace

CaptureStream::CaptureStream(std::vector<v1::Path> paths, const CaptureLook& look, TimeNs from, TimeNs to,
                             Sources sources)
    : paths_(std::move(paths)),
      from_(from),
      to_(to),
      sources_(std::move(sources)),
      writer_([this](std::span<const std::uint8_t> block) {
          made_.append(reinterpret_cast<const char*>(block.data()), block.size());
          return true;
      }),
      capture_(look, writer_),
      all_{no_bound_until, 0} {
    std::uint64_t count = 0;
    for (const v1::Path& path : paths_) {
        const TimeSpan span = span_of(path);
        all_ = {std::min(all_.from_ns, span.from_ns), std::max(all_.to_ns, span.to_ns)};
        count += packet_count_of(path);
        margin_ns_ = std::max(margin_ns_, clocks_apart(path));
    }
    margin_ns_ += transit_ns_max;
    if (from_ != 0) all_.from_ns = from_;
    if (to_ != 0) all_.to_ns = to_;
    at_ = all_.from_ns;
    const DurationNs length = std::max<DurationNs>(all_.to_ns - all_.from_ns, 0);
    slice_ns_ = count <= slice_packet_count
                    ? length
                    : std::max<DurationNs>(slice_ns_min, length / static_cast<DurationNs>(count / slice_packet_count));
}

/// When a path can have had packets; one that still lives, until now.
TimeSpan CaptureStream::span_of(const v1::Path& path) const {
    TimeSpan span = packets_span(path);
    if (span.to_ns == 0) span.to_ns = sources_.now + LadderSource::clock_slack_ns;
    return span;
}

/// Asks for a margin on both sides, so that rows at a slice's borders are whole. Where packets are so many that the
/// margin alone reaches a limit, a smaller one has to do.
Result<v1::Ladder> CaptureStream::ask(const v1::Path& path, TimeNs until) {
    for (;; margin_ns_ /= 2) {
        auto ladder = sources_.ladder(path, at_ == all_.from_ns ? from_ : std::max<TimeNs>(1, at_ - margin_ns_),
                                      until == no_bound_until ? to_ : until + margin_ns_);
        if (!ladder || ladder->complete_until_ns() == 0 || ladder->complete_until_ns() > at_ || margin_ns_ == 0)
            return ladder;
    }
}

/// Until when a ladder that reached a limit has all packets, with what a margin needs if there is so much.
TimeNs CaptureStream::sure_until(TimeNs complete_ns) {
    if (complete_ns - margin_ns_ > at_) return complete_ns - margin_ns_;
    margin_ns_ /= 2;
    return complete_ns;
}

void CaptureStream::make_slice() {
    TimeNs until = slice_ns_ >= all_.to_ns - at_ ? no_bound_until : at_ + slice_ns_;
    std::vector<std::pair<const v1::Path*, v1::Ladder>> ladders;
    bool is_stuck = false;
    for (const v1::Path& path : paths_) {
        const TimeSpan span = span_of(path);
        if (paths_.size() > 1 && (span.to_ns < at_ || span.from_ns >= until)) continue;
        Result<v1::Ladder> ladder = ask(path, until);
        if (!ladder) {
            note_partial(partial_, ladder.error().sentence);
            continue;
        }
        const TimeNs complete_ns = ladder->complete_until_ns();
        is_stuck |= complete_ns != 0 && complete_ns <= at_;  // an observer that cannot get past a moment
        // That a limit was reached is no loss else: the next slice goes on from there.
        if (complete_ns == 0 || is_stuck)
            note_partial(partial_, ladder->partial());
        else
            until = std::min(until, sure_until(complete_ns));
        ladders.emplace_back(&path, std::move(*ladder));
    }
    if (is_stuck) until = no_bound_until;
    const std::size_t before = capture_.packet_count();
    for (const auto& [path, ladder] : ladders)
        capture_.add(*path, ladder, at_ == all_.from_ns ? no_bound_from : at_, until);
    capture_.write_slice();
    if (until == no_bound_until) {
        ended_ = true;
        if (capture_.packet_count() > 0) capture_.finish(sources_.status(), partial_);
        return;
    }
    const auto length = static_cast<double>(until - at_);
    const double share = static_cast<double>(slice_packet_count) /
                         static_cast<double>(std::max<std::size_t>(capture_.packet_count() - before, 1));
    slice_ns_ = std::max(slice_ns_min,
                         static_cast<DurationNs>(length * std::clamp(share, 1 / slice_growth_max, slice_growth_max)));
    at_ = until;
}

std::string CaptureStream::next(const std::function<bool()>& left) {
    while (!ended_ && (capture_.packet_count() == 0 || given_ == made_.size())) {
        if (left && left()) return {};
        if (given_ == made_.size()) {
            made_.clear();
            given_ = 0;
        }
        make_slice();
    }
    if (capture_.packet_count() == 0) return {};
    const std::string piece = made_.substr(given_, piece_bytes_max);
    given_ += piece.size();
    return piece;
}

}  // namespace clew::control
