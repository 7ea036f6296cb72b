// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Probe tcp_socket, kernel side: every TCP socket of every network namespace, with the process that owns it.
//
// What runs where, as found on Linux 6.18 (needs 5.11: ring buffer, iterators, socket storage in tracing programs):
// - inet_sock_set_state, CLOSE→SYN_SENT: inside connect(), so the current process is the client. Port and ISN come
// later.
// - SYN_SENT→ESTABLISHED, SYN_RECV→ESTABLISHED: softirq; all addresses and both ISNs are there, the current process is
//   anyone. The state kept in the socket's own storage brings the client; for a server it is the listener's, which the
//   kernel copies to the child (BPF_F_CLONE), so that the listener's owner names it at once.
// - CLOSE→LISTEN: inside listen(). ESTABLISHED→FIN_WAIT1 and CLOSE_WAIT→LAST_ACK: inside close() or shutdown().
// - tcp_rcv_space_adjust: inside recvmsg() of the reader: makes a server's owner exact, once a socket.
// - any→CLOSE: inet_num is 0 already, the port is still in inet_sport, sk_err says why.
// - sockets from before: iter/task_file sees every file of every process in all namespaces (iter/tcp only one
// namespace).
//   Connections that no process holds (waiting for accept(), or orphaned) come up at their first read or their end.
// - ISNs at any time in a socket's life: snd_una - bytes_acked is a client's own (its SYN is counted) and one more than
// a
//   server's; rcv_nxt - bytes_received is one more than the peer's. A FIN counts on either side, so this holds to the
//   end.
// - advmss is the MSS announced less 12 bytes once timestamps are agreed on; mss_clamp is the peer's as it arrived.
// The state sits in socket storage: the kernel frees it with the socket, so nothing can leak and no table can fill up.
// Nothing runs per packet: state changes, reads (one storage look-up once the owner is exact), and the two iterators.
// Not followed: UDP, MPTCP as a whole (its subflows are), half-open requests at a listener (they have no socket yet).
#include "bpf/kernel_types.h"
#include "bpf/tcp_socket/tcp_socket_event.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { AF_INET6 = 10, PF_KTHREAD = 0x00200000 };
enum { ESTABLISHED = 1, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN };
enum { steady_read_max = 4 };

enum owner_from { OWNER_UNKNOWN = 0, OWNER_LIKELY = 1, OWNER_EXACT = 2 };

struct socket_state {
    __u64 born_ns;  // 0 = nothing was reported of this socket and nothing is to be: a listener, or fresh
    __u64 established_ns;
    __u32 revision;
    __u32 pid;
    __u32 uid;
    char comm[16];
    __u8 role;
    __u8 owner_from;
    __u16 census;    // the round that reported it last
    __u32 segments;  // sent and received, as last reported
};

// One state a socket, inherited by a listener's children.
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct socket_state);
} socket_states SEC(".maps");

// Reports to user space, which polls; sized by the configuration.
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4 << 20);
} events SEC(".maps");

// Counters since the start, by enum tcp_socket_counter.
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, TCP_SOCKET_COUNTER_COUNT);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

const volatile __u64 ring_wake_bytes = 1 << 20;  // more than this waiting: wake the reader before its next poll

static __always_inline void count(__u32 which) {
    __u64* counter = bpf_map_lookup_elem(&counters, &which);
    if (counter) ++*counter;
}

static __always_inline struct socket_state* state_of(const struct sock* sk) {
    return bpf_sk_storage_get(&socket_states, (void*)sk, 0, 0);
}

static __always_inline struct socket_state* make_state(const struct sock* sk) {
    struct socket_state* state = bpf_sk_storage_get(&socket_states, (void*)sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!state) count(TCP_SOCKET_COUNT_sockets_not_stored);
    return state;
}

static __always_inline void set_owner(struct socket_state* state, struct task_struct* task, __u8 from) {
    struct task_struct* leader = task->group_leader;
    state->pid = task->tgid;
    state->uid = task->cred->uid.val;
    __builtin_memcpy(state->comm, leader->comm, sizeof state->comm);
    state->owner_from = from;
}

static __always_inline void begin(struct socket_state* state, __u8 role, __u64 born_ns, __u64 established_ns) {
    state->born_ns = born_ns;
    state->established_ns = established_ns;
    state->revision = 0;
    state->role = role;
}

