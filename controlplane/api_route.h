// SPDX-License-Identifier: Apache-2.0
// One line an address of the API: its parameters with their limits, and the message it answers. Requests are checked by
// it and the OpenAPI document is made of it, so the two cannot differ.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/http/http.h"
#include "nat-trace/result.h"
#include "nat-trace/time.h"

namespace clew::control {

constexpr const char* binary_content_type = "application/octet-stream";

enum class ParameterKind { time, number, flag, text };

struct ApiParameter {
    std::string_view name;
    ParameterKind kind;
    bool required;
    std::int64_t min, max, fallback;  ///< number and time; text: max is its length in bytes
    std::string_view text;
};

struct ApiRoute {
    std::string_view path;  ///< below /api/v1/; "{id}" is a path's or a recording's id
    std::string_view summary;
    std::vector<ApiParameter> parameters;
    const google::protobuf::Descriptor* answers;  ///< null: what `media` says
    std::string_view media = "text/event-stream";
    std::string_view id_text = "16 hex digits, or at least 4 where they are unique in the last day";
    std::string_view id_pattern = "^[0-9A-Fa-f]{4,16}$";
    std::string_view binary = {};  ///< what it answers as application/octet-stream where `binary` is 1; empty: nothing
    std::string_view method = "GET";  ///< or POST, DELETE: it changes something, and asks for JSON as its content type
};

/// A request's parameters, checked: known, given once, of their kind, in their limits, none missing.
class ApiArguments {
  public:
    static Result<ApiArguments> check(const ApiRoute& route, const http::Target& target);

    std::int64_t number(std::string_view name) const;  ///< also of times and flags
    const std::string& text(std::string_view name) const;

  private:
    struct Value {
        std::string_view name;
        std::int64_t number = 0;
        std::string text;
    };
    const Value& find(std::string_view name) const;
    std::vector<Value> values_;
};

/// The OpenAPI 3.0 document of the routes, with the schema of every message that they answer.
std::string open_api_document(std::span<const ApiRoute> routes, std::string_view version);

/// A caller's text as it may stand in an answer: short, printable.
std::string shown(std::string_view text);

}  // namespace clew::control
