// SPDX-License-Identifier: Apache-2.0
#include "controlplane/api_route.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "controlplane/api_parameters.h"
#include "nat-trace/check.h"

namespace clew::control {
namespace {

Result<std::int64_t> read_number(const ApiParameter& parameter, const std::string& text) {
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size() || value < parameter.min || value > parameter.max)
        return fail(ErrorKind::usage, std::string(parameter.name) + ": '" + shown(text) +
                                          "' is not a whole number from " + std::to_string(parameter.min) + " to " +
                                          std::to_string(parameter.max));
    return value;
}

Result<std::int64_t> read_flag(const ApiParameter& parameter, const std::string& text) {
    if (text == "true" || text == "1") return 1;
    if (text == "false" || text == "0") return 0;
    return fail(ErrorKind::usage, std::string(parameter.name) + ": '" + shown(text) + "' is neither true nor false");
}

Result<void> only_known(const ApiRoute& route, const http::Target& target) {
    std::set<std::string_view> seen;
    for (const auto& [name, value] : target.parameters) {
        if (std::ranges::find(route.parameters, name, &ApiParameter::name) == route.parameters.end()) {
            std::string known;
            for (const ApiParameter& one : route.parameters)
                known += (known.empty() ? "" : ", ") + std::string(one.name);
            return fail(ErrorKind::usage, "parameter '" + shown(name) + "' is not known; " +
                                              (known.empty() ? "there are none here" : "known are " + known));
        }
        if (!seen.insert(name).second) return fail(ErrorKind::usage, "parameter '" + name + "' is given twice");
    }
    return {};
}

}  // namespace

std::string to_json(const google::protobuf::Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string json;
    if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
    return json;
}

std::string shown(std::string_view text) {
    std::string result(text.substr(0, 60));
    for (char& c : result)
        if (c < 0x20 || c > 0x7e) c = '?';
    return result;
}

Result<ApiArguments> ApiArguments::check(const ApiRoute& route, const http::Target& target) {
    if (auto known = only_known(route, target); !known) return tl::make_unexpected(known.error());
    ApiArguments arguments;
    for (const ApiParameter& parameter : route.parameters) {
        Value value{.name = parameter.name, .number = parameter.fallback, .text = {}};
        value.text = target.parameter(parameter.name);
        if (value.text.empty() && parameter.required)
            return fail(ErrorKind::usage,
                        "parameter '" + std::string(parameter.name) + "' is missing: " + std::string(parameter.text));
        if (!value.text.empty() && parameter.kind != ParameterKind::text) {
            const auto number = parameter.kind == ParameterKind::flag ? read_flag(parameter, value.text)
                                                                      : read_number(parameter, value.text);
            if (!number) return tl::make_unexpected(number.error());
            value.number = *number;
        }
        if (parameter.kind == ParameterKind::text && value.text.size() > static_cast<std::size_t>(parameter.max))
            return fail(ErrorKind::usage,
                        std::string(parameter.name) + " is longer than " + std::to_string(parameter.max) + " bytes");
        arguments.values_.push_back(std::move(value));
    }
    return arguments;
}

const ApiArguments::Value& ApiArguments::find(std::string_view name) const {
    const auto found = std::ranges::find(values_, name, &Value::name);
    CLEW_CHECK(found != values_.end());
    return *found;
}

std::int64_t ApiArguments::number(std::string_view name) const { return find(name).number; }
const std::string& ApiArguments::text(std::string_view name) const { return find(name).text; }

}  // namespace clew::control
