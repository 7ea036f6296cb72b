// SPDX-License-Identifier: Apache-2.0
#include "configs/yaml_reader.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <numeric>
#include <unordered_map>

#include "configs/yaml_tree.h"

namespace clew::configs {
namespace {

/// Shared by all mappings of one document.
struct Document {
    std::string name;
    YamlNode root;
    std::optional<Error> first_mistake;
    std::optional<Error> first_missing;  // told only when nothing else is wrong: a misspelt key is missing as well
    std::unordered_map<const YamlNode*, std::vector<std::string>> known;  // keys asked for, of each mapping opened

    void keep(int line, const std::string& problem) {
        if (!first_mistake)
            first_mistake = Error{ErrorKind::failed, name + ":" + std::to_string(line) + ": " + problem};
    }
    /// Of a mapping and of those in it that were opened; what was not opened is unknown itself, or of the wrong kind.
    void keep_unknown(const YamlNode& node);
};

/// Edit distance where swapping two neighbours counts as one edit.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        before_last = last;
        last = row;
    }
    return last[b.size()];
}

std::string advice_for(const std::string& key, const std::vector<std::string>& known) {
    constexpr std::size_t key_length_max = 64;  // longer ones are no misspelling, and cost time to compare
    const std::string* nearest = nullptr;
    std::size_t nearest_distance = std::max<std::size_t>(2, key.size() / 3) + 1;
    if (key.size() <= key_length_max)
        for (const std::string& candidate : known)
            if (const std::size_t distance = edit_distance(key, candidate); distance < nearest_distance) {
                nearest = &candidate;
                nearest_distance = distance;
            }
    if (nearest) return "; did you mean '" + *nearest + "'?";
    std::string list;
    for (const std::string& candidate : known) list += (list.empty() ? "" : ", ") + candidate;
    return list.empty() ? "; no key is known here" : "; known here: " + list;
}

void Document::keep_unknown(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::list)
        for (const YamlNode& item : node.items) keep_unknown(item);
    const auto opened = known.find(&node);
    if (opened == known.end()) return;
    for (const YamlNode& value : node.items)
        if (std::find(opened->second.begin(), opened->second.end(), value.key) == opened->second.end())
            keep(value.line, "unknown key " + quote_for_sentence(value.key) + advice_for(value.key, opened->second));
        else
            keep_unknown(value);
}

const char* words_for(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::none: return "nothing";
        case YamlNode::Kind::scalar: return "a single value";
        case YamlNode::Kind::list: return "a list";
        case YamlNode::Kind::map: return "a mapping";
    }
    return "something else";
}

std::string range_text(std::uint64_t min, std::uint64_t max) {
    return "allowed is " + std::to_string(min) + " to " + std::to_string(max);
}

/// The number, or the problem in words.
tl::expected<std::uint64_t, std::string> read_number(const YamlNode& node, std::uint64_t min, std::uint64_t max) {
    if (node.kind != YamlNode::Kind::scalar)
        return tl::make_unexpected(std::string("expected a whole number, found ") + words_for(node) + "; " +
                                   range_text(min, max));
    const std::string& text = node.text;
    if (node.quoted)
        return tl::make_unexpected(quote_for_sentence(text) + " is text; write a whole number without quotes; " +
                                   range_text(min, max));
    const bool negative = text.size() > 1 && text[0] == '-';
    const char* begin = text.data() + (negative ? 1 : 0);
    const char* end = text.data() + text.size();
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (stop != end || begin == end || (error != std::errc{} && error != std::errc::result_out_of_range))
        return tl::make_unexpected(quote_for_sentence(text) + " is not a whole number; " + range_text(min, max));
    if (error != std::errc{} || (negative && value != 0) || value < min || value > max)
        return tl::make_unexpected(text.substr(0, 40) + " is out of range; " + range_text(min, max));
    return value;
}

}  // namespace

