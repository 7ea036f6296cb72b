// SPDX-License-Identifier: Apache-2.0
// The control plane's end of the wire: accepts observers, decodes and deduplicates their batches, acknowledges what the
// caller says is stored, and asks for packet headers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nat-trace/leg.h"
#include "nat-trace/result.h"
#include "wire/leg.pb.h"
#include "wire/path.pb.h"

namespace clew::wire {

struct CollectorSettings {
    std::string endpoint;                     ///< to bind, "tcp://127.0.0.1:7411"
    std::string own_public, own_secret;       ///< CURVE, Z85; empty: no encryption, loopback and ipc only
    std::vector<std::string> allowed_public;  ///< observers' public keys; with CURVE, others are refused and counted
    std::uint32_t observer_count_max = 1024;
    std::uint32_t lost_after_ms = 3000;  ///< an observer silent for this long is shown as not connected
};

/// Which run of which observer, and how far in its numbering.
struct BatchId {
    std::string observer;
    std::int64_t started_ns = 0;
    std::uint64_t sequence = 0;
};

struct CollectorCounters {
    std::uint64_t batches = 0;
    std::uint64_t batches_again = 0;  ///< re-sent, already stored: acknowledged and left out
    std::uint64_t legs = 0;
    std::uint64_t legs_bad = 0;      ///< a field out of range: left out
    std::uint64_t messages_bad = 0;  ///< not decodable
    std::uint64_t messages_other_version = 0;
    std::uint64_t observers_refused = 0;  ///< key not allowed, bad greeting, too many
    std::uint64_t batches_refused = 0;    ///< no room: will be sent again
};

/// What the collector calls, all on its own thread.
class CollectorSink {
  public:
    virtual ~CollectorSink() = default;
    /// Highest stored sequence of that run; 0 when it has none. Asked once for each run. Nothing when that cannot be
    /// known now (the store does not answer): the observer is refused and tries again.
    virtual std::optional<std::uint64_t> last_stored(const std::string& observer, std::int64_t started_ns) = 0;
    /// A decoded batch. `legs[i].tap` is an index into `taps`. Call acknowledge(id) when it is safely stored.
    /// False when there is no room for it now: the observer is refused and sends it again later. Must not wait.
    virtual bool receive(BatchId id, const std::vector<v1::TapName>& taps, std::vector<Leg> legs) = 0;
};

class Collector {
  public:
    /// Binds and starts the collector's own thread. `sink` must outlive it.
    static Result<std::unique_ptr<Collector>> start(CollectorSettings settings, CollectorSink& sink);
    virtual ~Collector() = default;

    virtual void acknowledge(const BatchId& id) = 0;  ///< from any thread

    /// Asks one observer, waits at most timeout_ms; from any thread. The reply's `partial` says what is missing. The
    /// observer is told when nobody waits any more: time is up, or `left` (may be empty) says that who asked has left.
    virtual Result<v1::HeaderReply> ask_headers(const std::string& observer, v1::HeaderRequest request,
                                                std::uint32_t timeout_ms, const std::function<bool()>& left = {}) = 0;

    virtual std::vector<v1::ObserverStatus> observers() const = 0;  ///< from any thread
    virtual CollectorCounters counters() const = 0;
    virtual std::string endpoint() const = 0;  ///< as bound: with the port the kernel chose where "*" was asked for
};

}  // namespace clew::wire
