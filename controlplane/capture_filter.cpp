// SPDX-License-Identifier: Apache-2.0
#include "controlplane/capture_filter.h"

#include <pcap/pcap.h>

#include <memory>

#include "controlplane/api_route.h"

namespace clew::control {

Result<void> check_capture_filter(const std::string& expression) {
    if (expression.empty()) return {};
    if (expression.find('\0') != std::string::npos)
        return fail(ErrorKind::usage, "bpf: a capture filter has no byte of value 0");
    constexpr int frame_bytes_max = 65'535, optimize = 1;
    // As a sensor compiles it: on the innermost IP packet.
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> pcap(pcap_open_dead(DLT_RAW, frame_bytes_max), pcap_close);
    if (!pcap) return fail(ErrorKind::failed, "bpf: there is no memory to compile the capture filter");
    bpf_program program{};
    const int compiled = pcap_compile(pcap.get(), &program, expression.c_str(), optimize, PCAP_NETMASK_UNKNOWN);
    pcap_freecode(&program);
    if (compiled == 0) return {};
    return fail(ErrorKind::usage,
                "bpf: '" + shown(expression) + "' is no capture filter (pcap-filter(7)): " + pcap_geterr(pcap.get()));
}

}  // namespace clew::control
