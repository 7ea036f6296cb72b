// SPDX-License-Identifier: Apache-2.0
// The disk as a store of the vault sees it. By parameter, so that tests inject every fault. Failures are negative errno
// values, as the kernel's; a write may be short.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace clew::vault {

class File {
  public:
    virtual ~File() = default;
    virtual std::int64_t append(std::span<const std::uint8_t> bytes) = 0;  ///< bytes taken, or -errno
    virtual std::int64_t read(std::uint64_t offset, std::span<std::uint8_t> to) = 0;
    /// These bytes will be read soon: the disk may begin with several such at a time.
    virtual void expect(std::uint64_t, std::size_t) {}
    virtual int truncate(std::uint64_t length) = 0;
    virtual int sync() = 0;
};

struct DiskEntry {
    std::string name;
    std::uint64_t bytes = 0;
};

class Disk {
  public:
    virtual ~Disk() = default;
    virtual int make_directories(const std::string& directory) = 0;
    virtual int list(const std::string& directory, std::vector<DiskEntry>& entries) = 0;  ///< regular files
    /// Must not be there yet; its name is on the disk itself then.
    virtual int create(const std::string& path, std::unique_ptr<File>& file) = 0;
    virtual int open(const std::string& path, std::unique_ptr<File>& file) = 0;  ///< to read and cut
    virtual int remove(const std::string& path) = 0;
};

/// The machine's own.
std::unique_ptr<Disk> make_real_disk();

}  // namespace clew::vault
