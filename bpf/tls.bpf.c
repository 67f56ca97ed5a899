/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Plaintext of TLS, at the return of the libraries' functions (uprobes). An object of its own, loaded when the first
 * library is found; its ring, channels and variables are the other object's (src/capture/tls).
 *
 * Uprobe programs are not skipped, but may be preempted by others of themselves: what they keep is per thread, not per CPU,
 * their stacks included (UPROBE).
 */
#define CALLS_OF_THREADS
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "descriptor.h"
#include "io.h"
#include "iter.h"
#include "request.h"
#include "tls.h"

#ifdef __TARGET_ARCH_x86
#define ARGUMENT_1(regs) ((regs)->di)
#define ARGUMENT_2(regs) ((regs)->si)
#define ARGUMENT_3(regs) ((regs)->dx)
#define ARGUMENT_4(regs) ((regs)->cx)
#define RESULT(regs) ((regs)->ax)
#define GO_1(regs) ((regs)->ax)
#define GO_2(regs) ((regs)->bx)
#define GO_3(regs) ((regs)->cx)
#define GOROUTINE(regs) ((regs)->r14)
#endif
#ifdef __TARGET_ARCH_arm64
#define ARGUMENT_1(regs) ((regs)->regs[0])
#define ARGUMENT_2(regs) ((regs)->regs[1])
#define ARGUMENT_3(regs) ((regs)->regs[2])
#define ARGUMENT_4(regs) ((regs)->regs[3])
#define RESULT(regs) ((regs)->regs[0])
#define GO_1(regs) ((regs)->regs[0])
#define GO_2(regs) ((regs)->regs[1])
#define GO_3(regs) ((regs)->regs[2])
#define GOROUTINE(regs) ((regs)->regs[28])
#endif

int tls_moved(struct pt_regs *regs);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} next SEC(".maps") = { .values = { (void *)&tls_moved } };

const volatile __u32 never = 0;

/* Declares a program. Since 6.13 those of kprobes' type, uprobes' too, have a stack per CPU that all runs share, since kprobes'
 * are skipped when one is under way; uprobes' are not, and who preempts another one there overwrites what that has on it. No program
 * that has a tail call gets such a stack, even if it is never reached. Source: kernel/bpf/verifier.c, check_max_stack_depth and
 * bpf_enable_priv_stack; seen on 7.3. */
#define UPROBE(name)                                                                                                   \
	static __always_inline int on_##name(struct pt_regs *regs);                                                    \
	SEC("?uprobe") int name(struct pt_regs *regs)                                                                  \
	{                                                                                                              \
		if (never)                                                                                             \
			bpf_tail_call(regs, &next, 0);                                                                 \
		return on_##name(regs);                                                                                \
	}                                                                                                              \
	static __always_inline int on_##name(struct pt_regs *regs)

/* ---- calls of the library ---- */

/* The process is inside a library that is listened to. */
static __always_inline void note_user(__u32 tgid)
{
	struct tls_user *user = bpf_map_lookup_elem(&tls_users, &tgid), fresh = { .heard = 1 };

	if (!user)
		bpf_map_update_elem(&tls_users, &tgid, &fresh, BPF_NOEXIST);
	else if (!user->heard)
		user->heard = 1;
}

/* What libraries give must look like what they are listened to for, now and then: else it is perhaps none. */
static __always_inline void judge_user(enum start start)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct tls_user *user = bpf_map_lookup_elem(&tls_users, &tgid);

	if (!user || user->known)
		return;
	if (start == START_REQUEST || start == START_ANSWER || start == START_JSON || start == START_HTTP2)
		user->known = 1;
	else if (user->strangers < MAX_USER_STRANGERS && ++user->strangers == MAX_USER_STRANGERS)
		send_process(EVENT_TLS_STRANGE);
}

/* NULL: there is no room, and so many bytes at least are not heard. */
static __always_inline struct tls_thread *thread_or_loss(__u64 id, __u64 n)
{
	struct tls_thread *thread = tls_thread_of(id);

	if (!thread)
		add(&unattributed_bytes, n);
	return thread;
}

static __always_inline int enter(__u64 ssl, __u64 buffer, __u64 size, __u64 out, enum side side)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;
	struct tls_thread *thread;

	if (deaf || tgid == own_tgid)
		return 0;
	note_user(tgid);
	/* how many it moves is seen at its end only */
	thread = thread_or_loss(id, 1);
	if (!thread)
		return 0;
	thread->ssl = ssl;
	thread->buffer = buffer;
	thread->size = size;
	thread->out = out;
	thread->side = side;
	thread->is_go = 0;
	thread->told = GO_AT_RETURN;
	thread->nested = 0;
	thread->received.inside = 0;
	thread->sent.inside = 0;
	return 0;
}

