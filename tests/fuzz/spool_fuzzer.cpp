// SPDX-License-Identifier: Apache-2.0
// A spool's segment file as it may be found on disk.
#include <cstddef>
#include <cstdint>

#include "nat-trace/check.h"
#include "wire/spool.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    using namespace clew;
    const auto scan = wire::scan_segment({bytes, size});
    CLEW_CHECK(scan.whole_bytes <= size);
    // The check sum keeps a fuzzer out of the content: try it directly, and as part of a whole record.
    if (const auto record = wire::decode_record_content({bytes, size})) {
        const std::string file = "CLEWSPL1" + wire::encode_record(*record);
        const auto whole = wire::scan_segment({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()});
        CLEW_CHECK(whole.record_count == 1 && whole.whole_bytes == file.size() && whole.leg_count == record->leg_count);
    }
    return 0;
}