// A child inherits its listener's backlog limit and nothing resets it; a connecting socket never has one.
static __always_inline __u8 guess_role(const struct sock* sk) {
    return sk->sk_max_ack_backlog ? TCP_SOCKET_SERVER : TCP_SOCKET_CLIENT;
}

static __always_inline void fill_addresses(struct tcp_socket_event* event, const struct sock* sk,
                                           const struct tcp_sock* tp) {
    const struct sock_common* common = &sk->__sk_common;
    event->netns = common->skc_net.net->ns.inum;
    event->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
    event->remote_port = bpf_ntohs(common->skc_dport);
    if (common->skc_family == AF_INET6 && bpf_core_field_exists(common->skc_v6_daddr)) {
        __builtin_memcpy(event->local_ip, common->skc_v6_rcv_saddr.in6_u.u6_addr8, 16);
        __builtin_memcpy(event->remote_ip, common->skc_v6_daddr.in6_u.u6_addr8, 16);
        return;
    }
    __u32 local = common->skc_rcv_saddr, remote = common->skc_daddr;
    __builtin_memset(event->local_ip, 0, 10);
    __builtin_memset(event->local_ip + 10, 0xff, 2);
    __builtin_memcpy(event->local_ip + 12, &local, 4);
    __builtin_memset(event->remote_ip, 0, 10);
    __builtin_memset(event->remote_ip + 10, 0xff, 2);
    __builtin_memcpy(event->remote_ip + 12, &remote, 4);
}

// Two numbers that move together, and may do so while they are read here without the socket's lock (iterators only):
// read again until they stood still.
static __always_inline void fill_sequence(struct tcp_socket_event* event, const struct tcp_sock* tp) {
    for (int i = 0; i < steady_read_max; ++i) {
        const __u32 una = *(volatile const __u32*)&tp->snd_una, next = *(volatile const __u32*)&tp->rcv_nxt;
        const __u64 acked = *(volatile const __u64*)&tp->bytes_acked,
                    received = *(volatile const __u64*)&tp->bytes_received;
        event->snd_una = una;
        event->rcv_nxt = next;
        event->bytes_received = received;
        event->own_first = una - (__u32)acked;
        event->peer_first = next - (__u32)received;
        if (una == *(volatile const __u32*)&tp->snd_una && next == *(volatile const __u32*)&tp->rcv_nxt &&
            acked == *(volatile const __u64*)&tp->bytes_acked &&
            received == *(volatile const __u64*)&tp->bytes_received)
            break;
    }
}

static __always_inline void fill_counters(struct tcp_socket_event* event, const struct sock* sk,
                                          const struct tcp_sock* tp) {
    event->snd_nxt = tp->snd_nxt;
    event->bytes_sent = tp->bytes_sent;
    event->segments_sent = tp->segs_out;
    event->segments_received = tp->segs_in;
    event->retransmissions = tp->total_retrans;
    event->error = sk->sk_err;
    event->own_mss = tp->advmss;
    event->peer_mss = tp->rx_opt.mss_clamp;
}

static __always_inline void fill_options(struct tcp_socket_event* event, const struct sock* sk,
                                         const struct tcp_sock* tp, _Bool heard) {
    __u8 flags = 0;
    if (heard) {
        flags |= TCP_SOCKET_PEER_HEARD;
        if (BPF_CORE_READ_BITFIELD(tp, rx_opt.tstamp_ok)) flags |= TCP_SOCKET_TIMESTAMPS;
        if (BPF_CORE_READ_BITFIELD(tp, rx_opt.sack_ok)) flags |= TCP_SOCKET_SACK;
        if (BPF_CORE_READ_BITFIELD(tp, rx_opt.wscale_ok)) flags |= TCP_SOCKET_WINDOW_SCALE;
    }
    if (sk->__sk_common.skc_flags & (1ul << bpf_core_enum_value(enum sock_flags, SOCK_DONE)))
        flags |= TCP_SOCKET_FIN_HEARD;
    event->flags = flags;
    event->own_window_scale = BPF_CORE_READ_BITFIELD(tp, rx_opt.rcv_wscale);
    event->peer_window_scale = BPF_CORE_READ_BITFIELD(tp, rx_opt.snd_wscale);
    __builtin_memset(event->reserved, 0, sizeof event->reserved);
}

