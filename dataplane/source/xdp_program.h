// SPDX-License-Identifier: Apache-2.0
// The XDP program of an interface that is read by AF_XDP: whether this kernel takes ours, where DPDK finds it, and the
// removal of one that a killed sensor left behind.
#pragma once

#include <string>

#include "nat-trace/result.h"

namespace clew::sensor {

/// The program in an anonymous file that lives as long as this object.
class XdpProgramFile {
  public:
    /// Fails with one sentence when the kernel does not take the program (before Linux 6.1, or not allowed).
    static Result<XdpProgramFile> open();
    XdpProgramFile(XdpProgramFile&& other) noexcept;
    XdpProgramFile& operator=(XdpProgramFile&& other) noexcept;
    ~XdpProgramFile();

    std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

  private:
    explicit XdpProgramFile(int file) : file_(file) {}
    int file_;
};

/// Holds an interface's queue for this process; the kernel frees it when the process ends, however it ends.
class InterfaceHold {
  public:
    static Result<InterfaceHold> take(const std::string& interface);
    InterfaceHold(InterfaceHold&& other) noexcept;
    InterfaceHold& operator=(InterfaceHold&& other) noexcept;
    ~InterfaceHold();

  private:
    explicit InterfaceHold(int socket) : socket_(socket) {}
    int socket_;
};

/// Takes an XDP program of ours or of libxdp's AF_XDP default off the interface; refuses to touch anyone else's. Call
/// with the InterfaceHold taken: then no living sensor uses it.
Result<void> remove_stale_xdp(const std::string& interface);

/// Takes our program off again; for the end, when DPDK did not. Never fails.
void remove_own_xdp(const std::string& interface);

/// Keeps libbpf and libxdp from writing to stderr: what matters comes back as a sentence.
void silence_xdp_libraries();

}  // namespace clew::sensor
