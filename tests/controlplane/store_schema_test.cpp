// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/schema.h"

#include <gtest/gtest.h>

namespace clew::store {
namespace {

TEST(Schema, OneServerAndAClusterDifferInTheirClausesAlone) {
    const SchemaPlace one{.database = "clew", .cluster = "", .retention_hours = 72};
    const SchemaPlace cluster{.database = "clew", .cluster = "region", .retention_hours = 72};
    for (std::uint32_t version = 1; version <= schema_version; ++version) {
        const auto here = schema_statements(one, version);
        const auto there = schema_statements(cluster, version);
        ASSERT_EQ(here.size(), there.size());
        ASSERT_FALSE(here.empty());
        for (std::size_t i = 0; i < here.size(); ++i) {
            EXPECT_EQ(here[i].find('{'), std::string::npos) << here[i];
            EXPECT_EQ(here[i].find("ON CLUSTER"), std::string::npos);
            EXPECT_NE(there[i].find("ON CLUSTER 'region'"), std::string::npos);
            const bool makes_a_table = here[i].find("ENGINE") != std::string::npos;
            EXPECT_EQ(there[i].find("ENGINE = Replicated") != std::string::npos, makes_a_table);
        }
    }
    EXPECT_TRUE(schema_statements(one, schema_version + 1).empty());
}

TEST(Schema, APathWithBadIdsOrAddressesIsASentence) {
    v1::Path path;
    path.set_path_id("x");
    EXPECT_FALSE(path_rows({path}, 1));
    path.set_path_id("00000000000000ff");
    path.add_legs()->set_client("nowhere");
    const auto rows = path_rows({path}, 1);
    ASSERT_FALSE(rows);
    EXPECT_NE(rows.error().sentence.find("nowhere"), std::string::npos);
}

}  // namespace
}  // namespace clew::store
