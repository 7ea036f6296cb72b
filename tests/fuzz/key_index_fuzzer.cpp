// SPDX-License-Identifier: Apache-2.0
// Key indexes out of files that somebody else may have written: with the check sums put right, so that the reader
// itself is reached.
#include <algorithm>
#include <cstring>
#include <vector>

#include "dataplane/vault/block_check.h"
#include "dataplane/vault/key_index.h"

namespace {

using namespace clew::vault;

class BytesFile final : public File {
  public:
    explicit BytesFile(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}
    std::int64_t append(std::span<const std::uint8_t>) override { return -1; }
    std::int64_t read(std::uint64_t offset, std::span<std::uint8_t> to) override {
        if (offset >= bytes_.size()) return 0;
        const std::size_t count = std::min<std::size_t>(to.size(), bytes_.size() - offset);
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, to.begin());
        return static_cast<std::int64_t>(count);
    }
    int truncate(std::uint64_t) override { return -1; }
    int sync() override { return -1; }

  private:
    std::vector<std::uint8_t> bytes_;
};

/// Lengths and check sums made to fit: byte 14 has the bits of a page's number, 16 the count of blocks.
void mend(std::vector<std::uint8_t>& bytes) {
    constexpr std::size_t head_bytes = 24, page_bytes = 12, checked_from = 12;
    if (bytes.size() < head_bytes) return;
    const auto length = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), "CLKX", 4);
    std::memcpy(bytes.data() + 4, &length, sizeof length);
    bytes[12] = 1, bytes[13] = 0, bytes[14] &= 3, bytes[17] = bytes[18] = bytes[19] = 0;
    std::uint8_t bits = 0;
    while (bytes[16] >> bits != 0) ++bits;
    bytes[15] = bits;
    const std::size_t table = head_bytes + bytes[16] * std::size_t{8}, pages = std::size_t{1} << bytes[14];
    const std::size_t first = table + pages * page_bytes;
    if (first > bytes.size()) return;
    std::uint32_t end = 0;
    for (std::size_t i = 0; i < pages; ++i) {
        std::uint8_t* page = bytes.data() + table + i * page_bytes;
        const std::uint32_t begin = end, left = length - static_cast<std::uint32_t>(first);
        std::memcpy(&end, page, sizeof end);
        end = i + 1 == pages ? left : std::clamp(end, begin, left);
        std::memcpy(page, &end, sizeof end);
        const std::uint32_t check = check_of({bytes.data() + first + begin, end - begin});
        std::memcpy(page + 8, &check, sizeof check);
    }
    const std::uint32_t check = check_of({bytes.data() + checked_from, first - checked_from});
    std::memcpy(bytes.data() + 8, &check, sizeof check);
}

void read(const std::vector<std::uint8_t>& bytes) {
    const auto index = KeyIndex::open(std::make_shared<BytesFile>(bytes), bytes.size());
    if (!index) return;
    for (std::uint64_t key = 0; key < 16; ++key) (void)index->blocks_with({{key << 60, key << 58}, {key << 60}});
    (void)index->covers(64);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    std::vector<std::uint8_t> bytes(input, input + size);
    read(bytes);
    mend(bytes);
    read(bytes);
    return 0;
}
