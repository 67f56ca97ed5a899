/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Connections: an entry for each from its attempt to its end, and the records that tell of it.
 *
 * Who an attempt is of is known at SYN_SENT, in the caller's context, and at accept's exit; how it went at the changes of
 * state, in anybody's. So the entry keeps the owner, and each record tells all that is known by then.
 */
#ifndef OVERHEAR_CONNECTIONS_H
#define OVERHEAR_CONNECTIONS_H

#include "channel.h"
#include "descriptor.h"
#include "syscalls.h"
#include "tcp.h"

struct connection {
	__u64 start_ns; /* of the attempt; accepted: when it was established */
	__u64 established_ns;
	__u64 owner_start_ns;
	__u64 inode;
	__u64 peer_socket; /* Unix */
	__u64 sent; /* UDP and Unix: TCP's sockets count themselves */
	__u64 received;
	__u64 last_ns; /* UDP and Unix: bytes moved */
	__u32 tgid; /* 0: nobody has accepted it */
	__u32 tid; /* who is inside connect() */
	__u32 peer_tgid; /* Unix */
	__u32 flags; /* enum connection_flag */
	__u32 error; /* of a failed attempt, errno */
	__u32 state; /* TCP: the last that was seen */
	__u32 port; /* with address: where to, when the socket does not say it; 0: it does */
	__u32 _pad;
	__u8 address[16];
	char comm[COMM_LEN];
};

/* sock of TCP or Unix → its connection. Deleted when the socket is over: TCP's by tcp_destroy_sock, the others by user
 * space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONNECTIONS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

struct destination_key {
	__u64 socket;
	__u8 address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u32 port;
	__u32 _pad;
};

/* Whom a UDP socket talks to → since when, and how much. Deleted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_DESTINATIONS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct destination_key);
	__type(value, struct connection);
} destinations SEC(".maps");

/* So that the types are in the object's BTF, by which the tests compare their layout with user space's. One variable: of
 * those that the other object does not have, no more may stand behind the shared ones than it has itself. */
struct connection_records {
	struct connection_event connection;
	struct payload_event payload;
};

const struct connection_records *connection_layout __attribute__((unused));

static __always_inline bool is_wanted(__u32 tgid)
{
	return tgid != own_tgid && (!filtering || is_followed(tgid));
}

static __always_inline void note_owner(struct connection *connection)
{
	__u64 id = bpf_get_current_pid_tgid();

	connection->tgid = id >> 32;
	connection->tid = id;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		struct task_struct *leader = bpf_get_current_task_btf()->group_leader;

		connection->owner_start_ns = leader->start_boottime;
		bpf_probe_read_kernel(connection->comm, COMM_LEN, leader->comm);
	} else {
		struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);

		connection->owner_start_ns = BPF_CORE_READ(leader, start_boottime);
		BPF_CORE_READ_INTO(&connection->comm, leader, comm);
	}
}

/* ---- addresses ---- */

static __always_inline void map_ipv4(__u8 *out, __u32 address)
{
	*(__u64 *)out = 0;
	*(__u32 *)(out + 8) = 0xffff0000;
	*(__u32 *)(out + 12) = address;
}

/* `out` is aligned to 8. */
static __always_inline void own_address(__u8 *out, __u64 sk)
{
	struct sock *socket = (struct sock *)sk;

	if (PEEK(sk, struct sock, __sk_common.skc_family) == AF_INET) {
		map_ipv4(out, PEEK(sk, struct sock, __sk_common.skc_rcv_saddr));
		return;
	}
	*(__u64 *)out = PEEK_WORD(&socket->__sk_common.skc_v6_rcv_saddr);
	*(__u64 *)(out + 8) = PEEK_WORD((void *)&socket->__sk_common.skc_v6_rcv_saddr + 8);
}

