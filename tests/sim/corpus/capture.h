// SPDX-License-Identifier: Apache-2.0
// The taps: each stamps frames by its own clock, loses, doubles and shuffles some as the conditions say, and writes a
// pcap file with nanosecond stamps. injected.jsonl tells what was done on purpose, for those who test more than links:
//   {"what": "clock", "tap", "offset_ns", "drift_ppm"}            the tap's clock against true time
//   {"what": "capture-gap", "tap", "connection", "way", "seq", "length", "flags", "ns"}   passed by, not captured
//   {"what": "network-loss", "connection", "way", "from", "to", "seq", "length", "syn", "flags", "ns"}  lost between
//   two taps
//   {"what": "reset", "connection", "by": "client"|"server"}   {"what": "loop", "connection", "tap"}
//   {"what": "reset" | "syn-eaten" | "answer-eaten", "connection", "by": "middlebox", "from", "to"}   between these two
//   taps
// seq as written on that link, ns in true time, connection as the id in truth.jsonl, null for an end without a tap.
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/corpus/conditions.h"
#include "tests/sim/corpus/packet.h"
#include "tests/sim/corpus/rng.h"

namespace clew::corpus {

/// One leg in the making: where a connection runs over one link, and what was captured of it there.
struct View {
    int tap = 0;
    Wrapping wrapping;
    bool sees[2] = {true, true};  ///< by Way
    std::uint64_t connection = 0;
    // filled in by what is captured
    std::uint64_t frames = 0;
    Nanoseconds first_ns = 0;
    End client, server;
};

class TapFile;

class Capture {
  public:
    /// Nothing is captured before `from`. Files go to `directory`, which must be there.
    Capture(std::string directory, const Conditions& conditions, Nanoseconds from, Rng rng);
    ~Capture();

    /// The tap of this name; made when first asked for.
    int tap(const std::string& name);

    /// `packet` passes the view's tap at `time`, which may lie ahead by up to a second.
    /// `turned`: the MAC addresses are those of the other way (a routing loop).
    void pass(View& view, Way way, const Packet& packet, Nanoseconds time, bool turned = false);

    /// A line of injected.jsonl: what was done to the traffic or the capture on purpose.
    void note(const std::string& line) { injected_ << line << '\n'; }
    const std::string& tap_name(int tap) const;

    /// Writes out all frames older than `now`.
    void flush(Nanoseconds now);
    /// Writes out everything and region.json; an error in words, or nothing.
    std::string finish();

    std::vector<std::string> tap_names() const;
    std::uint64_t frame_count() const { return frame_count_; }

  private:
    bool lost(TapFile& tap, Nanoseconds time);

    std::string directory_;
    std::ofstream injected_;
    Conditions conditions_;
    Nanoseconds from_;
    Rng rng_;
    std::vector<std::unique_ptr<TapFile>> taps_;
    std::map<std::string, int> numbers_;
    std::uint64_t frame_count_ = 0;
    std::string error_;
};

}  // namespace clew::corpus
