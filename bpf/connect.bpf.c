/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * TCP connections: which two sockets of this host are each other's ends, and when a socket is over.
 */
#include "tcp.h"

/* The verifier allows no arithmetic on what it knows to be a pointer. */
static __always_inline __u64 address_of(struct sock *sk)
{
	__u64 pointer = (__u64)sk, address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &pointer);
	return address;
}

/* One end's next sequence numbers are the other's, the other way round: loopback, bridges between network namespaces and
 * published ports alike, since address translation keeps them. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int old, int new)
{
	struct link fresh = {}, *link;
	__u64 address;
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	if (new != TCP_ESTABLISHED || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	address = address_of(sk);
	fresh.send_start = BPF_CORE_READ(tcp, snd_nxt);
	fresh.receive_start = BPF_CORE_READ(tcp, rcv_nxt);
	bpf_map_update_elem(&links, &address, &fresh, BPF_ANY);
	/* a socket may be connected more than once */
	disturb(address);
	link = bpf_map_lookup_elem(&links, &address);
	if (link)
		join(address, link, fresh.send_start, fresh.receive_start);
	return 0;
}

/* The end that is connected to has no socket before the third packet, which the first data may overtake on its way to
 * this program. That there will be one is known from the second packet on: it is sent from here. */
static __always_inline int on_synack(struct pt_regs *regs)
{
	struct tcp_request_sock *request = (struct tcp_request_sock *)fourth_argument(regs);
	__u32 sends = BPF_CORE_READ(request, snt_isn) + 1, receives = BPF_CORE_READ(request, rcv_isn) + 1;
	__u64 key = (__u64)sends << 32 | receives, nobody = 0;

	bpf_map_update_elem(&handshakes, &key, &nobody, BPF_NOEXIST);
	return 0;
}

SEC("kprobe/tcp_v4_send_synack")
int synack_v4(struct pt_regs *regs)
{
	return on_synack(regs);
}

SEC("kprobe/tcp_v6_send_synack")
int synack_v6(struct pt_regs *regs)
{
	return on_synack(regs);
}

/* The direction that ends with the socket: nothing more can come out of it. */
static __always_inline void end_direction(__u64 address, __u32 flags)
{
	__u32 slot = SLOT_SOCKET_END;
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct channel *channel = look_up(CHANNEL_TCP, address);
	struct io_event *event;

	if (!call || !channel)
		return;
	if (!channel->announced || channel->muted) {
		drop(CHANNEL_TCP, address);
		return;
	}
	event = &call->event;
	call->place.channel = address;
	call->place.generation = channel->generation;
	call->place.peer = channel->peer;
	call->place.kind = CHANNEL_TCP;
	call->place.flags = flags;
	fill_place(event, &call->place);
	fill_counts(event, channel);
	event->kind = EVENT_CLOSE;
	event->time_ns = bpf_ktime_get_boot_ns();
	event->tgid = channel->reader_tgid;
	event->tid = 0;
	event->start_ns = channel->reader_start_ns;
	event->peer_generation = channel->peer_generation;
	__builtin_memset(event->comm, 0, COMM_LEN);
	end_channel(channel, &call->place, event);
}

/* Counts what moved unlooked at, and gives the slot back. */
static __always_inline void unmark(__u64 sk, __u64 peer)
{
	struct mark *mark = marked(sk), *peers = peer ? marked(peer) : NULL;
	struct channel *channel = look_up(CHANNEL_TCP, sk);
	__u64 written = peer ? peer : sk + 1;

	if (channel && channel->announced)
		count_to_end(sk, mark, peers, channel);
	if (mark) {
		channel = look_up(CHANNEL_TCP, written);
		if (channel && channel->announced && mark->write)
			count_written(channel, mark->write_seq - mark->write_at, peer);
		mark->key = 0;
	}
	if (peer)
		disturb(peer);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(socket_end, struct sock *sk)
{
	__u64 address = address_of(sk);
	struct link *link = bpf_map_lookup_elem(&links, &address), *other;
	__u64 peer;

	unmark(address, link ? link->peer : 0);
	if (link) {
		peer = link->peer;
		other = peer ? bpf_map_lookup_elem(&links, &peer) : NULL;
		if (other && other->peer == address) {
			other->peer = 0;
			other->gone = 1;
			if (!other->peers.len)
				other->peers = link->own;
		}
		bpf_map_delete_elem(&links, &address);
	}
	end_direction(address, 0);
	end_direction(address + 1, IO_WRITTEN);
	return 0;
}
