// SPDX-License-Identifier: Apache-2.0
// Any text at all: parse, take keys of every type, finish. Must neither crash nor grow beyond the limits.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "configs/yaml_reader.h"
#include "nat-trace/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    using clew::configs::YamlMap;
    auto map = YamlMap::parse_text({reinterpret_cast<const char*>(bytes), size}, "fuzz");
    if (!map) {
        CLEW_CHECK(!map.error().sentence.empty());
        return 0;
    }
    std::string text;
    bool flag = false;
    std::uint16_t small = 0;
    std::uint64_t large = 0;
    std::vector<std::string> texts;
    std::vector<std::uint32_t> numbers;
    map->take("text", text);
    map->take("flag", flag);
    map->take("small", small, 1, 100);
    map->take("large", large, 0, UINT64_MAX);
    map->take("texts", texts);
    map->take("numbers", numbers, 5, 10);
    map->require("a");
    for (YamlMap& item : map->list("list")) {
        item.take("text", text);
        (void)item.finish();
    }
    YamlMap nested = map->map("map");
    nested.take("small", small, 1, 100);
    (void)nested.finish();
    (void)map->finish();
    CLEW_CHECK(small <= 100);
    return 0;
}