static __always_inline struct call *begin_call(__u32 slot)
{
	__u32 zero = 0;
	struct call *blank = bpf_map_lookup_elem(&blank_call, &zero);
	struct gather *head = bpf_map_lookup_elem(&blank_gather, &zero);

	if (!blank || !head || bpf_map_update_elem(&calls, &slot, blank, BPF_ANY))
		return NULL;
	bpf_map_update_elem(&gathers, &slot, head, BPF_ANY);
	return bpf_map_lookup_elem(&calls, &slot);
}

static __always_inline void end_call(__u32 slot)
{
	bpf_map_delete_elem(&calls, &slot);
	bpf_map_delete_elem(&gathers, &slot);
}

/* A direction of a connection, new in `channels`. NULL: there is no room. */
static __always_inline struct channel *open_tls(struct call *call, const struct tls_connection *connection,
						enum side side, enum speaks speaks, bool late)
{
	struct channel *fresh = &call->fresh;
	__u64 address = connection->address + (side == SIDE_WRITE);
	struct channel *channel;

	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->generation = connection->generation;
	fresh->kind = CHANNEL_TLS;
	fresh->speaks = speaks;
	fresh->late = late;
	fresh->interest = speaks >= SPEAKS_LINES || late;
	fresh->wanted = filtering;
	if (side == SIDE_READ)
		fresh->reader_tgid = bpf_get_current_pid_tgid() >> 32;
	else
		fresh->writer_tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_map_update_elem(&channels, &address, fresh, BPF_NOEXIST);
	channel = bpf_map_lookup_elem(&channels, &address);
	if (!channel)
		add(&unattributed_bytes, call->left);
	return channel;
}

/* Opens both directions when one begins to speak of something. NULL: it is none of ours, or not yet. */
static __always_inline struct channel *meet_tls(__u32 slot, struct call *call, struct tls_connection *connection,
						enum side side, __u64 n)
{
	enum side back = side == SIDE_READ ? SIDE_WRITE : SIDE_READ;
	enum start start = start_of(slot, n);

	judge_user(start);
	if (start == START_REQUEST) {
		open_tls(call, connection, back, SPEAKS_ANSWERS, false);
		return open_tls(call, connection, side, SPEAKS_REQUESTS, false);
	}
	if (start == START_HTTP2 || (start == START_OTHER && is_frame(slot, n))) {
		open_tls(call, connection, back, SPEAKS_FRAMES, start != START_HTTP2);
		return open_tls(call, connection, side, SPEAKS_FRAMES, start != START_HTTP2);
	}
	/* under way since before anybody listened */
	if ((start == START_JSON || start == START_CHUNK) && is_of_interest(slot, 4)) {
		if (start == START_JSON)
			return open_tls(call, connection, side, SPEAKS_LINES, true);
		open_tls(call, connection, back, SPEAKS_REQUESTS, true);
		return open_tls(call, connection, side, SPEAKS_ANSWERS, true);
	}
	if (++connection->strangers > MAX_TLS_STRANGERS)
		connection->ignored = 1;
	return NULL;
}

static __always_inline void skip_bytes(struct channel *channel, __u64 n)
{
	add(&channel->moved, n);
	add(&channel->skipped, n);
}

/* The bytes of this call are of interest: they go into the ring. */
static __always_inline void send_plaintext(__u32 slot, struct call *call, struct tls_connection *connection,
					   const struct tls_key *key, struct channel *channel, enum side side, __u64 n)
{
	struct io_event *event = &call->event;

	if (!connection->announced && announce_tls(key->ssl, key->tgid))
		connection->announced = 0;
	channel->announced = 1;
	fill_place(event, &call->place);
	fill_caller(event);
	if (filtering)
		event->flags |= IO_WANTED;
	if (channel->late)
		event->flags |= IO_LATE;
	event->kind = channel->quiet ? EVENT_NOTE : EVENT_DATA;
	event->time_ns = bpf_ktime_get_boot_ns();
	add(&channel->moved, n);
	fill_counts(event, channel);
	if (channel->quiet) {
		event->len = n;
		if (send_header(event, CAN_WAIT))
			add(&notes_lost, 1);
		return;
	}
	call->left = n;
	send_all(slot, call);
}

