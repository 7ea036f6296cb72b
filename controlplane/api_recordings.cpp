// SPDX-License-Identifier: Apache-2.0
// The routes that switch packet logs on, and off before their time.
#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/recording.h"
#include "wire/recording_id.h"

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
        wanted.set_id(static_cast<std::uint32_t>(sources_.now() / ns_per_ms));
        wanted.set_bpf(arguments.text("bpf"));
        wanted.set_duration_ns(arguments.number("seconds") * ns_per_s);
        wanted.set_snap_length(static_cast<std::uint32_t>(arguments.number("snap")));
        if (!arguments.text("tap").empty()) wanted.add_taps(arguments.text("tap"));
        if (!sources_.record) return fail(ErrorKind::unreachable, "there are no sensors to be asked");
        const auto list = sources_.record(wanted);
        if (!list) return tl::make_unexpected(list.error());
        return to_json(*list);
    });
    ApiRoute end{"vault/recordings/{id}",
                 "ends a recording before its time, at every sensor that has it; what it kept stays",
                 {},
                 v1::RecordingList::descriptor()};
    end.id_text = "8 hex digits, as starting it answered and the vault's status shows";
    end.id_pattern = "^[0-9A-Fa-f]{8}$";
    end.method = "DELETE";
    add(std::move(end), [this](const std::string& text, const ApiArguments&) -> Result<std::string> {
        const auto id = wire::parse_recording_id(text);
        if (!id) return fail(ErrorKind::usage, "a recording's id has 8 hex digits");
        v1::Recording wanted;
        wanted.set_id(*id);
        wanted.set_end(true);
        if (!sources_.record) return fail(ErrorKind::unreachable, "there are no sensors to be asked");
        const auto list = sources_.record(wanted);
        if (!list) return tl::make_unexpected(list.error());
        return to_json(*list);
    });
}

}  // namespace clew::control
