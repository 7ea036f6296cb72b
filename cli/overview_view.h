// SPDX-License-Identifier: Apache-2.0
// Overviews as tables for a terminal: what is out of line, the region's edges, two times side by side. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "cli/paint.h"
#include "wire/overview.pb.h"

namespace clew::cli {

std::string incidents_table(const v1::IncidentList& list, const Paint& paint, std::size_t columns);
/// Its edges, those of most paths first.
std::string topology_table(const v1::Topology& topology, const Paint& paint, std::size_t columns);
/// What changed by more than its error, or chance, is marked: ▲ worse, ▼ better.
std::string comparison_table(const v1::TimeComparison& comparison, const Paint& paint, std::size_t columns);

}  // namespace clew::cli
