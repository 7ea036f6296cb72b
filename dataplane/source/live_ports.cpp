// SPDX-License-Identifier: Apache-2.0
#include "dataplane/source/live_ports.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include "dataplane/source/dpdk_queue.h"
#include "dataplane/source/xdp_program.h"

namespace clew::sensor {
namespace {

constexpr std::uint16_t receive_descriptor_count = 4096;
constexpr std::uint16_t transmit_descriptor_count = 512;  // nothing is sent, but drivers want a queue
constexpr unsigned buffer_count = 10239;                  // a full ring, a full fill ring, and bursts in flight
// AF_XDP: with its headers below one 4 KiB page. AF_PACKET: a whole ring frame.
constexpr std::uint16_t xdp_room_bytes = 3584 + RTE_PKTMBUF_HEADROOM;
constexpr std::uint16_t other_room_bytes = 4096 + RTE_PKTMBUF_HEADROOM;
constexpr std::size_t buffer_bytes = 4480;  // what one takes, its own headers included
constexpr unsigned buffer_cache_count = 256;
constexpr int busy_attempt_count = 20;

std::string interfaces_there() {
    std::string names;
    struct if_nameindex* all = if_nameindex();
    for (const struct if_nameindex* one = all; one && one->if_index != 0; ++one)
        names += (names.empty() ? "" : ", ") + std::string(one->if_name);
    if (all) if_freenameindex(all);
    return names;
}

Result<void> check_allowed() {
    const int raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (raw >= 0) {
        close(raw);
        return {};
    }
    return fail(ErrorKind::not_allowed,
                std::string("this user may not capture packets (") + std::strerror(errno) +
                    "): start clew-sensor as root, or with CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_IPC_LOCK");
}

/// An address of the host's own on an interface, but for IPv6 link-local ones; empty when there is none.
std::string own_address(const std::string& interface) {
    std::string found;
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) return found;
    for (const ifaddrs* one = all; one && found.empty(); one = one->ifa_next) {
        if (!one->ifa_addr || interface != one->ifa_name) continue;
        if (one->ifa_addr->sa_family == AF_INET) {
            const auto& in = *reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
            found = to_text(IpAddress::from_v4(ntohl(in.sin_addr.s_addr)));
        } else if (one->ifa_addr->sa_family == AF_INET6) {
            const auto& in = *reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
            if (!IN6_IS_ADDR_LINKLOCAL(&in.sin6_addr)) found = to_text(IpAddress::from_v6_bytes(in.sin6_addr.s6_addr));
        }
    }
    freeifaddrs(all);
    return found;
}

Result<void> check_interface(const SourceSpec& spec) {
    if (spec.kind != SourceKind::af_xdp && spec.kind != SourceKind::af_packet) return {};
    if (if_nametoindex(spec.target.c_str()) != 0) {
        // AF_XDP takes every frame away from the host.
        const std::string address = spec.kind == SourceKind::af_xdp ? own_address(spec.target) : std::string();
        if (address.empty()) return {};
        return fail(ErrorKind::usage, "source '" + to_text(spec) + "': '" + spec.target +
                                          "' is no mirror port, it has this host's address " + address +
                                          ", and AF_XDP would cut the host off; use af_packet:" + spec.target +
                                          " to look on, or take the address off");
    }
    return fail(ErrorKind::failed, "source '" + to_text(spec) + "': there is no interface '" + spec.target +
                                       "' in this network namespace; there are " + interfaces_there());
}

std::size_t free_huge_mb() {
    std::ifstream meminfo("/proc/meminfo");
    std::string key;
    std::size_t value = 0, pages = 0, page_kb = 0;
    std::string rest;
    while (meminfo >> key >> value && std::getline(meminfo, rest)) {
        if (key == "HugePages_Free:") pages = value;
        if (key == "Hugepagesize:") page_kb = value;
    }
    return pages * page_kb / 1024;
}

/// The CPUs this process may run on, as EAL wants them: its main thread is not to be pinned to one.
std::string allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::string list;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return "0";
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) list += (list.empty() ? "" : ",") + std::to_string(cpu);
    return list;
}

