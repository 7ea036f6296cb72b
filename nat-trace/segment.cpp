// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/segment.h"

namespace clew {

std::optional<std::uint32_t> overlay_id(const Segment& segment) {
    for (std::size_t i = segment.layer_count; i-- > 0;) {
        const Layer& layer = segment.layers[i];
        const bool overlay =
            layer.type == LayerType::vxlan || layer.type == LayerType::geneve || layer.type == LayerType::gre;
        if (overlay && layer.has_id) return layer.id;
    }
    return std::nullopt;
}

std::string_view to_text(LayerType type) {
    switch (type) {
        case LayerType::none: return "none";
        case LayerType::vlan: return "vlan";
        case LayerType::vxlan: return "vxlan";
        case LayerType::geneve: return "geneve";
        case LayerType::gre: return "gre";
        case LayerType::ipip: return "ipip";
    }
    return "unknown";
}

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
