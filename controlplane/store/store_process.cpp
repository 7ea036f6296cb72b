// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/store_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

extern char** environ;

namespace clew::store {
namespace {

constexpr std::size_t words_bytes_max = 4096;
constexpr unsigned lock_wait_ms =
    15'000;  ///< for the store of a program that was just killed to let go of the directory

std::string random_key() {
    unsigned char bytes[16] = {};
    if (::getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) std::memset(bytes, ::getpid() & 0xff, sizeof(bytes));
    std::string text;
    for (const unsigned char byte : bytes) {
        char hex[3];
        std::snprintf(hex, sizeof(hex), "%02x", byte);
        text += hex;
    }
    return text;
}

/// The environment with the key in it.
std::vector<std::string> environment_with(const std::string& key) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (std::strncmp(*entry, "CLEW_STORE_KEY=", 15) != 0) all.emplace_back(*entry);
    }
    all.push_back("CLEW_STORE_KEY=" + key);
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

Result<std::unique_ptr<StoreProcess>> StoreProcess::start(const StoreSettings& settings) {
    std::unique_ptr<StoreProcess> child(new StoreProcess);
    if (auto spawned = child->spawn(settings); !spawned) return tl::make_unexpected(spawned.error());
    if (auto ready = child->wait_ready(settings); !ready) return tl::make_unexpected(ready.error());
    return child;
}

Result<void> StoreProcess::spawn(const StoreSettings& settings) {
    key_ = random_key();
    std::vector<std::string> arguments = {settings.store_program,
                                          "--directory",
                                          settings.directory,
                                          "--memory-bytes-max",
                                          std::to_string(settings.memory_bytes_max),
                                          "--lock-wait-ms",
                                          std::to_string(lock_wait_ms),
                                          "--end-with-stdin"};
    if (!settings.library.empty()) arguments.insert(arguments.end(), {"--library", settings.library});
    std::vector<std::string> environment = environment_with(key_);
    int in[2], err[2];
    if (::pipe2(in, O_CLOEXEC) != 0)
        return fail(ErrorKind::failed, std::string("cannot make a pipe: ") + std::strerror(errno));
    if (::pipe2(err, O_CLOEXEC) != 0) {
        ::close(in[0]);
        ::close(in[1]);
        return fail(ErrorKind::failed, std::string("cannot make a pipe: ") + std::strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    // A process group of its own: Ctrl-C at a terminal ends the parent, and the parent ends its store in order.
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    const int failure = ::posix_spawn(&pid_, settings.store_program.c_str(), &actions, &attributes,
                                      pointers_to(arguments).data(), pointers_to(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    ::close(in[0]);
    ::close(err[1]);
    stdin_ = in[1];
    stderr_ = err[0];
    if (failure != 0) {
        pid_ = -1;
        return fail(ErrorKind::failed, "the store's program " + settings.store_program + " cannot be started: " +
                                           std::strerror(failure) + "; build it (./dev build) or give store.url");
    }
    reader_ = std::thread([this] { read_words(); });
    return {};
}

Result<void> StoreProcess::wait_ready(const StoreSettings& settings) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(start_time_ms_max);
    while (std::chrono::steady_clock::now() < until) {
        {
            const std::lock_guard lock(mutex_);
            url_ = ready_url_;
            if (!url_.empty()) return {};
            if (words_ended_) break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    const std::string words = last_words();
    for (int i = 0; i < 200 && running(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const bool refused = exit_code_ == static_cast<int>(ErrorKind::not_allowed);
    if (!words.empty()) return fail(refused ? ErrorKind::not_allowed : ErrorKind::failed, words);
    return fail(ErrorKind::failed, "the store's program " + settings.store_program +
                                       (running() ? " did not get ready" : " ended without a word") + " on directory " +
                                       settings.directory + "; run it by hand to see why");
}

StoreProcess::~StoreProcess() {
    if (stdin_ >= 0) ::close(stdin_);
    if (pid_ > 0) {
        ::kill(pid_, SIGTERM);
        for (unsigned waited_ms = 0; running() && waited_ms < end_time_ms_max; waited_ms += 5) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        if (running()) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }
    if (reader_.joinable()) reader_.join();
    if (stderr_ >= 0) ::close(stderr_);
}

bool StoreProcess::running() {
    if (pid_ <= 0) return false;
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == 0) return true;
    if (ended == pid_ && WIFEXITED(status)) exit_code_ = WEXITSTATUS(status);
    pid_ = -1;
    return false;
}

std::string StoreProcess::last_words() {
    const std::lock_guard lock(mutex_);
    std::string_view words = words_;
    while (words.ends_with('\n')) words.remove_suffix(1);
    const std::size_t line = words.rfind('\n');
    return std::string(line == std::string_view::npos ? words : words.substr(line + 1));
}

/// Takes in what the child says, until it ends: its address, and words, which are passed on.
void StoreProcess::read_words() {
    constexpr std::string_view ready = "ready: ";
    std::string line;
    char bytes[1024];
    for (ssize_t got = 0; (got = ::read(stderr_, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR);) {
        for (ssize_t i = 0; i < got; ++i) {
            if (bytes[i] != '\n') {
                if (line.size() < words_bytes_max) line += bytes[i];
                continue;
            }
            const std::lock_guard lock(mutex_);
            if (line.starts_with(ready)) {
                ready_url_ = line.substr(ready.size());
            } else {
                if (words_.size() + line.size() > words_bytes_max) words_.clear();
                words_ += line + "\n";
            }
            if (!ready_url_.empty() && !words_.empty()) {  // it runs: what it says is no reason for an end, but news
                std::fprintf(stderr, "clew-store: %s", words_.c_str());
                words_.clear();
            }
            line.clear();
        }
    }
    const std::lock_guard lock(mutex_);
    if (!line.empty()) words_ += line;
    words_ended_ = true;
}

}  // namespace clew::store
