// SPDX-License-Identifier: Apache-2.0
// Clew's filter language, after Wireshark's display filters, compiled to a condition over the store's `paths` table.
// Values only ever travel as bound parameters ({name:Type}); no text of the filter gets into the SQL.
//
//   ip.addr == 10.0.0.0/8 and (tcp.port in {80, 443, 8000..8100} or process == nginx) and not path.grade > B
//   10.0.0.7:443            a bare word: address, address:port, network, port, protocol, path id, or a process's name;
//                           with a dot in it also the name of a server or its domain
//   path.delay > 2ms and tcp.analysis.zero_window     durations are ns or have a unit; a count's name alone: any
//
// Operators: == != < <= > >= (eq ne lt le gt ge), contains, in { … }; and or not (&& || !), parentheses.
// A field of many values (ip.addr: all addresses of all legs) matches when one of them does; != is the opposite of ==.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nat-trace/result.h"

namespace clew::store {

constexpr std::size_t filter_bytes_max = 4096;
constexpr std::size_t filter_depth_max = 50;  ///< nested parentheses and nots
constexpr std::size_t filter_value_count_max = 200;

/// Addresses from one to another; their parameters, as they stand in SQL.
struct AddressRange {
    std::string first, last;
    unsigned free_bits = 0;  ///< so many of the last bits may be any; 0: one address

    bool is_one() const { return free_bits == 0; }
};

/// A boolean SQL expression and the values of its parameters, escaped as ClickHouse reads parameters.
struct SqlCondition {
    std::string sql;
    std::vector<std::pair<std::string, std::string>> parameters;  ///< name without "param_", value
    /// Where every match has an address of one of a few ranges on one of its legs: these.
    std::vector<AddressRange> addresses = {};
};

/// An empty filter takes all ("1"). A mistake is one sentence that names the column where it is.
Result<SqlCondition> compile_filter(std::string_view text);

/// The fields, one a line with a phrase of explanation: for `--help` and documentation.
std::string filter_field_list();

/// A value in the form in which ClickHouse takes the parameter of a query.
std::string escape_parameter(std::string_view value);

}  // namespace clew::store
