/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * TLS connections: what a thread is inside of, which connections its process has, and by which socket each one goes.
 *
 * A library's call and its socket's are one after the other on the same thread: the socket is read or written within the
 * call, or, where the program moves the bytes itself (memory BIOs: Node, Bun, asyncio), it is read before and written
 * after. Within: that is the socket. Before and after: when a TLS record of just that length passed there, and at no other
 * of the thread's sockets of late: event loops read several before they hand the bytes on. What contradicts takes the join
 * back; a socket that is not known stays so.
 */
#ifndef OVERHEAR_TLS_H
#define OVERHEAR_TLS_H

#include "tcp.h"

#define RECORD_HEADER 5
#define RECORD_TYPE_DATA 0x17
#define RECORDS 4 /* of one socket call that are looked at */
#define RECENT 8 /* sockets that were read, and connections that were written, of a thread */
#define RECENT_NS 20000000 /* what has not come after so long without another one will not */
#define RECORD_BYTES 16384 /* most plaintext of one record */

/* A socket call of a thread. */
struct socket_call {
	__u64 socket;
	__u32 inode;
	__u32 inside; /* it was made within a call of the library */
	__u16 records[RECORDS]; /* lengths of the data records that it begins with, as on the wire; 0: none */
	__u64 time_ns; /* of those that are remembered */
};

/* Plaintext that was given to the library. */
struct written {
	__u64 ssl; /* 0: none */
	__u32 length;
	__u32 _pad;
	__u64 time_ns;
};

enum go_told {
	GO_AT_RETURN, /* as everything else */
	GO_EARLY, /* at the begin: no socket call says anything of it yet */
	GO_ALREADY, /* it was: what the socket calls say is left */
};

struct tls_thread {
	/* the library's call that is under way */
	__u64 ssl; /* 0: none */
	__u64 buffer;
	__u64 out; /* _ex: where the length is returned; 0: as the result */
	__u64 size;
	__u64 moved; /* bytes, at its end */
	__u32 side; /* enum side */
	__u32 is_go; /* its socket calls come before the end of the call, on this thread or another */
	__u32 nested; /* calls within it that move other bytes */
	__u32 told; /* enum go_told */
	struct socket_call received;
	struct socket_call sent;
	/* what was read from sockets, and has not come out of the library yet */
	struct socket_call reads[RECENT];
	__u64 read_lost_ns; /* when one was read that there was no room for: it may be what comes out next */
	/* what was given to the library, and has not been sent yet; of each connection the last */
	struct written writes[RECENT];
	__u64 write_lost_ns;
	__u32 next; /* place that is taken next, when none is free */
	__u32 _pad;
};

/* Thread (pid_tgid) → what it does. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TLS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct tls_thread);
} tls_threads SEC(".maps");

/* A call of Go's crypto/tls, which may end on another thread than it began on. */
struct go_key {
	__u64 goroutine;
	__u32 tgid;
	__u32 side; /* enum side: one goroutine may be inside of both */
};

struct go_call {
	__u64 connection;
	__u64 buffer;
	__u64 size;
};

/* The oldest give way: a goroutine that ends inside (a panic) leaves its call here. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_TLS);
	__type(key, struct go_key);
	__type(value, struct go_call);
} go_calls SEC(".maps");

struct tls_key {
	__u64 ssl; /* address of the library's connection, in the process */
	__u32 tgid;
	__u32 _pad;
};

struct tls_connection {
	__u64 generation; /* when it was met; another one at the same address is another connection */
	__u64 address; /* in `channels`: of what is read; the next number: of what is written */
	__u64 socket; /* 0: not known */
	__u32 inode;
	__u32 proofs; /* that the socket is this one */
	__u32 strangers; /* calls that began like nothing of interest */
	__u32 ignored; /* none of ours */
	__u32 announced; /* EVENT_TLS was sent */
	__u32 _pad;
};

/* The oldest give way: not of all libraries is it seen when a connection is over. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_TLS);
	__type(key, struct tls_key);
	__type(value, struct tls_connection);
} tls_connections SEC(".maps");

/* Address of a sock → the connection that goes by it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TLS);
	__type(key, __u64);
	__type(value, struct tls_key);
} tls_sockets SEC(".maps");

/* Too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call);
} blank_call SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gather);
} blank_gather SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tls_thread);
} blank_thread SEC(".maps");

static __always_inline struct tls_thread *tls_thread_of(__u64 id)
{
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id), *blank;
	__u32 zero = 0;

	if (thread)
		return thread;
	blank = bpf_map_lookup_elem(&blank_thread, &zero);
	if (blank)
		bpf_map_update_elem(&tls_threads, &id, blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tls_threads, &id);
}

/* Like a kernel address in its upper bits (fields.ts keeps one value of these), and like none in the others: those are
 * multiples of 8, or one more (tcp.h). */
