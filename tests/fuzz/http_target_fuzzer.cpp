// SPDX-License-Identifier: Apache-2.0
// The target of a request, and the SQL texts that clew-store splits.
#include <cstdint>
#include <string_view>

#include "controlplane/http/http.h"
#include "controlplane/store/statement.h"
#include "nat-trace/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const auto target = clew::http::parse_target(text);
    CLEW_CHECK(target.path.size() <= size);
    CLEW_CHECK(clew::http::percent_decode(clew::http::percent_encode(text)) == text);
    if (const auto statement = clew::store::read_statement(text)) {
        CLEW_CHECK(statement->data_offset <= size);
        CLEW_CHECK(statement->sql.size() <= size);
    }
    return 0;
}
