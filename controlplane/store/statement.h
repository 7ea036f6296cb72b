// SPDX-License-Identifier: Apache-2.0
// What clew-store must know of a SQL text before the engine gets it: whether data follows an INSERT and where it starts
// (data never goes inline into the engine), which output format is asked for, and that it is one statement.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "nat-trace/result.h"

namespace clew::store {

struct Statement {
    bool takes_data = false;      ///< an INSERT whose rows are data, not a SELECT
    std::string sql;              ///< for takes_data without its FORMAT or VALUES word and what follows it
    std::string format;           ///< named in the text; empty when none. "Values" for INSERT … VALUES
    std::size_t data_offset = 0;  ///< takes_data: where in the text the data starts; the text's length when none does
};

/// Reads `text`, which may have data of any kind after an INSERT's FORMAT. Fails when there is more than one statement
/// or none.
Result<Statement> read_statement(std::string_view text);

}  // namespace clew::store