static __always_inline __u64 tls_address(const struct tls_key *key)
{
	__u64 mixed = (key->ssl >> 3) * 0x9e3779b97f4a7c15ULL + key->tgid * 0xc2b2ae3d27d4eb4fULL;

	mixed ^= mixed >> 29;
	mixed *= 0xbf58476d1ce4e5b9ULL;
	mixed ^= mixed >> 32;
	return (bpf_get_current_task() & 0xffe0000000000000ULL) | (mixed & 0x000ffffffffffff8ULL) | 2;
}

static __always_inline struct tls_connection *meet_connection(const struct tls_key *key)
{
	struct tls_connection fresh = {};

	fresh.generation = bpf_ktime_get_boot_ns();
	fresh.address = tls_address(key);
	bpf_map_update_elem(&tls_connections, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tls_connections, key);
}

/* Whether a record of this length carries so much plaintext: TLS 1.3 adds 17 bytes; TLS 1.2 16 (ChaCha20) or 24 (GCM), or
 * (CBC) fills up to whole blocks. */
static __always_inline bool fits(__u32 record, __u32 plain)
{
	__u32 more = record - plain;

	return more == 17 || more == 16 || more == 24 || (more >= 37 && more <= 80 && (record & 15) == 0);
}

/* Each record proves one call. */
static __always_inline bool take_record(struct socket_call *call, __u64 plain)
{
	__u32 n = plain < RECORD_BYTES ? plain : RECORD_BYTES;

	for (int i = 0; i < RECORDS; i++) {
		if (call->records[i] && fits(call->records[i], n)) {
			call->records[i] = 0;
			return true;
		}
	}
	return false;
}

/* A socket was read outside of the library. Of one that is read again what came before has been taken. */
static __always_inline void remember_read(struct tls_thread *thread)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 slot = thread->next;
	bool has_room = false;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < RECENT; i++) {
		if (thread->reads[i].socket == thread->received.socket)
			thread->reads[i].time_ns = 0;
		if (!has_room && now - thread->reads[i].time_ns > RECENT_NS) {
			slot = i;
			has_room = true;
		}
	}
	slot %= RECENT;
	if (!has_room) {
		thread->read_lost_ns = thread->reads[slot].time_ns;
		thread->next = slot + 1;
	}
	thread->reads[slot] = thread->received;
	thread->reads[slot].time_ns = now;
}

static __always_inline void remember_write(struct tls_thread *thread, __u64 ssl, __u64 n)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 slot = thread->next;
	bool has_room = false;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < RECENT; i++) {
		if (thread->writes[i].ssl == ssl)
			thread->writes[i].time_ns = 0;
		if (!has_room && now - thread->writes[i].time_ns > RECENT_NS) {
			slot = i;
			has_room = true;
		}
	}
	slot %= RECENT;
	if (!has_room) {
		thread->write_lost_ns = thread->writes[slot].time_ns;
		thread->next = slot + 1;
	}
	thread->writes[slot].ssl = ssl;
	thread->writes[slot].length = n < RECORD_BYTES ? n : RECORD_BYTES;
	thread->writes[slot].time_ns = now;
}

/* Says where a connection is. A global function: its record is on no other's stack. */
__attribute__((noinline)) int announce_tls(__u64 ssl, __u32 tgid)
{
	struct tls_key key = { ssl, tgid, 0 };
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &key);
	struct tls_event *record;
	struct io_event caller = {};
	struct link *link, *other;
	__u64 peer;
	struct sock *sk;
	__u64 address;
	__u16 port;

	if (!connection)
		return -1;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		add(&ring_full_count, 1);
		connection->announced = 0;
		return -1;
	}
	__builtin_memset(record, 0, sizeof(*record));
	fill_caller(&caller);
	record->kind = EVENT_TLS;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->channel = connection->address;
	record->generation = connection->generation;
	record->start_ns = caller.start_ns;
	record->tgid = tgid;
	__builtin_memcpy(record->comm, caller.comm, COMM_LEN);
	address = connection->socket;
	if (address) {
		sk = (struct sock *)address;
		record->socket = address;
		record->inode = connection->inode;
		link = bpf_map_lookup_elem(&links, &address);
		if (link) {
			peer = link->peer;
			record->peer = peer;
			record->peer_tgid = link->peers.tgid;
			record->peer_start_ns = link->peers.start_ns;
			other = peer ? bpf_map_lookup_elem(&links, &peer) : NULL;
			if (peer) {
				record->flags = TLS_LOCAL;
				record->peer_inode = socket_inode((struct sock *)peer);
			}
			if (other && other->own.tgid) {
				record->peer_tgid = other->own.tgid;
				record->peer_start_ns = other->own.start_ns;
			}
		}
		if (stays_here(address))
			record->flags = TLS_LOCAL;
		if (filtering && !is_followed(tgid))
			record->flags |= TLS_UNHEARD;
		read_address(record->own_address, sk, true);
		read_address(record->peer_address, sk, false);
		record->own_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		port = BPF_CORE_READ(sk, __sk_common.skc_dport);
		record->peer_port = __builtin_bswap16(port);
	}
	connection->announced = 1;
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}

