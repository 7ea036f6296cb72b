// SPDX-License-Identifier: Apache-2.0
// Parts of one kind that only some legs have: an array of fixed size whose places are given away and taken back. A part
// is its place's number + 1; 0 is none, so that what is all zero has no parts. Nothing is touched before it is used.
// One thread.
#pragma once

#include <cstdint>

#include "dataplane/fixed_array.h"

namespace clew::sensor {

using PartNumber = std::uint32_t;

template <typename T>
class PartPool {
  public:
    bool allocate(std::uint32_t count, bool populate) {
        return items_.allocate(count, populate, Pages::small) && free_.allocate(count, populate, Pages::small);
    }
    static std::size_t memory_bytes(std::uint32_t count) {
        return FixedArray<T>::memory_bytes(count) + FixedArray<PartNumber>::memory_bytes(count);
    }

    /// 0 when all are given away. What the place held before is still in it.
    PartNumber take() {
        if (free_count_ != 0) return free_[--free_count_];
        return used_ == items_.size() ? 0 : ++used_;
    }
    void give_back(PartNumber& part) {
        if (part != 0) free_[free_count_++] = part;
        part = 0;
    }
    T& operator[](PartNumber part) { return items_[part - 1]; }
    const T& operator[](PartNumber part) const { return items_[part - 1]; }

  private:
    FixedArray<T> items_;
    FixedArray<PartNumber> free_;
    std::uint32_t free_count_ = 0;
    std::uint32_t used_ = 0;  ///< places that were given away at least once
};

}  // namespace clew::sensor
