// SPDX-License-Identifier: Apache-2.0
// A question to the vault and its answer: packets of legs in a span of time, the earliest first.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/vault/leg_choice.h"
#include "nat-trace/ladder.h"
#include "wire/bpf_program.h"

namespace clew::vault {

struct Question {
    LegChoice choice;
    TimeNs from = 0, to = 0;  ///< 0 = no bound
    std::size_t count_max = 200'000;
    std::uint64_t bytes_max = 256ull << 20;  ///< of whole packets
    bool records = true;  ///< each packet with its record, and whole where it is; else its PacketHeader alone
    std::shared_ptr<const wire::BpfProgram> inner_bpf;  ///< on the innermost IP packet; null: any
    const std::atomic<bool>* cancelled = nullptr;

    bool in_time(TimeNs time) const { return (from == 0 || time >= from) && (to == 0 || time <= to); }
    bool is_cancelled() const { return cancelled && cancelled->load(std::memory_order_relaxed); }
};

/// The header as a ladder wants it. `client_side` is the leg's.
PacketHeader to_packet_header(const LegLabel& leg, const HeaderRecord& record, std::uint8_t client_side);

/// What a frame is made of.
struct FoundFrame {
    HeaderRecord record;
    bool whole = false;     ///< `frame` is the packet as it was kept; else there is the header alone
    std::uint8_t link = 0;  ///< LinkType of the frame
    std::vector<std::uint8_t> frame;
};

/// Small, for there are hundreds of thousands of them.
struct FoundPacket {
    PacketHeader header;             ///< as if the leg's lower end were the client
    std::uint32_t leg = 0;           ///< into Answer::legs
    std::uint8_t client_side = 0;    ///< as it was known when the packet came
    std::unique_ptr<FoundFrame> of;  ///< null where the question wants no records

    TimeNs time_ns() const { return header.time_ns; }
    std::size_t frame_bytes() const { return of ? of->frame.size() : 0; }
};
static_assert(sizeof(FoundPacket) == 64);

struct AnswerLeg {
    LegLabel label;
    std::string tap;  ///< its name when the packet was kept
};

struct Given;

struct Answer {
    std::vector<AnswerLeg> legs;
    std::vector<FoundPacket> packets;  ///< in the order of time
    std::string partial;               ///< why not everything is here; empty when it is
    TimeNs complete_until = 0;         ///< a limit was reached: packets from then on are not here; 0: they all are

    void note(const std::string& sentence);  ///< into `partial`, once
    /// Takes the earlier packets out, in the order of time; of one time, in the order they stand here.
    std::vector<FoundPacket> take_before(TimeNs until);
    /// Sorts, and leaves out what a limit or complete_until does. `given`: parts of the answer that went out before.
    void finish(const Question& question, const Given& given);
};

/// What of an answer has gone out, all of it earlier than the rest.
struct Given {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    void add(const Answer& part);
};

/// Puts an answer together; what does not fit the question is left out.
class AnswerBuilder {
  public:
    explicit AnswerBuilder(const Question& question) : question_(question) {}

    const Question& question() const { return question_; }
    bool wants(const LegLabel& label) const { return question_.choice.wants(label); }
    void expect(std::size_t packets);  ///< so many may come: room for those that can be given
    void take(const LegLabel& label, const std::string& tap, const HeaderRecord& record);
    void take_whole(const LegLabel& label, const std::string& tap, const HeaderRecord& record, std::uint8_t link,
                    std::span<const std::uint8_t> frame);
    std::size_t taken() const { return taken_; }  ///< packets, those that went out included
    TimeNs latest() const { return latest_; }     ///< no later packet can be given
    bool is_full() const { return taken_ >= question_.count_max || bytes_ >= question_.bytes_max; }

    Answer answer;

  private:
    bool is_wanted(TimeNs time_ns) const { return question_.in_time(time_ns) && time_ns <= latest_; }
    FoundPacket& add(const LegLabel& label, const std::string& tap, const HeaderRecord& record);
    void leave_out_later();

    const Question& question_;
    std::unordered_map<LegId, std::uint32_t> places_;
    std::vector<std::uint8_t> frame_;
    std::uint64_t bytes_ = 0;
    std::size_t taken_ = 0;
    TimeNs latest_ = INT64_MAX;  ///< more than count_max are not later: those that are cannot be given
};

}  // namespace clew::vault
