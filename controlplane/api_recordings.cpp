// SPDX-License-Identifier: Apache-2.0
// The route that switches packet logs on.
#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/recording.h"

namespace clew::control {

void Api::add_recording_routes() {
    ApiRoute route{"vault/recordings",
                   "keeps whole packets at all sensors from now on, for a time; each sensor answers for itself",
                   {bpf(),
                    count("seconds", 1, Recording::seconds_max, 600, "how long, by the sensors' clocks"),
                    count("snap", 0, 0xffff, 0, "so many bytes of a frame, but never less than its headers; 0: all"),
                    {"tap", ParameterKind::text, false, 0, text_bytes_max, 0, "at this tap alone, by its name"}},
                   v1::RecordingList::descriptor()};
    route.method = "POST";
    add(std::move(route), [this](const std::string&, const ApiArguments& arguments) -> Result<std::string> {
        v1::Recording wanted;
        wanted.set_bpf(arguments.text("bpf"));
        wanted.set_duration_ns(arguments.number("seconds") * ns_per_s);
        wanted.set_snap_length(static_cast<std::uint32_t>(arguments.number("snap")));
        if (!arguments.text("tap").empty()) wanted.add_taps(arguments.text("tap"));
        if (!sources_.record) return fail(ErrorKind::unreachable, "there are no sensors to be asked");
        const auto list = sources_.record(wanted);
        if (!list) return tl::make_unexpected(list.error());
        return to_json(*list);
    });
}

}  // namespace clew::control
