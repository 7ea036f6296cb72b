// SPDX-License-Identifier: Apache-2.0
#include "cli/time_text.h"

#include <gtest/gtest.h>

namespace clew::cli {
namespace {

DurationNs duration(std::string_view text) {
    const Result<DurationNs> span = parse_duration(text);
    return span ? *span : -1;
}

TimeNs time_at(std::string_view text) {
    const Result<TimeNs> time = parse_time(text, 1'700'000'000 * ns_per_s);
    return time ? *time : -1;
}

TEST(Duration, Units) {
    EXPECT_EQ(duration("90s"), 90 * ns_per_s);
    EXPECT_EQ(duration("5m"), 300 * ns_per_s);
    EXPECT_EQ(duration("2h"), 7'200 * ns_per_s);
    EXPECT_EQ(duration("1d"), 86'400 * ns_per_s);
    EXPECT_EQ(duration("250ms"), 250 * ns_per_ms);
    EXPECT_EQ(duration("7us"), 7 * ns_per_us);
    EXPECT_EQ(duration("0s"), 0);
    EXPECT_EQ(duration("1h30m"), 5'400 * ns_per_s);
    EXPECT_EQ(duration("1d2h3m4s5ms"), (86'400 + 7'200 + 180 + 4) * ns_per_s + 5 * ns_per_ms);
}

TEST(Duration, RefusedWithRemedy) {
    for (const char* text : {"", "5", "m", "-5m", "5 m", "5x", "5m5m", "5s3m", "1.5h", "99999999999d",
                             "9223372036854775807s", "5m-3s", "+5m"})
        EXPECT_EQ(duration(text), -1) << text;
    EXPECT_EQ(parse_duration("5x").error().sentence,
              "'5x' is not a duration; write a number and a unit, like 90s, 5m, 2h or 1d");
    EXPECT_EQ(parse_duration("5x").error().kind, ErrorKind::usage);
}

TEST(Time, Rfc3339) {
    EXPECT_EQ(time_at("2023-11-14T22:13:20Z"), 1'700'000'000 * ns_per_s);
    EXPECT_EQ(time_at("2023-11-14t22:13:20z"), 1'700'000'000 * ns_per_s);
    EXPECT_EQ(time_at("2023-11-14 23:13:20+01:00"), 1'700'000'000 * ns_per_s);
    EXPECT_EQ(time_at("2023-11-14T16:43:20-05:30"), 1'700'000'000 * ns_per_s);
    EXPECT_EQ(time_at("2023-11-14T22:13:20.5Z"), 1'700'000'000 * ns_per_s + 500 * ns_per_ms);
    EXPECT_EQ(time_at("2023-11-14T22:13:20.123456789Z"), 1'700'000'000'123'456'789);
    EXPECT_EQ(time_at("2023-11-14T22:13:20.1234567891Z"), 1'700'000'000'123'456'789);
    EXPECT_EQ(time_at("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(time_at("2024-02-29T00:00:00Z"), 1'709'164'800 * ns_per_s);
}

TEST(Time, RelativeAndNow) {
    EXPECT_EQ(time_at("5m"), 1'699'999'700 * ns_per_s);
    EXPECT_EQ(time_at("now"), 1'700'000'000 * ns_per_s);
    EXPECT_EQ(time_at("40000d"), 0) << "before 1970: from the beginning";
}

TEST(Time, Refused) {
    for (const char* text :
         {"", "yesterday", "2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z", "2023-02-29T00:00:00Z",
          "2023-11-14T24:00:00Z", "2023-11-14T22:60:00Z", "2023-11-14T22:13:20+0100", "2023-11-14T22:13:20.Z",
          "2023-11-14T22:13:20Zz", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z", "-023-11-14T22:13:20Z",
          "2023-11-14T22:-3:20Z"})
        EXPECT_EQ(time_at(text), -1) << text;
}

TEST(Time, Text) {
    EXPECT_EQ(time_text(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123Z");
    EXPECT_EQ(time_text(1'700'000'000'123'456'789, 0), "2023-11-14T22:13:20Z");
    EXPECT_EQ(time_text(1'700'000'000'123'456'789, 6), "2023-11-14T22:13:20.123456Z");
    EXPECT_EQ(time_text(1'700'000'000'123'456'789, 9), "2023-11-14T22:13:20.123456789Z");
    EXPECT_EQ(time_text(-1, 9), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(time_text(INT64_MAX, 0), "2262-04-11T23:47:16Z");
    EXPECT_EQ(time_text(INT64_MIN, 0), "1677-09-21T00:12:43Z");
}

TEST(Time, Durations) {
    EXPECT_EQ(duration_text(0), "0 ns");
    EXPECT_EQ(duration_text(850), "850 ns");
    EXPECT_EQ(duration_text(1'000), "1.00 µs");
    EXPECT_EQ(duration_text(21'000), "21.0 µs");
    EXPECT_EQ(duration_text(-412'400), "-412 µs");
    EXPECT_EQ(duration_text(999'600), "1.00 ms");
    EXPECT_EQ(duration_text(3'410'000'000), "3.41 s");
    EXPECT_EQ(duration_text(5'400 * ns_per_s), "5400 s");
    EXPECT_EQ(age_text(12 * ns_per_s), "12 s");
    EXPECT_EQ(age_text(300 * ns_per_s), "5 min");
    EXPECT_EQ(age_text(3 * 3'600 * ns_per_s), "3 h");
    EXPECT_EQ(age_text(5 * 86'400 * ns_per_s), "5 d");
}

TEST(Time, MeasuredShareOneUnitAndRoundTheErrorUp) {
    EXPECT_EQ(measured_text(412'000, 2'000), "412 ±2 µs");
    EXPECT_EQ(measured_text(412'000, 200), "412 ±1 µs");
    EXPECT_EQ(measured_text(1'200'000, 10'000), "1.20 ±0.01 ms");
    EXPECT_EQ(measured_text(-21'000, 30'000), "-21.0 ±30.0 µs");
    EXPECT_EQ(measured_text(500, 0), "500 ±0 ns");
    EXPECT_EQ(measured_text(20, 5'000), "0.02 ±5.00 µs");
}

}  // namespace
}  // namespace clew::cli
