// SPDX-License-Identifier: Apache-2.0
// A capture filter (pcap-filter(7)), compiled and run by libpcap. Immutable; any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "nat-trace/result.h"

struct bpf_program;

namespace clew::wire {

enum class BpfOn {
    ethernet,  ///< whole frames as a tap gave them
    ip,        ///< IPv4 or IPv6 at once: what stands inside all tunnels
};

class BpfProgram {
  public:
    /// A mistake is one sentence, of kind usage: libpcap's words, or that addresses are numbers here. libpcap would ask
    /// a name server for a host's or a network's name; names of ports and protocols stand in this machine's files.
    static Result<std::shared_ptr<const BpfProgram>> compile(const std::string& expression, BpfOn on);
    ~BpfProgram();
    BpfProgram(const BpfProgram&) = delete;
    BpfProgram& operator=(const BpfProgram&) = delete;

    /// `bytes` as captured; `wire_length` as sent.
    bool takes(std::span<const std::uint8_t> bytes, std::uint32_t wire_length) const;

  private:
    BpfProgram();
    std::unique_ptr<bpf_program> program_;
};

}  // namespace clew::wire
