// SPDX-License-Identifier: Apache-2.0
#include "controlplane/path_capture.h"

#include <algorithm>
#include <utility>

#include "controlplane/capture_parts.h"
#include "controlplane/incident_figures.h"

namespace clew::control {
namespace {

/// "vlan 7 / vxlan 100 (192.0.2.1 > 192.0.2.2)".
std::string layers_text(const v1::PathLeg& leg) {
    std::string text;
    for (const v1::PathLayer& layer : leg.layers()) {
        text += (text.empty() ? "" : " / ") + layer.type();
        if (layer.has_id()) text += " " + std::to_string(layer.id());
        if (!layer.client_end().empty()) text += " (" + layer.client_end() + " > " + layer.server_end() + ")";
    }
    return text;
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

}  // namespace

TimeNs PathCapture::time_of(const v1::LadderCell& cell) const {
    return look_.aligned ? cell.aligned_ns() : cell.time_ns();
}

bool PathCapture::wants(const std::string& tap) const {
    return look_.taps.empty() || std::find(look_.taps.begin(), look_.taps.end(), tap) != look_.taps.end();
}

/// A tap's place in the path stands in its interface's description.
void PathCapture::add_interfaces(const v1::Path& path, const v1::Ladder& ladder) {
    for (int i = 0; i < ladder.columns_size(); ++i) {
        const v1::PathLeg& leg = ladder.columns(i);
        if (!wants(leg.tap())) continue;
        for (const v1::PathLayer& layer : leg.layers()) had_tunnels_ |= layer.type() != "vlan";
        if (taps_.contains(leg.tap())) continue;
        std::string text =
            "hop " + std::to_string(i + 1) + " of path " + path.path_id() + ": " + leg.client() + " > " + leg.server();
        if (leg.layers_size() > 0) text += ", inside " + layers_text(leg);
        if (look_.strip_tunnels) text += "; tunnels taken off";
        taps_[leg.tap()].interface = writer_.add_interface({leg.tap(), text, look_.snap_length});
    }
}

void PathCapture::add(const v1::Path& path, const v1::Ladder& ladder, TimeNs from, TimeNs until) {
    if (!began_) {
        std::string about =
            "packets whose comment says 'headers only' have no payload, no tunnels, and check sums of 0";
        if (look_.aligned) about += "; times by the first tap's clock";
        writer_.section("clew", about);
        began_ = true;
    }
    add_interfaces(path, ladder);
    const Slice slice{path, ladder, from, until};
    for (const v1::LadderRow& row : ladder.rows())
        if (look_.direction.empty() || row.direction() == look_.direction) add_row(slice, row);
}

void PathCapture::add_row(const Slice& slice, const v1::LadderRow& row) {
    IdOfLength ids;
    RowKey key;
    bool is_keyed = false, is_of_next = false;
    for (int i = 0; i < row.cells_size() && i < slice.ladder.columns_size(); ++i) {
        const v1::LadderCell& cell = row.cells(i);
        if (!cell.seen()) continue;
        if (!std::exchange(is_keyed, true)) {
            key = {slice.path.path_id(), i, cell.time_ns(), cell.seq(), cell.ack(), cell.ip_id()};
            if (const auto known = rows_of_both_.find(key); known != rows_of_both_.end()) ids = known->second;
        }
        is_of_next |= time_of(cell) >= slice.until;
        add_cell(slice, row, i, ids);
    }
    if (is_of_next && !ids.empty()) rows_of_next_[key] = std::move(ids);
}

/// Where the cell is a packet of this slice.
void PathCapture::add_cell(const Slice& slice, const v1::LadderRow& row, int column, IdOfLength& ids) {
    const v1::LadderCell& cell = row.cells(column);
    const TimeNs time_ns = time_of(cell);
    const std::string& name = slice.ladder.columns(column).tap();
    if (time_ns < slice.from || time_ns >= slice.until || !wants(name)) return;
    if (cell.frame().empty()) {
        ++without_headers_;
        return;
    }
    const bool is_cut_anew = !ids.empty() && !ids.contains(cell.length());
    const auto [id, is_new] = ids.try_emplace(cell.length(), next_id_);
    next_id_ += is_new;
    Tap& tap = taps_.at(name);
    Packet packet{.interface = tap.interface,
                  .time_ns = time_ns,
                  .wire_length = std::max(cell.wire_length(), static_cast<std::uint32_t>(cell.frame().size())),
                  .id = id->second,
                  .frame = cell.frame(),
                  .comment = comment_of(slice.path, slice.ladder, column, row) +
                             (is_cut_anew ? ", cut anew on the way" : "") + (cell.whole() ? "" : ", headers only")};
    if (look_.snap_length != 0 && packet.frame.size() > look_.snap_length) packet.frame.resize(look_.snap_length);
    packets_.push_back(std::move(packet));
    ++tap.count;
    ++count_;
    tap.whole += cell.whole();
    whole_ += cell.whole();
}

void PathCapture::write_slice() {
    std::stable_sort(packets_.begin(), packets_.end(),
                     [](const Packet& a, const Packet& b) { return a.time_ns < b.time_ns; });
    for (const Packet& packet : packets_) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(packet.frame.data());
        writer_.packet({packet.interface,
                        packet.time_ns,
                        packet.wire_length,
                        {bytes, packet.frame.size()},
                        packet.id,
                        packet.comment});
        last_ns_ = packet.time_ns;
    }
    packets_.clear();
    rows_of_both_ = std::exchange(rows_of_next_, {});
}

void PathCapture::finish(const v1::Status& status, const std::string& partial) {
    std::map<std::string, TapInterface> interfaces;
    for (const auto& [name, tap] : taps_)
        interfaces[name] = {tap.interface, "here: " + whole_text(tap.whole, tap.count) +
                                               (partial.empty() ? "" : "; " + (partial_mark + partial))};
    write_tap_statistics(writer_, interfaces, status, last_ns_);
}

}  // namespace clew::control
