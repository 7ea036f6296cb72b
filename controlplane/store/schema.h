// SPDX-License-Identifier: Apache-2.0
// The store's tables, legs and paths; every statement that makes them, by schema version; and how rows are
// written. Legs and paths are told apart by their id and ordered by their revision: the highest revision counts, in
// every query, whether or not the engine has already merged the older ones away. So a row inserted twice changes
// nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/store/store.h"
#include "wire/path.pb.h"

namespace clew::store {

/// Where the tables are made. The statements are the same for the embedded engine and a cluster but for this.
struct SchemaPlace {
    std::string database = "clew";
    std::string cluster;  ///< name of a ClickHouse cluster: replicated tables, made ON CLUSTER. Empty: one server
    std::uint32_t retention_hours = 72;
};

constexpr std::uint32_t schema_version = 10;

/// Makes the database and the table of versions; may run any time.
std::vector<std::string> schema_base_statements(const SchemaPlace& place);
/// Takes the tables from version-1 to version.
std::vector<std::string> schema_statements(const SchemaPlace& place, std::uint32_t version);
/// Sets the retention of the tables that have one.
std::vector<std::string> schema_retention_statements(const SchemaPlace& place);

/// The `stored_at` from which rows can have packets of `since_ns` or later: rows come in after their packets were seen,
/// but for clocks that run ahead (up to an hour is allowed for). Spares older partitions. In seconds, as text.
std::string stored_since(TimeNs since_ns);

/// One block in Native, with its INSERT statement.
struct InsertRows {
    std::string sql;
    std::string block;
};

class NativeBlock;

/// The columns of versions 3 and 4: what a path carried, and of each of its links (arrays of the same length) the
/// gateway, the delay and the packets on both sides. Called once a block, with all its paths.
void add_link_columns(NativeBlock& block, const std::vector<v1::Path>& paths);

/// The columns of version 9 (schema_trouble.cpp): what is wrong with a path, and TCP's analysis of paths and legs. Rows
/// from before have what can be told from their other columns; where nothing tells, `tcp_known` is false, `reset_by`
/// empty and a delay delay_unknown_ns.
std::vector<std::string> trouble_column_names();  ///< of `paths`
std::string trouble_column_type(std::string_view name);
void add_trouble_columns(NativeBlock& block, const std::vector<v1::Path>& paths);
void add_tcp_columns(NativeBlock& block, std::span<const StoredLeg> legs);
/// "ALTER TABLE …" with the schema's marks still in it.
std::string add_path_trouble_sql();
std::string add_leg_tcp_sql();

InsertRows leg_rows(std::span<const StoredLeg> legs, std::uint32_t stored_at_s);
/// Fails when an id or an address in a path is not one.
Result<InsertRows> path_rows(const std::vector<v1::Path>& paths, std::uint32_t stored_at_s);

}  // namespace clew::store
