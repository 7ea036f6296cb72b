// SPDX-License-Identifier: Apache-2.0
// The world of one corpus: builds connections of the wanted classes, lets them happen, and writes what is true of them.
#pragma once

#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/corpus/addresses.h"
#include "tests/sim/corpus/capture.h"
#include "tests/sim/corpus/classes.h"
#include "tests/sim/corpus/connection.h"
#include "tests/sim/corpus/events.h"

namespace clew::corpus {

struct WorldSettings {
    std::vector<const ClassSpec*> classes;
    Conditions conditions;
    std::uint64_t connections = 1000;
    double rate = 500;  ///< new connections a second
    std::uint64_t seed = 1;
    std::string directory;
    Nanoseconds start_ns = 1'700'000'000 * ns_s;  ///< of the first connection
    Nanoseconds slow_ns = 0;  ///< instance 3 of the second middlebox keeps every packet so much longer
};

struct Remains;

class World {
  public:
    explicit World(WorldSettings settings);
    ~World();

    /// An error in words, or nothing. Files stand in the directory then.
    std::string run();

    std::uint64_t connection_count() const { return connections_.size(); }
    std::uint64_t frame_count() const { return capture_.frame_count(); }

  private:
    friend class ConnectionBuilder;

    void open(const ClassSpec& spec, std::shared_ptr<Remains> remains);
    void flood();
    void name(Connection& connection);
    void write_truth(std::ostream& out) const;
    void stretch(Connection& connection);
    Pool& pool(const std::string& name, const char* base, std::uint32_t addresses, bool ephemeral = false);
    std::shared_ptr<DnsMemory> memory(std::uint64_t forwarder);
    Host& host(const std::string& role, std::uint64_t number);

    WorldSettings settings_;
    Nanoseconds start_, span_;
    Events events_;
    Rng rng_;
    Capture capture_;
    std::map<std::string, Pool> pools_;
    std::map<std::string, std::unique_ptr<Host>> hosts_;
    std::map<std::uint64_t, std::shared_ptr<DnsMemory>> memories_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::uint64_t opened_ = 0;
    End tenant_client_, tenant_server_;
};

}  // namespace clew::corpus
