// SPDX-License-Identifier: Apache-2.0
// The sensor as a whole: sources, workers and exporter out of a configuration. Start and stop on one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/exporter.h"
#include "dataplane/header_answers.h"
#include "dataplane/sensor_config.h"
#include "dataplane/source/live_ports.h"
#include "dataplane/source/pcap_file.h"
#include "dataplane/steer.h"
#include "dataplane/vault/header_log_writer.h"
#include "dataplane/vault/packet_log_writer.h"
#include "dataplane/vault/tap_table.h"
#include "dataplane/worker.h"

namespace clew::sensor {

/// What the sensor will take of the machine's memory, in bytes.
struct MemoryBudget {
    std::size_t tables = 0;   ///< legs, segments, headers, rings of all workers
    std::size_t buffers = 0;  ///< packet buffers of live sources
    std::size_t outbox = 0;   ///< legs and batches on their way to the control plane
    std::size_t total() const { return tables + buffers + outbox; }
};
MemoryBudget memory_budget(const SensorConfig& config);
std::string to_text(const MemoryBudget& budget);  ///< "tables 301 MB + packet buffers 256 MB + …"

class Sensor {
  public:
    /// Fails with one sentence. `remarks` gets sentences worth telling the person who started it.
    static Result<std::unique_ptr<Sensor>> start(const SensorConfig& config, std::vector<std::string>& remarks);
    ~Sensor();

    bool at_end() const;                            ///< every source was a file and is used up
    std::vector<std::string> end_of_files() const;  ///< sentences about files that ended badly
    void stop();                                    ///< flushes all legs, hands them on, closes the ports

  private:
    Result<void> open_sources(const SensorConfig& config, std::vector<std::string>& remarks);
    Result<void> make_workers(const SensorConfig& config);
    Result<void> open_vault(const SensorConfig& config);
    Result<std::unique_ptr<vault::BlockStore>> open_store(const SensorConfig& config, const vault::BlockShape& shape);

    TimeNs started_ns_ = 0;
    std::unique_ptr<LivePorts> ports_;
    std::vector<std::unique_ptr<PcapFile>> files_;
    std::vector<LiveSource> sources_;  ///< of all taps, files included
    std::unique_ptr<PacketTrace> trace_;
    std::unique_ptr<Steer> steer_;  ///< null where every worker has queues of its own
    std::vector<std::unique_ptr<Worker>> workers_;
    std::unique_ptr<vault::Disk> disk_;  ///< the vault: all null without one
    std::unique_ptr<vault::BlockStore> header_store_;
    std::unique_ptr<vault::HeaderLogWriter> header_writer_;
    std::unique_ptr<vault::BlockStore> packet_store_;  ///< null where whole packets are not kept, as its writer
    std::unique_ptr<vault::PacketLogWriter> packet_writer_;
    std::unique_ptr<PacketRecorder> recorder_;
    std::unique_ptr<HeaderAnswers> header_answers_;
    std::unique_ptr<Exporter> exporter_;
    bool stopped_ = false;
};

}  // namespace clew::sensor