struct YamlMap::State {
    std::shared_ptr<Document> document;
    const YamlNode* node = nullptr;  ///< inside *document; null: absent, every key is absent too
    std::string place;               ///< "taps[1]."; empty at the top

    void open(const YamlNode& mapping) {
        node = &mapping;
        document->known[node];
    }
    /// The value, when the key is there; marks the key as known.
    const YamlNode* find(const char* key) const {
        if (!node) return nullptr;
        std::vector<std::string>& known = document->known[node];
        if (std::find(known.begin(), known.end(), key) == known.end()) known.emplace_back(key);
        for (const YamlNode& value : node->items)
            if (value.key == key) return &value;
        return nullptr;
    }
    void keep(const YamlNode& at, const std::string& key, const std::string& problem) const {
        document->keep(at.line, place + key + ": " + problem);
    }

    template <typename Number>
    void take_number(const char* key, Number& value, Number min, Number max) const {
        const YamlNode* found = find(key);
        if (!found) return;
        if (const auto number = read_number(*found, min, max))
            value = static_cast<Number>(*number);
        else
            keep(*found, key, number.error());
    }
};

YamlMap::YamlMap(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<YamlMap> YamlMap::parse_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        const int reason = errno;
        const ErrorKind kind = reason == EACCES || reason == EPERM ? ErrorKind::not_allowed : ErrorKind::failed;
        return fail(kind, "cannot open the configuration " + path + ": " + std::strerror(reason) +
                              "; check the path and its permissions");
    }
    std::string text(yaml_bytes_max + 1, '\0');  // one more than allowed: enough to know that it is too long
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad())
        return fail(ErrorKind::failed,
                    "cannot read the configuration " + path + ": " + std::strerror(errno) + "; is it a file?");
    text.resize(static_cast<std::size_t>(file.gcount()));
    return parse_text(text, path);
}

Result<YamlMap> YamlMap::parse_text(std::string_view text, std::string name) {
    Result<YamlNode> root = parse_yaml_tree(text, name);
    if (!root) return tl::make_unexpected(root.error());
    if (root->kind != YamlNode::Kind::map)
        return fail(ErrorKind::failed, name + ":" + std::to_string(std::max(1, root->line)) +
                                           ": expected lines of 'key: value', found " + words_for(*root));
    auto document = std::make_shared<Document>();
    document->name = std::move(name);
    document->root = std::move(*root);
    auto state = std::make_shared<State>();
    state->document = std::move(document);
    state->open(state->document->root);
    return YamlMap(std::move(state));
}

void YamlMap::take(const char* key, std::string& value) {
    const YamlNode* found = state_->find(key);
    if (!found) return;
    if (found->kind == YamlNode::Kind::scalar)
        value = found->text;
    else
        state_->keep(*found, key, std::string("expected text, found ") + words_for(*found));
}

void YamlMap::take(const char* key, bool& value) {
    const YamlNode* found = state_->find(key);
    if (!found) return;
    const bool plain = found->kind == YamlNode::Kind::scalar && !found->quoted;
    if (plain && found->text == "true")
        value = true;
    else if (plain && found->text == "false")
        value = false;
    else
        state_->keep(*found, key,
                     (found->kind == YamlNode::Kind::scalar ? quote_for_sentence(found->text) : words_for(*found)) +
                         std::string(" is neither true nor false"));
}

void YamlMap::take(const char* key, std::uint16_t& value, std::uint16_t min, std::uint16_t max) {
    state_->take_number(key, value, min, max);
}
void YamlMap::take(const char* key, std::uint32_t& value, std::uint32_t min, std::uint32_t max) {
    state_->take_number(key, value, min, max);
}
void YamlMap::take(const char* key, std::uint64_t& value, std::uint64_t min, std::uint64_t max) {
    state_->take_number(key, value, min, max);
}