static __always_inline void look_into(__u32 slot, struct call *call, struct tls_connection *connection,
				      const struct tls_key *key, struct channel *channel, enum side side, __u64 n)
{
	struct channel *other;
	__u64 reverse = call->place.channel ^ 1;

	call->left = n;
	if (!channel)
		channel = meet_tls(slot, call, connection, side, n);
	if (!channel)
		return;
	if (channel->verdict == VERDICT_MCP) {
		channel->interest = 1;
	} else if (channel->speaks == SPEAKS_ANSWERS) {
		other = bpf_map_lookup_elem(&channels, &reverse);
		if (other && other->speaks == SPEAKS_REQUESTS && !channel->late)
			channel->interest = other->interest;
	} else if (channel->speaks == SPEAKS_REQUESTS && start_of(slot, n) == START_REQUEST) {
		channel->interest = is_of_interest(slot, channel->verdict == VERDICT_OPEN ? 3 : 1);
	}
	if (channel->interest)
		send_plaintext(slot, call, connection, key, channel, side, n);
	else
		skip_bytes(channel, n);
}

/* True: an answer to a request that was of no interest, nothing needs to be looked at. */
static __always_inline bool is_dull(const struct channel *channel, __u64 address)
{
	__u64 reverse = address ^ 1;
	struct channel *other;

	if (channel->speaks != SPEAKS_ANSWERS || channel->verdict == VERDICT_MCP || channel->late)
		return false;
	other = bpf_map_lookup_elem(&channels, &reverse);
	return other && other->speaks == SPEAKS_REQUESTS && !other->interest;
}

/* A process that is not followed may be the other end of one that is: once, where that is of this host. */
static __always_inline void introduce(struct tls_connection *connection, const struct tls_key *key)
{
	__u64 socket = connection->socket;
	struct link *link = socket && !connection->announced ? bpf_map_lookup_elem(&links, &socket) : NULL;

	if (link && link->peer)
		announce_tls(key->ssl, key->tgid);
}

/* The library's call that the thread is inside of has moved n bytes. A global function: verified once for all of them.
 * slot: the thread (tid). */
__attribute__((noinline)) int on_plaintext(__u32 slot, __u64 n, __u32 side)
{
	__u64 id = bpf_get_current_pid_tgid(), address;
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);
	struct tls_connection *connection;
	struct tls_key key = {};
	struct channel *channel;
	struct call *call;

	if (!thread)
		return 0;
	key.ssl = thread->ssl;
	key.tgid = id >> 32;
	connection = bpf_map_lookup_elem(&tls_connections, &key);
	if (!connection)
		connection = meet_connection(&key);
	if (!connection) {
		add(&unattributed_bytes, n);
		return 0;
	}
	weigh(thread, connection, &key, side, n);
	if (connection->ignored || thread->told == GO_ALREADY)
		return 0;
	if (filtering && !is_followed(key.tgid)) {
		introduce(connection, &key);
		return 0;
	}
	address = connection->address + (side == SIDE_WRITE);
	channel = bpf_map_lookup_elem(&channels, &address);
	if (channel && channel->verdict == VERDICT_ASIDE)
		return 0;
	if (channel && is_dull(channel, address)) {
		skip_bytes(channel, n);
		return 0;
	}
	call = begin_call(slot);
	if (!call) {
		if (channel) {
			add(&channel->moved, n);
			add(&channel->lost, n);
		}
		add(&ring_full_count, 1);
		return 0;
	}
	call->place.channel = address;
	call->place.generation = connection->generation;
	call->place.kind = CHANNEL_TLS;
	call->place.flags = side == SIDE_WRITE ? IO_WRITTEN : 0;
	call->base = thread->buffer;
	call->segment_left = n;
	look_into(slot, call, connection, &key, channel, side, n);
	end_call(slot);
	return 0;
}

/* What the call has moved: its result, or, of an _ex function that succeeded, what it wrote down. */
static __always_inline __u64 length_of(const struct tls_thread *thread, __u64 result)
{
	__s64 n = (__s32)result;
	__u64 length = 0;

	if (thread->out) {
		if (n != 1 || bpf_probe_read_user(&length, sizeof(length), (void *)thread->out))
			return 0;
	} else if (n > 0) {
		length = n;
	}
	return length < thread->size ? length : thread->size;
}

UPROBE(tls_enter_read)
{
	return enter(ARGUMENT_1(regs), ARGUMENT_2(regs), (__u32)ARGUMENT_3(regs), 0, SIDE_READ);
}

