// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the probe tcp_socket tells user space: one snapshot of one TCP socket. Plain C, shared by both sides; fixed
// layout without padding; host byte order except where noted; times by CLOCK_MONOTONIC.
#pragma once

#include <linux/types.h>

enum tcp_socket_report {
    TCP_SOCKET_OPENED = 0,   // established, or found when the agent started
    TCP_SOCKET_UPDATED = 1,  // its owner became known more exactly, or its counters went on
    TCP_SOCKET_ENDED = 2,    // closed, in whatever way; also a connect() that never got through
};

enum tcp_socket_role {
    TCP_SOCKET_LISTENER = 0,  // never reported
    TCP_SOCKET_CLIENT = 1,    // called connect()
    TCP_SOCKET_SERVER = 2,    // born of a listener
};

enum tcp_socket_flag {
    TCP_SOCKET_PEER_HEARD = 1,     // a SYN-ACK or SYN of the peer's came: peer_first and the options below are valid
    TCP_SOCKET_FIN_HEARD = 2,      // the peer's FIN is within bytes_received
    TCP_SOCKET_TIMESTAMPS = 4,     // option agreed on by both sides
    TCP_SOCKET_SACK = 8,           // likewise
    TCP_SOCKET_WINDOW_SCALE = 16,  // likewise: own_window_scale and peer_window_scale are valid
};

struct tcp_socket_event {
    __u64 socket;          // identity only: with born_ns, unique since boot
    __u64 born_ns;         // client: connect(); server: when its SYN-ACK left; found at the start: then
    __u64 established_ns;  // 0 = not, or before the agent started
    __u64 now_ns;
    __u64 bytes_sent;      // payload, retransmissions included
    __u64 bytes_received;  // in order, each once, and 1 for the peer's FIN
    __u32 revision;        // 1, 2, 3 … for one socket
    __u32 netns;           // inode number
    __u32 pid;             // thread group; 0 = not known
    __u32 uid;
    __u32 own_first;  // snd_una - bytes_acked: the own ISN, or (server) one more: the kernel counts only a client's SYN
    __u32 peer_first;  // rcv_nxt - bytes_received: one more than the peer's ISN
    __u32 snd_nxt;
    __u32 snd_una;
    __u32 rcv_nxt;
    __u32 segments_sent;
    __u32 segments_received;
    __u32 retransmissions;
    __u32 error;  // errno of the end; 0 = none
    __u16 local_port;
    __u16 remote_port;
    __u16 own_mss;
    __u16 peer_mss;
    __u8 local_ip[16];  // network order; IPv4 as ::ffff:a.b.c.d
    __u8 remote_ip[16];
    char comm[16];   // of the thread group's leader; NUL-padded
    __u8 report;     // enum tcp_socket_report
    __u8 role;       // enum tcp_socket_role
    __u8 old_state;  // ENDED: TCP state before the close (net/tcp_states.h)
    __u8 flags;      // enum tcp_socket_flag
    __u8 own_window_scale;
    __u8 peer_window_scale;
    __u8 reserved[6];
};

// Counted per CPU in the kernel: name, English text.
#define TCP_SOCKET_COUNTERS(X)                                                                      \
    X(events_lost_ring_full, "socket reports lost because the ring buffer was full: raise ring_kb") \
    X(sockets_not_stored, "sockets not followed because the kernel refused memory for their state") \
    X(state_changes, "TCP state changes looked at")                                                 \
    X(owners_corrected, "accepted sockets that another process than the listener's owner reads")    \
    X(sockets_without_owner, "sockets reported without a process: neither connect(), listen() nor a read was seen")

enum tcp_socket_counter {
#define X(name, text) TCP_SOCKET_COUNT_##name,
    TCP_SOCKET_COUNTERS(X)
#undef X
        TCP_SOCKET_COUNTER_COUNT
};
