// SPDX-License-Identifier: Apache-2.0
// The routes about single paths: the list, one path, its ladder; and what the filter language knows.
#include <algorithm>
#include <set>
#include <string_view>

#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/ladder_source.h"
#include "controlplane/ladder_table.h"
#include "controlplane/partial.h"
#include "controlplane/store/filter_fields.h"
#include "wire/convert.h"
#include "wire/convert_tcp.h"

namespace clew::control {
namespace {

constexpr int merge_steps_max = 4;

/// The name of a kind of field, as the API shows it.
const char* kind_text(store::FilterKind kind) {
    switch (kind) {
        case store::FilterKind::address: return "address";
        case store::FilterKind::number: return "number";
        case store::FilterKind::duration: return "duration";
        case store::FilterKind::word: return "word";
        case store::FilterKind::grade: return "grade";
        case store::FilterKind::id: return "id";
        case store::FilterKind::endpoint: break;
    }
    return "endpoint";
}

/// JSON of rows is twenty times what the table takes.
void keep_first_rows(v1::Ladder& ladder) {
    constexpr int count_max = static_cast<int>(Api::ladder_json_row_count_max);
    if (ladder.rows_size() <= count_max) return;
    for (int i = count_max; i < ladder.rows_size(); ++i)
        for (const v1::LadderCell& cell : ladder.rows(i).cells())
            if (cell.seen() && (ladder.complete_until_ns() == 0 || cell.time_ns() < ladder.complete_until_ns()))
                ladder.set_complete_until_ns(cell.time_ns());
    ladder.mutable_rows()->DeleteSubrange(count_max, ladder.rows_size() - count_max);
    add_partial(ladder, "only the first " + std::to_string(count_max) +
                            " packets are here; ladder_table has more, or narrow the time");
}

std::string field_list() {
    v1::FilterFieldList list;
    for (const store::FilterField& field : store::filter_fields()) {
        v1::FilterFieldText& one = *list.add_fields();
        one.set_name(std::string(field.name));
        one.set_type(kind_text(field.kind));
        one.set_text(std::string(field.text));
        one.set_words(std::string(field.words));
    }
    return to_json(list);
}

v1::LegList legs_of(const v1::PathList& paths) {
    v1::LegList list;
    list.set_partial(paths.partial());
    list.set_next(paths.next());
    for (const v1::Path& path : paths.paths())
        for (const v1::PathLeg& leg : path.legs()) {
            v1::LegOfPath& one = *list.add_legs();
            one.set_path_id(path.path_id());
            one.set_unlinked(path.unlinked());
            one.set_proto(path.proto());
            *one.mutable_leg() = leg;
        }
    return list;
}

/// Windows are shifted where both SYNs had the option.
void add_window_scales(const Leg& leg, v1::PathLeg& to) {
    const Flow &up = leg.flow(Direction::to_server), &down = leg.flow(Direction::to_client);
    if (up.syn_ns == 0 || down.syn_ns == 0) return;
    constexpr std::uint8_t none = 0xff;
    const bool shifted = up.window_scale != none && down.window_scale != none;
    to.mutable_to_server()->set_window_scale(shifted ? up.window_scale : 0);
    to.mutable_to_client()->set_window_scale(shifted ? down.window_scale : 0);
}

}  // namespace

void Api::add_path_routes() {
    add({"status",
         "observers with their taps and counters, and the control plane's own counters",
         {},
         v1::Status::descriptor()},
        [this](const std::string&, const ApiArguments&) -> Result<std::string> { return to_json(sources_.status()); });
    add({"fields", "the fields of the filter language", {}, v1::FilterFieldList::descriptor()},
        [](const std::string&, const ApiArguments&) -> Result<std::string> { return field_list(); });
    const ApiParameter oldest{
        "oldest_first", ParameterKind::flag, false, 0, 1, 0, "from the oldest on, not the newest"};
    const ApiParameter abnormal{"abnormal_first",
                                ParameterKind::flag,
                                false,
                                0,
                                1,
                                0,
                                "the worst first: losses, resets, retransmissions, delay; then the newest"};
    const ApiParameter cursor{"cursor", ParameterKind::text,          false, 0, text_bytes_max,
                              0,        "`next` of the answer before"};
    const std::vector<ApiParameter> search = {
        since(true), until(),
        filter(),    count("limit", 1, path_count_max, path_count_default, "how many paths at most"),
        oldest,      abnormal,
        cursor};
    add({"paths", "paths that overlap the range and match the filter, newest first", search,
         v1::PathList::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) -> Result<std::string> {
            const auto list = paths(arguments);
            if (!list) return tl::make_unexpected(list.error());
            return to_json(*list);
        });
    add({"legs", "the legs of those paths, one by one", search, v1::LegList::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) -> Result<std::string> {
            const auto list = paths(arguments);
            if (!list) return tl::make_unexpected(list.error());
            return to_json(legs_of(*list));
        });
    const ApiParameter from{"from_ns", ParameterKind::time, false, 0, time_max, 0, "packets from then on; 0: all"};
    const ApiParameter to{"to_ns", ParameterKind::time, false, 0, time_max, 0, "packets until then; 0: all"};
    const ApiParameter frames{"frames",
                              ParameterKind::flag,
                              false,
                              0,
                              1,
                              0,
                              "each cell with its packet, or its headers, as a vault has them"};
    add({"paths/{id}/ladder",
         "the path's packets at all its taps: same packet, one row",
         {from, to, frames, headers_only(), strip_tunnels(), snap()},
         v1::Ladder::descriptor()},
        [this](const std::string& id, const ApiArguments& arguments) -> Result<std::string> {
            FrameWish wish = frame_wish(arguments);
            wish.frames = arguments.number("frames") != 0;
            auto message = ladder(id, arguments, wish);
            if (!message) return tl::make_unexpected(message.error());
            keep_first_rows(*message);
            return to_json(*message);
        });
    ApiRoute table_route{
        "paths/{id}/ladder_table",
        "the ladder as flat little-endian arrays, for many packets",
        {from,
         to,
         count("rows", 1, LadderSource::row_count_max, LadderSource::row_count_max,
               "how many at most, the first; `more` says whether there are more"),
         {"binary", ParameterKind::flag, false, 0, 1, 0, "the arrays as bytes, not as base64 in JSON"}},
        v1::LadderTable::descriptor()};
    table_route.binary =
        "where `binary` is 1: a LadderTable without its arrays in JSON, then its arrays (docs/LADDER_TABLE.md)";
    add(std::move(table_route), [this](const std::string& id, const ApiArguments& arguments) -> Result<std::string> {
        const auto path = path_with_legs(id);
        if (!path) return tl::make_unexpected(path.error());
        if (!sources_.ladder_table) return fail(ErrorKind::unreachable, "there are no sensors to be asked");
        auto table = sources_.ladder_table(*path, arguments.number("from_ns"), arguments.number("to_ns"),
                                           static_cast<std::uint32_t>(arguments.number("rows")));
        if (!table) return tl::make_unexpected(table.error());
        return arguments.number("binary") != 0 ? to_bytes(std::move(*table)) : to_json(*table);
    });
    add({"paths/{id}", "one path with its legs and links", {}, v1::Path::descriptor()},
        [this](const std::string& id, const ApiArguments&) -> Result<std::string> {
            auto path = find(id);
            if (!path) return tl::make_unexpected(path.error());
            add_analysis(*path);
            return to_json(*path);
        });
}

Result<v1::PathList> Api::paths(const ApiArguments& arguments) const {
    store::PathQuery query;
    query.since_ns = arguments.number("since_ns");
    query.until_ns = arguments.number("until_ns");
    query.filter = arguments.text("filter");
    query.count_max = static_cast<std::uint32_t>(arguments.number("limit"));
    query.oldest_first = arguments.number("oldest_first") != 0;
    query.abnormal_first = arguments.number("abnormal_first") != 0;
    if (query.oldest_first && query.abnormal_first)
        return fail(ErrorKind::usage, "oldest_first and abnormal_first exclude each other");
    query.cursor = arguments.text("cursor");
    query.bytes_max = path_bytes_max;
    return store_.find_paths(query);
}

Result<std::string> Api::full_id(const std::string& prefix) const {
    store::PathQuery query;
    query.since_ns = std::max<TimeNs>(0, sources_.now() - prefix_search_ns);
    query.count_max = prefix_search_count_max;
    const auto list = store_.find_paths(query);
    if (!list) return tl::make_unexpected(list.error());
    std::set<std::string> fitting;
    for (const v1::Path& path : list->paths())
        if (path.path_id().starts_with(prefix)) fitting.insert(path.path_id());
    if (fitting.empty())
        return fail(ErrorKind::nothing_found, "no path of the last 24 hours begins with '" + prefix + "'");
    if (fitting.size() > 1)
        return fail(ErrorKind::usage,
                    std::to_string(fitting.size()) + " paths begin with '" + prefix + "'; give more digits");
    return *fitting.begin();
}

Result<v1::Path> Api::find(const std::string& id) const {
    std::string digits = id;
    for (char& c : digits)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    constexpr std::size_t id_digits = 16;
    if (digits.size() < prefix_digits_min || digits.size() > id_digits ||
        digits.find_first_not_of("0123456789abcdef") != std::string::npos)
        return fail(ErrorKind::usage,
                    "'" + shown(id) + "' is not a path's id: 4 to 16 hexadecimal digits are expected");
    if (digits.size() < id_digits) {
        auto full = full_id(digits);
        if (!full) return tl::make_unexpected(full.error());
        digits = *full;
    }
    auto path = store_.find_path(digits);
    if (!path) return tl::make_unexpected(path.error());
    if (!*path)
        return fail(ErrorKind::nothing_found, "there is no path " + digits + ", or it is older than the store keeps");
    return std::move(**path);
}

/// What TCP's analysis and the SYNs' window scales are stands with each leg. A store that does not find it leaves the
/// path as it is.
void Api::add_analysis(v1::Path& path) const {
    std::vector<store::LegWanted> wanted;
    for (const v1::PathLeg& leg : path.legs())
        if (const auto id = wire::parse_id(leg.leg_id())) wanted.push_back({*id, leg.first_ns()});
    const auto legs = store_.find_legs(wanted);
    if (!legs) return;
    for (v1::PathLeg& to : *path.mutable_legs())
        for (const Leg& leg : *legs) {
            if (wire::id_text(leg.id) != to.leg_id()) continue;
            if (leg.tcp != TcpAnalysis{}) wire::encode(leg.tcp, *to.mutable_tcp());
            add_window_scales(leg, to);
        }
}

/// Or the path that took its legs.
Result<v1::Path> Api::path_with_legs(const std::string& id) const {
    auto path = find(id);
    for (int step = 0; step < merge_steps_max && path && path->retracted() && !path->merged_into().empty(); ++step)
        path = find(path->merged_into());
    if (path && path->legs().empty())
        return fail(ErrorKind::nothing_found,
                    "path " + path->path_id() + " was taken back: its legs stand in other paths now");
    return path;
}

Result<v1::Ladder> Api::ladder(const std::string& id, const ApiArguments& arguments, const FrameWish& wish) const {
    const auto path = path_with_legs(id);
    if (!path) return tl::make_unexpected(path.error());
    return sources_.ladder(*path, arguments.number("from_ns"), arguments.number("to_ns"), wish);
}

}  // namespace clew::control