class PortsOnDpdk final : public LivePorts {
  public:
    ~PortsOnDpdk() override;
    Result<void> start_environment(const std::vector<LivePortRequest>& requests, const LiveMemory& memory);
    Result<void> open_port(const LivePortRequest& request);
    const std::vector<LiveSource>& sources() const override { return sources_; }
    const std::vector<std::string>& remarks() const override { return remarks_; }

  private:
    Result<void> open_af_xdp(const LivePortRequest& request);
    Result<void> open_vdev(const LivePortRequest& request, const std::string& name, const std::string& arguments,
                           std::uint16_t queues, StampPolicy stamps);
    Result<void> start_port(const LivePortRequest& request, std::uint16_t port, std::uint16_t queues,
                            StampPolicy stamps);
    Result<void> set_up_queues(const LivePortRequest& request, std::uint16_t port, std::uint16_t queues);

    bool environment_started_ = false;
    unsigned vdev_count_ = 0;
    std::vector<std::uint16_t> ports_;
    std::vector<std::string> vdevs_;
    std::vector<std::string> xdp_interfaces_;
    std::vector<InterfaceHold> holds_;
    std::vector<XdpProgramFile> program_;  ///< none or one
    bool program_tried_ = false;
    std::vector<std::unique_ptr<DpdkQueue>> queues_;
    std::vector<LiveSource> sources_;
    std::vector<std::string> remarks_;
};

PortsOnDpdk::~PortsOnDpdk() {
    queues_.clear();
    for (const std::uint16_t port : ports_) {
        rte_eth_promiscuous_disable(port);
        rte_eth_dev_stop(port);
        rte_eth_dev_close(port);
    }
    for (const std::string& name : vdevs_) rte_vdev_uninit(name.c_str());
    for (const std::string& interface : xdp_interfaces_) remove_own_xdp(interface);
    if (environment_started_) rte_eal_cleanup();
}

Result<void> PortsOnDpdk::start_environment(const std::vector<LivePortRequest>& requests, const LiveMemory& memory) {
    std::vector<std::string> words = {"clew-sensor", "--no-telemetry", "--log-level=*:critical",
                                      "--lcores=0@(" + allowed_cpus() + ")"};
    bool any_pci = false;
    for (const LivePortRequest& request : requests) {
        if (request.spec.kind != SourceKind::pci) continue;
        any_pci = true;
        words.push_back("-a");
        words.push_back(request.spec.target);
    }
    if (!any_pci) words.push_back("--no-pci");
    const bool huge = memory.huge_pages_auto && free_huge_mb() >= memory.mb;
    words.push_back("-m");
    words.push_back(std::to_string(memory.mb));
    // Either way nothing is shared with, or left behind for, another process; DPDK allows only one of the two.
    if (huge) words.push_back("--in-memory");
    if (!huge)
        for (const char* word : {"--no-huge", "--no-shconf", "--iova-mode=va"}) words.push_back(word);
    remarks_.push_back(
        huge ? "packet buffers are in huge pages"
             : "packet buffers are in ordinary pages" +
                   std::string(memory.huge_pages_auto
                                   ? ": fewer than " + std::to_string(memory.mb) + " MB of 2 MB pages are free (echo " +
                                         std::to_string(memory.mb / 2) + " > /proc/sys/vm/nr_hugepages gives some)"
                                   : ""));
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    rte_log_set_global_level(RTE_LOG_CRIT);
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
        return fail(rte_errno == EACCES || rte_errno == EPERM ? ErrorKind::not_allowed : ErrorKind::failed,
                    std::string("DPDK cannot start (") + rte_strerror(rte_errno) +
                        ") with memory.mb: " + std::to_string(memory.mb) + "; free memory or lower memory.mb");
    environment_started_ = true;
    return {};
}