static __always_inline void peer_address(__u8 *out, __u64 sk)
{
	struct sock *socket = (struct sock *)sk;

	if (PEEK(sk, struct sock, __sk_common.skc_family) == AF_INET) {
		map_ipv4(out, PEEK(sk, struct sock, __sk_common.skc_daddr));
		return;
	}
	*(__u64 *)out = PEEK_WORD(&socket->__sk_common.skc_v6_daddr);
	*(__u64 *)(out + 8) = PEEK_WORD((void *)&socket->__sk_common.skc_v6_daddr + 8);
}

static __always_inline __u32 peer_port(__u64 sk)
{
	__u16 port = PEEK(sk, struct sock, __sk_common.skc_dport);

	return __builtin_bswap16(port);
}

struct ipv4_name {
	__u16 family;
	__u16 port;
	__u32 address;
};

struct ipv6_name {
	__u16 family;
	__u16 port;
	__u32 flow;
	__u8 address[16];
};

static __always_inline long read_from(bool in_kernel, void *out, __u32 length, __u64 from)
{
	return in_kernel ? bpf_probe_read_kernel(out, length, (void *)from) :
			   bpf_probe_read_user(out, length, (void *)from);
}

/* A struct sockaddr. Returns its port; 0: it is none of the internet's, or cannot be read. */
static __always_inline __u32 read_name(__u8 *out, __u64 name, bool in_kernel)
{
	struct ipv4_name four = {};
	struct ipv6_name six = {};

	if (read_from(in_kernel, &four, sizeof(four), name))
		return 0;
	if (four.family == AF_INET) {
		map_ipv4(out, four.address);
		return __builtin_bswap16(four.port);
	}
	if (four.family != AF_INET6 || read_from(in_kernel, &six, sizeof(six), name))
		return 0;
	__builtin_memcpy(out, six.address, sizeof(six.address));
	return __builtin_bswap16(six.port);
}

/* ---- records ---- */

static __always_inline void fill_counts_of(struct connection_event *record, __u64 sk, const struct connection *entry)
{
	__u64 received;

	if (record->protocol != IPPROTO_TCP) {
		record->sent = entry->sent;
		record->received = entry->received;
		return;
	}
	received = PEEK(sk, struct tcp_sock, bytes_received);
	/* a FIN that came counts as a byte */
	if (received && PEEK(sk, struct sock, __sk_common.skc_flags) & (1UL << SOCK_DONE))
		received--;
	record->received = received;
	record->sent = PEEK(sk, struct tcp_sock, bytes_sent) - PEEK(sk, struct tcp_sock, bytes_retrans);
}

static __always_inline void fill_inet(struct connection_event *record, __u64 sk, const struct connection *entry)
{
	__u16 port = PEEK(sk, struct inet_sock, inet_sport);

	own_address(record->own_address, sk);
	record->own_port = __builtin_bswap16(port);
	if (entry->port) {
		*(__u64 *)record->peer_address = *(__u64 *)entry->address;
		*(__u64 *)(record->peer_address + 8) = *(__u64 *)(entry->address + 8);
		record->peer_port = entry->port;
	} else {
		peer_address(record->peer_address, sk);
		record->peer_port = peer_port(sk);
	}
}

/* All but `path`. */
static __always_inline void fill_connection(struct connection_event *record, __u64 sk, const struct connection *entry,
					    __u32 what)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->kind = EVENT_CONNECTION;
	record->what = what;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->socket = sk;
	record->start_ns = entry->start_ns;
	record->established_ns = entry->established_ns;
	record->owner_start_ns = entry->owner_start_ns;
	record->inode = entry->inode;
	record->peer_socket = entry->peer_socket;
	record->tgid = entry->tgid;
	record->peer_tgid = entry->peer_tgid;
	record->flags = entry->flags;
	record->error = entry->error;
	record->netns = BPF_CORE_READ((struct sock *)sk, __sk_common.skc_net.net, ns.inum);
	record->family = PEEK(sk, struct sock, __sk_common.skc_family);
	record->type = PEEK(sk, struct sock, sk_type);
	record->protocol = PEEK(sk, struct sock, sk_protocol);
	__builtin_memcpy(record->comm, entry->comm, COMM_LEN);
	if (record->family == AF_UNIX)
		record->protocol = 0;
	else
		fill_inet(record, sk, entry);
	fill_counts_of(record, sk, entry);
}

