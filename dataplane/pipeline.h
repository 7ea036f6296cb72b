// SPDX-License-Identifier: Apache-2.0
// Steps 2 to 5 of a packet's life for one worker: decap, leg table, header ring, leg records. No DPDK, no thread, no
// clock: live workers and `clew replay` run exactly this. All packets of one pipeline, and advance()'s time, are by one
// clock, roughly in order of time: taps of different clocks get a pipeline each (and another `worker` number each).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/decap.h"
#include "dataplane/leg_parts.h"
#include "dataplane/packet.h"
#include "dataplane/vault/header_appender.h"
#include "dataplane/vault/packet_appender.h"
#include "nat-trace/ladder.h"
#include "nat-trace/leg.h"
#include "nat-trace/result.h"

namespace clew::sensor {

struct PipelineSettings {
    std::string observer_name = "sensor";  ///< with started_ns and worker, makes leg ids unique
    TimeNs started_ns = 0;
    std::uint16_t worker = 0;
    std::uint32_t leg_count_max = 262'144;
    LegPartShares leg_parts = {};  ///< what only some legs have
    std::uint32_t segment_count_max = 65'536;
    std::uint32_t header_count_max = 1'048'576;                    ///< header ring; 0 = none
    std::optional<vault::HeaderAppenderSettings> header_log = {};  ///< the vault's; none = every header is forgotten
    std::optional<vault::PacketAppenderSettings> packet_log =
        {};                                   ///< the vault's whole packets; none = they are not kept
    std::uint32_t fragment_count_max = 4096;  ///< cut packets whose later fragments are awaited
    DecapSettings decap = {};
    bool erspan_stamps = false;  ///< packets in ERSPAN III carry the time of the switch that mirrored them: use it
    DurationNs tcp_idle_ns = 300 * ns_per_s;
    DurationNs tcp_closed_ns = 2 * ns_per_s;  ///< after FINs or a reset: how long stragglers still belong to it
    DurationNs udp_idle_ns = 30 * ns_per_s;
    DurationNs icmp_idle_ns = 10 * ns_per_s;
    DurationNs update_interval_ns = ns_per_s;  ///< a living leg reports at most this often
    /// One that only went on as expected waits half as long as it has lived, but no longer than this.
    DurationNs plain_interval_ns_max = 5 * ns_per_s;
    DurationNs update_count_per_s_max = 50'000;  ///< of all living legs together: with more, each reports less often
    DurationNs first_report_delay_ns =
        50 * ns_per_ms;            ///< after a handshake or first data: time to gather hints and samples
    bool populate_memory = false;  ///< take all memory at create(), so that no page fault comes later (live workers)
};

/// Takes leg records. Called on the pipeline's thread; must not wait. False = no room (the pipeline counts it).
class LegSink {
  public:
    virtual ~LegSink() = default;
    virtual bool offer(const Leg& leg) = 0;
};

/// One counter with its name and English text (from the reasons table, dataplane/reasons.def).
struct NamedCount {
    std::string_view name;
    std::string_view text;
    std::uint64_t value = 0;
};

class Pipeline {
  public:
    /// Allocates everything it will ever use. Fails with one sentence when the budget cannot be had.
    static Result<std::unique_ptr<Pipeline>> create(const PipelineSettings& settings, LegSink& sink);
    virtual ~Pipeline() = default;

    /// Bytes that create() will allocate for these settings.
    static std::size_t memory_bytes(const PipelineSettings& settings);

    virtual void receive(std::span<const Packet> burst) = 0;

    /// Moves the expiry cursor by a bounded step and sends due reports; call between bursts and when idle.
    virtual void advance(TimeNs now) = 0;

    /// Reports every leg as ended (flushed) and empties the table: the end of a file, or of the sensor.
    virtual void flush() = 0;

    virtual std::vector<NamedCount> counters() const = 0;  ///< from any thread

    /// Where the vault's writer takes headers from; null without a header log.
    virtual vault::HeaderAppender* header_log() = 0;
    /// The same of whole packets; null without a packet log.
    virtual vault::PacketAppender* packet_log() = 0;

    /// Copies packet headers of the given legs out of the header ring, oldest first; from any thread while the worker
    /// goes on (records overwritten meanwhile are left out). Sets `partial` when the ring no longer holds all of them.
    virtual std::vector<PacketHeader> headers(std::span<const LegId> legs, TimeNs from, TimeNs to,
                                              std::size_t count_max, std::string& partial) const = 0;
};

}  // namespace clew::sensor
