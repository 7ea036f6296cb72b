// SPDX-License-Identifier: Apache-2.0
// The exporter: one thread that carries leg records from the workers' rings to the publisher, and answers the control
// plane's questions (headers, counters) out of the workers' pipelines. Workers, ports and the steer are borrowed and
// outlive it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/header_answers.h"
#include "dataplane/sensor_config.h"
#include "dataplane/source/live_ports.h"
#include "dataplane/steer.h"
#include "dataplane/worker.h"
#include "wire/publisher.h"

namespace clew::sensor {

class Exporter {
  public:
    /// Connects in the background; an absent control plane is no failure. `sources` are those of the workers.
    /// `header_answers` (borrowed) answers for headers; null: the workers' header rings do.
    static Result<std::unique_ptr<Exporter>> start(const SensorConfig& config, TimeNs started_ns,
                                                   std::vector<Worker*> workers, std::vector<LiveSource> sources,
                                                   const Steer* steer, HeaderAnswers* header_answers);
    ~Exporter();

    void stop();  ///< after the workers: hands on what their rings still hold, then ends the publisher
    wire::PublisherCounters counters() const { return publisher_->counters(); }

  private:
    Exporter(const SensorConfig& config, std::vector<Worker*> workers, std::vector<LiveSource> sources,
             const Steer* steer, HeaderAnswers* header_answers);
    void run();
    bool carry();
    void answer(const v1::HeaderRequest& request, const HeaderReplier& reply) const;
    std::vector<v1::Counter> count() const;

    std::vector<std::string> tap_names_;
    std::vector<Worker*> workers_;
    std::vector<LiveSource> sources_;
    const Steer* steer_;             ///< null: there is none
    HeaderAnswers* header_answers_;  ///< null: there is no vault
    std::unique_ptr<wire::Publisher> publisher_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace clew::sensor