static __always_inline void forget_socket(struct tls_connection *connection, const struct tls_key *key)
{
	__u64 socket = connection->socket;
	struct tls_key *owner = bpf_map_lookup_elem(&tls_sockets, &socket);

	if (owner && owner->ssl == key->ssl && owner->tgid == key->tgid)
		bpf_map_delete_elem(&tls_sockets, &socket);
	connection->socket = 0;
	connection->proofs = 0;
}

/* There is proof that the connection goes by this socket. */
static __always_inline void prove(struct tls_connection *connection, const struct tls_key *key,
				  const struct socket_call *call)
{
	__u64 socket = call->socket;
	struct tls_key *owner, other;
	struct tls_connection *rival;

	if (connection->socket == socket) {
		connection->proofs++;
		return;
	}
	if (connection->socket) {
		/* a contradiction */
		if (connection->proofs > 2) {
			connection->proofs = 1;
			return;
		}
		forget_socket(connection, key);
		if (connection->announced)
			announce_tls(key->ssl, key->tgid);
		return;
	}
	owner = bpf_map_lookup_elem(&tls_sockets, &socket);
	if (owner) {
		other = *owner;
		rival = bpf_map_lookup_elem(&tls_connections, &other);
		/* two connections by one socket: neither is believed, unless one has proved it often */
		if (rival && rival->socket == socket) {
			if (rival->proofs > 2) {
				rival->proofs = 1;
				return;
			}
			forget_socket(rival, &other);
			if (rival->announced)
				announce_tls(other.ssl, other.tgid);
			return;
		}
	}
	connection->socket = socket;
	connection->inode = call->inode;
	connection->proofs = 1;
	bpf_map_update_elem(&tls_sockets, &socket, key, BPF_ANY);
	if (connection->announced)
		announce_tls(key->ssl, key->tgid);
}

/* Whether what the thread read of a socket lately holds a record of so much plaintext, which then is used up. A global
 * function, as the next ones: the verifier follows their branches once. */
__attribute__((noinline)) int take_read(__u32 slot, __u64 n)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);

	slot %= RECENT;
	if (!thread || bpf_ktime_get_boot_ns() - thread->reads[slot].time_ns > RECENT_NS)
		return 0;
	return take_record(&thread->reads[slot], n);
}

/* Whether what was just sent holds a record of what was given to the library lately, which then is done. */
__attribute__((noinline)) int take_written(__u32 slot)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);
	bool found = false;

	slot %= RECENT;
	if (!thread || bpf_ktime_get_boot_ns() - thread->writes[slot].time_ns > RECENT_NS)
		return 0;
	/* the record stays: it may be another's */
	for (int i = 0; i < RECORDS; i++)
		found |= fits(thread->sent.records[i], thread->writes[slot].length);
	if (found)
		thread->writes[slot].time_ns = 0;
	return found;
}

/* n bytes came out of the library: of which socket were they read? Where it may be several, all are used up: what is left
 * would prove the wrong one. */
__attribute__((noinline)) int prove_read(__u64 ssl, __u64 n)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct tls_key key = { ssl, id >> 32, 0 };
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &key);
	__u32 found = 0, slot = 0;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < RECENT; i++) {
		if (take_read(i, n)) {
			found++;
			slot = i;
		}
	}
	if (found == 1 && thread && connection && bpf_ktime_get_boot_ns() - thread->read_lost_ns > RECENT_NS)
		prove(connection, &key, &thread->reads[slot % RECENT]);
	return 0;
}

/* Something has been sent: what was given to the library by which connection? */
__attribute__((noinline)) int prove_write(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct tls_key key = { 0, id >> 32, 0 };
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);
	struct tls_connection *connection;
	__u32 found = 0, slot = 0;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < RECENT; i++) {
		if (take_written(i)) {
			found++;
			slot = i;
		}
	}
	if (found != 1 || !thread || bpf_ktime_get_boot_ns() - thread->write_lost_ns < RECENT_NS)
		return 0;
	key.ssl = thread->writes[slot % RECENT].ssl;
	connection = bpf_map_lookup_elem(&tls_connections, &key);
	if (connection)
		prove(connection, &key, &thread->sent);
	return 0;
}

/* The library has moved bytes between the process and the connection: what its socket calls say. */
static __always_inline void weigh(struct tls_thread *thread, struct tls_connection *connection,
				  const struct tls_key *key, enum side side, __u64 n)
{
	struct socket_call *call = side == SIDE_READ ? &thread->received : &thread->sent;

	if (thread->told == GO_EARLY)
		return;
	if (call->socket && call->inside) {
		prove(connection, key, call);
		return;
	}
	if (thread->is_go) {
		if (call->socket && take_record(call, n))
			prove(connection, key, call);
	} else if (side == SIDE_READ) {
		prove_read(key->ssl, n);
	} else {
		remember_write(thread, key->ssl, n);
	}
}

#endif