static __always_inline struct connection_event *begin_record(void)
{
	struct connection_event *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record)
		add(&connection_events_lost, 1);
	return record;
}

/* Of a connection that is in the map, TCP's. A global function: its record is on no other's stack, and it is verified once. */
__attribute__((noinline)) int tell_tcp(__u64 sk, __u32 what, __u32 previous)
{
	struct connection *entry = bpf_map_lookup_elem(&connections, &sk);
	struct connection_event *record;

	if (!entry)
		return 0;
	record = begin_record();
	if (!record)
		return 0;
	fill_connection(record, sk, entry, what);
	record->state = entry->state;
	record->previous = previous;
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}

static __always_inline void fill_path(struct connection_event *record, __u64 name, __u32 length, bool in_kernel)
{
	__u64 bytes = length > sizeof(__u16) ? length - sizeof(__u16) : 0;

	barrier_var(bytes);
	if (bytes > PATH_BYTES)
		bytes = PATH_BYTES;
	if (bytes && !read_from(in_kernel, record->path, bytes, name + sizeof(__u16)))
		record->path_len = bytes;
}

/* The address has been given to another socket: what was there is over. */
static __always_inline void retire_unix(__u64 sk, __u64 inode)
{
	struct connection *entry = bpf_map_lookup_elem(&connections, &sk);
	struct connection_event *record;

	if (!entry || entry->inode == inode)
		return;
	record = begin_record();
	if (!record)
		return;
	fill_connection(record, sk, entry, CONNECTION_END);
	bpf_ringbuf_submit(record, patient_flags());
}

/* Of a Unix connection: `name` is a struct sockaddr_un. */
__attribute__((noinline)) int tell_unix(__u64 sk, __u64 name, __u32 length, __u32 in_kernel)
{
	struct connection *entry = bpf_map_lookup_elem(&connections, &sk);
	struct connection_event *record;

	if (!entry)
		return 0;
	record = begin_record();
	if (!record)
		return 0;
	fill_connection(record, sk, entry, CONNECTION_OUTCOME);
	fill_path(record, name, length, in_kernel);
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}

/* ---- attempts ---- */

/* An entry is made blank and filled where it stands: what is on the stacks of programs that call each other is 512 bytes
 * in all. */
static const struct connection nothing;

/* NULL: there is no room. What stood there was another attempt by this socket, or another socket's. */
static __always_inline struct connection *begin(__u64 sk)
{
	struct connection *fresh;

	if (bpf_map_update_elem(&connections, &sk, &nothing, BPF_ANY)) {
		add(&connections_unseen, 1);
		return NULL;
	}
	fresh = bpf_map_lookup_elem(&connections, &sk);
	if (fresh)
		fresh->start_ns = bpf_ktime_get_boot_ns();
	return fresh;
}

/* By the process that is calling, if that is listened to. */
static __always_inline struct connection *begin_own(__u64 sk)
{
	struct connection *fresh = is_wanted(bpf_get_current_pid_tgid() >> 32) ? begin(sk) : NULL;

	if (fresh)
		note_owner(fresh);
	return fresh;
}

/* The state of a closed socket has no address any more: it is in what connect() was given. */
static __always_inline void note_name(struct connection *entry, __u64 name, bool in_kernel)
{
	__u8 address[16] __attribute__((aligned(8))) = {};
	__u32 port = read_name(address, name, in_kernel);

	if (!port)
		return;
	*(__u64 *)entry->address = *(__u64 *)address;
	*(__u64 *)(entry->address + 8) = *(__u64 *)(address + 8);
	entry->port = port;
}

