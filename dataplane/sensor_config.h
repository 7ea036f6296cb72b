// SPDX-License-Identifier: Apache-2.0
// The sensor's configuration file, read and checked; configs/sensor.yaml is the commented example.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/pipeline.h"
#include "dataplane/source/source_spec.h"
#include "nat-trace/result.h"

namespace clew::sensor {

constexpr std::uint32_t worker_count_max = 64;
constexpr std::uint16_t queue_count_max = 64;

struct TapConfig {
    std::string name;  ///< unique in the whole installation
    SourceSpec source;
    std::uint16_t queues = 1;
};

struct SensorConfig {
    std::string observer;  ///< this sensor's name, unique in the installation
    std::string clock;     ///< who stamps: the same for all that share this host's clock
    std::vector<TapConfig> taps;
    std::uint32_t workers = 1;             ///< threads for live sources; a file gets one of its own
    std::uint32_t trace_packet_count = 0;  ///< not in the file: clew-sensor's --trace
    PipelineSettings pipeline;             ///< each worker's, but for its limits: those are the sensor's and shared out
    /// How late the kernel's time stamps may be: it stamps a frame when it takes it from the NIC's ring, after
    /// interrupt coalescing and whatever the CPU does before. No counter tells; it becomes the ± of delays.
    std::uint32_t kernel_stamp_error_us = 50;
    bool huge_pages_auto = true;    ///< use huge pages when there are enough of them
    std::uint32_t memory_mb = 256;  ///< for packet buffers of live sources

    std::string vault_directory;  ///< empty: headers are kept in memory only (header_count_max)
    std::uint64_t vault_bytes_max = 10ull << 30;
    std::uint32_t vault_blocks = 4;  ///< open blocks of a worker: how long the disk may stand still
    std::uint32_t vault_block_packets = 65'536;
    std::uint32_t vault_block_age_s = 10;
    bool vault_payload_checks = true;
    bool vault_sync = true;

    bool vault_packets = false;  ///< keep whole packets too, as the rules say
    std::uint64_t vault_packets_bytes_max = 10ull << 30;
    std::uint32_t vault_packets_blocks = 4;  ///< open blocks of a worker
    std::uint32_t vault_packets_block_mb = 16;
    std::vector<vault::PacketRule> vault_packets_rules;  ///< none: all are kept whole
    bool vault_packets_on_demand = false;                ///< nothing but what the control plane asks to record

    std::string control_endpoint = "tcp://127.0.0.1:7411";
    std::string own_key_file;       ///< empty: no encryption
    std::string server_public_key;  ///< Z85, 40 characters

    std::string spool_directory;
    std::uint64_t spool_bytes_max = 1ull << 30;
};

Result<SensorConfig> load_sensor_config(const std::string& path);

}  // namespace clew::sensor
