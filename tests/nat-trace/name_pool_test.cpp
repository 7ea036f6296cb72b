// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/name_pool.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

TEST(NamePool, ANameIsThereOnceAndGoesWithItsLastHolder) {
    NamePool pool;
    const auto a = pool.hold("a.example"), again = pool.hold("a.example"), b = pool.hold("b.example");
    EXPECT_EQ(a, again);
    EXPECT_NE(a, b);
    EXPECT_EQ(pool.text(a), "a.example");
    EXPECT_EQ(pool.size(), 2u);
    pool.let_go(a);
    EXPECT_EQ(pool.text(again), "a.example");
    pool.let_go(again);
    EXPECT_EQ(pool.size(), 1u);
    EXPECT_EQ(pool.hold("c.example"), a) << "its place is used again";
    EXPECT_EQ(pool.text(b), "b.example");
}

TEST(NamePool, NoName) {
    NamePool pool;
    EXPECT_EQ(pool.hold(""), no_name);
    EXPECT_EQ(pool.text(no_name), "");
    pool.let_go(no_name);
    EXPECT_EQ(pool.size(), 0u);
}

}  // namespace
}  // namespace clew