/* connect() that failed before there was anything of it to see: no route, no permission, no address. */
__attribute__((noinline)) int on_refusal(__u64 sk, __u64 name, __u32 error, __u32 in_kernel)
{
	struct connection *fresh = begin_own(sk);

	if (!fresh)
		return 0;
	fresh->error = error;
	fresh->state = TCP_CLOSE;
	fresh->flags = CONNECTION_FAILED | CONNECTION_RETURNED | CONNECTION_TOLD | CONNECTION_ENDED;
	note_name(fresh, name, in_kernel);
	if (fresh->port)
		tell_tcp(sk, CONNECTION_OUTCOME, TCP_CLOSE);
	/* no end of a UDP socket is seen here */
	if (PEEK(sk, struct sock, sk_protocol) != IPPROTO_TCP)
		bpf_map_delete_elem(&connections, &sk);
	return 0;
}

static __always_inline bool is_restart(__s64 result)
{
	return result == -EINTR || (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK);
}

static __always_inline int on_tcp_connect(__u64 sk, __s64 result, __u64 name, bool in_kernel)
{
	struct connection *entry = bpf_map_lookup_elem(&connections, &sk);
	bool is_first;

	if (!entry)
		return result < 0 && result != -EINPROGRESS && !is_restart(result) ?
			       on_refusal(sk, name, -result, in_kernel) :
			       0;
	is_first = !(entry->flags & CONNECTION_RETURNED) && entry->tid == (__u32)bpf_get_current_pid_tgid();
	if (is_first)
		entry->flags |= CONNECTION_RETURNED;
	if (result >= 0 || result == -EINPROGRESS || is_restart(result))
		return 0;
	if (!is_first) /* the second call on a socket that does not block is told what became of the first */
		return entry->error == -result ? 0 : on_refusal(sk, name, -result, in_kernel);
	if (entry->flags & CONNECTION_TOLD)
		return 0;
	/* it came to nothing before its SYN was on its way */
	entry->error = -result;
	entry->flags |= CONNECTION_FAILED | CONNECTION_TOLD | CONNECTION_ENDED;
	note_name(entry, name, in_kernel);
	return tell_tcp(sk, CONNECTION_OUTCOME, TCP_CLOSE);
}

static __always_inline __u32 peer_process(__u64 sk)
{
	struct pid *pid = (struct pid *)PEEK_WORD(&((struct sock *)sk)->sk_peer_pid);

	return pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
}

/* What is connected, or was to be. */
static __always_inline struct connection *begin_unix(__u64 sk)
{
	__u64 inode = socket_inode((struct sock *)sk);
	struct connection *fresh;

	retire_unix(sk, inode);
	fresh = begin_own(sk);
	if (!fresh)
		return NULL;
	fresh->inode = inode;
	fresh->peer_socket = PEEK_WORD(&((struct unix_sock *)sk)->peer);
	fresh->peer_tgid = peer_process(sk);
	fresh->last_ns = fresh->start_ns;
	fresh->flags = CONNECTION_TOLD;
	return fresh;
}

__attribute__((noinline)) int on_unix_connect(__u64 sk, __s64 result, __u64 name, __u32 length, __u32 in_kernel)
{
	struct connection *fresh;
	__u16 family = 0;

	if (read_from(in_kernel, &family, sizeof(family), name) || family != AF_UNIX)
		return 0;
	fresh = begin_unix(sk);
	if (!fresh)
		return 0;
	if (result < 0) {
		fresh->error = -result;
		fresh->flags |= CONNECTION_FAILED;
		fresh->peer_socket = 0;
		fresh->peer_tgid = 0;
	} else {
		fresh->established_ns = fresh->start_ns;
	}
	tell_unix(sk, name, length, in_kernel);
	if (result < 0)
		bpf_map_delete_elem(&connections, &sk);
	return 0;
}

/* ---- datagrams ---- */

/* Bits of `how`. */
enum datagram { DATAGRAM_READ = 1, DATAGRAM_KERNEL_NAME = 2 };

