// SPDX-License-Identifier: Apache-2.0
#include "controlplane/gateway_keeper.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace clew::control {
namespace {

bool write_all(int descriptor, const std::string& bytes) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const ssize_t written = ::write(descriptor, bytes.data() + at, bytes.size() - at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += static_cast<std::size_t>(written);
    }
    return ::fsync(descriptor) == 0;
}

}  // namespace

GatewayKeeper::GatewayKeeper(std::string path) : path_(std::move(path)) {
    if (keeps()) thread_ = std::thread([this] { run(); });
}

GatewayKeeper::~GatewayKeeper() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

Result<wire::LearntGateways> GatewayKeeper::load() const {
    std::error_code none;
    if (!keeps() || !std::filesystem::exists(path_, none)) return wire::LearntGateways{};
    std::ifstream file(path_, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) return fail(ErrorKind::failed, path_ + " cannot be read");
    auto learnt = wire::decode_gateway_state(bytes);
    if (!learnt) return fail(learnt.error().kind, path_ + ": " + learnt.error().sentence);
    return learnt;
}

void GatewayKeeper::put(std::string state) {
    if (!keeps()) return;
    {
        const std::lock_guard lock(mutex_);
        waiting_ = std::move(state);
    }
    changed_.notify_one();
}

std::uint64_t GatewayKeeper::failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
}

void GatewayKeeper::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const std::string state = std::exchange(waiting_, {});
        lock.unlock();
        const bool written = write(state);
        lock.lock();
        failures_ += !written;
    }
}

bool GatewayKeeper::write(const std::string& state) const {
    const std::string beside = path_ + ".new";
    const int descriptor = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (descriptor < 0) return false;
    const bool written = write_all(descriptor, state);
    ::close(descriptor);
    if (written && std::rename(beside.c_str(), path_.c_str()) == 0) return true;
    ::unlink(beside.c_str());
    return false;
}

}  // namespace clew::control
