// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/statement.h"

#include <gtest/gtest.h>

#include "controlplane/store/clickhouse_http.h"
#include "controlplane/store/embedded_engine.h"

namespace clew::store {
namespace {

TEST(Statement, FindsWhereAnInsertsDataStarts) {
    const std::string text = "INSERT INTO t (a, `FORMAT`) /* FORMAT x */ SETTINGS x = 1 FORMAT Native\r\n\n\nSELECT;";
    const auto statement = read_statement(text);
    ASSERT_TRUE(statement);
    EXPECT_TRUE(statement->takes_data);
    EXPECT_EQ(statement->sql, "INSERT INTO t (a, `FORMAT`) /* FORMAT x */ SETTINGS x = 1 ");
    EXPECT_EQ(statement->format, "Native");
    EXPECT_EQ(text.substr(statement->data_offset), "\n\nSELECT;");
}

TEST(Statement, ValuesAndBareInsertsTakeDataToo) {
    const auto values = read_statement("insert into t values (1, ';'), (2)");
    ASSERT_TRUE(values);
    EXPECT_TRUE(values->takes_data);
    EXPECT_EQ(values->format, "Values");
    EXPECT_EQ(values->sql, "insert into t ");
    const auto bare = read_statement("INSERT INTO t (a);");
    ASSERT_TRUE(bare);
    EXPECT_TRUE(bare->takes_data);
    EXPECT_EQ(bare->format, "");
    EXPECT_EQ(bare->data_offset, 18u);
}

TEST(Statement, AnInsertOfASelectTakesNone) {
    for (const char* text : {"INSERT INTO t SELECT 1 FORMAT Null", "INSERT INTO t (a) WITH 1 AS x SELECT x"}) {
        const auto statement = read_statement(text);
        ASSERT_TRUE(statement);
        EXPECT_FALSE(statement->takes_data) << text;
    }
}

TEST(Statement, NamesTheFormatOfAQuery) {
    EXPECT_EQ(read_statement("SELECT format FROM t FORMAT JSON SETTINGS a = 1;")->format, "JSON");
    EXPECT_EQ(read_statement("SELECT 'x FORMAT JSON'")->format, "");
    EXPECT_EQ(read_statement("SELECT format('a', b)")->format, "");
    EXPECT_EQ(read_statement("  SELECT 1 ; -- the end")->sql, "  SELECT 1 ");
}

TEST(Statement, RefusesSeveralAndNone) {
    EXPECT_FALSE(read_statement("SELECT 1; SELECT 2"));
    EXPECT_FALSE(read_statement(""));
    EXPECT_FALSE(read_statement(" -- nothing\n /* at all"));
    EXPECT_TRUE(read_statement("SELECT ';' ;;"));
}

TEST(ClickHouseHttp, GivesErrorsTheCodesOfClickHouse) {
    EXPECT_EQ(http_status_of(62), 400u);
    EXPECT_EQ(http_status_of(60), 404u);
    EXPECT_EQ(http_status_of(159), 408u);
    EXPECT_EQ(http_status_of(241), 500u);
    EXPECT_EQ(http_status_of(516), 403u);
}

TEST(ClickHouseHttp, TakesSettingsThatOnlyBoundOrFormat) {
    EXPECT_TRUE(setting_allowed("max_execution_time"));
    EXPECT_TRUE(setting_allowed("output_format_json_quote_64bit_integers"));
    EXPECT_FALSE(setting_allowed("allow_introspection_functions"));
    EXPECT_FALSE(setting_allowed("storage_file_read_method"));
}

TEST(EmbeddedEngine, QuotesLiterals) { EXPECT_EQ(quoted(R"(a'b\c)"), R"('a\'b\\c')"); }

TEST(EmbeddedEngine, AnAbsentLibraryIsOneSentence) {
    const auto library = ChdbLibrary::load("/nowhere/libchdb.so");
    ASSERT_FALSE(library);
    EXPECT_NE(library.error().sentence.find("/nowhere/libchdb.so"), std::string::npos);
    EXPECT_NE(library.error().sentence.find("CLEW_CHDB"), std::string::npos);
}

}  // namespace
}  // namespace clew::store
