// SPDX-License-Identifier: Apache-2.0
// The observer's end of the wire: takes legs, batches them, sends them at least once, spools them on disk while the
// control plane is away, and answers its requests. Used by the sensor and by the agent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/leg.h"
#include "nat-trace/result.h"
#include "wire/leg.pb.h"

namespace clew::wire {

/// CURVE keys, Z85 text (40 characters). All empty: no encryption, allowed on loopback endpoints only.
struct CurveKeys {
    std::string server_public;  ///< of the control plane
    std::string own_public;
    std::string own_secret;
};

struct PublisherSettings {
    std::string endpoint;  ///< "tcp://127.0.0.1:7411" or "ipc:///run/clew/wire.sock"
    CurveKeys keys;
    v1::Hello hello;  ///< name, kind, taps; started_ns must be set
    std::string spool_directory;
    std::uint64_t spool_bytes_max = 1ull << 30;  ///< then the oldest batch goes, counted
    std::uint32_t batch_leg_count_max = 512;
    std::uint32_t batch_delay_ms_max = 100;             ///< a leg waits at most this long for its batch
    std::uint32_t unacknowledged_batch_count_max = 64;  ///< more than this wait on disk, not in memory
    std::uint32_t queue_leg_count_max = 65536;          ///< between offer() and the publisher's thread
};

struct PublisherCounters {
    std::uint64_t legs_offered = 0;
    std::uint64_t legs_refused_queue_full = 0;
    std::uint64_t batches_sent = 0;  ///< re-sent ones included
    std::uint64_t batches_acknowledged = 0;
    std::uint64_t batches_spooled = 0;
    std::uint64_t batches_dropped_spool_full = 0;
    std::uint64_t legs_dropped = 0;     ///< with those batches
    std::uint64_t spool_bytes = 0;      ///< now
    std::uint64_t spool_tails_cut = 0;  ///< torn ends of spool files, cut off at start
    std::uint64_t reconnects = 0;
    bool connected = false;  ///< a HelloReply came and pings are answered
};

/// Answers a HeaderRequest; calls `reply` once or more, the last time with last = true; not at all where the request
/// is withdrawn: then its answer, if it is still being made, is wanted no more. Is called on the publisher's
/// thread, so it must be quick; `reply` may be kept and called later, from any thread, while the publisher lives.
using HeaderSource =
    std::function<void(const v1::HeaderRequest&, const std::function<void(const v1::HeaderReply&)>& reply)>;

/// Fills in the observer's counters; called on the publisher's thread about once a second.
using CounterSource = std::function<std::vector<v1::Counter>()>;

class Publisher {
  public:
    /// Starts the publisher's own thread. Fails when the spool cannot be opened or the endpoint is malformed;
    /// an absent control plane is not a failure.
    static Result<std::unique_ptr<Publisher>> start(PublisherSettings settings, HeaderSource headers,
                                                    CounterSource counters);

    virtual ~Publisher() = default;  ///< sends or spools what is left (bounded by a second), then joins the thread

    /// From one thread at a time; never waits. False when the queue is full (counted).
    virtual bool offer(const Leg& leg) = 0;
    /// The same of a leg that wire/leg_writer.h's write_leg_field() wrote.
    virtual bool offer(std::string_view field) = 0;

    virtual PublisherCounters counters() const = 0;  ///< from any thread
};

}  // namespace clew::wire
