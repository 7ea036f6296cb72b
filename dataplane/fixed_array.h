// SPDX-License-Identifier: Apache-2.0
// An array of fixed size, allocated once at start in its own mapping (transparent huge pages where the kernel has them,
// so that random access costs few TLB misses, unless small ones are asked for). Zero-filled; T must be happy with
// all-zero bytes. Owned, move only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include <sys/mman.h>

#include "nat-trace/check.h"

namespace clew::sensor {

/// What an array's memory is taken in. Small: as it is used, for what most packets do not look at.
enum class Pages : bool { huge, small };

template <typename T>
class FixedArray {
    static_assert(std::is_trivially_destructible_v<T>);

  public:
    FixedArray() = default;
    FixedArray(FixedArray&& other) noexcept
        : items_(std::exchange(other.items_, nullptr)),
          count_(std::exchange(other.count_, 0)),
          mapped_bytes_(std::exchange(other.mapped_bytes_, 0)) {}
    FixedArray& operator=(FixedArray&& other) noexcept {
        std::swap(items_, other.items_);
        std::swap(count_, other.count_);
        std::swap(mapped_bytes_, other.mapped_bytes_);
        return *this;
    }
    ~FixedArray() {
        if (items_) munmap(items_, mapped_bytes_);
    }

    static std::size_t memory_bytes(std::size_t count) { return mapping_bytes(count * sizeof(T)); }

    /// False when the kernel refuses. `populate`: take the memory now, so that no page fault comes later.
    bool allocate(std::size_t count, bool populate, Pages pages = Pages::huge) {
        CLEW_CHECK(items_ == nullptr);
        if (count == 0) return true;
        mapped_bytes_ = mapping_bytes(count * sizeof(T));
        void* at = map_aligned(mapped_bytes_);
        if (at == nullptr) return false;
        madvise(at, mapped_bytes_, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
        if (populate) madvise(at, mapped_bytes_, 23 /* MADV_POPULATE_WRITE; older kernels refuse, and fault later */);
        items_ = static_cast<T*>(at);
        count_ = count;
        return true;
    }

    std::size_t size() const { return count_; }
    T& operator[](std::size_t i) { return items_[i]; }
    const T& operator[](std::size_t i) const { return items_[i]; }

  private:
    static constexpr std::size_t page_bytes = 4096, huge_page_bytes = std::size_t{2} << 20;

    /// Half a huge page and more is made whole ones: a table that is looked up at random must not lie on small pages.
    static std::size_t mapping_bytes(std::size_t bytes) {
        const std::size_t unit = bytes >= huge_page_bytes / 2 ? huge_page_bytes : page_bytes;
        return (bytes + unit - 1) / unit * unit;
    }

    /// Huge pages want an address of their own size: maps that much more, and gives the ends back.
    static void* map_aligned(std::size_t bytes) {
        const std::size_t slack = bytes >= huge_page_bytes ? huge_page_bytes : 0;
        void* at = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) return nullptr;
        if (slack == 0) return at;
        auto* begin = static_cast<char*>(at);
        const std::size_t head = (slack - reinterpret_cast<std::uintptr_t>(at) % slack) % slack;
        if (head != 0) munmap(begin, head);
        munmap(begin + head + bytes, slack - head);
        return begin + head;
    }

    T* items_ = nullptr;
    std::size_t count_ = 0;
    std::size_t mapped_bytes_ = 0;
};

}  // namespace clew::sensor
