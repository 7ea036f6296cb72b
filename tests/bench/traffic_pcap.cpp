// SPDX-License-Identifier: Apache-2.0
// Writes the benchmark's traffic into a capture file: traffic_pcap FILE PACKETS LEGS PACKETS_PER_SECOND
#include <cstdio>
#include <cstdlib>

#include <pcap/pcap.h>

#include "tests/bench/sensor_traffic.h"

int main(int argc, char** argv) {
    const unsigned long rate = argc == 5 ? std::strtoul(argv[4], nullptr, 10) : 0;
    if (rate == 0) {
        std::fprintf(stderr, "usage: traffic_pcap FILE PACKETS LEGS PACKETS_PER_SECOND\n");
        return 2;
    }
    constexpr int frame_bytes_max = 2048;
    const unsigned long packets = std::strtoul(argv[2], nullptr, 10);
    pcap_t* capture = pcap_open_dead(DLT_EN10MB, frame_bytes_max);
    pcap_dumper_t* dump = pcap_dump_open(capture, argv[1]);
    if (!dump) {
        std::fprintf(stderr, "traffic_pcap: %s\n", pcap_geterr(capture));
        return 1;
    }
    clew::sensor::Traffic traffic(static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10)));
    std::uint8_t frame[frame_bytes_max] = {};
    pcap_pkthdr header{};
    for (unsigned long i = 0; i < packets; ++i) {
        header.caplen = header.len = traffic.next(frame);
        header.ts.tv_sec = 1'700'000'000 + static_cast<long>(i / rate);
        header.ts.tv_usec = static_cast<long>(i % rate * 1'000'000 / rate);
        pcap_dump(reinterpret_cast<u_char*>(dump), &header, frame);
    }
    pcap_dump_close(dump);
    pcap_close(capture);
    return 0;
}