UPROBE(tls_enter_write)
{
	return enter(ARGUMENT_1(regs), ARGUMENT_2(regs), (__u32)ARGUMENT_3(regs), 0, SIDE_WRITE);
}

UPROBE(tls_enter_read_ex)
{
	return enter(ARGUMENT_1(regs), ARGUMENT_2(regs), ARGUMENT_3(regs), ARGUMENT_4(regs), SIDE_READ);
}

UPROBE(tls_enter_write_ex)
{
	return enter(ARGUMENT_1(regs), ARGUMENT_2(regs), ARGUMENT_3(regs), ARGUMENT_4(regs), SIDE_WRITE);
}

/* Of a descriptor of NSPR, whose functions move the bytes of files and plain sockets as well. Source: NSPR, prio.h
 * (PRFileDesc, PRIOMethods); NSS, sslimpl.h (sslSocketStr): TLS is a layer above another descriptor, and what is the
 * layer's own begins with the descriptor's address. */
#define PR_DESC_LAYERED 4

struct nspr_descriptor {
	__u64 methods;
	__u64 secret;
	__u64 lower;
};

static __always_inline bool is_nss(__u64 address)
{
	struct nspr_descriptor descriptor = {};
	__u64 owner = 0;
	__u32 type = 0;

	if (bpf_probe_read_user(&descriptor, sizeof(descriptor), (void *)address) || !descriptor.lower)
		return false;
	if (bpf_probe_read_user(&type, sizeof(type), (void *)descriptor.methods) || type != PR_DESC_LAYERED)
		return false;
	return !bpf_probe_read_user(&owner, sizeof(owner), (void *)descriptor.secret) && owner == address;
}

static __always_inline int enter_nspr(struct pt_regs *regs, enum side side)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct tls_thread *thread;

	if (is_nss(ARGUMENT_1(regs)))
		return enter(ARGUMENT_1(regs), ARGUMENT_2(regs), (__u32)ARGUMENT_3(regs), 0, side);
	/* a file that is read within a call on a connection: that one's end is another return */
	thread = bpf_map_lookup_elem(&tls_threads, &id);
	if (thread && thread->ssl)
		thread->nested++;
	return 0;
}

UPROBE(tls_enter_nspr_read)
{
	return enter_nspr(regs, SIDE_READ);
}

UPROBE(tls_enter_nspr_write)
{
	return enter_nspr(regs, SIDE_WRITE);
}

/* Where all returns go on: the verifier takes long for it, and does it once. */
UPROBE(tls_moved)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);

	if (!thread || !thread->ssl)
		return 0;
	on_plaintext((__u32)id, thread->moved, thread->side);
	thread->ssl = 0;
	return 0;
}

/* At the return of any of them. */
UPROBE(tls_leave)
{
	__u64 id = bpf_get_current_pid_tgid(), length;
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);

	if (deaf || !thread || !thread->ssl)
		return 0;
	if (thread->nested) {
		thread->nested--;
		return 0;
	}
	length = length_of(thread, RESULT(regs));
	if (length) {
		thread->moved = length;
		bpf_tail_call(regs, &next, 0);
	}
	thread->ssl = 0;
	return 0;
}

static __always_inline void begin_go(struct tls_thread *thread, const struct go_call *call, enum side side,
				     __u64 length)
{
	thread->ssl = call->connection;
	thread->buffer = call->buffer;
	thread->side = side;
	thread->is_go = 1;
	thread->received.inside = 0;
	thread->sent.inside = 0;
	thread->moved = length < call->size ? length : call->size;
}

/* Go since 1.17, by its register ABI: (*Conn, slice). Its return address must stay where it is, since stacks are moved:
 * the end is taken at its RET instructions.
 *
 * The answer may be read on another thread before a write has returned, and what was written is to be told of first: so that
 * is done at the begin. Write moves all or fails, and with it the connection. */
static __always_inline int enter_go(struct pt_regs *regs, enum side side)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct go_key key = { GOROUTINE(regs), id >> 32, side };
	struct go_call call = { GO_1(regs), GO_2(regs), GO_3(regs) };
	struct tls_thread *thread;

	if (deaf || key.tgid == own_tgid)
		return 0;
	note_user(key.tgid);
	if (bpf_map_update_elem(&go_calls, &key, &call, BPF_ANY))
		add(&unattributed_bytes, 1);
	thread = side == SIDE_WRITE && call.size ? thread_or_loss(id, call.size) : NULL;
	if (thread) {
		begin_go(thread, &call, side, call.size);
		thread->told = GO_EARLY;
		bpf_tail_call(regs, &next, 0);
		thread->ssl = 0;
	}
	return 0;
}

