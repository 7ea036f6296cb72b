// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/disk.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace clew::vault {
namespace {

class RealFile final : public File {
  public:
    explicit RealFile(int descriptor) : descriptor_(descriptor) {}
    ~RealFile() override { close(descriptor_); }
    RealFile(const RealFile&) = delete;
    RealFile& operator=(const RealFile&) = delete;

    std::int64_t append(std::span<const std::uint8_t> bytes) override {
        const ssize_t taken = ::write(descriptor_, bytes.data(), bytes.size());
        return taken < 0 ? -errno : taken;
    }
    std::int64_t read(std::uint64_t offset, std::span<std::uint8_t> to) override {
        const ssize_t got = ::pread(descriptor_, to.data(), to.size(), static_cast<off_t>(offset));
        return got < 0 ? -errno : got;
    }
    void expect(std::uint64_t offset, std::size_t bytes) override {
        (void)::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_WILLNEED);
    }
    int truncate(std::uint64_t length) override {
        return ::ftruncate(descriptor_, static_cast<off_t>(length)) == 0 ? 0 : -errno;
    }
    int sync() override { return ::fdatasync(descriptor_) == 0 ? 0 : -errno; }

  private:
    int descriptor_;
};

class RealDisk final : public Disk {
  public:
    int make_directories(const std::string& directory) override {
        std::error_code error;
        std::filesystem::create_directories(directory, error);
        return -error.value();
    }
    int list(const std::string& directory, std::vector<DiskEntry>& entries) override {
        std::error_code error;
        for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
            std::error_code ignored;
            if (at->is_regular_file(ignored)) entries.push_back({at->path().filename(), at->file_size(ignored)});
        }
        return -error.value();
    }
    int create(const std::string& path, std::unique_ptr<File>& file) override {
        int error = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, file);
        if (error == 0) error = sync_directory_of(path);
        if (error != 0 && file) {
            file.reset();
            (void)::unlink(path.c_str());
        }
        return error;
    }
    int open(const std::string& path, std::unique_ptr<File>& file) override {
        return open(path, O_RDWR | O_APPEND | O_CLOEXEC, file);
    }
    int remove(const std::string& path) override { return ::unlink(path.c_str()) == 0 ? 0 : -errno; }

  private:
    /// A new file's name is in its directory, which a power cut may take as well.
    static int sync_directory_of(const std::string& path) {
        const std::string directory = std::filesystem::path(path).parent_path();
        const int descriptor = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0) return -errno;
        const int error = ::fsync(descriptor) == 0 || errno == EINVAL ? 0 : -errno;  // EINVAL: it has nothing to sync
        close(descriptor);
        return error;
    }
    static int open(const std::string& path, int flags, std::unique_ptr<File>& file) {
        constexpr mode_t owner_only = 0600;
        const int descriptor = ::open(path.c_str(), flags, owner_only);
        if (descriptor < 0) return -errno;
        file = std::make_unique<RealFile>(descriptor);
        return 0;
    }
};

}  // namespace

std::unique_ptr<Disk> make_real_disk() { return std::make_unique<RealDisk>(); }

}  // namespace clew::vault
