// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/ring_source.h"

#include <unistd.h>

#include <array>
#include <string>

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "dataplane/source/dpdk_queue.h"

namespace clew::sensor {
namespace {

constexpr unsigned buffer_count = 8191;
constexpr std::uint16_t room_bytes = 2048 + RTE_PKTMBUF_HEADROOM;

class RingOnDpdk final : public RingSource {
  public:
    bool open() {
        pool_ = rte_pktmbuf_pool_create("bench", buffer_count, 256, 0, room_bytes, SOCKET_ID_ANY);
        ring_ = rte_ring_create("bench", 8192, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (pool_ == nullptr || ring_ == nullptr) return false;
        const int port = rte_eth_from_ring(ring_);
        if (port < 0) return false;
        const auto id = static_cast<std::uint16_t>(port);
        rte_eth_conf conf{};
        if (rte_eth_dev_configure(id, 1, 1, &conf) != 0 ||
            rte_eth_rx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, nullptr, pool_) != 0 ||
            rte_eth_tx_queue_setup(id, 0, 1024, SOCKET_ID_ANY, nullptr) != 0 || rte_eth_dev_start(id) != 0)
            return false;
        queue_ = std::make_unique<DpdkQueue>(id, 0, 0, StampPolicy::poll, 0);
        return true;
    }

    void fill(Traffic& traffic) override {
        CLEW_CHECK(rte_pktmbuf_alloc_bulk(pool_, buffers_.data(), packet_count) == 0);
        for (rte_mbuf* buffer : buffers_) {
            auto* to = rte_pktmbuf_mtod(buffer, std::uint8_t*);
            const std::uint32_t length = traffic.next(to);
            buffer->data_len = static_cast<std::uint16_t>(length);
            buffer->pkt_len = length;
        }
        CLEW_CHECK(rte_ring_enqueue_bulk(ring_, reinterpret_cast<void* const*>(buffers_.data()), packet_count,
                                         nullptr) == packet_count);
    }
    PacketSource& source() override { return *queue_; }

  private:
    rte_mempool* pool_ = nullptr;
    rte_ring* ring_ = nullptr;
    std::unique_ptr<DpdkQueue> queue_;
    std::array<rte_mbuf*, packet_count> buffers_{};
};

}  // namespace

std::unique_ptr<RingSource> RingSource::create() {
    std::string cpus = "--lcores=0@(0-" + std::to_string(sysconf(_SC_NPROCESSORS_ONLN) - 1) + ")";
    std::array<std::string, 9> words = {"bench",          "--no-huge",      "-m", "128", "--no-pci", "--no-shconf",
                                        "--iova-mode=va", "--no-telemetry", cpus};
    std::array<char*, 9> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
    rte_log_set_global_level(RTE_LOG_ERR);
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) return nullptr;
    auto ring = std::make_unique<RingOnDpdk>();
    if (!ring->open()) return nullptr;
    return ring;
}

}  // namespace clew::sensor
