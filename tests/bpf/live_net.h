// SPDX-License-Identifier: Apache-2.0
// For live tests (root): child processes, a pair of network namespaces joined by a veth, and what tcpdump saw there.
// All that is made here is taken down by the destructors.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nat-trace/address.h"

namespace clew::live {

/// A child process with its output in a file; ended and waited for when it goes out of scope.
class Child {
  public:
    Child(std::vector<std::string> command,
          std::string output_path);  ///< stdout to the file, stderr to the file + ".err"
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    pid_t pid() const { return pid_; }
    int wait();                         ///< its exit code, -signal when it was killed
    int end(int signal);                ///< sends the signal, then waits
    void say(const std::string& line);  ///< one line to its stdin
    std::string output() const;
    std::string errors() const;

  private:
    pid_t pid_ = -1;
    int stdin_ = -1;
    std::string output_path_;
};

/// Runs a command to its end; its exit code.
int run(std::vector<std::string> command);

/// Polls until `condition` holds; false after 30 s.
bool wait_until(const std::function<bool()>& condition);

struct Namespace {
    std::string name;
    std::string interface;
    std::string ip;
    std::string ip6;
    std::uint32_t inode = 0;

    std::vector<std::string> command(std::vector<std::string> words) const;  ///< to run in it
};

/// Two namespaces, client and server, joined by one veth pair.
class NamespacePair {
  public:
    NamespacePair();  ///< throws std::runtime_error with the command that failed
    NamespacePair(const NamespacePair&) = delete;
    NamespacePair& operator=(const NamespacePair&) = delete;
    ~NamespacePair();

    Namespace client, server;
};

/// One direction of a connection as captured.
struct CapturedFlow {
    bool has_isn = false;
    std::uint32_t isn = 0;
    std::uint16_t mss = 0;
    std::uint64_t packets = 0;
    std::uint64_t payload_bytes = 0;
};

/// Flows by (source, destination), read from a capture on an Ethernet interface.
std::map<std::pair<Endpoint, Endpoint>, CapturedFlow> read_capture(const std::string& path);

}  // namespace clew::live
