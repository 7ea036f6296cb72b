// SPDX-License-Identifier: Apache-2.0
// A capture filter (pcap-filter(7)), compiled and run by libpcap. Immutable; any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "nat-trace/result.h"

struct bpf_program;

namespace clew::vault {

enum class BpfOn {
    ethernet,  ///< whole frames as a tap gave them
    ip,        ///< IPv4 or IPv6 at once: what stands inside all tunnels
};

class BpfProgram {
  public:
    /// A mistake in the expression is libpcap's sentence.
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

}  // namespace clew::vault