void YamlMap::take(const char* key, std::vector<std::string>& value) {
    const YamlNode* found = state_->find(key);
    if (!found) return;
    if (found->kind != YamlNode::Kind::list)
        return state_->keep(*found, key, std::string("expected a list like [one, two], found ") + words_for(*found));
    std::vector<std::string> items;
    for (const YamlNode& item : found->items) {
        if (item.kind != YamlNode::Kind::scalar)
            return state_->keep(item, key,
                                std::string("expected a list of texts, found ") + words_for(item) + " in it");
        items.push_back(item.text);
    }
    value = std::move(items);
}

void YamlMap::take(const char* key, std::vector<std::uint32_t>& value, std::uint32_t min, std::uint32_t max) {
    const YamlNode* found = state_->find(key);
    if (!found) return;
    if (found->kind != YamlNode::Kind::list)
        return state_->keep(*found, key, std::string("expected a list like [1, 2], found ") + words_for(*found));
    std::vector<std::uint32_t> items;
    for (const YamlNode& item : found->items) {
        const auto number = read_number(item, min, max);
        if (!number) return state_->keep(item, key + ("[" + std::to_string(items.size()) + "]"), number.error());
        items.push_back(static_cast<std::uint32_t>(*number));
    }
    value = std::move(items);
}

void YamlMap::require(const char* key) {
    const YamlNode* found = state_->find(key);
    if (found && found->kind != YamlNode::Kind::none) return;
    const int line = found ? found->line : state_->node ? state_->node->line : state_->document->root.line;
    auto& missing = state_->document->first_missing;
    if (!missing)
        missing =
            Error{ErrorKind::failed, state_->document->name + ":" + std::to_string(line) + ": " + state_->place + key +
                                         ": " + (found ? "has no value" : "is missing") + "; it is required"};
}

bool YamlMap::has(const char* key) const { return state_->find(key) != nullptr; }

YamlMap YamlMap::map(const char* key) {
    auto nested = std::make_shared<State>();
    nested->document = state_->document;
    nested->place = state_->place + key + ".";
    const YamlNode* found = state_->find(key);
    if (found && found->kind == YamlNode::Kind::map)
        nested->open(*found);
    else if (found && found->kind != YamlNode::Kind::none)
        state_->keep(*found, key,
                     std::string("expected a mapping (indented 'key: value' lines), found ") + words_for(*found));
    return YamlMap(std::move(nested));
}

std::vector<YamlMap> YamlMap::list(const char* key) {
    std::vector<YamlMap> maps;
    const YamlNode* found = state_->find(key);
    if (!found || found->kind == YamlNode::Kind::none) return maps;
    if (found->kind != YamlNode::Kind::list) {
        state_->keep(*found, key, std::string("expected a list ('- key: value' lines), found ") + words_for(*found));
        return maps;
    }
    for (const YamlNode& item : found->items) {
        const std::string place = key + ("[" + std::to_string(maps.size()) + "]");
        auto nested = std::make_shared<State>();
        nested->document = state_->document;
        nested->place = state_->place + place + ".";
        if (item.kind == YamlNode::Kind::map)
            nested->open(item);
        else
            state_->keep(item, place, std::string("expected a mapping ('key: value' lines), found ") + words_for(item));
        maps.push_back(YamlMap(std::move(nested)));
    }
    return maps;
}

void YamlMap::mistake(const char* key, std::string_view problem_and_remedy) {
    const YamlNode* found = state_->find(key);
    const int line = found ? found->line : state_->node ? state_->node->line : state_->document->root.line;
    state_->document->keep(line, state_->place + key + ": " + std::string(problem_and_remedy));
}

Result<void> YamlMap::finish() {
    if (state_->node) state_->document->keep_unknown(*state_->node);
    if (state_->document->first_mistake) return tl::make_unexpected(*state_->document->first_mistake);
    if (state_->document->first_missing) return tl::make_unexpected(*state_->document->first_missing);
    return {};
}

}  // namespace clew::configs
