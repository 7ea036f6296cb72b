// SPDX-License-Identifier: Apache-2.0
#include "bpf/probe_error.h"

#include <bpf/libbpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace clew::agent {
namespace {

constexpr const char* kernel_types_path = "/sys/kernel/btf/vmlinux";

int show(enum libbpf_print_level level, const char* format, va_list arguments) {
    return level == LIBBPF_DEBUG ? 0 : std::vfprintf(stderr, format, arguments);
}

int keep_silent(enum libbpf_print_level, const char*, va_list) { return 0; }

}  // namespace

void set_libbpf_words(bool shown) { libbpf_set_print(shown ? show : keep_silent); }

Result<void> check_kernel() {
    utsname kernel{};
    int major = 0, minor = 0;
    if (uname(&kernel) == 0 && std::sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
        (major < kernel_major_min || (major == kernel_major_min && minor < kernel_minor_min)))
        return fail(ErrorKind::failed, "the agent needs Linux 5.11 or newer, this is " + std::string(kernel.release) +
                                           "; run a newer kernel, or leave the agent out: sensors work without it");
    if (access(kernel_types_path, R_OK) != 0)
        return fail(ErrorKind::failed,
                    std::string("this kernel has no type information (") + kernel_types_path +
                        "); use one built with CONFIG_DEBUG_INFO_BTF=y, as Debian's is, and mount /sys");
    return {};
}

Error probe_error(std::string_view probe, std::string_view step, int error_number) {
    const std::string what = "cannot " + std::string(step) + " the probe " + std::string(probe) + ": ";
    if (error_number == EPERM || error_number == EACCES) {
        if (geteuid() != 0)
            return {ErrorKind::not_allowed,
                    what + "user " + std::to_string(geteuid()) +
                        " has not the right to; run clew-agent as root or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"};
        return {ErrorKind::not_allowed,
                what +
                    "the kernel forbids it to root as well; in a container, run it privileged and in the host's "
                    "pid namespace; --verbose shows the kernel's reason"};
    }
    return {ErrorKind::failed, what + std::strerror(error_number) +
                                   "; run again with --verbose, which shows the kernel's reason, and report it"};
}

}  // namespace clew::agent
