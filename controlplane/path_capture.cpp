// SPDX-License-Identifier: Apache-2.0
#include "controlplane/path_capture.h"

#include <algorithm>

#include "controlplane/capture_parts.h"
#include "controlplane/incident_figures.h"

namespace clew::control {
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

bool PathCapture::wants(const std::string& tap) const {
    return look_.taps.empty() || std::find(look_.taps.begin(), look_.taps.end(), tap) != look_.taps.end();
}

void PathCapture::add(const v1::Path& path, const v1::Ladder& ladder) {
    for (int i = 0; i < ladder.columns_size(); ++i) {
        const v1::PathLeg& leg = ladder.columns(i);
        if (!wants(leg.tap())) continue;
        for (const v1::PathLayer& layer : leg.layers()) had_tunnels_ |= layer.type() != "vlan";
        std::string& description = description_of_tap_[leg.tap()];
        if (!description.empty()) continue;
        description =
            "hop " + std::to_string(i + 1) + " of path " + path.path_id() + ": " + leg.client() + " > " + leg.server();
        if (leg.layers_size() > 0) description += ", inside " + layers_text(leg);
    }
    const std::vector<std::int64_t> offsets = offsets_of(path, ladder);
    for (const v1::LadderRow& row : ladder.rows())
        if (look_.direction.empty() || row.direction() == look_.direction) add_row(path, ladder, row, offsets);
}

void PathCapture::add_row(const v1::Path& path, const v1::Ladder& ladder, const v1::LadderRow& row,
                          const std::vector<std::int64_t>& offsets) {
    // Segments that were cut anew share a row, but are no one packet.
    std::map<std::uint32_t, std::uint64_t> id_of_length;
    const std::uint64_t first_id = next_id_;
    for (int i = 0; i < row.cells_size() && i < ladder.columns_size(); ++i) {
        const v1::LadderCell& cell = row.cells(i);
        if (!cell.seen() || !wants(ladder.columns(i).tap())) continue;
        if (cell.frame().empty()) {
            ++without_headers_;
            continue;
        }
        const auto [id, is_new] = id_of_length.try_emplace(cell.length(), next_id_);
        next_id_ += is_new;
        Packet packet;
        packet.tap = ladder.columns(i).tap();
        packet.time_ns = cell.time_ns() - (look_.aligned ? offsets[static_cast<std::size_t>(i)] : 0);
        packet.id = id->second;
        packet.frame = cell.frame();
        packet.wire_length = std::max(cell.wire_length(), static_cast<std::uint32_t>(cell.frame().size()));
        packet.whole = cell.whole();
        if (look_.snap_length != 0 && packet.frame.size() > look_.snap_length) packet.frame.resize(look_.snap_length);
        packet.comment = comment_of(path, ladder, i, row) + (id->second != first_id ? ", cut anew on the way" : "") +
                         (cell.whole() ? "" : ", headers only");
        packets_.push_back(std::move(packet));
    }
}

std::size_t PathCapture::whole_count() const {
    return static_cast<std::size_t>(
        std::count_if(packets_.begin(), packets_.end(), [](const Packet& packet) { return packet.whole; }));
}

/// What an interface holds: the tap's place in the path, and how much of its packets.
std::string PathCapture::description_of(const std::string& tap) const {
    std::size_t whole = 0, all = 0;
    for (const Packet& packet : packets_) {
        if (packet.tap != tap) continue;
        ++all;
        whole += packet.whole;
    }
    return description_of_tap_.at(tap) + "; " + whole_text(whole, all) +
           (look_.strip_tunnels ? "; tunnels taken off" : "");
}

void PathCapture::write(wire::PcapngWriter& writer, const v1::Status& status) const {
    std::string about = whole_text(whole_count(), packet_count());
    if (whole_count() != packet_count()) about += "; those have no payload, no tunnels, and check sums of 0";
    if (look_.aligned) about += "; times by the first tap's clock";
    writer.section("clew", about);
    std::map<std::string, std::uint32_t> interfaces;
    for (const auto& [tap, unused] : description_of_tap_)
        interfaces[tap] = writer.add_interface({tap, description_of(tap), look_.snap_length});
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
    write_tap_statistics(writer, interfaces, status, in_order.empty() ? 0 : in_order.back()->time_ns);
}

}  // namespace clew::control