static __always_inline int leave_go(struct pt_regs *regs, enum side side)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct go_key key = { GOROUTINE(regs), id >> 32, side };
	struct go_call *found = bpf_map_lookup_elem(&go_calls, &key), call;
	struct tls_thread *thread;
	__s64 n = RESULT(regs);

	if (deaf || !found)
		return 0;
	call = *found;
	bpf_map_delete_elem(&go_calls, &key);
	thread = n > 0 ? thread_or_loss(id, n) : NULL;
	if (thread) {
		begin_go(thread, &call, side, n);
		thread->told = side == SIDE_WRITE ? GO_ALREADY : GO_AT_RETURN;
		bpf_tail_call(regs, &next, 0);
		thread->ssl = 0;
	}
	return 0;
}

UPROBE(tls_go_enter_read)
{
	return enter_go(regs, SIDE_READ);
}

UPROBE(tls_go_enter_write)
{
	return enter_go(regs, SIDE_WRITE);
}

UPROBE(tls_go_leave_read)
{
	return leave_go(regs, SIDE_READ);
}

UPROBE(tls_go_leave_write)
{
	return leave_go(regs, SIDE_WRITE);
}

/* ---- the end ---- */

static __always_inline void end_direction(__u64 address, __u64 generation, __u32 flags)
{
	struct channel *channel = bpf_map_lookup_elem(&channels, &address);
	struct io_event *record;

	if (!channel || channel->generation != generation)
		return;
	if (channel->announced) {
		record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
		if (!record) {
			add(&ring_full_count, 1);
			return;
		}
		__builtin_memset(record, 0, sizeof(*record));
		record->kind = EVENT_CLOSE;
		record->flags = flags;
		record->channel = address;
		record->generation = generation;
		record->time_ns = bpf_ktime_get_boot_ns();
		fill_counts(record, channel);
		record->tgid = flags & IO_WRITTEN ? channel->writer_tgid : channel->reader_tgid;
		record->channel_kind = CHANNEL_TLS;
		if (record->lost)
			put_away(channel, address, generation);
		bpf_ringbuf_submit(record, patient_flags());
	}
	bpf_map_delete_elem(&channels, &address);
}

__attribute__((noinline)) int end_connection(__u64 ssl, __u32 tgid)
{
	struct tls_key key = { ssl, tgid, 0 };
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &key);
	__u64 address, generation;

	if (!connection)
		return 0;
	address = connection->address;
	generation = connection->generation;
	forget_socket(connection, &key);
	bpf_map_delete_elem(&tls_connections, &key);
	end_direction(address, generation, 0);
	end_direction(address + 1, generation, IO_WRITTEN);
	return 0;
}

/* The library's own end of a connection. */
UPROBE(tls_free)
{
	return end_connection(ARGUMENT_1(regs), bpf_get_current_pid_tgid() >> 32);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tls_socket_end, struct sock *sk)
{
	__u64 address = (__u64)sk;
	struct tls_key *owner = bpf_map_lookup_elem(&tls_sockets, &address), key;

	if (!owner)
		return 0;
	key = *owner;
	return end_connection(key.ssl, key.tgid);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tls_exit, struct task_struct *task)
{
	__u64 id = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&tls_threads, &id);
	return 0;
}

/* ---- socket calls ---- */

/* Notes the lengths of the records that the call's bytes begin with. */
static __always_inline void read_records(struct socket_call *call, __u64 base, __u64 left)
{
	__u8 header[RECORD_HEADER];

	for (int i = 0; i < RECORDS; i++) {
		__u32 length = 0;

		call->records[i] = 0;
		if (!base || left < RECORD_HEADER || bpf_probe_read_user(header, sizeof(header), (void *)base) ||
		    header[1] != 3) {
			base = 0;
			continue;
		}
		length = (__u32)header[3] << 8 | header[4];
		if (header[0] == RECORD_TYPE_DATA)
			call->records[i] = length;
		length += RECORD_HEADER;
		base += length;
		left = left > length ? left - length : 0;
	}
}

/* Or may be about to be: of a connection that was there before, the first answer is read from the socket before the library
 * is called. */
static __always_inline bool is_tapped(__u32 tgid)
{
	struct tls_user *user = bpf_map_lookup_elem(&tls_users, &tgid);

	return user && (user->heard || (user->early < MAX_EARLY && ++user->early));
}

