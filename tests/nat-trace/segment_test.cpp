// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/segment.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

Layer layer(LayerType type, std::uint32_t id) {
    Layer made;
    made.type = type;
    made.has_id = true;
    made.id = id;
    return made;
}

TEST(Segment, OverlayIdIsTheInnermostOverlay) {
    Segment segment;
    EXPECT_EQ(overlay_id(segment), std::nullopt);
    segment.layers[segment.layer_count++] = layer(LayerType::vxlan, 100);
    segment.layers[segment.layer_count++] = layer(LayerType::gre, 7);
    segment.layers[segment.layer_count++] = layer(LayerType::vlan, 12);
    EXPECT_EQ(overlay_id(segment), 7u);
}

TEST(Segment, GreWithoutKeyHasNoOverlayId) {
    Segment segment;
    segment.layers[0].type = LayerType::gre;
    segment.layer_count = 1;
    EXPECT_EQ(overlay_id(segment), std::nullopt);
}

TEST(Segment, TextNamesTheStackOutermostFirst) {
    Segment segment;
    EXPECT_EQ(to_text(segment), "-");
    segment.layers[0] = layer(LayerType::vlan, 7);
    segment.layers[1] = layer(LayerType::vxlan, 100);
    segment.layers[1].client_end = IpAddress::from_v4(0xc0000201);
    segment.layers[1].server_end = IpAddress::from_v4(0xc0000202);
    segment.layer_count = 2;
    EXPECT_EQ(to_text(segment), "vlan 7 / vxlan 100 (192.0.2.1 > 192.0.2.2)");
}

}  // namespace
}  // namespace clew
