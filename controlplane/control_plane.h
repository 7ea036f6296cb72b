// SPDX-License-Identifier: Apache-2.0
// The control plane in one object: collector → queues → linker and leg writer → store, and the API in front. The flow
// goes one way; acknowledgements go back to the observers once the store has their batches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "controlplane/control_config.h"
#include "controlplane/store/store.h"
#include "nat-trace/result.h"
#include "wire/path.pb.h"

namespace clew::control {

class ControlPlane {
  public:
    static constexpr std::size_t queue_leg_count_max = 200'000;    ///< before the linker, and before the leg writer
    static constexpr std::size_t refill_path_count_max = 100'000;  ///< of the paths looked at after a restart

    /// Refills the engine from the store, then starts everything. One sentence when something cannot be had.
    static Result<std::unique_ptr<ControlPlane>> start(const ControlConfig& config,
                                                       std::unique_ptr<store::Store> store);

    /// Stops taking, links and stores what was taken (acknowledging it), ends the store.
    virtual ~ControlPlane() = default;

    virtual v1::Status status() const = 0;
    virtual std::string wire_endpoint() const = 0;  ///< as bound
    virtual std::uint16_t api_port() const = 0;     ///< as bound
};

}  // namespace clew::control
