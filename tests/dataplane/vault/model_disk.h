// SPDX-License-Identifier: Apache-2.0
// A disk in memory that fails where a test says: errors, short writes, and an end of the process at any call. What was
// written before an end is there afterwards; of the write in hand a part. Calls may come from several threads; what a
// test reads itself it reads when they are at rest.
#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/vault/disk.h"

namespace clew::vault {

struct Killed {};

enum class Fault { none, error, short_write, kill };

class ModelDisk final : public Disk {
  public:
    std::map<std::string, std::shared_ptr<std::vector<std::uint8_t>>> files;
    std::uint64_t calls = 0;
    /// What becomes of the call with this number; `error` is errno then.
    std::function<Fault(std::uint64_t call)> plan = [](std::uint64_t) { return Fault::none; };
    int error = ENOSPC;
    std::uint32_t torn = 0;  ///< how many bytes of a killed or short write are there, at most

    std::uint64_t bytes() const {
        std::uint64_t sum = 0;
        for (const auto& [path, content] : files) sum += content->size();
        return sum;
    }

    int make_directories(const std::string&) override {
        const std::lock_guard lock(mutex);
        return fails() ? -error : 0;
    }
    int list(const std::string& directory, std::vector<DiskEntry>& entries) override {
        const std::lock_guard lock(mutex);
        if (fails()) return -error;
        for (const auto& [path, content] : files)
            if (path.starts_with(directory + "/"))
                entries.push_back({path.substr(directory.size() + 1), content->size()});
        return 0;
    }
    int create(const std::string& path, std::unique_ptr<File>& file) override {
        const std::lock_guard lock(mutex);
        if (files.contains(path)) return -EEXIST;
        if (fails()) return -error;
        files[path] = std::make_shared<std::vector<std::uint8_t>>();
        file = std::make_unique<ModelFile>(*this, files[path]);
        return 0;
    }
    int open(const std::string& path, std::unique_ptr<File>& file) override {
        const std::lock_guard lock(mutex);
        if (!files.contains(path)) return -ENOENT;
        if (fails()) return -error;
        file = std::make_unique<ModelFile>(*this, files[path]);
        return 0;
    }
    int remove(const std::string& path) override {
        const std::lock_guard lock(mutex);
        if (fails()) return -error;
        return files.erase(path) == 1 ? 0 : -ENOENT;
    }

  private:
    std::mutex mutex;

    Fault next() { return plan(calls++); }
    bool fails() {
        const Fault fault = next();
        if (fault == Fault::kill) throw Killed{};
        return fault == Fault::error;
    }

    struct ModelFile final : File {
        ModelFile(ModelDisk& of, std::shared_ptr<std::vector<std::uint8_t>> bytes)
            : disk(of), content(std::move(bytes)) {}
        std::int64_t append(std::span<const std::uint8_t> bytes) override {
            const std::lock_guard lock(disk.mutex);
            const Fault fault = disk.next();
            if (fault == Fault::error) return -disk.error;
            const std::size_t taken =
                fault == Fault::none ? bytes.size() : std::min<std::size_t>(disk.torn, bytes.size());
            content->insert(content->end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
            if (fault == Fault::kill) throw Killed{};
            return static_cast<std::int64_t>(taken);
        }
        std::int64_t read(std::uint64_t offset, std::span<std::uint8_t> to) override {
            const std::lock_guard lock(disk.mutex);
            if (disk.fails()) return -EIO;
            if (offset >= content->size()) return 0;
            const std::size_t count = std::min<std::size_t>(to.size(), content->size() - offset);
            std::copy_n(content->begin() + static_cast<std::ptrdiff_t>(offset), count, to.begin());
            return static_cast<std::int64_t>(count);
        }
        int truncate(std::uint64_t length) override {
            const std::lock_guard lock(disk.mutex);
            if (disk.fails()) return -disk.error;
            content->resize(length);
            return 0;
        }
        int sync() override {
            const std::lock_guard lock(disk.mutex);
            return disk.fails() ? -disk.error : 0;
        }

        ModelDisk& disk;
        std::shared_ptr<std::vector<std::uint8_t>> content;
    };
};

}  // namespace clew::vault
