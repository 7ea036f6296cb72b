// SPDX-License-Identifier: Apache-2.0
#include "configs/yaml_tree.h"

#include <algorithm>
#include <istream>
#include <streambuf>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace clew::configs {
namespace {

/// Thrown out of yaml-cpp's callbacks, caught in parse_yaml_tree: never leaves this file.
struct Refusal {
    int line;
    std::string problem;
};

int line_of(const YAML::Mark& mark) { return mark.line + 1; }

class TreeBuilder : public YAML::EventHandler {
  public:
    YamlNode root;

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark); }

    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { place(mark, "", YamlNode::Kind::none); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
        if (awaits_key()) {
            refuse_tag(mark, tag);
            return take_key(mark, value);
        }
        YamlNode& node = place(mark, tag, YamlNode::Kind::scalar);
        node.text = value;
        node.quoted = tag == "!";
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        open(mark, place(mark, tag, YamlNode::Kind::list));
    }
    void OnSequenceEnd() override { open_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        open(mark, place(mark, tag, YamlNode::Kind::map));
    }
    void OnMapEnd() override { open_.pop_back(); }

  private:
    struct Open {
        YamlNode* node;
        bool has_key = false;
    };

    bool awaits_key() const {
        return !open_.empty() && open_.back().node->kind == YamlNode::Kind::map && !open_.back().has_key;
    }

    void take_key(const YAML::Mark& mark, const std::string& key) {
        YamlNode& map = *open_.back().node;
        for (const YamlNode& known : map.items)
            if (known.key == key)
                throw Refusal{line_of(mark), "key " + quote_for_sentence(key) + " stands here twice (first in line " +
                                                 std::to_string(known.line) + "); remove one"};
        YamlNode& value = map.items.emplace_back();
        value.key = key;
        value.line = line_of(mark);
        open_.back().has_key = true;
    }

    /// Where the next value belongs: the root, the value of the key just read, or a new list item.
    YamlNode& place(const YAML::Mark& mark, const std::string& tag, YamlNode::Kind kind) {
        refuse_tag(mark, tag);
        if (++node_count_ > yaml_node_count_max)
            throw Refusal{line_of(mark),
                          "more than " + std::to_string(yaml_node_count_max) + " values; shorten the file"};
        YamlNode* node = &root;
        if (!open_.empty()) {
            Open& open = open_.back();
            if (awaits_key()) throw Refusal{line_of(mark), "a key must be a plain word"};
            if (open.node->kind == YamlNode::Kind::map) {
                open.has_key = false;
                node = &open.node->items.back();
            } else {
                node = &open.node->items.emplace_back();
                node->line = line_of(mark);
            }
        } else {
            node->line = line_of(mark);
        }
        node->kind = kind;
        return *node;
    }

    void open(const YAML::Mark& mark, YamlNode& node) {
        if (open_.size() >= yaml_depth_max)
            throw Refusal{line_of(mark),
                          "nested deeper than " + std::to_string(yaml_depth_max) + " levels; flatten it"};
        open_.push_back({&node});
    }

    static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!") return;
        throw Refusal{line_of(mark), "the tag " + quote_for_sentence(tag) + " is not supported here; remove it"};
    }
    static void refuse_anchor(const YAML::Mark& mark) {
        throw Refusal{line_of(mark),
                      "anchors (&) and aliases (*) are not supported here; write the value out, "
                      "or put it in quotes if it begins with & or *"};
    }

    std::vector<Open> open_;
    std::size_t node_count_ = 0;
};

/// Reads a string_view in place.
struct ViewBuffer : std::streambuf {
    explicit ViewBuffer(std::string_view text) {
        char* begin = const_cast<char*>(text.data());
        setg(begin, begin, begin + text.size());
    }
};

Result<YamlNode> refuse(const std::string& name, int line, const std::string& problem) {
    return fail(ErrorKind::failed, name + ":" + std::to_string(line) + ": " + problem);
}

}  // namespace

Result<YamlNode> parse_yaml_tree(std::string_view text, const std::string& name) {
    if (text.size() > yaml_bytes_max)
        return fail(ErrorKind::failed, name + " is longer than " + std::to_string(yaml_bytes_max) +
                                           " bytes; a configuration is never that long: is it the right file?");
    if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)
        return refuse(
            name,
            1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(zero), '\n')),
            "not YAML: it holds a NUL byte; is it the right file?");
    try {
        ViewBuffer buffer(text);
        std::istream stream(&buffer);
        YAML::Parser parser(stream);
        TreeBuilder builder;
        if (!parser.HandleNextDocument(builder))
            return fail(ErrorKind::failed, name + " is empty; write at least 'program: sensor', 'agent' or 'control'");
        TreeBuilder second;
        if (parser.HandleNextDocument(second))
            return refuse(name, std::max(1, second.root.line), "a second YAML document begins; put only one in a file");
        return std::move(builder.root);
    } catch (const Refusal& refusal) {
        return refuse(name, refusal.line, refusal.problem);
    } catch (const YAML::Exception& error) {
        return refuse(name, std::max(0, error.mark.line) + 1, "not YAML: " + error.msg);
    } catch (const std::exception& error) {
        return fail(ErrorKind::failed, name + ": not YAML: " + error.what());
    }
}

std::string quote_for_sentence(std::string_view text) {
    constexpr std::size_t length_max = 60;
    std::string quoted = "'";
    for (const char c : text.substr(0, length_max))
        quoted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    return quoted + (text.size() > length_max ? "…'" : "'");
}

}  // namespace clew::configs
