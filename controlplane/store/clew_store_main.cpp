// SPDX-License-Identifier: Apache-2.0
// clew-store: hosts the embedded ClickHouse engine on one directory and speaks ClickHouse's HTTP interface on loopback.
// A program of its own, because the engine's library brings its own allocator, threads and exit handlers.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include <CLI/CLI.hpp>

#include "configs/command_line.h"
#include "controlplane/http/http.h"
#include "controlplane/store/clickhouse_http.h"
#include "controlplane/store/embedded_engine.h"

namespace clew::store {
namespace {

constexpr std::uint64_t body_bytes_max = 512ull << 20;
constexpr std::uint32_t idle_timeout_ms = 600'000;
constexpr std::chrono::milliseconds insert_grace{3000};  ///< for inserts that run when the end is asked for

struct Options {
    std::string directory;
    std::uint16_t port = 0;
    std::string library;
    std::uint64_t memory_bytes_max = 2ull << 30;
    std::uint32_t query_thread_count = 4;
    std::uint32_t lock_wait_ms = 0;
    bool end_with_stdin = false;
};

Result<void> prepare_directory(const std::string& directory) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(errno == EACCES ? ErrorKind::not_allowed : ErrorKind::failed,
                    "the store directory " + directory + " cannot be made: " + std::strerror(errno) +
                        "; make its parent or name another directory");
    }
    struct stat about {};
    if (::stat(directory.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) {
        return fail(ErrorKind::failed,
                    "the store directory " + directory + " is not a directory; name another directory");
    }
    if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
        return fail(ErrorKind::not_allowed, "the store directory " + directory +
                                                " may not be written; change its owner or name another directory");
    }
    return {};
}

/// Holds the directory for this process; the kernel lets go of it when the process ends, however it ends.
Result<int> lock_directory(const Options& options) {
    const std::string path = options.directory + "/clew-store.lock";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return fail(ErrorKind::failed, "cannot open " + path + ": " + std::strerror(errno));
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(options.lock_wait_ms);
    while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (std::chrono::steady_clock::now() >= until) {
            char holder[32] = {};
            const ssize_t got = ::pread(file, holder, sizeof(holder) - 1, 0);
            ::close(file);
            return fail(ErrorKind::failed,
                        "the store directory " + options.directory + " is in use by another clew-store (pid " +
                            (got > 0 ? holder : "unknown") + "); end that one or name another directory");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(file, 0) != 0 || ::pwrite(file, pid.data(), pid.size(), 0) < 0)
        std::perror("clew-store: lock file");
    return file;
}

/// The engine's threads inherit the mask of the one that starts them: a pinned parent would pin them all.
void use_every_cpu() {
    cpu_set_t all;
    std::memset(&all, 0xff, sizeof(all));
    ::sched_setaffinity(0, sizeof(all), &all);
}

/// Returns when SIGTERM or SIGINT came, or (when asked for) stdin ended.
void wait_for_the_end(int signals, bool end_with_stdin) {
    pollfd waited[2] = {{signals, POLLIN, 0}, {end_with_stdin ? STDIN_FILENO : -1, POLLIN, 0}};
    while (true) {
        if (::poll(waited, 2, -1) < 0 && errno != EINTR) return;
        if (waited[0].revents != 0) return;
        char bytes[256];
        if (waited[1].revents != 0 && ::read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0) return;
    }
}

/// Cancels what runs, until the server has joined its threads. Exit with a query in flight crashes the library.
void stop(std::unique_ptr<http::Server> server, EmbeddedEngine& engine) {
    std::atomic<bool> stopped = false;
    std::thread canceller([&] {
        const auto begin = std::chrono::steady_clock::now();
        while (!stopped) {
            engine.cancel_all(std::chrono::steady_clock::now() - begin > insert_grace);
            for (int i = 0; i < 10 && !stopped; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    });
    server.reset();
    stopped = true;
    canceller.join();
}

Result<void> serve(const Options& options) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    use_every_cpu();
    if (auto ready = prepare_directory(options.directory); !ready) return ready;
    auto lock = lock_directory(options);
    if (!lock) return tl::make_unexpected(lock.error());

    EmbeddedEngineSettings engine_settings;
    // The engine joins its path to names that hold it already, so a relative one ends up in the path twice.
    engine_settings.directory = std::filesystem::absolute(options.directory).string();
    engine_settings.library = chdb_library_path(options.library);
    engine_settings.memory_bytes_max = options.memory_bytes_max;
    auto engine = EmbeddedEngine::open(engine_settings);
    if (!engine) return tl::make_unexpected(engine.error());
    if (const std::string damaged = (*engine)->damaged_parts(); !damaged.empty()) {
        std::fprintf(stderr, "damaged parts were set aside and are not searched (%s); see system.detached_parts\n",
                     damaged.c_str());
    }

    const char* key = std::getenv("CLEW_STORE_KEY");
    http::ServerSettings server_settings;
    server_settings.port = options.port;
    server_settings.thread_count = options.query_thread_count;
    server_settings.body_bytes_max = body_bytes_max;
    server_settings.idle_timeout_ms = idle_timeout_ms;
    auto server = http::Server::start(
        server_settings, [&engine, key = std::string(key != nullptr ? key : "")](const http::Request& request) {
            return answer_clickhouse_request(request, **engine, key);
        });
    if (!server) return tl::make_unexpected(server.error());
    ::signal(SIGPIPE, SIG_IGN);
    std::fprintf(stderr, "ready: http://127.0.0.1:%u\n", (*server)->port());
    std::fflush(stderr);

    const int signals = ::signalfd(-1, &ends, SFD_CLOEXEC);
    wait_for_the_end(signals, options.end_with_stdin);
    stop(std::move(*server), **engine);
    engine->reset();
    return {};
}

}  // namespace
}  // namespace clew::store

int main(int argc, char** argv) {
    clew::store::Options options;
    CLI::App app(
        "Clew's embedded store: ClickHouse's engine on one directory, ClickHouse's HTTP interface on loopback");
    app.add_option("--directory", options.directory, "where the store keeps its files; made when absent")->required();
    app.add_option("--port", options.port,
                   "TCP port on 127.0.0.1; 0: the kernel picks one, see the line 'ready:' on stderr");
    app.add_option("--library", options.library,
                   "path of libchdb.so (else CLEW_CHDB, else /usr/local/lib/clew/libchdb.so)");
    app.add_option("--memory-bytes-max", options.memory_bytes_max, "memory of the engine")
        ->check(CLI::Range(std::uint64_t{256} << 20, std::uint64_t{1} << 50));
    app.add_option("--query-thread-count", options.query_thread_count, "statements that run at once")
        ->check(CLI::Range(1u, 64u));
    app.add_option("--lock-wait-ms", options.lock_wait_ms,
                   "how long to wait for another clew-store to let go of the directory");
    app.add_flag("--end-with-stdin", options.end_with_stdin, "end when stdin ends: so a parent's death ends its store");
    if (const auto code = clew::configs::parse_command_line(app, "clew-store", argc, argv)) return *code;
    const auto served = clew::store::serve(options);
    if (served) return 0;
    std::fprintf(stderr, "%s\n", served.error().sentence.c_str());
    return static_cast<int>(served.error().kind);
}
