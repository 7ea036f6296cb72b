// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/bpf_program.h"

#include <pcap/pcap.h>

namespace clew::vault {

BpfProgram::BpfProgram() : program_(std::make_unique<bpf_program>()) {}

BpfProgram::~BpfProgram() { pcap_freecode(program_.get()); }

Result<std::shared_ptr<const BpfProgram>> BpfProgram::compile(const std::string& expression, BpfOn on) {
    constexpr int frame_bytes_max = 65'535, optimize = 1;
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> pcap(
        pcap_open_dead(on == BpfOn::ethernet ? DLT_EN10MB : DLT_RAW, frame_bytes_max), pcap_close);
    std::shared_ptr<BpfProgram> program(new BpfProgram);
    if (pcap &&
        pcap_compile(pcap.get(), program->program_.get(), expression.c_str(), optimize, PCAP_NETMASK_UNKNOWN) == 0)
        return program;
    return fail(ErrorKind::usage, "'" + expression + "' is no capture filter (pcap-filter(7)): " +
                                      (pcap ? pcap_geterr(pcap.get()) : "no memory"));
}

bool BpfProgram::takes(std::span<const std::uint8_t> bytes, std::uint32_t wire_length) const {
    return bpf_filter(program_->bf_insns, bytes.data(), wire_length, static_cast<u_int>(bytes.size())) != 0;
}

}  // namespace clew::vault
