// SPDX-License-Identifier: Apache-2.0
// A capture file of any bytes: read to its end, or refused with one sentence.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>

#include "dataplane/source/pcap_file.h"
#include "nat-trace/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    using namespace clew::sensor;
    static const int file = memfd_create("capture", 0);
    CLEW_CHECK(ftruncate(file, 0) == 0 && pwrite(file, input, size, 0) == static_cast<ssize_t>(size));
    auto source = PcapFile::open("/proc/self/fd/" + std::to_string(file), 0);
    if (!source) {
        CLEW_CHECK(!source.error().sentence.empty());
        return 0;
    }
    std::array<Packet, burst_packet_count_max> burst;
    std::uint64_t sum = 0;
    while (!(*source)->at_end()) {
        const std::size_t count = (*source)->receive(burst);
        for (std::size_t i = 0; i < count; ++i) {
            CLEW_CHECK(burst[i].wire_length >= burst[i].captured_length);
            for (std::uint32_t at = 0; at < burst[i].captured_length; ++at) sum += burst[i].bytes[at];
        }
        (*source)->release();
    }
    return sum == ~0ull ? 1 : 0;
}
