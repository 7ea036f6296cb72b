// SPDX-License-Identifier: Apache-2.0
#include "cli/link_words.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "cli/path_summary.h"
#include "cli/path_view.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

constexpr float grade_a_bits = 64;
constexpr float grade_b_bits = 32;

std::string bits_text(double bits) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", bits);
    return text;
}

std::string paragraph(const std::string& label, const std::string& text, const Paint& paint, std::size_t columns,
                      Style style = Style::plain) {
    constexpr std::size_t indent = 13;
    const std::string wrapped = wrap(text, columns > indent + 24 ? columns - indent : 24, "");
    std::string out;
    bool first = true;
    for (std::size_t begin = 0; begin < wrapped.size();) {
        const std::size_t end = std::min(wrapped.find('\n', begin), wrapped.size());
        out += "  " + paint(Style::faint, pad_right(first ? label : "", indent - 2)) +
               paint(style, wrapped.substr(begin, end - begin)) + "\n";
        first = false;
        begin = end + 1;
    }
    return out;
}

template <typename Lines>
std::vector<const v1::PathEvidence*> sorted(const Lines& lines, bool in_favour) {
    std::vector<const v1::PathEvidence*> out;
    for (const v1::PathEvidence& one : lines)
        if ((one.bits() >= 0) == in_favour) out.push_back(&one);
    std::stable_sort(out.begin(), out.end(),
                     [](const auto* a, const auto* b) { return std::fabs(a->bits()) > std::fabs(b->bits()); });
    return out;
}

template <typename Lines>
std::string ledger_text(const Lines& lines, const Paint& paint, std::size_t columns) {
    std::string text;
    std::string label = "for it";
    for (const v1::PathEvidence* one : sorted(lines, true)) {
        text += paragraph(label, "+" + bits_text(one->bits()) + " bits  " + evidence_text(one->by()), paint, columns);
        label.clear();
    }
    if (label == "for it") text += paragraph(label, "nothing", paint, columns);
    label = "against it";
    for (const v1::PathEvidence* one : sorted(lines, false)) {
        text += paragraph(label, bits_text(one->bits()) + " bits  " + evidence_text(one->by()), paint, columns,
                          Style::warning);
        label.clear();
    }
    if (label == "against it") text += paragraph(label, "nothing", paint, columns);
    return text;
}

bool is_signal(const std::string& by) {
    for (const char* one : {"toa", "proxy_header", "request_id", "traceparent", "forwarded_for"})
        if (by == one) return true;
    return false;
}

std::string grade_reason(const v1::PathLink& link) {
    const bool signal = std::any_of(link.evidence().begin(), link.evidence().end(),
                                    [](const auto& one) { return is_signal(one.by()) && one.bits() > 0; });
    const std::string bits = bits_text(link.bits());
    if (link.grade() == "A")
        return signal && link.bits() < grade_a_bits ? "A: a signal names the other leg"
                                                    : "A: " + bits + " bits, at least 64 are asked for";
    if (link.grade() == "B")
        return "B: " + bits +
               " bits are less than the 64 of an A, and no signal (TOA, PROXY, request id) names the other leg";
    if (link.bits() < grade_b_bits)
        return "C: " + bits + " bits are less than the 32 of a B: one in 2^" +
               std::to_string(static_cast<int>(link.bits())) + " strangers would look so";
    return printable(link.grade()) + ": " + bits + " bits, by what is likely and not by what identifies";
}

std::string rivals_text(const v1::PathLink& link) {
    if (link.rivals() == 0) return "none: no other leg at that tap could stand there";
    return std::to_string(link.rivals()) + (link.rivals() == 1 ? " other leg" : " other legs") +
           " at that tap had something in common; the best is " + bits_text(link.margin_bits()) + " bits behind";
}

std::string leg_name(const v1::PathLeg& leg) {
    return printable(leg.tap()) + "  " + printable(leg.client()) + " > " + printable(leg.server());
}

std::string joined(const std::vector<std::string>& phrases) {
    std::string text;
    for (const std::string& phrase : phrases) text += (text.empty() ? "" : "; ") + phrase;
    return text;
}

