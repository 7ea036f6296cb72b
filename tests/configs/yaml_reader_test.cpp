// SPDX-License-Identifier: Apache-2.0
#include "configs/yaml_reader.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/yaml_tree.h"

namespace clew::configs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

YamlMap parse(std::string_view text) {
    Result<YamlMap> map = YamlMap::parse_text(text, "x.yaml");
    EXPECT_TRUE(map) << map.error().sentence;
    return *map;
}

std::string refusal(std::string_view text) {
    const Result<YamlMap> map = YamlMap::parse_text(text, "x.yaml");
    return map ? "accepted" : map.error().sentence;
}

std::string finish(YamlMap& map) {
    const Result<void> result = map.finish();
    return result ? "ok" : result.error().sentence;
}

TEST(YamlReader, TakesEveryType) {
    YamlMap map = parse(
        "name: edge 1\non: true\nport: 7480\ncount: 4000000000\nbytes: 18446744073709551615\n"
        "words: [a, 'b']\ncores: [1, 2]\nnested:\n  key: v\nlist:\n  - n: 1\n  - n: 2\n");
    std::string name, key;
    bool on = false;
    std::uint16_t port = 0;
    std::uint32_t count = 0;
    std::uint64_t bytes = 0;
    std::vector<std::string> words;
    std::vector<std::uint32_t> cores;
    map.take("name", name);
    map.take("on", on);
    map.take("port", port, 1, 65535);
    map.take("count", count, 0, UINT32_MAX);
    map.take("bytes", bytes, 0, UINT64_MAX);
    map.take("words", words);
    map.take("cores", cores, 0, 127);
    YamlMap nested = map.map("nested");
    nested.take("key", key);
    EXPECT_EQ(finish(nested), "ok");
    std::vector<std::uint32_t> numbers;
    for (YamlMap& item : map.list("list")) {
        item.take("n", numbers.emplace_back(), 0, 9);
        EXPECT_EQ(finish(item), "ok");
    }
    EXPECT_EQ(finish(map), "ok");
    EXPECT_EQ(name, "edge 1");
    EXPECT_TRUE(on);
    EXPECT_EQ(port, 7480);
    EXPECT_EQ(count, 4'000'000'000u);
    EXPECT_EQ(bytes, UINT64_MAX);
    EXPECT_THAT(words, ElementsAre("a", "b"));
    EXPECT_THAT(cores, ElementsAre(1, 2));
    EXPECT_EQ(key, "v");
    EXPECT_THAT(numbers, ElementsAre(1, 2));
}

TEST(YamlReader, AbsentKeysLeaveDefaults) {
    YamlMap map = parse("a: 1\n");
    std::uint32_t a = 0, b = 7;
    std::vector<std::string> words = {"kept"};
    map.take("a", a, 0, 9);
    map.take("b", b, 0, 9);
    map.take("words", words);
    YamlMap nested = map.map("nested");
    nested.take("b", b, 0, 9);
    EXPECT_TRUE(map.list("list").empty());
    EXPECT_EQ(finish(nested), "ok");
    EXPECT_EQ(finish(map), "ok");
    EXPECT_EQ(b, 7u);
    EXPECT_THAT(words, ElementsAre("kept"));
    EXPECT_TRUE(map.has("a"));
    EXPECT_FALSE(map.has("b"));
}

TEST(YamlReader, UnknownKeyNamesItsLineAndTheNearestKey) {
    YamlMap map = parse("program: sensor\ntaps:\n  - name: edge\n    sorce: af_xdp:eth1\n");
    std::string program, text;
    map.take("program", program);
    for (YamlMap& tap : map.list("taps")) {
        tap.take("name", text);
        tap.take("source", text);
        EXPECT_EQ(finish(tap), "x.yaml:4: unknown key 'sorce'; did you mean 'source'?");
    }
    EXPECT_EQ(finish(map), "x.yaml:4: unknown key 'sorce'; did you mean 'source'?");
}

TEST(YamlReader, UnknownKeysAreFoundInEveryMappingThatWasOpened) {
    for (const char* text : {"top: 1\nx: 2\n", "map: {x: 2}\n", "map: {deeper: {x: 2}}\n", "list: [{}, {x: 2}]\n",
                             "never_filled: {x: 2}\n"}) {
        YamlMap map = parse(text);
        std::string value;
        map.take("top", value);
        YamlMap nested = map.map("map");
        nested.take("known", value);
        nested.map("deeper").take("known", value);
        for (YamlMap& item : map.list("list")) item.take("known", value);
        map.map("never_filled");
        EXPECT_THAT(finish(map), HasSubstr(": unknown key 'x'")) << text;
    }
}

TEST(YamlReader, UnknownKeyFarFromAllListsThem) {
    YamlMap map = parse("a: 1\nsomething_else: 2\n");
    std::string text;
    map.take("a", text);
    map.take("b", text);
    EXPECT_EQ(finish(map), "x.yaml:2: unknown key 'something_else'; known here: a, b");
}

TEST(YamlReader, OutOfRangeSaysTheRange) {
    YamlMap map = parse("memory:\n  mb: 70000\n");
    std::uint32_t mb = 5;
    YamlMap memory = map.map("memory");
    memory.take("mb", mb, 16, 65536);
    EXPECT_EQ(finish(memory), "x.yaml:2: memory.mb: 70000 is out of range; allowed is 16 to 65536");
    EXPECT_EQ(mb, 5u);
}

TEST(YamlReader, NumbersThatAreNone) {
    const std::pair<const char*, const char*> cases[] = {
        {"n: -1", "-1 is out of range"},
        {"n: 99999999999999999999999", "is out of range"},
        {"n: 1.5", "'1.5' is not a whole number; allowed is 1 to 64"},
        {"n: 0x10", "is not a whole number"},
        {"n: many", "'many' is not a whole number"},
        {"n: -", "found"},
        {"n: '5'", "'5' is text; write a whole number without quotes"},
        {"n: [5]", "expected a whole number, found a list"},
        {"n:", "expected a whole number, found nothing"},
    };
    for (const auto& [text, problem] : cases) {
        const Result<YamlMap> map = YamlMap::parse_text(text, "x.yaml");
        if (!map) continue;  // "n: -" is a list of nothing to some readers
        YamlMap taken = *map;
        std::uint16_t n = 3;
        taken.take("n", n, 1, 64);
        EXPECT_THAT(finish(taken), HasSubstr(problem)) << text;
        EXPECT_EQ(n, 3);
    }
}

TEST(YamlReader, WrongTypes) {
    YamlMap map = parse("a: [1]\nb: yes\nc: text\nd: {x: 1}\ne: 1\n");
    std::string text;
    bool on = true;
    std::vector<std::string> words;
    map.take("a", text);
    EXPECT_EQ(finish(map), "x.yaml:1: a: expected text, found a list");
    YamlMap map_b = parse("b: yes\n");
    map_b.take("b", on);
    EXPECT_EQ(finish(map_b), "x.yaml:1: b: 'yes' is neither true nor false");
    YamlMap map_c = parse("c: text\n");
    map_c.take("c", words);
    EXPECT_EQ(finish(map_c), "x.yaml:1: c: expected a list like [one, two], found a single value");
    YamlMap map_d = parse("d: 5\n");
    map_d.map("d");
    EXPECT_THAT(finish(map_d), HasSubstr("x.yaml:1: d: expected a mapping"));
    YamlMap map_e = parse("e:\n  - 5\n");
    map_e.list("e");
    EXPECT_THAT(finish(map_e), HasSubstr("x.yaml:2: e[0]: expected a mapping"));
    YamlMap map_f = parse("f: [1, 2, 300]\n");
    std::vector<std::uint32_t> numbers;
    map_f.take("f", numbers, 0, 255);
    EXPECT_EQ(finish(map_f), "x.yaml:1: f[2]: 300 is out of range; allowed is 0 to 255");
}

TEST(YamlReader, FirstMistakeStays) {
    YamlMap map = parse("a: x\nb: y\n");
    std::uint32_t n = 0;
    map.take("a", n, 0, 1);
    map.take("b", n, 0, 1);
    EXPECT_THAT(finish(map), HasSubstr("x.yaml:1: a:"));
}

TEST(YamlReader, RequiredKeys) {
    YamlMap map = parse("taps:\n  - source: x\n");
    std::string text;
    for (YamlMap& tap : map.list("taps")) {
        tap.take("source", text);
        tap.require("name");
    }
    EXPECT_EQ(finish(map), "x.yaml:2: taps[0].name: is missing; it is required");
    YamlMap empty = parse("name:\n");
    empty.require("name");
    EXPECT_EQ(finish(empty), "x.yaml:1: name: has no value; it is required");
}

TEST(YamlReader, AMisspeltKeyIsToldBeforeTheMissingOne) {
    YamlMap map = parse("nmae: x\n");
    std::string name;
    map.require("name");
    map.take("name", name);
    EXPECT_EQ(finish(map), "x.yaml:1: unknown key 'nmae'; did you mean 'name'?");
}

TEST(YamlReader, CallersOwnMistake) {
    YamlMap map = parse("a: 1\nsource: foo\n");
    std::string text;
    map.take("a", text);
    map.mistake("source", "'foo' is not a source; use af_xdp:IF");
    EXPECT_EQ(finish(map), "x.yaml:2: source: 'foo' is not a source; use af_xdp:IF");
}

TEST(YamlReader, DuplicateKey) {
    EXPECT_EQ(refusal("a: 1\nb: 2\na: 3\n"), "x.yaml:3: key 'a' stands here twice (first in line 1); remove one");
}

TEST(YamlReader, NotYaml) {
    EXPECT_THAT(refusal("a: [1, 2\nb: 3\n"), HasSubstr("not YAML"));
    EXPECT_THAT(refusal("a: {\n"), HasSubstr("x.yaml:"));
    EXPECT_THAT(refusal("\ta: 1\n"), HasSubstr("x.yaml:1"));
    EXPECT_EQ(refusal("just words\n"), "x.yaml:1: expected lines of 'key: value', found a single value");
    EXPECT_THAT(refusal(std::string_view("a: 1\nb\0: 2\n", 11)), HasSubstr("x.yaml:2: not YAML: it holds a NUL byte"));
    EXPECT_THAT(refusal("\x7f"
                        "ELF\x02\x01\x01"),
                HasSubstr("x.yaml"));
    EXPECT_THAT(refusal(""), HasSubstr("x.yaml is empty"));
    EXPECT_THAT(refusal("# only a comment\n"), HasSubstr("x.yaml is empty"));
    EXPECT_THAT(refusal("a: 1\n---\nb: 2\n"), HasSubstr("a second YAML document"));
}

TEST(YamlReader, AnchorsTagsAndMergesAreRefused) {
    EXPECT_THAT(refusal("a: &x [1]\nb: *x\n"), HasSubstr("x.yaml:1: anchors (&) and aliases (*) are not supported"));
    EXPECT_THAT(refusal("a: !!binary abc\n"), HasSubstr("is not supported here"));
    EXPECT_THAT(refusal("? [1, 2]\n: 3\n"), HasSubstr("a key must be a plain word"));
    std::string bomb = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 64; ++i)
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + ", *a" +
                std::to_string(i - 1) + "]\n";
    EXPECT_THAT(refusal(bomb), HasSubstr("anchors"));
}

