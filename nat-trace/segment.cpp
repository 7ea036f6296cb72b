// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/segment.h"

namespace clew {

namespace {

enum class LayerKind : std::uint8_t { plain, overlay, one_way };

struct LayerLine {
    std::string_view name;
    std::uint32_t id_max;
    LayerKind kind;
};

constexpr std::array<LayerLine, layer_type_count> lines = {{
#define CLEW_LAYER(name, number, id_max, kind) {#name, id_max, LayerKind::kind},
#include "nat-trace/layers.def"
#undef CLEW_LAYER
}};

const LayerLine* line_of(LayerType type) {
    const auto number = static_cast<std::size_t>(type);
    return number < lines.size() ? &lines[number] : nullptr;
}

}  // namespace

std::optional<std::uint32_t> overlay_id(const Segment& segment) {
    for (std::size_t i = segment.layer_count; i-- > 0;) {
        const Layer& layer = segment.layers[i];
        const LayerLine* line = line_of(layer.type);
        if (layer.has_id && line && line->kind == LayerKind::overlay) return layer.id;
    }
    return std::nullopt;
}

std::uint32_t layer_id_max(LayerType type) { return line_of(type) ? line_of(type)->id_max : 0; }

std::string_view to_text(LayerType type) { return line_of(type) ? line_of(type)->name : "unknown"; }

std::string to_text(const Segment& segment) {
    std::string text;
    for (std::size_t i = 0; i < segment.layer_count; ++i) {
        const Layer& layer = segment.layers[i];
        if (!text.empty()) text += " / ";
        text += to_text(layer.type);
        if (layer.has_id) text += " " + std::to_string(layer.id);
        if (!layer.client_end.is_unspecified())
            text += " (" + to_text(layer.client_end) + " > " + to_text(layer.server_end) + ")";
    }
    return text.empty() ? "-" : text;
}

}  // namespace clew
