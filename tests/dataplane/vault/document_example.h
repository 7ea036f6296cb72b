// SPDX-License-Identifier: Apache-2.0
// The worked examples of the formats' documents: a document must show these bytes, sixteen a line.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <span>
#include <sstream>
#include <string>

namespace clew::vault {

inline void expect_shown_in(const std::string& document, std::span<const std::uint8_t> bytes) {
    std::ostringstream hex;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        char text[8];
        std::snprintf(text, sizeof text, at % 16 == 0 ? "\n    %02x" : " %02x", bytes[at]);
        hex << text;
    }
    std::ifstream file(document);
    ASSERT_TRUE(file) << "run from the repository's root";
    std::stringstream words;
    words << file.rdbuf();
    EXPECT_NE(words.str().find(hex.str()), std::string::npos) << document << " must show this:" << hex.str();
}

}  // namespace clew::vault