__attribute__((noinline)) int tell_destination(__u64 sk, __u64 high, __u64 low, __u32 port, __u32 what)
{
	struct destination_key key = { .socket = sk, .port = port };
	struct connection *entry;
	struct connection_event *record;

	*(__u64 *)key.address = high;
	*(__u64 *)(key.address + 8) = low;
	entry = bpf_map_lookup_elem(&destinations, &key);
	if (!entry)
		return 0;
	record = begin_record();
	if (!record)
		return 0;
	fill_connection(record, sk, entry, what);
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}

static __always_inline void tell(const struct destination_key *key, enum connection_what what)
{
	tell_destination(key->socket, *(__u64 *)key->address, *(__u64 *)(key->address + 8), key->port, what);
}

/* NULL: there is none. One of a socket that had the address before is over. */
static __always_inline struct connection *find_destination(const struct destination_key *key)
{
	struct connection *entry = bpf_map_lookup_elem(&destinations, key);

	if (!entry || entry->inode == socket_inode((struct sock *)key->socket))
		return entry;
	tell(key, CONNECTION_END);
	bpf_map_delete_elem(&destinations, key);
	return NULL;
}

static __always_inline struct connection *add_destination(const struct destination_key *key)
{
	struct connection *fresh;

	if (bpf_map_update_elem(&destinations, key, &nothing, BPF_NOEXIST)) {
		add(&connections_unseen, 1);
		return NULL;
	}
	fresh = bpf_map_lookup_elem(&destinations, key);
	if (!fresh)
		return NULL;
	fresh->start_ns = bpf_ktime_get_boot_ns();
	fresh->last_ns = fresh->start_ns;
	fresh->inode = socket_inode((struct sock *)key->socket);
	*(__u64 *)fresh->address = *(__u64 *)key->address;
	*(__u64 *)(fresh->address + 8) = *(__u64 *)(key->address + 8);
	fresh->port = key->port;
	return fresh;
}

static __always_inline struct connection *begin_destination(const struct destination_key *key, __u32 flags, __u32 error)
{
	struct connection *fresh;

	if (!is_wanted(bpf_get_current_pid_tgid() >> 32))
		return NULL;
	fresh = add_destination(key);
	if (!fresh)
		return NULL;
	note_owner(fresh);
	fresh->flags = flags | CONNECTION_TOLD;
	fresh->error = error;
	if (!error)
		fresh->established_ns = fresh->start_ns;
	tell(key, CONNECTION_OUTCOME);
	return fresh;
}

static __always_inline void connected_to(struct destination_key *key, __u64 sk)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->socket = sk;
	key->port = peer_port(sk);
	peer_address(key->address, sk);
}

/* What says something about the destination, not about the datagram. */
static __always_inline bool is_outcome(__s64 error)
{
	return error == 1 || error == 13 || error == 97 || error == 99 || error == 101 || error == 111 || error == 113;
}

__attribute__((noinline)) int on_datagram(__u64 sk, __u64 name, __s64 result, __u32 how)
{
	struct destination_key key;
	struct connection *entry;
	bool is_read = how & DATAGRAM_READ;

	if (result < 0 && !is_outcome(-result))
		return 0;
	connected_to(&key, sk);
	if (!key.port) {
		if (!name)
			return 0;
		key.port = read_name(key.address, name, how & DATAGRAM_KERNEL_NAME);
	} else if (name && !is_read) {
		/* a connected socket may write elsewhere, too */
		__u8 address[16] __attribute__((aligned(8))) = {};
		__u32 port = read_name(address, name, how & DATAGRAM_KERNEL_NAME);

		if (port) {
			key.port = port;
			*(__u64 *)key.address = *(__u64 *)address;
			*(__u64 *)(key.address + 8) = *(__u64 *)(address + 8);
		}
	}
	if (!key.port)
		return 0;
	entry = find_destination(&key);
	if (result < 0) {
		if (!entry) {
			if (!is_read)
				begin_destination(&key, CONNECTION_FAILED, -result);
		} else if (!entry->error) {
			entry->error = -result;
			entry->flags |= CONNECTION_FAILED;
			tell(&key, CONNECTION_OUTCOME);
		}
		return 0;
	}
	if (!entry)
		entry = begin_destination(&key, is_read ? CONNECTION_ACCEPTED : 0, 0);
	if (!entry)
		return 0;
	add(is_read ? &entry->received : &entry->sent, result);
	entry->last_ns = bpf_ktime_get_boot_ns();
	return 0;
}

