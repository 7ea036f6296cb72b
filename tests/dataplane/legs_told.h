// SPDX-License-Identifier: Apache-2.0
// A worker's records back as legs, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "nat-trace/leg.h"
#include "wire/convert.h"

namespace clew::sensor {

inline Leg leg_of(std::string_view record) {
    v1::Batch batch;
    EXPECT_TRUE(batch.ParseFromArray(record.data(), static_cast<int>(record.size())));
    EXPECT_EQ(batch.legs_size(), 1);
    const auto leg = wire::decode(batch.legs(0));
    EXPECT_TRUE(leg) << leg.error().sentence;
    return leg ? *leg : Leg{};
}

}  // namespace clew::sensor