std::string standing(const std::string& path, const std::string& unlinked) {
    if (path.empty()) return "stands in no path yet";
    if (unlinked == "linked" || unlinked.empty()) return "stands in path " + printable(path);
    return "stands alone (" + printable(unlinked) + ": " + unlinked_text(unlinked) + ")";
}

std::string way_title(const std::string& way) {
    if (way == "same-connection") return "As one transport connection, passed on by a gateway";
    if (way == "relay") return "As a proxy's: the first is its front, the second its back connection";
    return "As a proxy's, the other way round";
}

std::string weighing_text(const v1::LinkWeighing& weighing, const Paint& paint, std::size_t columns) {
    std::string text = "\n" + paint(Style::strong, way_title(weighing.way())) + "\n";
    text += ledger_text(weighing.evidence(), paint, columns);
    std::string sum = bits_text(weighing.bits()) + " bits";
    if (weighing.bits_needed() > 0) sum += ", " + bits_text(weighing.bits_needed()) + " are asked for";
    if (weighing.accepted())
        sum += ": enough, unless another leg fits as well";
    else if (weighing.bits_needed() > 0 && weighing.bits() >= weighing.bits_needed())
        sum += ": the sum would do, but nothing in it identifies the connection";
    else
        sum += ": not enough";
    return text + paragraph("together", sum, paint, columns, weighing.accepted() ? Style::good : Style::warning);
}

}  // namespace

std::string link_explained(const v1::Path& path, int n, const Paint& paint, std::size_t columns) {
    const v1::PathLink& link = path.links(n);
    const v1::PathLeg& from = path.legs(static_cast<int>(link.from()));
    const v1::PathLeg& to = path.legs(static_cast<int>(link.to()));
    std::string text = paint(Style::strong, leg_name(from)) + "\n" + paint(Style::strong, leg_name(to)) + "\n";
    text += paragraph("between", printable(link.kind()) + ": " + joined(change_lines(from, to, link)), paint, columns);
    text += ledger_text(link.evidence(), paint, columns);
    text += paragraph("rivals", rivals_text(link), paint, columns);
    const bool good = link.grade() == "A" || link.grade() == "B";
    return text + paragraph("grade", grade_reason(link), paint, columns, good ? Style::good : Style::warning);
}

std::string path_explained(const v1::Path& path, const Paint& paint, std::size_t columns) {
    if (path.links().empty() && path.legs_size() == 1)
        return paint(Style::strong, leg_name(path.legs(0))) + "\n" +
               paragraph("alone", printable(path.unlinked()) + ": " + unlinked_text(path.unlinked()), paint, columns,
                         Style::warning);
    std::string text;
    for (int n = 0; n < path.links_size(); ++n) {
        const v1::PathLink& link = path.links(n);
        if (link.from() >= static_cast<std::uint32_t>(path.legs_size()) ||
            link.to() >= static_cast<std::uint32_t>(path.legs_size()))
            continue;
        text += (text.empty() ? "" : "\n") + link_explained(path, n, paint, columns);
    }
    return text;
}

std::string legs_explained(const v1::LinkExplanation& explanation, const Paint& paint, std::size_t columns) {
    std::string text = paint(Style::strong, leg_name(explanation.a())) + "\n";
    text += paragraph("", standing(explanation.path_a(), explanation.unlinked_a()), paint, columns);
    text += paint(Style::strong, leg_name(explanation.b())) + "\n";
    text += paragraph("", standing(explanation.path_b(), explanation.unlinked_b()), paint, columns);
    const bool together = !explanation.path_a().empty() && explanation.path_a() == explanation.path_b();
    if (together) text += paragraph("so", "both stand in one path", paint, columns, Style::good);
    for (const v1::LinkWeighing& weighing : explanation.weighings()) text += weighing_text(weighing, paint, columns);
    if (explanation.weighings().empty())
        text += "\n" +
                wrap(
                    "They have nothing in common that could link them: another protocol, another time, or no number, "
                    "payload or signal that both carry.",
                    columns, "") +
                "\n";
    return text;
}

}  // namespace clew::cli