static __always_inline int on_udp_connect(__u64 sk, __s64 result, __u64 name, bool in_kernel)
{
	struct destination_key key;
	__u16 family = 0;

	/* AF_UNSPEC: it is connected to nobody any more */
	if (read_from(in_kernel, &family, sizeof(family), name) || !family)
		return 0;
	if (result < 0)
		return on_refusal(sk, name, -result, in_kernel);
	connected_to(&key, sk);
	if (key.port && !find_destination(&key))
		begin_destination(&key, 0, 0);
	return 0;
}

static __always_inline int on_connect(__u64 sk, __s64 result, __u64 name, __u32 length, bool in_kernel)
{
	__u16 family, protocol;

	if (result == -EISCONN || result == -EALREADY)
		return 0;
	family = PEEK(sk, struct sock, __sk_common.skc_family);
	if (family == AF_UNIX)
		return is_restart(result) ? 0 : on_unix_connect(sk, result, name, length, in_kernel);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	protocol = PEEK(sk, struct sock, sk_protocol);
	if (protocol == IPPROTO_TCP)
		return on_tcp_connect(sk, result, name, in_kernel);
	return protocol == IPPROTO_UDP ? on_udp_connect(sk, result, name, in_kernel) : 0;
}

/* ---- accepted ---- */

static __always_inline int on_tcp_accept(__u64 sk)
{
	struct connection *entry = bpf_map_lookup_elem(&connections, &sk);

	if (!is_wanted(bpf_get_current_pid_tgid() >> 32)) {
		if (entry)
			bpf_map_delete_elem(&connections, &sk);
		return 0;
	}
	if (!entry) {
		/* by TCP Fast Open, or established before anybody listened */
		entry = begin(sk);
		if (!entry)
			return 0;
		entry->established_ns = entry->start_ns;
		entry->flags = CONNECTION_ACCEPTED;
		entry->state = PEEK(sk, struct sock, __sk_common.skc_state);
	}
	if (entry->tgid)
		return 0;
	note_owner(entry);
	entry->inode = socket_inode((struct sock *)sk);
	entry->flags |= CONNECTION_TOLD;
	tell_tcp(sk, CONNECTION_OUTCOME, TCP_SYN_RECV);
	/* it was over before anybody accepted it */
	if (entry->state != TCP_CLOSE)
		return 0;
	entry->flags |= CONNECTION_ENDED;
	return tell_tcp(sk, CONNECTION_END, TCP_ESTABLISHED);
}

static __always_inline int on_unix_accept(__u64 sk)
{
	struct unix_address *address = (struct unix_address *)PEEK_WORD(&((struct unix_sock *)sk)->addr);
	struct connection *fresh = begin_unix(sk);
	__u64 name = 0;
	__u32 length = 0;

	if (!fresh)
		return 0;
	fresh->established_ns = fresh->start_ns;
	fresh->flags |= CONNECTION_ACCEPTED;
	if (address) {
		length = BPF_CORE_READ(address, len);
		name = (__u64)address + bpf_core_field_offset(struct unix_address, name);
	}
	return tell_unix(sk, name, length, true);
}

__attribute__((noinline)) int on_accept(__u64 sk)
{
	__u16 family = PEEK(sk, struct sock, __sk_common.skc_family);

	if (family == AF_UNIX)
		return on_unix_accept(sk);
	if ((family == AF_INET || family == AF_INET6) && PEEK(sk, struct sock, sk_protocol) == IPPROTO_TCP)
		return on_tcp_accept(sk);
	return 0;
}