/* A call on a socket of TCP, of a process that is tapped. base: its bytes, of which `left` lie together. */
static __always_inline void note_socket_call(__u64 sk, __u32 inode, __u64 base, __u64 left, enum side side)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct tls_thread *thread = tls_thread_of(id);
	struct socket_call *call;

	if (!thread)
		return;
	call = side == SIDE_READ ? &thread->received : &thread->sent;
	call->socket = sk;
	call->inode = inode;
	call->inside = thread->ssl != 0;
	read_records(call, base, left);
	if (call->inside)
		return;
	if (side == SIDE_READ)
		remember_read(thread);
	else
		prove_write();
}

static __always_inline int on_socket_call(struct socket *socket, struct msghdr *message, int flags, __s64 result,
					  enum side side)
{
	__u64 left = 0, base;
	struct place place = {};

	if (result <= 0 || flags & (MSG_PEEK | MSG_ERRQUEUE) || !is_tapped(bpf_get_current_pid_tgid() >> 32))
		return 0;
	find_tcp(&place, socket, PEEK_WORD(&socket->sk));
	if (place.kind != CHANNEL_TCP)
		return 0;
	base = first_byte(&message->msg_iter, result, &left);
	note_socket_call(place.channel, place.generation, base, left, side);
	return 0;
}

#define SOCKET_PROGRAMS(family)                                                                                        \
	SEC("?fexit/" #family "_recvmsg")                                                                              \
	int BPF_PROG(tls_##family##_recv, struct socket *socket, struct msghdr *message, __u64 size, int flags,        \
		     int result)                                                                                       \
	{                                                                                                              \
		return on_socket_call(socket, message, flags, result, SIDE_READ);                                      \
	}                                                                                                              \
	SEC("?fexit/" #family "_sendmsg")                                                                              \
	int BPF_PROG(tls_##family##_send, struct socket *socket, struct msghdr *message, __u64 size, int result)       \
	{                                                                                                              \
		return on_socket_call(socket, message, 0, result, SIDE_WRITE);                                         \
	}

SOCKET_PROGRAMS(inet)
SOCKET_PROGRAMS(inet6)

/* The first buffer of a system call. */
static __always_inline __u64 first_buffer(const struct request *request, __u64 result, __u64 *left)
{
	__u64 iov = request->arguments[1], count = request->arguments[2];
	struct iovec segment;

	*left = result;
	if (request->op == OP_READ || request->op == OP_RECVFROM || request->op == OP_WRITE)
		return iov;
	if (request->op == OP_SENDMSG || request->op == OP_RECVMSG) {
		struct user_msghdr header;

		if (bpf_probe_read_user(&header, sizeof(header), (void *)iov))
			return 0;
		iov = header.iov;
		count = header.iovlen;
	} else if (request->op != OP_READV && request->op != OP_WRITEV) {
		return 0;
	}
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 4; i++, iov += sizeof(segment)) {
		if (i >= count || bpf_probe_read_user(&segment, sizeof(segment), (void *)iov))
			return 0;
		if (!segment.iov_len)
			continue;
		if (segment.iov_len < *left)
			*left = segment.iov_len;
		return (__u64)segment.iov_base;
	}
	return 0;
}

/* Where fexit may not be loaded. 32-bit processes are not listened to. */
SEC("?tp_btf/sys_exit")
int BPF_PROG(tls_sys_exit, struct pt_regs *regs, long result)
{
	struct task_struct *task;
	struct request request = {};
	struct place place = {};
	__u64 left = 0, base;
	enum side side;

	if (result <= 0)
		return 0;
	task = read_request(&request, regs, result);
	if (!task || request.compat || request.op == OP_MMAP || !is_tapped(bpf_get_current_pid_tgid() >> 32))
		return 0;
	side = is_writing(request.op) ? SIDE_WRITE : SIDE_READ;
	if (side == SIDE_READ && is_peek(&request))
		return 0;
	find_place(&place, task, request.arguments[0], side);
	if (place.kind != CHANNEL_TCP)
		return 0;
	base = first_buffer(&request, result, &left);
	note_socket_call(place.channel, place.generation, base, left, side);
	return 0;
}

/* Keeps the record's type in the object's BTF, by which the tests compare its layout with user space's. */
const struct tls_event *tls_layout __attribute__((unused));

char LICENSE[] SEC("license") = "Dual BSD/GPL";