Result<void> PortsOnDpdk::open_port(const LivePortRequest& request) {
    const std::string& target = request.spec.target;
    switch (request.spec.kind) {
        case SourceKind::af_xdp: return open_af_xdp(request);
        case SourceKind::af_packet:
            return open_vdev(request, "net_af_packet" + std::to_string(vdev_count_++),
                             "iface=" + target + ",qpairs=" + std::to_string(request.queues) +
                                 ",blocksz=65536,framesz=4096,framecnt=4096",
                             request.queues, StampPolicy::driver_or_poll);
        case SourceKind::pci: {
            std::uint16_t port = 0;
            if (rte_eth_dev_get_port_by_name(target.c_str(), &port) != 0)
                return fail(ErrorKind::failed,
                            "source '" + to_text(request.spec) +
                                "': DPDK finds no such NIC; bind it with dpdk-devbind.py -b vfio-pci " + target);
            return start_port(request, port, request.queues, StampPolicy::poll);
        }
        case SourceKind::pcap: break;
    }
    return fail(ErrorKind::usage, "source '" + to_text(request.spec) + "' is not a live one");
}

Result<void> PortsOnDpdk::open_af_xdp(const LivePortRequest& request) {
    const std::string& interface = request.spec.target;
    auto hold = InterfaceHold::take(interface);
    if (!hold) return tl::make_unexpected(hold.error());
    holds_.push_back(std::move(*hold));
    if (auto removed = remove_stale_xdp(interface); !removed) return removed;
    xdp_interfaces_.push_back(interface);
    if (!program_tried_) {
        program_tried_ = true;
        auto program = XdpProgramFile::open();
        if (program)
            program_.push_back(std::move(*program));
        else
            remarks_.push_back(program.error().sentence + "; packets are stamped when they are polled");
    }
    // DPDK loads one program for each of its devices, and each queue is a device: several queues share libxdp's own
    // one.
    const bool stamped = !program_.empty() && request.queues == 1;
    if (request.queues > 1)
        remarks_.push_back("'" + to_text(request.spec) +
                           "' is read on several queues: packets are stamped when they are polled");
    for (std::uint16_t queue = 0; queue < request.queues; ++queue) {
        std::string arguments = "iface=" + interface + ",busy_budget=0,start_queue=" + std::to_string(queue);
        if (stamped) arguments += ",xdp_prog=" + program_.front().path();
        auto opened = open_vdev(request, "net_af_xdp" + std::to_string(vdev_count_++), arguments, 1,
                                stamped ? StampPolicy::xdp_metadata : StampPolicy::poll);
        if (!opened) return opened;
    }
    return {};
}

Result<void> PortsOnDpdk::open_vdev(const LivePortRequest& request, const std::string& name,
                                    const std::string& arguments, std::uint16_t queues, StampPolicy stamps) {
    const int result = rte_vdev_init(name.c_str(), arguments.c_str());
    std::uint16_t port = 0;
    if (result != 0 || rte_eth_dev_get_port_by_name(name.c_str(), &port) != 0)
        return fail(ErrorKind::failed,
                    "source '" + to_text(request.spec) + "': the driver does not take the interface (" +
                        rte_strerror(result < 0 ? -result : ENODEV) + "); try af_packet:" + request.spec.target);
    vdevs_.push_back(name);
    return start_port(request, port, queues, stamps);
}