/* ---- bytes ---- */

#define PORT_DNS 53

__attribute__((noinline)) int send_payload(__u32 kind, __u64 sk, __u64 base, __u64 length)
{
	struct connection *entry = bpf_map_lookup_elem(&connections, &sk);
	struct payload_event *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		add(&connection_events_lost, 1);
		return 0;
	}
	record->kind = kind;
	record->len = 0;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->socket = sk;
	record->start_ns = entry ? entry->start_ns : 0;
	barrier_var(length);
	if (length > PAYLOAD_BYTES)
		length = PAYLOAD_BYTES;
	if (length && !bpf_probe_read_user(record->bytes, length, (void *)base))
		record->len = length;
	/* behind it stands what earlier records left there */
	if (record->len)
		bpf_ringbuf_submit(record, patient_flags());
	else
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	return 0;
}

/* An outgoing connection begins to speak: a ClientHello and a request say whom to. */
static __always_inline int on_tcp_write(__u64 sk, __u64 base, __u64 length)
{
	struct connection *entry;
	__u32 word = 0;

	entry = bpf_map_lookup_elem(&connections, &sk);
	if (!entry || entry->flags & (CONNECTION_GREETED | CONNECTION_ACCEPTED | CONNECTION_BEFORE))
		return 0;
	entry->flags |= CONNECTION_GREETED;
	if (length < sizeof(word) || bpf_probe_read_user(&word, sizeof(word), (void *)base))
		return 0;
	/* TLS: a handshake record of version 3.x */
	if ((word & 0xffff) == 0x0316 || is_request(word))
		send_payload(EVENT_GREETING, sk, base, length);
	return 0;
}

static __always_inline int on_unix_bytes(__u64 sk, __s64 result, bool is_read)
{
	struct connection *entry;

	if (result < 0)
		return 0;
	entry = bpf_map_lookup_elem(&connections, &sk);
	if (!entry || entry->inode != socket_inode((struct sock *)sk))
		return 0;
	add(is_read ? &entry->received : &entry->sent, result);
	entry->last_ns = bpf_ktime_get_boot_ns();
	if (is_read && !result)
		entry->flags |= CONNECTION_FIN_RECEIVED;
	return 0;
}

/* Bytes were read or written; where: base and length of the first buffer that has any, 0: not known. */
struct moved {
	__u64 sk;
	__u64 name; /* sockaddr; 0: none */
	__u64 base;
	__u64 length;
	__s64 result;
	__u32 is_read;
	__u32 in_kernel; /* the name */
};

static __always_inline int on_moved(const struct moved *moved)
{
	__u64 sk = moved->sk;
	__u16 family = PEEK(sk, struct sock, __sk_common.skc_family), protocol;
	__u32 how = (moved->is_read ? DATAGRAM_READ : 0) | (moved->in_kernel ? DATAGRAM_KERNEL_NAME : 0);
	__u8 address[16] __attribute__((aligned(8)));
	__u32 port;

	if (family == AF_UNIX)
		return on_unix_bytes(sk, moved->result, moved->is_read);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	protocol = PEEK(sk, struct sock, sk_protocol);
	if (protocol == IPPROTO_UDP)
		on_datagram(sk, moved->name, moved->result, how);
	else if (protocol != IPPROTO_TCP)
		return 0;
	if (moved->result <= 0 || !moved->base)
		return 0;
	if (!moved->is_read)
		return protocol == IPPROTO_TCP ? on_tcp_write(sk, moved->base, moved->length) : 0;
	port = peer_port(sk);
	if (!port && moved->name)
		port = read_name(address, moved->name, moved->in_kernel);
	if (port == PORT_DNS)
		send_payload(EVENT_DNS, sk, moved->base, moved->length);
	return 0;
}

#endif
