// SPDX-License-Identifier: Apache-2.0
#include "cli/region_json.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include "cli/paint.h"

namespace clew::cli {
namespace {

using Json = nlohmann::json;

constexpr int depth_max = 8;

/// Thrown while parsing, caught in parse_region: never leaves this file.
struct Refusal {
    std::string problem;
};

std::string in_quotes(const std::string& text) { return "'" + printable(cut(text, 60)) + "'"; }

/// Refuses keys that stand twice in one object, and nesting no region.json has.
class Watch {
  public:
    bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
        if (depth > depth_max) throw Refusal{"nested too deeply; it holds only {\"taps\": [{…}, …]}"};
        if (event == Json::parse_event_t::object_start) keys_.emplace_back();
        if (event == Json::parse_event_t::object_end && !keys_.empty()) keys_.pop_back();
        if (event == Json::parse_event_t::key && !keys_.empty() &&
            !keys_.back().insert(parsed.get<std::string>()).second)
            throw Refusal{"the key " + in_quotes(parsed.get<std::string>()) +
                          " stands twice in one object; remove one"};
        return true;
    }

  private:
    std::vector<std::set<std::string>> keys_;
};

void allow_keys(const Json& object, const std::string& place, const std::vector<std::string>& known) {
    for (const auto& [key, value] : object.items())
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            std::string list;
            for (const std::string& one : known) list += (list.empty() ? "" : ", ") + one;
            throw Refusal{"unknown key " + in_quotes(key) + (place.empty() ? "" : " in " + place) +
                          "; known here: " + list};
        }
}

std::string text_of(const Json& object, const std::string& place, const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) throw Refusal{place + "." + key + " is missing; it is required"};
    if (!found->is_string() || found->get<std::string>().empty())
        throw Refusal{place + "." + key + ": expected a text that is not empty, found " +
                      printable(cut(found->dump(-1, ' ', true, Json::error_handler_t::replace), 40))};
    return found->get<std::string>();
}

bool stays_inside(const std::string& file) {
    const std::filesystem::path path = std::filesystem::path(file).lexically_normal();
    return path.is_relative() && !path.empty() && *path.begin() != ".." && file.find('\0') == std::string::npos;
}

std::vector<TapFile> taps_of(const Json& region) {
    if (!region.is_object()) throw Refusal{"expected an object {\"taps\": [ … ]}"};
    allow_keys(region, "", {"taps"});
    if (!region.contains("taps") || !region["taps"].is_array() || region["taps"].empty())
        throw Refusal{"taps: expected a list of at least one {\"name\": …, \"file\": …, \"clock\": …}"};
    if (region["taps"].size() > region_tap_count_max)
        throw Refusal{"taps: more than " + std::to_string(region_tap_count_max) + " taps"};
    std::vector<TapFile> taps;
    std::set<std::string> names;
    for (const Json& entry : region["taps"]) {
        const std::string place = "taps[" + std::to_string(taps.size()) + "]";
        if (!entry.is_object()) throw Refusal{place + ": expected an object with name, file and clock"};
        allow_keys(entry, place, {"name", "file", "clock"});
        TapFile tap{text_of(entry, place, "name"), text_of(entry, place, "file"), text_of(entry, place, "clock")};
        if (!names.insert(tap.name).second)
            throw Refusal{place + ".name: " + in_quotes(tap.name) + " is the name of an earlier tap; names are unique"};
        if (!stays_inside(tap.file))
            throw Refusal{place + ".file: " + in_quotes(tap.file) +
                          " leads out of the corpus folder; name a file in it"};
        taps.push_back(std::move(tap));
    }
    return taps;
}

}  // namespace

Result<std::vector<TapFile>> parse_region(std::string_view text, const std::string& name) {
    if (text.size() > region_bytes_max)
        return fail(ErrorKind::failed,
                    name + " is longer than " + std::to_string(region_bytes_max) + " bytes; is it the right file?");
    try {
        return taps_of(Json::parse(text, Watch()));
    } catch (const Refusal& refusal) {
        return fail(ErrorKind::failed, name + ": " + refusal.problem);
    } catch (const Json::exception& error) {
        return fail(ErrorKind::failed, name + " is not JSON: " + printable(cut(error.what(), 200)));
    } catch (const std::exception& error) {
        return fail(ErrorKind::failed, name + " cannot be read: " + printable(cut(error.what(), 200)));
    }
}

Result<std::vector<TapFile>> read_region(const std::string& directory) {
    const std::string path = (std::filesystem::path(directory) / "region.json").string();
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return fail(errno == EACCES ? ErrorKind::not_allowed : ErrorKind::failed,
                    "cannot open " + path + ": " + std::strerror(errno) +
                        "; a corpus folder has one. For captures without it use --tap NAME=FILE");
    std::string text(region_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    Result<std::vector<TapFile>> taps = parse_region(text, path);
    if (taps)
        for (TapFile& tap : *taps) tap.file = (std::filesystem::path(directory) / tap.file).string();
    return taps;
}

}  // namespace clew::cli
