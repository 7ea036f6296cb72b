// SPDX-License-Identifier: Apache-2.0
// What of the packets the packet log keeps: rules in order, the first that fits a packet decides. No rule at all keeps
// everything. Immutable after compile(); any number of workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/vault/open_block.h"
#include "wire/bpf_program.h"

namespace clew::vault {

struct PacketRule {
    static constexpr std::uint32_t unlimited = 0xffff'ffff;

    std::vector<TapId> taps;                      ///< empty: all
    std::string bpf;                              ///< on the frame as it came; empty: any
    std::string inner_bpf;                        ///< on the innermost IP packet
    TimeNs from = 0, until = 0;                   ///< 0: no bound
    std::uint32_t payload_bytes_max = unlimited;  ///< behind the transport header
    std::uint32_t frame_bytes_max = unlimited;    ///< of the frame, but never less than its headers
    std::uint32_t leg_packets_max = unlimited;    ///< of a leg, from its beginning on
    std::uint32_t leg_kb_max = unlimited;
};

/// What of a leg was kept so far.
struct LegKept {
    std::uint32_t packets = 0;
    std::uint32_t kb = 0, bytes = 0;  ///< whole kilobytes, and what is above them
};

class PacketPolicy {
  public:
    /// Fails with what is wrong in a rule's BPF.
    static Result<std::shared_ptr<const PacketPolicy>> compile(const std::vector<PacketRule>& rules);

    enum class Verdict { keep, not_chosen, leg_has_enough };
    /// With keep: how many bytes of the frame.
    Verdict judge(const SeenHeader& seen, const LegKept& kept, std::uint32_t& bytes) const;

  private:
    struct Rule {
        PacketRule rule;
        std::shared_ptr<const wire::BpfProgram> bpf, inner_bpf;  ///< null: any
    };
    static bool fits(const Rule& rule, const SeenHeader& seen);
    std::vector<Rule> rules_;
};

/// Where the innermost IP header begins.
inline std::uint32_t ip_offset_of(const sensor::Decapped& decapped) {
    return decapped.addresses_offset - (decapped.v6 ? 8 : 12);
}

}  // namespace clew::vault
