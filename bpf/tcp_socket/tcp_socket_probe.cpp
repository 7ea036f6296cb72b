// SPDX-License-Identifier: Apache-2.0
#include "bpf/tcp_socket/tcp_socket_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <span>

#include "bpf/probe_error.h"
#include "bpf/tcp_socket/tcp_socket_leg.h"
#include "skeletons/tcp_socket.skel.h"

namespace clew::agent {
namespace {

constexpr std::string_view probe_name = "tcp_socket";
constexpr std::size_t read_event_count = 512;

struct SkeletonEnd {
    void operator()(tcp_socket* skeleton) const { tcp_socket__destroy(skeleton); }
};
struct RingEnd {
    void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};
struct LinkEnd {
    void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

class Fd {
  public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() {
        if (fd_ >= 0) close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

class LoadedTcpSocketProbe final : public TcpSocketProbe {
  public:
    LoadedTcpSocketProbe(tcp_socket* skeleton, Take take) : skeleton_(skeleton), take_(std::move(take)) {}

    Result<void> start() {
        if (const int error = tcp_socket__load(skeleton_.get())) return failed("load", -error);
        // Only these two run by themselves; the iterators run when they are read.
        state_link_.reset(bpf_program__attach(skeleton_->progs.on_state));
        if (!state_link_) return failed("attach", errno);
        read_link_.reset(bpf_program__attach(skeleton_->progs.on_read));
        if (!read_link_) return failed("attach", errno);
        ring_.reset(ring_buffer__new(bpf_map__fd(skeleton_->maps.events), on_ring, this, nullptr));
        if (!ring_) return failed("open the ring buffer of", errno);
        return {};
    }

    Result<void> find_existing() override { return read_all(skeleton_->progs.find_existing); }

    void poll(int timeout_ms) override {
        ring_buffer__poll(ring_.get(), timeout_ms);  // wakes only when the ring is crowded
        ring_buffer__consume(ring_.get());
    }

    Result<void> take_census(bool all) override {
        skeleton_->bss->census_whole = all ? 1 : 0;
        ++skeleton_->bss->census_round;
        return read_all(skeleton_->progs.take_census);
    }

    std::vector<ProbeCount> counters() const override {
        static constexpr std::array<ProbeCount, TCP_SOCKET_COUNTER_COUNT> rows{{
#define X(name, text) {#name, text, 0},
            TCP_SOCKET_COUNTERS(X)
#undef X
        }};
        std::vector<ProbeCount> counts(rows.begin(), rows.end());
        const int cpu_count = libbpf_num_possible_cpus();
        std::vector<std::uint64_t> by_cpu(cpu_count > 0 ? static_cast<std::size_t>(cpu_count) : 0);
        for (std::uint32_t i = 0; i < counts.size() && !by_cpu.empty(); ++i) {
            if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.counters), &i, by_cpu.data()) != 0) continue;
            for (const std::uint64_t value : by_cpu) counts[i].value += value;
        }
        counts.push_back({"reports_malformed", "reports from the kernel of another shape than expected, left out",
                          malformed_.load(std::memory_order_relaxed)});
        return counts;
    }

  private:
    static tl::unexpected<Error> failed(std::string_view step, int error_number) {
        return tl::make_unexpected(probe_error(probe_name, step, error_number));
    }

    static int on_ring(void* probe, void* bytes, std::size_t size) {
        static_cast<LoadedTcpSocketProbe*>(probe)->hand_on({static_cast<const std::byte*>(bytes), size});
        return 0;
    }

    void hand_on(std::span<const std::byte> bytes) {
        if (const auto event = decode_tcp_socket_event(bytes))
            take_(*event);
        else
            malformed_.fetch_add(1, std::memory_order_relaxed);
    }

    /// Runs an iterator to its end.
    Result<void> read_all(bpf_program* program) {
        const std::unique_ptr<bpf_link, LinkEnd> link(bpf_program__attach_iter(program, nullptr));
        if (!link) return failed("attach an iterator of", errno);
        const Fd iterator(bpf_iter_create(bpf_link__fd(link.get())));
        if (iterator.get() < 0) return failed("start an iterator of", errno);
        std::vector<std::byte> bytes(read_event_count * sizeof(tcp_socket_event));
        std::size_t filled = 0;
        for (;;) {
            const ssize_t got = read(iterator.get(), bytes.data() + filled, bytes.size() - filled);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;  // a million files without a socket: go on
            if (got < 0) return failed("read an iterator of", errno);
            if (got == 0) return {};
            filled += static_cast<std::size_t>(got);
            std::size_t taken = 0;
            for (; filled - taken >= sizeof(tcp_socket_event); taken += sizeof(tcp_socket_event))
                hand_on(std::span(bytes).subspan(taken, sizeof(tcp_socket_event)));
            std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(taken),
                      bytes.begin() + static_cast<std::ptrdiff_t>(filled), bytes.begin());
            filled -= taken;
        }
    }

    std::unique_ptr<tcp_socket, SkeletonEnd> skeleton_;
    Take take_;
    std::atomic<std::uint64_t> malformed_ = 0;
    std::unique_ptr<ring_buffer, RingEnd> ring_;
    std::unique_ptr<bpf_link, LinkEnd> state_link_, read_link_;
};

}  // namespace

Result<std::unique_ptr<TcpSocketProbe>> TcpSocketProbe::start(std::uint32_t ring_bytes, Take take) {
    if (auto kernel = check_kernel(); !kernel) return tl::make_unexpected(kernel.error());
    tcp_socket* skeleton = tcp_socket__open();
    if (!skeleton) return tl::make_unexpected(probe_error(probe_name, "open", errno));
    auto probe = std::make_unique<LoadedTcpSocketProbe>(skeleton, std::move(take));
    bpf_map__set_max_entries(skeleton->maps.events, ring_bytes);
    skeleton->rodata->ring_wake_bytes = ring_bytes / 4;
    if (auto started = probe->start(); !started) return tl::make_unexpected(started.error());
    return probe;
}

}  // namespace clew::agent
