// SPDX-License-Identifier: Apache-2.0
// The routes about links: why two legs are linked or not, why legs stand alone, what was learnt of gateways.
#include <string>
#include <string_view>

#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/unlinked_groups.h"
#include "wire/convert.h"

namespace clew::control {
namespace {

constexpr std::int64_t id_digits = 16;

Result<LegId> leg(const ApiArguments& arguments, std::string_view name) {
    const auto id = wire::parse_id(arguments.text(name));
    if (!id) return fail(ErrorKind::usage, std::string(name) + ": " + id.error().sentence);
    return *id;
}

}  // namespace

void Api::add_link_routes() {
    const ApiParameter a{"a", ParameterKind::text, true, 0, id_digits, 0, "a leg's id, 16 hex digits"};
    const ApiParameter b{"b", ParameterKind::text, true, 0, id_digits, 0, "another leg's id"};
    add({"links/explain",
         "why two legs of the linker's window are linked, or why they are not",
         {a, b},
         v1::LinkExplanation::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) -> Result<std::string> {
            const auto explanation = explain(arguments);
            if (!explanation) return tl::make_unexpected(explanation.error());
            return to_json(*explanation);
        });
    add({"links/rivals",
         "which legs of other paths could stand beside a leg of the linker's window, and what speaks for and against",
         {{"leg", ParameterKind::text, true, 0, id_digits, 0, "a leg's id, 16 hex digits"}},
         v1::LinkRivals::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) -> Result<std::string> {
            const auto id = leg(arguments, "leg");
            if (!id) return tl::make_unexpected(id.error());
            const auto list = sources_.rivals(*id);
            if (!list) return tl::make_unexpected(list.error());
            return to_json(*list);
        });
    add({"unlinked",
         "the reasons of the legs that stand alone, of the newest paths of the range",
         {since(true), until(), filter()},
         v1::UnlinkedList::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) -> Result<std::string> {
            const auto list = unlinked(arguments);
            if (!list) return tl::make_unexpected(list.error());
            return to_json(*list);
        });
    add({"gateways",
         "what the linker learnt of each gateway since it began: what it does to packets, adds and loses",
         {},
         v1::GatewayList::descriptor()},
        [this](const std::string&, const ApiArguments&) -> Result<std::string> {
            return to_json(sources_.gateways());
        });
}

Result<v1::LinkExplanation> Api::explain(const ApiArguments& arguments) const {
    const auto a = leg(arguments, "a");
    if (!a) return tl::make_unexpected(a.error());
    const auto b = leg(arguments, "b");
    if (!b) return tl::make_unexpected(b.error());
    return sources_.explain(*a, *b);
}

Result<v1::UnlinkedList> Api::unlinked(const ApiArguments& arguments) const {
    store::PathQuery query;
    query.since_ns = arguments.number("since_ns");
    query.until_ns = arguments.number("until_ns");
    const std::string& filter = arguments.text("filter");
    query.filter = "path.unlinked != linked" + (filter.empty() ? "" : " && (" + filter + ")");
    query.count_max = unlinked_path_count_max;
    const auto list = store_.find_paths(query);
    if (!list) return tl::make_unexpected(list.error());
    return group_unlinked(*list);
}

}  // namespace clew::control