Result<void> PortsOnDpdk::set_up_queues(const LivePortRequest& request, std::uint16_t port, std::uint16_t queues) {
    const auto refuse = [&](const char* step, int result) {
        const bool busy = result == -EBUSY;
        return fail(result == -EPERM || result == -EACCES ? ErrorKind::not_allowed : ErrorKind::failed,
                    "source '" + to_text(request.spec) + "': " + step + " failed (" + rte_strerror(-result) + ")" +
                        (busy ? "; another program reads this interface by AF_XDP: stop it"
                              : "; try af_packet:" + request.spec.target + ", and look at dmesg"));
    };
    const std::uint16_t room = request.spec.kind == SourceKind::af_xdp ? xdp_room_bytes : other_room_bytes;
    for (std::uint16_t queue = 0; queue < queues; ++queue) {
        const std::string name = "clew-" + std::to_string(port) + "-" + std::to_string(queue);
        rte_mempool* pool =
            rte_pktmbuf_pool_create(name.c_str(), buffer_count, buffer_cache_count, 0, room, SOCKET_ID_ANY);
        if (!pool)
            return fail(ErrorKind::failed, "no room for the packet buffers of '" + to_text(request.spec) +
                                               "': raise memory.mb by " +
                                               std::to_string((buffer_count * buffer_bytes) >> 20));
        int result = 0;
        for (int attempt = 0; attempt < busy_attempt_count;
             ++attempt) {  // the kernel frees a killed sensor's queue late
            result = rte_eth_rx_queue_setup(port, queue, receive_descriptor_count, SOCKET_ID_ANY, nullptr, pool);
            if (result != -EBUSY) break;
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        if (result != 0) return refuse("setting a receive queue up", result);
        result = rte_eth_tx_queue_setup(port, queue, transmit_descriptor_count, SOCKET_ID_ANY, nullptr);
        if (result != 0) return refuse("setting a queue up", result);
    }
    if (const int result = rte_eth_dev_start(port); result != 0) return refuse("starting the port", result);
    return {};
}

Result<void> PortsOnDpdk::start_port(const LivePortRequest& request, std::uint16_t port, std::uint16_t queues,
                                     StampPolicy stamps) {
    ports_.push_back(port);
    rte_eth_dev_info device{};
    rte_eth_dev_info_get(port, &device);
    rte_eth_conf settings{};
    const bool driver_stamps =
        stamps == StampPolicy::driver_or_poll && (device.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
    if (driver_stamps) settings.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    if (queues > 1 && request.spec.kind == SourceKind::pci) {
        settings.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        settings.rx_adv_conf.rss_conf.rss_hf = device.flow_type_rss_offloads;
    }
    if (const int result = rte_eth_dev_configure(port, queues, queues, &settings); result != 0)
        return fail(ErrorKind::failed, "source '" + to_text(request.spec) + "': the driver refuses " +
                                           std::to_string(queues) + " queues (" + rte_strerror(-result) +
                                           "); lower queues");
    if (auto set_up = set_up_queues(request, port, queues); !set_up) return set_up;
    rte_eth_promiscuous_enable(port);
    if (stamps == StampPolicy::driver_or_poll && !driver_stamps) stamps = StampPolicy::poll;
    for (std::uint16_t queue = 0; queue < queues; ++queue) {
        queues_.push_back(std::make_unique<DpdkQueue>(port, queue, request.tap, stamps, request.kernel_stamp_error_ns));
        sources_.push_back({request.tap, queues_.back().get()});
    }
    return {};
}

}  // namespace

std::size_t LivePorts::memory_bytes(const std::vector<LivePortRequest>& requests) {
    std::size_t queues = 0;
    for (const LivePortRequest& request : requests) queues += request.queues;
    return queues * buffer_count * buffer_bytes;
}

Result<std::unique_ptr<LivePorts>> LivePorts::open(const std::vector<LivePortRequest>& requests,
                                                   const LiveMemory& memory) {
    if (auto allowed = check_allowed(); !allowed) return tl::make_unexpected(allowed.error());
    for (const LivePortRequest& request : requests)
        if (auto there = check_interface(request.spec); !there) return tl::make_unexpected(there.error());
    silence_xdp_libraries();
    auto ports = std::make_unique<PortsOnDpdk>();
    if (auto started = ports->start_environment(requests, memory); !started)
        return tl::make_unexpected(started.error());
    for (const LivePortRequest& request : requests)
        if (auto opened = ports->open_port(request); !opened) return tl::make_unexpected(opened.error());
    return ports;
}

}  // namespace clew::sensor
