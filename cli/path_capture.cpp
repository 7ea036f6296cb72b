// SPDX-License-Identifier: Apache-2.0
#include "cli/path_capture.h"

#include <algorithm>

#include "cli/path_view.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

/// How much more each column's clock shows than the first one's; 0 where that is not known.
std::vector<std::int64_t> offsets_of(const v1::Path& path, const v1::Ladder& ladder) {
    std::vector<std::int64_t> of_leg(static_cast<std::size_t>(path.legs_size()));
    for (const v1::PathLink& link : path.links())
        if (link.to() < of_leg.size() && link.from() < link.to())
            of_leg[link.to()] = of_leg[link.from()] + (link.has_clock() ? link.clock().offset_ns() : 0);
    std::vector<std::int64_t> offsets;
    for (const v1::PathLeg& column : ladder.columns())
        for (int i = 0; i < path.legs_size(); ++i)
            if (path.legs(i).leg_id() == column.leg_id()) {
                offsets.push_back(of_leg[static_cast<std::size_t>(i)]);
                break;
            }
    offsets.resize(static_cast<std::size_t>(ladder.columns_size()));
    return offsets;
}

/// The link that leads to this leg: its kind and grade.
std::string link_text(const v1::Path& path, const std::string& leg_id) {
    for (const v1::PathLink& link : path.links())
        if (static_cast<int>(link.to()) < path.legs_size() && path.legs(static_cast<int>(link.to())).leg_id() == leg_id)
            return link.kind() + " " + link.grade();
    return "";
}

std::string comment_of(const v1::Path& path, const v1::Ladder& ladder, int column, const v1::LadderRow& row) {
    const v1::LadderCell& cell = row.cells(column);
    std::string text = "hop " + std::to_string(column + 1) + " of " + std::to_string(ladder.columns_size());
    if (const std::string link = link_text(path, ladder.columns(column).leg_id()); !link.empty())
        text += ", link " + link;
    if (cell.has_delay_ns()) {
        text += ", " + std::string(cell.delay_ns() >= 0 ? "+" : "") + duration_text(cell.delay_ns());
        text += cell.has_delay_error_ns() ? " ±" + duration_text(cell.delay_error_ns()) : " (± not known)";
        text += " since the tap before";
    }
    if (row.retransmission()) text += ", retransmission";
    return text;
}

std::uint64_t counter_of(const v1::Status& status, const std::string& tap, std::string_view name, bool& known) {
    std::uint64_t sum = 0;
    for (const v1::ObserverStatus& observer : status.observers())
        for (const v1::StatusCounter& counter : observer.counters())
            if (counter.tap() == tap && counter.name() == name) {
                sum += counter.value();
                known = true;
            }
    return sum;
}

}  // namespace

bool PathCapture::wants(const std::string& tap) const {
    return look_.taps.empty() || std::find(look_.taps.begin(), look_.taps.end(), tap) != look_.taps.end();
}

void PathCapture::add(const v1::Path& path, const v1::Ladder& ladder) {
    for (int i = 0; i < ladder.columns_size(); ++i) {
        const v1::PathLeg& leg = ladder.columns(i);
        if (!wants(leg.tap())) continue;
        std::string& description = description_of_tap_[leg.tap()];
        if (!description.empty()) continue;
        description =
            "hop " + std::to_string(i + 1) + " of path " + path.path_id() + ": " + leg.client() + " > " + leg.server();
        if (leg.layers_size() > 0) description += ", inside " + tunnel_text(leg) + " (taken off)";
    }
    const std::vector<std::int64_t> offsets = offsets_of(path, ladder);
    for (const v1::LadderRow& row : ladder.rows())
        if (look_.direction.empty() || row.direction() == look_.direction) add_row(path, ladder, row, offsets);
}

void PathCapture::add_row(const v1::Path& path, const v1::Ladder& ladder, const v1::LadderRow& row,
                          const std::vector<std::int64_t>& offsets) {
    const std::uint64_t id = next_id_++;
    for (int i = 0; i < row.cells_size() && i < ladder.columns_size(); ++i) {
        const v1::LadderCell& cell = row.cells(i);
        if (!cell.seen() || !wants(ladder.columns(i).tap())) continue;
        if (cell.frame().empty()) {
            ++without_headers_;
            continue;
        }
        Packet packet;
        packet.tap = ladder.columns(i).tap();
        packet.time_ns = cell.time_ns() - (look_.aligned ? offsets[static_cast<std::size_t>(i)] : 0);
        packet.id = id;
        packet.frame = cell.frame();
        packet.wire_length = std::max(cell.wire_length(), static_cast<std::uint32_t>(cell.frame().size()));
        if (look_.snap_length != 0 && packet.frame.size() > look_.snap_length) packet.frame.resize(look_.snap_length);
        packet.comment = comment_of(path, ladder, i, row);
        packets_.push_back(std::move(packet));
    }
}

void PathCapture::write(vault::PcapngWriter& writer, const v1::Status& status) const {
    writer.section("clew", std::string("headers only: payload, tunnels and transport check sums are not in here") +
                               (look_.aligned ? "; times by the first tap's clock" : ""));
    std::map<std::string, std::uint32_t> interfaces;
    for (const auto& [tap, description] : description_of_tap_)
        interfaces[tap] = writer.add_interface({tap, description, look_.snap_length});
    std::vector<const Packet*> in_order;
    for (const Packet& packet : packets_) in_order.push_back(&packet);
    std::stable_sort(in_order.begin(), in_order.end(),
                     [](const Packet* a, const Packet* b) { return a->time_ns < b->time_ns; });
    for (const Packet* packet : in_order) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(packet->frame.data());
        writer.packet({interfaces.at(packet->tap),
                       packet->time_ns,
                       packet->wire_length,
                       {bytes, packet->frame.size()},
                       packet->id,
                       packet->comment});
    }
    for (const auto& [tap, number] : interfaces) {
        bool known = false;
        vault::PcapngStatistics statistics;
        statistics.interface = number;
        statistics.time_ns = in_order.empty() ? 0 : in_order.back()->time_ns;
        const std::uint64_t received = counter_of(status, tap, "tap_packets", known);
        const std::uint64_t dropped = counter_of(status, tap, "tap_missed_by_nic", known) +
                                      counter_of(status, tap, "tap_dropped_by_kernel", known);
        if (!known) continue;
        statistics.received = received;
        statistics.dropped = dropped;
        statistics.comment = "of tap " + tap + " since its sensor started";
        writer.statistics(statistics);
    }
}

}  // namespace clew::cli
