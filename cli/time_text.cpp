// SPDX-License-Identifier: Apache-2.0
#include "cli/time_text.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "cli/paint.h"

namespace clew::cli {
namespace {

struct Unit {
    std::string_view name;
    DurationNs ns;
};
constexpr Unit units[] = {{"d", 86'400 * ns_per_s},
                          {"h", 3'600 * ns_per_s},
                          {"m", 60 * ns_per_s},
                          {"s", ns_per_s},
                          {"ms", ns_per_ms},
                          {"us", ns_per_us},
                          {"ns", 1}};

std::string quoted(std::string_view text) { return "'" + printable(cut(text, 40)) + "'"; }

/// Takes exactly `digits` digits off the front.
bool take_digits(std::string_view& text, std::size_t digits, int& value) {
    if (text.size() < digits) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
    if (error != std::errc{} || end != text.data() + digits || text[0] == '-') return false;
    text.remove_prefix(digits);
    return true;
}

bool take_char(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

/// ".123456789" → ns; nothing there is fine, more than nine digits are cut.
bool take_fraction(std::string_view& text, DurationNs& ns) {
    ns = 0;
    if (!take_char(text, ".")) return true;
    DurationNs place = ns_per_s / 10;
    std::size_t count = 0;
    for (; count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count, place /= 10)
        ns += (text[count] - '0') * place;
    text.remove_prefix(count);
    return count > 0;
}

bool take_zone(std::string_view& text, DurationNs& east_ns) {
    east_ns = 0;
    if (take_char(text, "Zz")) return true;
    const bool west = !text.empty() && text.front() == '-';
    int hours = 0, minutes = 0;
    if (!take_char(text, "+-") || !take_digits(text, 2, hours) || !take_char(text, ":") ||
        !take_digits(text, 2, minutes))
        return false;
    if (hours > 23 || minutes > 59) return false;
    east_ns = (hours * 3600LL + minutes * 60LL) * ns_per_s * (west ? -1 : 1);
    return true;
}

bool read_rfc3339(std::string_view text, TimeNs& time) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (!take_digits(text, 4, year) || !take_char(text, "-") || !take_digits(text, 2, month) || !take_char(text, "-") ||
        !take_digits(text, 2, day))
        return false;
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || year < 1970 || year > 2261) return false;  // what fits into 64 bits of ns
    if (!take_char(text, "Tt ") || !take_digits(text, 2, hour) || !take_char(text, ":") ||
        !take_digits(text, 2, minute) || !take_char(text, ":") || !take_digits(text, 2, second) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    DurationNs fraction = 0, east = 0;
    if (!take_fraction(text, fraction) || !take_zone(text, east) || !text.empty()) return false;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    time = ((days * 24 + hour) * 60 + minute) * 60 * ns_per_s + second * ns_per_s + fraction - east;
    return true;
}

struct Scale {
    double ns;
    const char* name;
};

Scale scale_for(double magnitude) {
    if (magnitude < 999.5) return {1, "ns"};
    if (magnitude < 999.5e3) return {1e3, "µs"};
    if (magnitude < 999.5e6) return {1e6, "ms"};
    return {1e9, "s"};
}

int decimals_for(double scaled, const Scale& scale) {
    if (scale.ns == 1) return 0;
    return scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
}

std::string fixed_text(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

}  // namespace

Result<DurationNs> parse_duration(std::string_view text) {
    const auto refuse = [&] {
        return fail(ErrorKind::usage,
                    quoted(text) + " is not a duration; write a number and a unit, like 90s, 5m, 2h or 1d");
    };
    std::string_view rest = text;
    DurationNs sum = 0;
    DurationNs last_unit = INT64_MAX;
    while (!rest.empty()) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
        if (error != std::errc{} || number < 0 || rest.front() == '-') return refuse();
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        const std::string_view name = rest.substr(0, std::min(rest.find_first_of("0123456789"), rest.size()));
        const Unit* unit =
            std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == name; });
        if (unit == std::end(units) || unit->ns >= last_unit) return refuse();
        if (number > (INT64_MAX - sum) / unit->ns) return refuse();
        sum += number * unit->ns;
        last_unit = unit->ns;
        rest.remove_prefix(name.size());
    }
    if (text.empty()) return refuse();
    return sum;
}

Result<TimeNs> parse_time(std::string_view text, TimeNs now) {
    if (text == "now") return now;
    if (const Result<DurationNs> ago = parse_duration(text)) return std::max<TimeNs>(0, now - *ago);
    TimeNs time = 0;
    if (read_rfc3339(text, time)) return time;
    return fail(ErrorKind::usage,
                quoted(text) + " is not a time; write how long ago (5m, 2h) or a time like 2026-11-23T14:03:22Z");
}

Result<TimeRange> parse_range(std::string_view since, std::string_view until, TimeNs now) {
    TimeRange range;
    const Result<TimeNs> from = parse_time(since, now);
    if (!from) return tl::make_unexpected(Error{from.error().kind, "--since: " + from.error().sentence});
    range.since_ns = *from;
    if (until.empty()) return range;
    const Result<TimeNs> to = parse_time(until, now);
    if (!to) return tl::make_unexpected(Error{to.error().kind, "--until: " + to.error().sentence});
    if (*to <= *from)
        return fail(ErrorKind::usage,
                    "--until (" + time_text(*to, 0) + ") is not after --since (" + time_text(*from, 0) + ")");
    range.until_ns = *to;
    return range;
}

std::string time_text(TimeNs time, int digits) {
    const std::int64_t seconds = time / ns_per_s - (time % ns_per_s < 0 ? 1 : 0);
    const std::chrono::sys_seconds point{std::chrono::seconds(seconds)};
    const auto day = std::chrono::floor<std::chrono::days>(point);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(point - day);
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    std::string whole = text;
    if (digits > 0) {
        std::snprintf(text, sizeof text, ".%09lld", static_cast<long long>(time - seconds * ns_per_s));
        whole.append(text, 1 + static_cast<std::size_t>(std::min(digits, 9)));
    }
    return whole + "Z";
}

std::string duration_text(DurationNs span) {
    const double magnitude = std::fabs(static_cast<double>(span));
    const Scale scale = scale_for(magnitude);
    const double scaled = magnitude / scale.ns;
    return (span < 0 ? "-" : "") + fixed_text(scaled, decimals_for(scaled, scale)) + " " + scale.name;
}

std::string age_text(DurationNs span) {
    const std::int64_t seconds = span / ns_per_s;
    if (seconds < 120) return std::to_string(seconds) + " s";
    if (seconds < 7'200) return std::to_string(seconds / 60) + " min";
    if (seconds < 172'800) return std::to_string(seconds / 3'600) + " h";
    return std::to_string(seconds / 86'400) + " d";
}

std::string measured_text(DurationNs value, DurationNs error) {
    const double value_ns = std::fabs(static_cast<double>(value));
    const double error_ns = std::fabs(static_cast<double>(error));
    const Scale scale = scale_for(std::max(value_ns, error_ns));
    const int decimals = decimals_for(std::max(value_ns, error_ns) / scale.ns, scale);
    const double step = std::pow(10.0, -decimals);
    const double error_up = std::ceil(error_ns / scale.ns / step - 1e-9) * step;
    return (value < 0 ? "-" : "") + fixed_text(value_ns / scale.ns, decimals) + " ±" +
           (error == 0 ? "0" : fixed_text(error_up, decimals)) + " " + scale.name;
}

}  // namespace clew::cli
