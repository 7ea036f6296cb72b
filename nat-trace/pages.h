// SPDX-License-Identifier: Apache-2.0
// Memory for the large arrays of the window and its indexes, in huge pages where the kernel has them: they are read in
// no order, and with small pages every read would first miss the TLB. A hint only: without huge pages all works the
// same. Threads: as std::allocator.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace clew {

constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

template <typename T>
struct PageAllocator {
    using value_type = T;

    PageAllocator() = default;
    template <typename U>
    PageAllocator(const PageAllocator<U>&) {}

    T* allocate(std::size_t count) {
        const std::size_t bytes = count * sizeof(T);
        if (bytes < huge_page_bytes) return static_cast<T*>(::operator new (bytes, std::align_val_t{alignment}));
        const std::size_t whole = (bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
        void* memory = std::aligned_alloc(huge_page_bytes, whole);
        if (memory == nullptr) throw std::bad_alloc();
        madvise(memory, whole, MADV_HUGEPAGE);
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t count) {
        if (count * sizeof(T) < huge_page_bytes)
            ::operator delete (memory, std::align_val_t{alignment});
        else
            std::free(memory);
    }
    template <typename U>
    bool operator==(const PageAllocator<U>&) const {
        return true;
    }

  private:
    static constexpr std::size_t alignment = alignof(T) < 64 ? 64 : alignof(T);
};

/// An array that is read in no order.
template <typename T>
using PageVector = std::vector<T, PageAllocator<T>>;

}  // namespace clew
