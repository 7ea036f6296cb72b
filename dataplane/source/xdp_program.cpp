// SPDX-License-Identifier: Apache-2.0
#include "dataplane/source/xdp_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "xdp_timestamp.skel.h"

namespace clew::sensor {
namespace {

constexpr std::string_view own_program = "clew_xdp_stamp";

/// The name of the XDP program on the interface; empty when there is none.
std::string attached_program(int index) {
    __u32 id = 0;
    if (bpf_xdp_query_id(index, 0, &id) != 0 || id == 0) return {};
    const int program = bpf_prog_get_fd_by_id(id);
    if (program < 0) return "unknown";
    bpf_prog_info found{};
    __u32 size = sizeof found;
    const bool known = bpf_obj_get_info_by_fd(program, &found, &size) == 0;
    close(program);
    return known ? std::string(found.name, strnlen(found.name, sizeof found.name)) : "unknown";
}

bool is_left_by_us(std::string_view name) {
    return name == own_program || name == "xsk_def_prog" || name == "xdp_dispatcher";
}

}  // namespace

Result<XdpProgramFile> XdpProgramFile::open() {
    size_t size = 0;
    const void* object = xdp_timestamp__elf_bytes(&size);
    xdp_timestamp* trial = xdp_timestamp__open_and_load();  // whether the kernel takes it
    if (!trial)
        return fail(ErrorKind::failed, std::string("the kernel refuses the time-stamping XDP program (") +
                                           std::strerror(errno) + "); it needs Linux 6.1 and CAP_BPF");
    xdp_timestamp__destroy(trial);
    const int file = memfd_create("clew-xdp", 0);
    if (file < 0 || write(file, object, size) != static_cast<ssize_t>(size)) {
        if (file >= 0) close(file);
        return fail(ErrorKind::failed, std::string("cannot write the XDP program to memory: ") + std::strerror(errno));
    }
    return XdpProgramFile(file);
}

XdpProgramFile::XdpProgramFile(XdpProgramFile&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
XdpProgramFile& XdpProgramFile::operator=(XdpProgramFile&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
}
XdpProgramFile::~XdpProgramFile() {
    if (file_ >= 0) close(file_);
}

Result<InterfaceHold> InterfaceHold::take(const std::string& interface) {
    const int socket_file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "clew-sensor/af_xdp/" + interface;  // abstract: of this network namespace
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (socket_file < 0 || bind(socket_file, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
        const bool taken = errno == EADDRINUSE;
        const std::string why = std::strerror(errno);
        if (socket_file >= 0) close(socket_file);
        if (taken)
            return fail(ErrorKind::failed,
                        "interface '" + interface +
                            "' is read by another clew-sensor: stop that one, or give it to one of them");
        return fail(ErrorKind::failed, "cannot hold interface '" + interface + "': " + why);
    }
    return InterfaceHold(socket_file);
}

InterfaceHold::InterfaceHold(InterfaceHold&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
InterfaceHold& InterfaceHold::operator=(InterfaceHold&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
}
InterfaceHold::~InterfaceHold() {
    if (socket_ >= 0) close(socket_);
}

Result<void> remove_stale_xdp(const std::string& interface) {
    const int index = static_cast<int>(if_nametoindex(interface.c_str()));
    const std::string name = attached_program(index);
    if (name.empty()) return {};
    if (!is_left_by_us(name))
        return fail(ErrorKind::failed, "interface '" + interface + "' has the XDP program '" + name +
                                           "' of another program: remove it (ip link set " + interface +
                                           " xdp off) or use af_packet:" + interface);
    if (const int result = bpf_xdp_detach(index, 0, nullptr); result != 0)
        return fail(ErrorKind::failed, "cannot take the XDP program that an earlier sensor left off '" + interface +
                                           "' (" + std::strerror(-result) + "): run ip link set " + interface +
                                           " xdp off");
    return {};
}

void remove_own_xdp(const std::string& interface) {
    const int index = static_cast<int>(if_nametoindex(interface.c_str()));
    if (index != 0 && attached_program(index) == own_program) bpf_xdp_detach(index, 0, nullptr);
}

void silence_xdp_libraries() {
    libbpf_set_print(nullptr);
    libxdp_set_print(nullptr);
}

}  // namespace clew::sensor
