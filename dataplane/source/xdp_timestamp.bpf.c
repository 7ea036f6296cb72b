// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Hands every frame of an interface to the AF_XDP socket of its queue, with the kernel's time of arrival in front of
// it. Needs Linux 6.1 (bpf_ktime_get_tai_ns). A queue without a socket keeps its frames.
#include <linux/bpf.h>  // first: the helpers need its types

#include <bpf/bpf_helpers.h>

#include "dataplane/source/xdp_timestamp.h"

// One AF_XDP socket a receive queue; filled in by DPDK, which looks for this name.
struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 64);
    __type(key, __u32);
    __type(value, __u32);
} xsks_map SEC(".maps");

SEC("xdp")
int clew_xdp_stamp(struct xdp_md* context) {
    if (bpf_xdp_adjust_meta(context, -(int)sizeof(struct clew_xdp_stamp)) == 0) {
        struct clew_xdp_stamp* stamp = (void*)(long)context->data_meta;

        if ((void*)(stamp + 1) <= (void*)(long)context->data) {
            stamp->mark = CLEW_XDP_STAMP_MARK;
            stamp->tai_ns = bpf_ktime_get_tai_ns();
        }
    }
    return bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