static __always_inline void fill(struct tcp_socket_event* event, const struct sock* sk, const struct tcp_sock* tp,
                                 const struct socket_state* state, __u8 report, __u8 old_state, __u64 now) {
    event->socket = (__u64)sk;
    event->born_ns = state->born_ns;
    event->established_ns = state->established_ns;
    event->now_ns = now;
    event->revision = state->revision;
    event->pid = state->pid;
    event->uid = state->uid;
    __builtin_memcpy(event->comm, state->comm, sizeof event->comm);
    event->report = report;
    event->role = state->role;
    event->old_state = old_state;
    fill_addresses(event, sk, tp);
    fill_sequence(event, tp);
    fill_counters(event, sk, tp);
    fill_options(event, sk, tp, old_state != SYN_SENT);
}

static __always_inline void report(const struct sock* sk, const struct tcp_sock* tp, struct socket_state* state,
                                   __u8 what, __u8 old_state, __u64 now) {
    struct tcp_socket_event* event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
    if (!event) {
        count(TCP_SOCKET_COUNT_events_lost_ring_full);
        return;
    }
    if (!state->pid) count(TCP_SOCKET_COUNT_sockets_without_owner);
    ++state->revision;
    fill(event, sk, tp, state, what, old_state, now);
    state->segments = event->segments_sent + event->segments_received;
    const _Bool crowded = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > ring_wake_bytes;
    bpf_ringbuf_submit(event, crowded ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void on_established(const struct sock* sk, const struct tcp_sock* tp, int old_state, __u64 now) {
    struct socket_state* state = make_state(sk);
    if (!state) return;
    if (state->born_ns) {  // connect() was seen; or, with TCP fast open, a read came before the handshake's end
        state->established_ns = now;
    } else if (old_state == SYN_SENT) {  // connect() ran before the agent
        begin(state, TCP_SOCKET_CLIENT, now, now);
    } else {
        // At this point the smoothed round trip is that of the handshake alone: SYN-ACK out, ACK in.
        const __u64 handshake_ns = tp->total_retrans ? 0 : (__u64)(tp->srtt_us >> 3) * 1000;
        begin(state, TCP_SOCKET_SERVER, now - handshake_ns, now);
    }
    report(sk, tp, state, state->revision ? TCP_SOCKET_UPDATED : TCP_SOCKET_OPENED, ESTABLISHED, now);
}

static __always_inline void on_closed(const struct sock* sk, const struct tcp_sock* tp, int old_state, __u64 now) {
    if (old_state == CLOSE) return;
    if (old_state != LISTEN && old_state != SYN_RECV) {
        struct socket_state* state = make_state(sk);
        if (!state) return;
        if (!state->born_ns) begin(state, old_state == SYN_SENT ? TCP_SOCKET_CLIENT : guess_role(sk), now, 0);
        report(sk, tp, state, TCP_SOCKET_ENDED, old_state, now);
    }
    bpf_sk_storage_delete(&socket_states, (void*)sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock* sk, int old_state, int new_state) {
    const struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
    if (!tp) return 0;
    count(TCP_SOCKET_COUNT_state_changes);
    const __u64 now = bpf_ktime_get_ns();
    struct socket_state* state;
    switch (new_state) {
        case SYN_SENT:
        case LISTEN:
            state = make_state(sk);
            if (!state) break;
            begin(state, new_state == LISTEN ? TCP_SOCKET_LISTENER : TCP_SOCKET_CLIENT, new_state == LISTEN ? 0 : now,
                  0);
            set_owner(state, bpf_get_current_task_btf(), new_state == LISTEN ? OWNER_LIKELY : OWNER_EXACT);
            break;
        case ESTABLISHED: on_established(sk, tp, old_state, now); break;
        case FIN_WAIT1:
        case LAST_ACK:
            state = state_of(sk);
            if (state && state->owner_from != OWNER_EXACT) set_owner(state, bpf_get_current_task_btf(), OWNER_EXACT);
            break;
        case CLOSE: on_closed(sk, tp, old_state, now); break;
    }
    return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_read, struct sock* sk) {
    struct socket_state* state = state_of(sk);
    if (state && state->owner_from == OWNER_EXACT) return 0;
    struct task_struct* task = bpf_get_current_task_btf();
    if (task->flags & PF_KTHREAD) return 0;
    const struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
    if (!tp) return 0;
    if (!state) state = make_state(sk);
    if (!state) return 0;
    const _Bool known = state->born_ns != 0, same = state->pid == (__u32)task->tgid;
    const __u64 now = bpf_ktime_get_ns();
    if (!known) begin(state, guess_role(sk), now, 0);
    set_owner(state, task, OWNER_EXACT);
    if (known && same) return 0;
    if (known) count(TCP_SOCKET_COUNT_owners_corrected);
    report(sk, tp, state, known ? TCP_SOCKET_UPDATED : TCP_SOCKET_OPENED, sk->__sk_common.skc_state, now);
    return 0;
}

// Read once at the start: gives every listener its owner, and out every connection that is there already.
SEC("iter/task_file")
int find_existing(struct bpf_iter__task_file* ctx) {
    struct task_struct* task = ctx->task;
    struct file* file = ctx->file;
    if (!task || !file) return 0;
    struct socket* socket = bpf_sock_from_file(file);
    if (!socket) return 0;
    struct sock* sk = socket->sk;
    if (!sk) return 0;
    const struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
    if (!tp) return 0;
    const __u8 tcp_state = sk->__sk_common.skc_state;
    if (tcp_state == CLOSE || tcp_state == SYN_RECV) return 0;
    struct socket_state* state = make_state(sk);
    if (!state) return 0;
    const _Bool known = state->born_ns != 0;
    if (state->owner_from == OWNER_UNKNOWN || (!known && tcp_state != LISTEN))
        set_owner(state, task, OWNER_LIKELY);  // others may share the file: its first reader is the exact one
    if (known || tcp_state == LISTEN) return 0;
    const __u64 now = bpf_ktime_get_ns();
    if (tcp_state == SYN_SENT) {
        begin(state, TCP_SOCKET_CLIENT, now, 0);
        return 0;
    }
    begin(state, guess_role(sk), now, 0);
    state->revision = 1;
    struct tcp_socket_event event = {};
    fill(&event, sk, tp, state, TCP_SOCKET_OPENED, tcp_state, now);
    state->segments = event.segments_sent + event.segments_received;
    // Without room the kernel calls again for this file: then it must be new still.
    if (bpf_seq_write(ctx->meta->seq, &event, sizeof event)) state->born_ns = 0;
    return 0;
}

__u8 census_whole = 0;   // set from user space before a census
__u16 census_round = 0;  // and another one for each: several files may be of one socket

// Read now and then: gives out the connections that went on since their last report; or, whole, all that live and that
// a process still holds.
SEC("iter/task_file")
int take_census(struct bpf_iter__task_file* ctx) {
    struct file* file = ctx->file;
    if (!ctx->task || !file) return 0;
    struct socket* socket = bpf_sock_from_file(file);
    if (!socket) return 0;
    struct sock* sk = socket->sk;
    if (!sk) return 0;
    const struct tcp_sock* tp = bpf_skc_to_tcp_sock(sk);
    if (!tp) return 0;
    const __u8 tcp_state = sk->__sk_common.skc_state;
    if (tcp_state == SYN_SENT || tcp_state == SYN_RECV || tcp_state == LISTEN || tcp_state == CLOSE) return 0;
    struct socket_state* state = state_of(sk);
    if (!state || !state->born_ns || state->census == census_round) return 0;
    const __u8 what = state->revision ? TCP_SOCKET_UPDATED : TCP_SOCKET_OPENED;  // the first report may have been lost
    if (what == TCP_SOCKET_UPDATED && !census_whole && tp->segs_out + tp->segs_in == state->segments) return 0;
    struct tcp_socket_event event = {};
    ++state->revision;
    fill(&event, sk, tp, state, what, tcp_state, bpf_ktime_get_ns());
    if (bpf_seq_write(ctx->meta->seq, &event, sizeof event))
        --state->revision;  // no room: the kernel calls again for this file
    else {
        state->segments = event.segments_sent + event.segments_received;
        state->census = census_round;
    }
    return 0;
}
