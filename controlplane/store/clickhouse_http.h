// SPDX-License-Identifier: Apache-2.0
// The subset of ClickHouse's HTTP interface that clew-store speaks: GET /ping; a query by GET ?query= (read only) or
// POST; ?database=, ?param_NAME=, ?default_format=, ?query_id=, allowed settings as parameters; INSERT with its rows in
// the body; errors as ClickHouse words them, with X-ClickHouse-Exception-Code and its HTTP codes;
// ?cancel_http_readonly_queries_on_client_close=1: a question (GET, or readonly above 0) ends soon after its connection
// was closed. Not there: sessions, compression of bodies, users (one optional key), progress headers, several
// statements at once.
#pragma once

#include <string>

#include "controlplane/http/http.h"
#include "controlplane/store/embedded_engine.h"

namespace clew::store {

/// Answers one request; from any thread. `key`: when not empty, requests but /ping must carry it, as X-ClickHouse-Key
/// or as ?password=.
http::Response answer_clickhouse_request(const http::Request& request, EmbeddedEngine& engine, const std::string& key);

/// The HTTP code that ClickHouse's servers give to an error.
unsigned http_status_of(int error_code);

/// Whether a URL parameter of this name is a setting that may be given with a query.
bool setting_allowed(std::string_view name);

}  // namespace clew::store