TEST(YamlReader, LimitsHold) {
    EXPECT_THAT(refusal("a: " + std::string(yaml_bytes_max, 'x')), HasSubstr("is longer than 262144 bytes"));
    EXPECT_THAT(refusal("a: " + std::string(100, '[') + std::string(100, ']')),
                HasSubstr("nested deeper than 16 levels"));
    EXPECT_THAT(refusal("a: " + std::string(20'000, '[')), HasSubstr("x.yaml"));
    std::string many = "a: [";
    for (std::size_t i = 0; i <= yaml_node_count_max; ++i) many += "1,";
    EXPECT_THAT(refusal(many + "]"), HasSubstr("more than 65536 values"));
}

TEST(YamlReader, Files) {
    const Result<YamlMap> missing = YamlMap::parse_file("/nonexistent/sensor.yaml");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().sentence, HasSubstr("/nonexistent/sensor.yaml: No such file or directory"));
    const Result<YamlMap> directory = YamlMap::parse_file("/");
    ASSERT_FALSE(directory);
    EXPECT_THAT(directory.error().sentence, HasSubstr("cannot read the configuration /"));
    const Result<YamlMap> endless = YamlMap::parse_file("/dev/zero");
    ASSERT_FALSE(endless);
    EXPECT_THAT(endless.error().sentence, HasSubstr("/dev/zero is longer than"));

    const std::string path = testing::TempDir() + "yaml_reader_test.yaml";
    std::ofstream(path) << "name: edge\nbad: 1\n";
    Result<YamlMap> map = YamlMap::parse_file(path);
    ASSERT_TRUE(map);
    std::string name;
    map->take("name", name);
    EXPECT_EQ(finish(*map), path + ":2: unknown key 'bad'; known here: name");
    std::filesystem::remove(path);
}

TEST(YamlReader, SentencesStayPrintable) {
    YamlMap map = parse("n: \"a\\nb\\e[31m\"\n");
    std::uint32_t n = 0;
    map.take("n", n, 0, 1);
    EXPECT_THAT(finish(map), HasSubstr("'a?b?[31m'"));
}

}  // namespace
}  // namespace clew::configs
