/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Connections of processes: attempts, how they went, and their ends. An object of its own, loaded when connections are
 * asked for; its ring and variables are the other object's (src/capture/connections).
 *
 * TCP's changes of state come by tracepoints, whatever front end; what else there is, by the return of connect, accept,
 * and the calls that move bytes: of the sockets' own functions (fexit), or of the system calls.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "connections.h"
#include "iter.h"

/* As a number: global functions take no pointers, and what is read back from the stack is none any more. */
static __always_inline __u64 number_of(const void *pointer)
{
	__u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

/* ---- states of TCP ---- */

/* The caller is inside connect(), or sendto() with MSG_FASTOPEN. */
static __always_inline int on_attempt(__u64 sk)
{
	struct connection *fresh = begin_own(sk);

	if (!fresh)
		return 0;
	fresh->state = TCP_SYN_SENT;
	/* on the own host the outcome follows at once */
	if (PEEK(sk, struct sock, __sk_common.skc_family) == AF_INET &&
	    (PEEK(sk, struct sock, __sk_common.skc_daddr) & 0xff) == 127)
		return 0;
	return tell_tcp(sk, CONNECTION_ATTEMPT, TCP_CLOSE);
}

static __always_inline int on_connected_to(__u64 sk)
{
	struct connection *fresh = begin(sk);

	if (!fresh)
		return 0;
	fresh->established_ns = fresh->start_ns;
	fresh->flags = CONNECTION_ACCEPTED;
	fresh->state = TCP_ESTABLISHED;
	return 0;
}

static __always_inline int on_failure(__u64 sk, struct connection *entry, __u32 error)
{
	/* this very thread gives up within connect(), which will say why */
	if (!error && !(entry->flags & CONNECTION_RETURNED) && entry->tid == (__u32)bpf_get_current_pid_tgid())
		return 0;
	entry->error = error;
	entry->flags |= CONNECTION_FAILED | CONNECTION_TOLD | CONNECTION_ENDED;
	return tell_tcp(sk, CONNECTION_OUTCOME, TCP_SYN_SENT);
}

static __always_inline int on_closed(__u64 sk, struct connection *entry, __u32 old)
{
	__u32 error = PEEK(sk, struct sock, sk_err);

	if (entry->flags & CONNECTION_ENDED)
		return 0;
	if (!entry->established_ns && !(entry->flags & CONNECTION_BEFORE))
		return on_failure(sk, entry, error);
	/* nobody has accepted it: whether a filter wants it is not known, and somebody may accept it yet */
	if (filtering && entry->flags & CONNECTION_ACCEPTED && !entry->tgid)
		return 0;
	entry->error = error;
	entry->flags |= CONNECTION_ENDED;
	return tell_tcp(sk, CONNECTION_END, old);
}

/* Twice, since an interrupt may come while the program runs, and the kernel skips the run that it would cause: who comes
 * second finds the state noted. */
static __always_inline int on_state(struct sock *socket, __u32 old, __u32 new)
{
	struct connection *entry;
	__u64 sk;

	if (socket->sk_protocol != IPPROTO_TCP)
		return 0;
	sk = number_of(socket);
	entry = bpf_map_lookup_elem(&connections, &sk);
	/* a new socket: what stands here is of an older one at its address, whose end nothing was run for, about once in a million */
	if (entry && old == TCP_LISTEN && new == TCP_SYN_RECV) {
		bpf_map_delete_elem(&connections, &sk);
		return 0;
	}
	if (entry && entry->state == new)
		return 0;
	if (new == TCP_SYN_SENT)
		return on_attempt(sk);
	if (new == TCP_ESTABLISHED && old == TCP_SYN_RECV && (!entry || entry->state == TCP_CLOSE))
		return on_connected_to(sk);
	if (!entry)
		return 0;
	entry->state = new;
	switch (new) {
	case TCP_ESTABLISHED:
		if (entry->established_ns)
			return 0;
		entry->established_ns = bpf_ktime_get_boot_ns();
		entry->flags |= CONNECTION_TOLD;
		return tell_tcp(sk, CONNECTION_OUTCOME, old);
	case TCP_FIN_WAIT1:
		if (!(entry->flags & CONNECTION_FIN_RECEIVED))
			entry->flags |= CONNECTION_FIN_SENT;
		return 0;
	case TCP_CLOSE_WAIT:
		if (!(entry->flags & CONNECTION_FIN_SENT))
			entry->flags |= CONNECTION_FIN_RECEIVED;
		return 0;
	case TCP_CLOSE:
		return on_closed(sk, entry, old);
	default:
		return 0;
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connection_state, struct sock *sk, int old, int new)
{
	return on_state(sk, old, new);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connection_state_twin, struct sock *sk, int old, int new)
{
	return on_state(sk, old, new);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(connection_reset, struct sock *sk)
{
	__u64 address = (__u64)sk;
	struct connection *entry = bpf_map_lookup_elem(&connections, &address);

	if (entry)
		entry->flags |= CONNECTION_RESET;
	return 0;
}

/* The last that is heard of a socket; also of one whose other changes were missed. */
static __always_inline int on_destroyed(struct sock *sk)
{
	__u64 address = number_of(sk);
	struct connection *entry = bpf_map_lookup_elem(&connections, &address);

	if (!entry)
		return 0;
	if (!(entry->flags & CONNECTION_ENDED) && (entry->tgid || !filtering)) {
		bool is_failure = !entry->established_ns && !(entry->flags & CONNECTION_BEFORE);

		if (!entry->error)
			entry->error = BPF_CORE_READ(sk, sk_err);
		entry->flags |= CONNECTION_ENDED;
		if (is_failure)
			entry->flags |= CONNECTION_FAILED | CONNECTION_TOLD;
		tell_tcp(address, is_failure ? CONNECTION_OUTCOME : CONNECTION_END, entry->state);
	}
	if (entry->flags & CONNECTION_ACCEPTED && !entry->tgid && !filtering)
		tell_tcp(address, CONNECTION_GONE, entry->state);
	bpf_map_delete_elem(&connections, &address);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(connection_end, struct sock *sk)
{
	return on_destroyed(sk);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(connection_end_twin, struct sock *sk)
{
	return on_destroyed(sk);
}

/* ICMP says that nobody listens at the port of a connected UDP socket. Since 5.15. */
SEC("?tp_btf/inet_sk_error_report")
int BPF_PROG(connection_error, const struct sock *sk)
{
	struct destination_key key;
	struct connection *entry;
	__u32 error;

	if (sk->sk_protocol != IPPROTO_UDP)
		return 0;
	error = BPF_CORE_READ(sk, sk_err);
	connected_to(&key, number_of(sk));
	if (!error || !key.port)
		return 0;
	entry = bpf_map_lookup_elem(&destinations, &key);
	if (!entry || entry->error)
		return 0;
	entry->error = error;
	entry->flags |= CONNECTION_FAILED;
	tell(&key, CONNECTION_OUTCOME);
	return 0;
}

/* ---- front end: the sockets' own functions ---- */

#define CONNECT_PROGRAM(function)                                                                                      \
	SEC("?fexit/" #function)                                                                                       \
	int BPF_PROG(connection_##function, struct socket *socket, void *name, int length, int flags, int result)      \
	{                                                                                                              \
		return on_connect(PEEK_WORD(&socket->sk), result, number_of(name), length, true);                      \
	}

CONNECT_PROGRAM(inet_stream_connect)
CONNECT_PROGRAM(inet_dgram_connect)
CONNECT_PROGRAM(unix_stream_connect)
CONNECT_PROGRAM(unix_dgram_connect)

/* Its third argument changed in 6.10; where accept failed the new socket has no sock. */
#define ACCEPT_PROGRAM(function)                                                                                       \
	SEC("?fexit/" #function)                                                                                       \
	int BPF_PROG(connection_##function, struct socket *socket, struct socket *accepted)                            \
	{                                                                                                              \
		__u64 sk = PEEK_WORD(&accepted->sk);                                                                   \
                                                                                                                       \
		return sk ? on_accept(sk) : 0;                                                                         \
	}

ACCEPT_PROGRAM(inet_accept)
ACCEPT_PROGRAM(unix_accept)
ACCEPT_PROGRAM(mptcp_stream_accept)

static __always_inline int on_message(struct socket *socket, struct msghdr *message, int flags, __s64 result,
				      bool is_read)
{
	struct moved moved = {};

	if (flags & (MSG_PEEK | MSG_ERRQUEUE) || (__u32)(bpf_get_current_pid_tgid() >> 32) == own_tgid)
		return 0;
	moved.sk = PEEK_WORD(&socket->sk);
	if (!moved.sk)
		return 0;
	moved.name = PEEK_WORD(&message->msg_name);
	moved.result = result;
	moved.is_read = is_read;
	moved.in_kernel = 1;
	if (result > 0)
		moved.base = first_byte(&message->msg_iter, result, &moved.length);
	return on_moved(&moved);
}

#define MESSAGE_PROGRAMS(name, RECEIVE, SEND)                                                                          \
	SEC("?fexit/" #RECEIVE)                                                                                        \
	int BPF_PROG(connection_##name##_recv, struct socket *socket, struct msghdr *message, __u64 size, int flags,   \
		     int result)                                                                                       \
	{                                                                                                              \
		return on_message(socket, message, flags, result, true);                                               \
	}                                                                                                              \
	SEC("?fexit/" #SEND)                                                                                           \
	int BPF_PROG(connection_##name##_send, struct socket *socket, struct msghdr *message, __u64 size, int result)  \
	{                                                                                                              \
		return on_message(socket, message, 0, result, false);                                                  \
	}

MESSAGE_PROGRAMS(inet, inet_recvmsg, inet_sendmsg)
MESSAGE_PROGRAMS(inet6, inet6_recvmsg, inet6_sendmsg)
MESSAGE_PROGRAMS(unix_stream, unix_stream_recvmsg, unix_stream_sendmsg)
MESSAGE_PROGRAMS(unix_dgram, unix_dgram_recvmsg, unix_dgram_sendmsg)

/* ---- front end: the exit of system calls ---- */

enum connection_op {
	CALL_NONE,
	CALL_CONNECT, /* fd, name, length */
	CALL_ACCEPT, /* the result is a descriptor */
	CALL_READ, /* fd, buffer, length; recvfrom: flags, name */
	CALL_RECVFROM,
	CALL_READV, /* fd, iovec, count */
	CALL_RECVMSG, /* fd, msghdr, flags */
	CALL_RECVMMSG, /* fd, mmsghdr, count, flags */
	CALL_WRITE,
	CALL_SENDTO, /* fd, buffer, length, flags, name */
	CALL_WRITEV,
	CALL_SENDMSG,
	CALL_SENDMMSG,
	CALL_SOCKETCALL, /* i386: call, pointer to the arguments */
};

/* Sources as in syscalls.h. Of 32-bit processes the attempts and what is accepted are seen, and plain buffers. */
#ifdef __TARGET_ARCH_x86
static const __u8 wide_calls[SYSCALL_NUMBERS] = {
	[0] = CALL_READ,     [1] = CALL_WRITE,	    [19] = CALL_READV,	   [20] = CALL_WRITEV,	[42] = CALL_CONNECT,
	[43] = CALL_ACCEPT,  [44] = CALL_SENDTO,    [45] = CALL_RECVFROM,  [46] = CALL_SENDMSG, [47] = CALL_RECVMSG,
	[288] = CALL_ACCEPT, [299] = CALL_RECVMMSG, [307] = CALL_SENDMMSG,
};

static const __u8 compat_calls[SYSCALL_NUMBERS] = {
	[3] = CALL_READ,     [4] = CALL_WRITE,	  [102] = CALL_SOCKETCALL, [362] = CALL_CONNECT,
	[364] = CALL_ACCEPT, [369] = CALL_SENDTO, [371] = CALL_RECVFROM,
};
#endif

#ifdef __TARGET_ARCH_arm64
static const __u8 wide_calls[SYSCALL_NUMBERS] = {
	[63] = CALL_READ,     [64] = CALL_WRITE,     [65] = CALL_READV,	    [66] = CALL_WRITEV,	  [202] = CALL_ACCEPT,
	[203] = CALL_CONNECT, [206] = CALL_SENDTO,   [207] = CALL_RECVFROM, [211] = CALL_SENDMSG, [212] = CALL_RECVMSG,
	[242] = CALL_ACCEPT,  [243] = CALL_RECVMMSG, [269] = CALL_SENDMMSG,
};

static const __u8 compat_calls[SYSCALL_NUMBERS] = {
	[3] = CALL_READ,     [4] = CALL_WRITE,	    [283] = CALL_CONNECT, [285] = CALL_ACCEPT,
	[290] = CALL_SENDTO, [292] = CALL_RECVFROM, [366] = CALL_ACCEPT,
};
#endif

static __always_inline __u64 socket_of(__u32 fd)
{
	struct file *file = file_of(current_task(), fd);
	struct socket *socket;
	struct inode *inode;

	if (!file)
		return 0;
	inode = PEEK(file, struct file, f_inode);
	if ((PEEK(inode, struct inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = PEEK(file, struct file, private_data);
	return PEEK_WORD(&socket->sk);
}

/* The first of the buffers that has bytes. */
static __always_inline void find_buffer(struct moved *moved, __u64 iov, __u64 count)
{
	struct iovec segment;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 4; i++, iov += sizeof(segment)) {
		if (i >= count || bpf_probe_read_user(&segment, sizeof(segment), (void *)iov))
			return;
		if (!segment.iov_len)
			continue;
		moved->base = (__u64)segment.iov_base;
		moved->length = (__u64)moved->result < segment.iov_len ? (__u64)moved->result : segment.iov_len;
		return;
	}
}

static __always_inline void read_header(struct moved *moved, const struct user_msghdr *header)
{
	moved->name = header->name;
	if (moved->result > 0)
		find_buffer(moved, header->iov, header->iovlen);
}

/* One of several datagrams. */
__attribute__((noinline)) int on_one(__u64 sk, __u64 address, __u32 is_read)
{
	struct moved moved = { .sk = sk, .is_read = is_read };
	struct user_mmsghdr message;

	if (bpf_probe_read_user(&message, sizeof(message), (void *)address))
		return 0;
	moved.result = message.len;
	read_header(&moved, &message.hdr);
	return on_moved(&moved);
}

static __always_inline int on_several(const struct moved *moved, __u64 address)
{
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < MAX_BATCH; i++) {
		if ((__s64)i >= moved->result)
			break;
		on_one(moved->sk, address + i * sizeof(struct user_mmsghdr), moved->is_read);
	}
	return 0;
}

#ifdef __TARGET_ARCH_x86
/* i386's socketcall(2); the numbers are those of include/uapi/linux/net.h. */
static __always_inline int on_socketcall(const struct pt_regs *regs, __s64 result)
{
	__u32 call = argument(regs, 0, true), arguments[3] = {};
	__u64 sk;

	if (call != 3 && call != 5 && call != 18)
		return 0;
	if (bpf_probe_read_user(arguments, sizeof(arguments), (void *)argument(regs, 1, true)))
		return 0;
	sk = socket_of(call == 3 ? arguments[0] : (__u32)result);
	if (!sk || (call != 3 && result < 0))
		return 0;
	return call == 3 ? on_connect(sk, result, arguments[1], arguments[2], false) : on_accept(sk);
}
#else
static __always_inline int on_socketcall(const struct pt_regs *regs, __s64 result)
{
	return 0;
}
#endif

static __always_inline bool is_peek_call(const struct pt_regs *regs, __u32 op, bool compat)
{
	__u64 flags = op == CALL_RECVFROM || op == CALL_RECVMMSG ? argument(regs, 3, compat) :
		      op == CALL_RECVMSG			 ? argument(regs, 2, compat) :
								   0;

	return flags & (MSG_PEEK | MSG_ERRQUEUE);
}

static __always_inline int on_bytes_call(const struct pt_regs *regs, __s64 result, __u32 op, __u64 sk, bool compat)
{
	struct moved moved = { .sk = sk, .result = result, .is_read = op < CALL_WRITE };
	__u64 buffer = argument(regs, 1, compat);
	struct user_msghdr header;

	if (is_peek_call(regs, op, compat))
		return 0;
	switch (op) {
	case CALL_RECVMMSG:
	case CALL_SENDMMSG:
		return on_several(&moved, buffer);
	case CALL_RECVMSG:
	case CALL_SENDMSG:
		if (bpf_probe_read_user(&header, sizeof(header), (void *)buffer))
			return 0;
		read_header(&moved, &header);
		break;
	case CALL_READV:
	case CALL_WRITEV:
		if (result > 0)
			find_buffer(&moved, buffer, argument(regs, 2, compat));
		break;
	case CALL_RECVFROM:
	case CALL_SENDTO:
		moved.name = fifth_argument(regs, compat);
		moved.base = buffer;
		moved.length = result;
		break;
	default:
		moved.base = buffer;
		moved.length = result;
	}
	return on_moved(&moved);
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(connection_sys_exit, struct pt_regs *regs, long result)
{
	__u64 number = (__u32)syscall_number(regs), sk;
	bool compat;
	__u32 op;

	/* the verifier of 6.1 does not follow a comparison of half a register */
	barrier_var(number);
	if (number >= SYSCALL_NUMBERS || !(wide_calls[number] || compat_calls[number]))
		return 0;
	compat = is_compat(current_task());
	op = compat ? compat_calls[number] : wide_calls[number];
	if (!op || (__u32)(bpf_get_current_pid_tgid() >> 32) == own_tgid)
		return 0;
	if (op == CALL_SOCKETCALL)
		return on_socketcall(regs, result);
	if (op == CALL_ACCEPT && result < 0)
		return 0;
	sk = socket_of(op == CALL_ACCEPT ? (__u64)result : argument(regs, 0, compat));
	if (!sk)
		return 0;
	if (op == CALL_CONNECT)
		return on_connect(sk, result, argument(regs, 1, compat), argument(regs, 2, compat), false);
	return op == CALL_ACCEPT ? on_accept(sk) : on_bytes_call(regs, result, op, sk, compat);
}

/* ---- what is there ---- */

/* Too large for the stack; user space makes one scan at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connection_event);
} scan_record SEC(".maps");

/* Who began before the tool did; at the end, how far each has come. */
static __always_inline void adopt(struct connection *fresh, struct task_struct *task, __u64 sk, __u32 state)
{
	fresh->tgid = task->tgid;
	fresh->owner_start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	BPF_CORE_READ_INTO(&fresh->comm, task, group_leader, comm);
	fresh->inode = socket_inode((struct sock *)sk);
	fresh->state = state;
	fresh->last_ns = fresh->start_ns;
	fresh->flags = CONNECTION_BEFORE | CONNECTION_TOLD | CONNECTION_GREETED | CONNECTION_RETURNED;
}

/* NULL: it has none, as those of socketpair(), and most that connect. */
static __always_inline struct unix_address *unix_name(__u64 sk)
{
	return sk ? (struct unix_address *)PEEK_WORD(&((struct unix_sock *)sk)->addr) : NULL;
}

static __always_inline void describe(struct seq_file *seq, __u64 sk, const struct connection *entry, __u32 flags)
{
	__u32 zero = 0;
	struct connection_event *record = bpf_map_lookup_elem(&scan_record, &zero);

	if (!record)
		return;
	fill_connection(record, sk, entry, CONNECTION_FOUND);
	record->flags |= flags;
	record->state = PEEK(sk, struct sock, __sk_common.skc_state);
	if (record->family == AF_UNIX) {
		struct unix_address *address = unix_name(sk);

		/* the name is the listening end's: this one's, or the other's */
		if (address)
			record->flags |= CONNECTION_ACCEPTED;
		else
			address = unix_name(entry->peer_socket);
		if (address)
			fill_path(record, (__u64)address + bpf_core_field_offset(struct unix_address, name),
				  BPF_CORE_READ(address, len), true);
	}
	bpf_seq_write(seq, record, sizeof(*record));
}

static __always_inline void show_tcp(struct seq_file *seq, struct task_struct *task, __u64 sk)
{
	__u32 state = PEEK(sk, struct sock, __sk_common.skc_state);
	struct connection *entry = bpf_map_lookup_elem(&connections, &sk);

	if (state == TCP_LISTEN) {
		describe(seq, sk, &nothing, CONNECTION_LISTENS);
		return;
	}
	if (!entry) {
		if (state == TCP_CLOSE || !is_wanted(task->tgid))
			return;
		entry = begin(sk);
		if (!entry)
			return;
		adopt(entry, task, sk, state);
	}
	describe(seq, sk, entry, 0);
}

static __always_inline void show_unix(struct seq_file *seq, struct task_struct *task, __u64 sk)
{
	struct connection *entry = bpf_map_lookup_elem(&connections, &sk);
	__u64 peer = PEEK_WORD(&((struct unix_sock *)sk)->peer);

	if (!entry) {
		if (!peer || (!unix_name(sk) && !unix_name(peer)) || !is_wanted(task->tgid))
			return;
		entry = begin(sk);
		if (!entry)
			return;
		adopt(entry, task, sk, 0);
		entry->peer_socket = peer;
		entry->peer_tgid = peer_process(sk);
	}
	describe(seq, sk, entry, 0);
}

static __always_inline void show_udp(struct seq_file *seq, struct task_struct *task, __u64 sk)
{
	struct destination_key key;
	struct connection *entry;

	connected_to(&key, sk);
	if (!key.port)
		return;
	entry = find_destination(&key);
	if (!entry) {
		if (!is_wanted(task->tgid))
			return;
		entry = add_destination(&key);
		if (!entry)
			return;
		adopt(entry, task, sk, 0);
	}
	describe(seq, sk, entry, 0);
}

SEC("iter/task_file")
int scan_connections(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	unsigned short family;
	__u64 sk;

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = PEEK_WORD(&socket->sk);
	if (!sk)
		return 0;
	family = PEEK(sk, struct sock, __sk_common.skc_family);
	if (family == AF_UNIX)
		show_unix(ctx->meta->seq, task, sk);
	else if (family != AF_INET && family != AF_INET6)
		return 0;
	else if (PEEK(sk, struct sock, sk_protocol) == IPPROTO_TCP)
		show_tcp(ctx->meta->seq, task, sk);
	else if (PEEK(sk, struct sock, sk_protocol) == IPPROTO_UDP)
		show_udp(ctx->meta->seq, task, sk);
	return 0;
}

/* Run by user space. args: a socket's address and inode. Returns 1 while it is open. */
SEC("raw_tp")
int is_socket_open(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	return socket && BPF_CORE_READ((struct socket_alloc *)socket, vfs_inode.i_ino) == ctx->args[1];
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
