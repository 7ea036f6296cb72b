// SPDX-License-Identifier: Apache-2.0
// A counter as a sensor's status carries it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/leg.pb.h"

namespace clew::sensor {

/// `tap` is empty for a count of the whole sensor; `text` is for people.
inline v1::Counter make_counter(std::string_view name, std::string_view tap, std::uint64_t value,
                                std::string_view text) {
    v1::Counter counter;
    counter.set_name(std::string(name));
    counter.set_tap(std::string(tap));
    counter.set_value(value);
    counter.set_text(std::string(text));
    return counter;
}

}  // namespace clew::sensor
