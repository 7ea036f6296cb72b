// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document: routes as they are checked, schemas as protobuf's JSON prints the messages (64-bit integers are
// strings; every plain field is there, sub-messages and optional fields where they are set).
#include <map>
#include <nlohmann/json.hpp>

#include "controlplane/api_route.h"
#include "wire/path.pb.h"

namespace clew::control {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using nlohmann::json;

json plain_schema(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT64: return {{"type", "string"}, {"format", "int64"}};
        case FieldDescriptor::CPPTYPE_UINT64: return {{"type", "string"}, {"format", "uint64"}};
        case FieldDescriptor::CPPTYPE_INT32:
        case FieldDescriptor::CPPTYPE_UINT32: return {{"type", "integer"}};
        case FieldDescriptor::CPPTYPE_FLOAT:
        case FieldDescriptor::CPPTYPE_DOUBLE: return {{"type", "number"}};
        case FieldDescriptor::CPPTYPE_BOOL: return {{"type", "boolean"}};
        default: return {{"type", "string"}};
    }
}

void add_schema(const Descriptor& message, json& schemas) {
    const std::string name(message.name());
    if (schemas.contains(name)) return;
    schemas[name] = json::object();  // where a message holds itself
    json properties = json::object(), required = json::array();
    for (int i = 0; i < message.field_count(); ++i) {
        const FieldDescriptor& field = *message.field(i);
        json schema;
        if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
            add_schema(*field.message_type(), schemas);
            schema = {{"$ref", "#/components/schemas/" + std::string(field.message_type()->name())}};
        } else {
            schema = plain_schema(field);
        }
        const std::string field_name(field.name());
        properties[field_name] = field.is_repeated() ? json{{"type", "array"}, {"items", schema}} : schema;
        if (field.is_repeated() || !field.has_presence()) required.push_back(field_name);
    }
    schemas[name] = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
    if (!required.empty()) schemas[name]["required"] = required;
}

json parameter_schema(const ApiParameter& parameter) {
    switch (parameter.kind) {
        case ParameterKind::flag: return {{"type", "boolean"}, {"default", parameter.fallback != 0}};
        case ParameterKind::text: return {{"type", "string"}, {"maxLength", parameter.max}};
        case ParameterKind::time:
        case ParameterKind::number: break;
    }
    json schema = {{"type", "integer"}, {"format", "int64"}, {"minimum", parameter.min}, {"maximum", parameter.max}};
    if (!parameter.required) schema["default"] = parameter.fallback;
    return schema;
}

json refusal(std::string_view text) {
    return {{"description", text},
            {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/ApiError"}}}}}}}};
}

const char* verb_of(const ApiRoute& route) {
    if (route.method == "GET") return "get";
    return route.method == "POST" ? "post" : "delete";
}

json operation(const ApiRoute& route) {
    json parameters = json::array();
    if (route.path.find("{id}") != std::string_view::npos)
        parameters.push_back({{"name", "id"},
                              {"in", "path"},
                              {"required", true},
                              {"description", route.id_text},
                              {"schema", {{"type", "string"}, {"pattern", route.id_pattern}}}});
    for (const ApiParameter& parameter : route.parameters)
        parameters.push_back({{"name", parameter.name},
                              {"in", "query"},
                              {"required", parameter.required},
                              {"description", parameter.text},
                              {"schema", parameter_schema(parameter)}});
    json content = {{std::string(route.media), {{"schema", {{"type", "string"}}}}}};
    if (route.answers != nullptr)
        content = {{"application/json",
                    {{"schema", {{"$ref", "#/components/schemas/" + std::string(route.answers->name())}}}}}};
    if (!route.binary.empty())
        content[binary_content_type] = {
            {"schema", {{"type", "string"}, {"format", "binary"}, {"description", route.binary}}}};
    return {{"summary", route.summary},
            {"parameters", parameters},
            {"responses",
             {{"200", {{"description", route.summary}, {"content", content}}},
              {"400", refusal("a mistake in the request, in one sentence")},
              {"404", refusal("there is no such thing")},
              {"503", refusal("the store or an observer does not answer")}}}};
}

}  // namespace

std::string open_api_document(std::span<const ApiRoute> routes, std::string_view version) {
    json schemas = json::object(), paths = json::object();
    add_schema(*v1::ApiError::descriptor(), schemas);
    for (const ApiRoute& route : routes) {
        if (route.answers != nullptr) add_schema(*route.answers, schemas);
        paths["/api/v1/" + std::string(route.path)][verb_of(route)] = operation(route);
    }
    const json document = {
        {"openapi", "3.0.3"},
        {"info",
         {{"title", "Clew"},
          {"version", version},
          {"description",
           "Connections followed through gateways. Times are ns since the Unix epoch; 64-bit integers are strings."}}},
        {"paths", paths},
        {"components", {{"schemas", schemas}}}};
    return document.dump(1);
}

}  // namespace clew::control
