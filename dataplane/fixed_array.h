// SPDX-License-Identifier: Apache-2.0
// An array of fixed size, allocated once at start in its own mapping (transparent huge pages where the kernel has them,
// so that random access costs few TLB misses). Zero-filled; T must be happy with all-zero bytes. Owned, move only.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include <sys/mman.h>

#include "nat-trace/check.h"

namespace clew::sensor {

template <typename T>
class FixedArray {
    static_assert(std::is_trivially_destructible_v<T>);

  public:
    FixedArray() = default;
    FixedArray(FixedArray&& other) noexcept
        : items_(std::exchange(other.items_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    FixedArray& operator=(FixedArray&& other) noexcept {
        std::swap(items_, other.items_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~FixedArray() {
        if (items_) munmap(items_, count_ * sizeof(T));
    }

    static std::size_t memory_bytes(std::size_t count) { return count * sizeof(T); }

    /// False when the kernel refuses. `populate`: take the memory now, so that no page fault comes later.
    bool allocate(std::size_t count, bool populate) {
        CLEW_CHECK(items_ == nullptr);
        if (count == 0) return true;
        void* at = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) return false;
        madvise(at, count * sizeof(T), MADV_HUGEPAGE);
        if (populate)
            madvise(at, count * sizeof(T), 23 /* MADV_POPULATE_WRITE; older kernels refuse, and fault later */);
        items_ = static_cast<T*>(at);
        count_ = count;
        return true;
    }

    std::size_t size() const { return count_; }
    T& operator[](std::size_t i) { return items_[i]; }
    const T& operator[](std::size_t i) const { return items_[i]; }

  private:
    T* items_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace clew::sensor
