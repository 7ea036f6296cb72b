// SPDX-License-Identifier: Apache-2.0
// The records of a leg that are needed at a time: those read ahead of the one that is coded, and the last one of each
// side, which its track borrows. None is copied.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "dataplane/vault/header_record.h"

namespace clew::vault {

template <std::size_t Ahead>
class RecordPool {
  public:
    /// Packet `number` of the leg; one place for it and the `Ahead` behind it.
    HeaderRecord& at(std::size_t number) { return *places_[number % places_.size()]; }
    /// The packet was coded: its record is its side's last, and its place takes another one.
    void keep(std::size_t number) {
        HeaderRecord*& place = places_[number % places_.size()];
        std::swap(place, lasts_[place->side]);
    }

  private:
    template <std::size_t... I>
    explicit RecordPool(std::index_sequence<I...>) : places_{&records_[I]...} {}

    std::array<HeaderRecord, Ahead + 3> records_;
    std::array<HeaderRecord*, Ahead + 1> places_;
    std::array<HeaderRecord*, 2> lasts_{&records_[Ahead + 1], &records_[Ahead + 2]};

  public:
    RecordPool() : RecordPool(std::make_index_sequence<Ahead + 1>()) {}
    RecordPool(const RecordPool&) = delete;
    RecordPool& operator=(const RecordPool&) = delete;
};

}  // namespace clew::vault
