// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The few kernel types the probes read, each with only the members that are read. Offsets are not these: every access
// is relocated when a program is loaded (preserve_access_index), by name, against the running kernel's own type
// information.
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
    unsigned int inum;
};

struct net {
    struct ns_common ns;
};

typedef struct {
    struct net* net;
} possible_net_t;

struct in6_addr {
    union {
        __u8 u6_addr8[16];
        __u32 u6_addr32[4];
    } in6_u;
};

struct sock_common {
    __u32 skc_daddr;
    __u32 skc_rcv_saddr;
    __u16 skc_dport;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    unsigned long skc_flags;
};

struct sock {
    struct sock_common __sk_common;
    int sk_err;
    __u32 sk_max_ack_backlog;
};

struct socket {
    struct sock* sk;
};

struct inet_sock {
    struct sock sk;
    __u16 inet_sport;
};

struct inet_connection_sock {
    struct inet_sock icsk_inet;
};

struct tcp_options_received {
    __u16 tstamp_ok : 1, wscale_ok : 1, sack_ok : 3, snd_wscale : 4, rcv_wscale : 4;
    __u16 mss_clamp;
};

struct tcp_sock {
    struct inet_connection_sock inet_conn;
    __u32 snd_una;
    __u32 snd_nxt;
    __u32 rcv_nxt;
    __u64 bytes_acked;
    __u64 bytes_received;
    __u64 bytes_sent;
    __u32 segs_in;
    __u32 segs_out;
    __u32 total_retrans;
    __u32 srtt_us;
    __u16 advmss;
    struct tcp_options_received rx_opt;
};

typedef struct {
    __u32 val;
} kuid_t;

struct cred {
    kuid_t uid;
};

struct task_struct {
    unsigned int flags;
    int tgid;
    struct task_struct* group_leader;
    const struct cred* cred;
    char comm[16];
};

struct file;
struct seq_file;

struct bpf_iter_meta {
    struct seq_file* seq;
};

struct bpf_iter__task_file {
    struct bpf_iter_meta* meta;
    struct task_struct* task;
    __u32 fd;
    struct file* file;
};

#pragma clang attribute pop

enum sock_flags {
    SOCK_DONE = 1,  // relocated as well
};
