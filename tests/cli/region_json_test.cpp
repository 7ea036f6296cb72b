// SPDX-License-Identifier: Apache-2.0
#include "cli/region_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clew::cli {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
    const auto taps = parse_region(text, "region.json");
    return taps ? "accepted" : taps.error().sentence;
}

std::string with_tap(const std::string& tap) { return R"({"taps": [)" + tap + "]}"; }

TEST(RegionJson, Taps) {
    const auto taps = parse_region(R"({"taps": [{"name": "edge", "file": "edge.pcap", "clock": "sensor-a"},
                                               {"name": "lb", "file": "sub/lb.pcapng", "clock": "sensor-b"}]})",
                                   "region.json");
    ASSERT_TRUE(taps) << taps.error().sentence;
    ASSERT_EQ(taps->size(), 2u);
    EXPECT_EQ((*taps)[1].name, "lb");
    EXPECT_EQ((*taps)[1].file, "sub/lb.pcapng");
    EXPECT_EQ((*taps)[1].clock, "sensor-b");
}

TEST(RegionJson, EveryMistakeIsNamed) {
    EXPECT_THAT(refusal(""), HasSubstr("region.json is not JSON"));
    EXPECT_THAT(refusal("{\"taps\": ["), HasSubstr("is not JSON"));
    EXPECT_THAT(refusal("[]"), HasSubstr("expected an object"));
    EXPECT_THAT(refusal("{}"), HasSubstr("taps: expected a list"));
    EXPECT_THAT(refusal(R"({"taps": []})"), HasSubstr("at least one"));
    EXPECT_THAT(refusal(R"({"tap": [], "taps": [1]})"), HasSubstr("unknown key 'tap'; known here: taps"));
    EXPECT_THAT(refusal(with_tap("1")), HasSubstr("taps[0]: expected an object"));
    EXPECT_THAT(refusal(with_tap(R"({"name": "a", "file": "a"})")), HasSubstr("taps[0].clock is missing"));
    EXPECT_THAT(refusal(with_tap(R"({"name": "", "file": "a", "clock": "c"})")),
                HasSubstr("taps[0].name: expected a text"));
    EXPECT_THAT(refusal(with_tap(R"({"name": "a", "file": 7, "clock": "c"})")),
                HasSubstr("taps[0].file: expected a text that is not empty, found 7"));
    EXPECT_THAT(refusal(with_tap(R"({"name": "a", "file": "a", "clock": "c", "colour": "red"})")),
                HasSubstr("unknown key 'colour' in taps[0]"));
    EXPECT_THAT(refusal(with_tap(R"({"name": "a", "name": "b", "file": "a", "clock": "c"})")),
                HasSubstr("the key 'name' stands twice"));
    EXPECT_THAT(
        refusal(with_tap(R"({"name": "a", "file": "a", "clock": "c"}, {"name": "a", "file": "b", "clock": "c"})")),
        HasSubstr("taps[1].name: 'a' is the name of an earlier tap"));
}

TEST(RegionJson, FilesStayInTheFolder) {
    for (const char* file : {"/etc/passwd", "../x.pcap", "a/../../x.pcap", "..", "a\\u0000b"})
        EXPECT_THAT(refusal(with_tap(R"({"name": "a", "file": ")" + std::string(file) + R"(", "clock": "c"})")),
                    HasSubstr("leads out of the corpus folder"))
            << file;
    EXPECT_EQ(refusal(with_tap(R"({"name": "a", "file": "./b/../x.pcap", "clock": "c"})")), "accepted");
}

TEST(RegionJson, LimitsHold) {
    EXPECT_THAT(refusal(std::string(region_bytes_max + 1, ' ')), HasSubstr("is longer than"));
    EXPECT_THAT(refusal(R"({"taps": )" + std::string(100'000, '[')), HasSubstr("nested too deeply"));
    std::string many;
    for (std::size_t i = 0; i <= region_tap_count_max; ++i) many += std::string(i ? "," : "") + "1";
    EXPECT_THAT(refusal(with_tap(many)), HasSubstr("more than 4096 taps"));
}

}  // namespace
}  // namespace clew::cli
