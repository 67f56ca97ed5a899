/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Which channel a call on a TCP socket belongs to, and whether its bytes are of interest: those of HTTP that may carry
 * MCP, and of JSON lines. All else is left alone, most of it by one look at its first bytes.
 *
 * A direction whose reader is of this host is heard there, as pipes are, and its writes leave notes; where it is not, the
 * bytes are copied as they are written.
 */
#ifndef OVERHEAR_TCP_H
#define OVERHEAR_TCP_H

#include "io.h"

/* What user space says of a connection, on the channel of its requests. */
enum verdict {
	VERDICT_OPEN, /* any request with JSON is copied */
	VERDICT_MCP, /* all is copied */
	VERDICT_OTHER, /* only requests whose heads speak of MCP */
	VERDICT_ASIDE, /* nothing is copied or counted, for a while */
};

enum start { START_OTHER, START_REQUEST, START_ANSWER, START_JSON, START_HTTP2, START_CHUNK, START_TLS, START_UNKNOWN };

/* What is to be done with a call. */
enum tcp_way { TCP_LEAVE, TCP_COPY, TCP_NOTE, TCP_UNSEEN, TCP_OPAQUE };

#define WORD(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)
/* as four letters stand in a number into which they were shifted one by one */
#define LETTERS(a, b, c, d) WORD(d, c, b, a)

static __always_inline bool is_request(__u32 word)
{
	return word == WORD('P', 'O', 'S', 'T') || word == WORD('G', 'E', 'T', ' ') ||
	       word == WORD('D', 'E', 'L', 'E') || word == WORD('P', 'U', 'T', ' ') ||
	       word == WORD('H', 'E', 'A', 'D') || word == WORD('O', 'P', 'T', 'I') || word == WORD('P', 'A', 'T', 'C');
}

/* Four capitals: a request by a method that is seldom used, as CONNECT or PROPFIND, the PROXY protocol's line, or another
 * protocol's word: HTTP that we know may follow. */
static __always_inline bool is_token(__u32 word)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++, word >>= 8)
		if ((word & 0xff) < 'A' || (word & 0xff) > 'Z')
			return false;
	return true;
}

/* What the bytes of the call begin with: enum start. Leaves the call at its first buffer that is not empty. */
__attribute__((noinline)) int start_of(__u32 slot, __u64 result)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	__u64 word = 0, length;
	__u32 first, half;

	if (!call)
		return START_UNKNOWN;
#pragma clang loop unroll(disable)
	for (int i = 0; i < 4 && !call->segment_left; i++)
		if (!next_segment(call))
			return START_UNKNOWN;
	length = call->segment_left < result ? call->segment_left : result;
	barrier_var(length);
	if (!length)
		return START_UNKNOWN;
	if (length > sizeof(word))
		length = sizeof(word);
	if (bpf_probe_read_user(&word, length, (void *)call->base))
		return START_UNKNOWN;
	/* RFC 9112, 2.2: an empty line before a request is passed over */
	if ((word & 0xffff) == ('\r' | '\n' << 8) && length == sizeof(word))
		word >>= 16;
	half = word;
	first = word & 0xff;
	if (first == '{' || first == '[')
		return START_JSON;
	/* too little to tell */
	if (length < sizeof(half))
		return START_UNKNOWN;
	if (is_request(half))
		return START_REQUEST;
	if (half == WORD('H', 'T', 'T', 'P') && (word >> 32 & 0xffffff) == WORD('/', '1', '.', 0))
		return START_ANSWER;
	if (half == WORD('P', 'R', 'I', ' ') && word >> 32 == WORD('*', ' ', 'H', 'T'))
		return START_HTTP2;
	/* a record of it: data, handshake, alert, version 3 */
	if (first >= 0x14 && first <= 0x17 && (word >> 8 & 0xff) == 3)
		return START_TLS;
	/* a chunk's length, or a field of an event */
	if ((first >= '0' && first <= '9') || (first >= 'a' && first <= 'f') || first == 'i' || first == 'r' ||
	    first == ':')
		return START_CHUNK;
	return is_token(half) ? START_UNKNOWN : START_OTHER;
}

#define EACH_BYTE 0x0101010101010101ULL
/* Sets the highest bit of at least one byte if, and only if, one is 0. */
#define HAS_ZERO(word) (((word) - EACH_BYTE) & ~(word) & EACH_BYTE * 0x80)
#define DIFFERS(word, letter) ((word) ^ (EACH_BYTE * (letter)))

/* What the first HEAD_BYTES must hold to be of interest, one of these: "mcp" in any case; "text/event-stream", by five of
 * its letters; unless the connection is known for other things, "json". Of a stream that is under way: "jsonrpc".
 * Returns enum interest. INTEREST_MCP also for a head that is not whole: user space will see. Eight places at a time,
 * since all heads of other HTTP pass through here, and without branches on what is found, since the verifier follows each
 * of the rounds down every branch. What stands up to 10 bytes behind the head's end may count as of the head.
 * interests: 1, those of a request; 2, "json", too; 4, those of a stream. */
__attribute__((noinline)) int is_of_interest(__u32 slot, __u32 interests)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct gather *gather = bpf_map_lookup_elem(&gathers, &slot);
	__u64 length, word, next, second, third, fourth, fifth, mcp = 0, words = 0, ends = 0;

	if (!call || !gather)
		return INTEREST_NONE;
	length = call->segment_left;
	if (length > call->left)
		length = call->left;
	barrier_var(length);
	if (length > HEAD_BYTES)
		length = HEAD_BYTES;
	if (bpf_probe_read_user(gather->bytes, length, (void *)call->base))
		return INTEREST_NONE;
	/* behind it lies what was there before: at a stride of 8 up to 15 bytes of it are looked at */
	__builtin_memset(gather->bytes + length, 0, 16);
	next = *(const __u64 *)gather->bytes | EACH_BYTE * 0x20;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < HEAD_BYTES; i += 8) {
		if (i >= length)
			break;
		word = next;
		next = *(const __u64 *)(gather->bytes + i + 8) | EACH_BYTE * 0x20;
		second = word >> 8 | next << 56;
		third = word >> 16 | next << 48;
		fourth = word >> 24 | next << 40;
		fifth = word >> 32 | next << 32;
		mcp |= HAS_ZERO(DIFFERS(word, 'm') | DIFFERS(second, 'c') | DIFFERS(third, 'p'));
		mcp |= HAS_ZERO(DIFFERS(word, 'n') | DIFFERS(second, 't') | DIFFERS(third, '-') | DIFFERS(fourth, 's') |
				DIFFERS(fifth, 't'));
		if (interests & 2)
			words |= HAS_ZERO(DIFFERS(word, 'j') | DIFFERS(second, 's') | DIFFERS(third, 'o') |
					  DIFFERS(fourth, 'n'));
		if (interests & 4)
			words |= HAS_ZERO(DIFFERS(word, 'n') | DIFFERS(second, 'r') | DIFFERS(third, 'p') |
					  DIFFERS(fourth, 'c'));
		/* "\r\n\r\n", with the bit that makes letters small */
		ends = HAS_ZERO(DIFFERS(word, '-') | DIFFERS(second, '*') | DIFFERS(third, '-') | DIFFERS(fourth, '*'));
		if (ends && interests & 1)
			break;
	}
	if (interests & 4)
		return words ? INTEREST_MCP : INTEREST_NONE;
	if (mcp)
		return INTEREST_MCP;
	/* not whole, and not for its length */
	if (!ends && length < HEAD_BYTES)
		return INTEREST_MCP;
	return words || (!ends && interests & 2) ? INTEREST_JSON : INTEREST_NONE;
}

/* Goes by the loopback device: its reader is of this host, though nobody knows which one. */
static __always_inline bool stays_here(__u64 sk)
{
	struct dst_entry *dst = PEEK(sk, struct sock, sk_dst_cache);
	struct net_device *device;

	if (!dst)
		return false;
	device = PEEK(dst, struct dst_entry, dev);
	return device && PEEK(device, struct net_device, flags) & IFF_LOOPBACK;
}

static __always_inline __u32 read_by(__u64 sk, const struct link *link)
{
	return PEEK(sk, struct tcp_sock, copied_seq) - link->receive_start;
}

static __always_inline __u32 written_by(__u64 sk, const struct link *link)
{
	return PEEK(sk, struct tcp_sock, write_seq) - link->send_start;
}

/* A new entry, or the address's old one, when that has become this one's (find_channel). */
static __always_inline struct channel *open_tcp(struct call *call, __u64 address, __u64 generation, enum speaks speaks,
						bool late)
{
	struct channel *fresh = &call->fresh, *channel;

	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->generation = generation;
	fresh->kind = CHANNEL_TCP;
	fresh->speaks = speaks;
	fresh->late = late;
	fresh->interest = speaks == SPEAKS_LINES ? INTEREST_MCP : INTEREST_NONE;
	bpf_map_update_elem(&tcp_channels, &address, fresh, BPF_NOEXIST);
	channel = look_up(CHANNEL_TCP, address);
	if (channel && !channel->speaks) {
		channel->speaks = speaks;
		channel->late = late;
		channel->interest = speaks == SPEAKS_LINES ? INTEREST_MCP : INTEREST_NONE;
	}
	return channel;
}

/* Looks for the other end among those that wait, by what this end sends and receives next; else waits there itself. */
static __always_inline void join(__u64 address, struct link *link, __u32 sends, __u32 receives)
{
	__u64 expected = (__u64)receives << 32 | sends, own = (__u64)sends << 32 | receives, peer, *found;
	struct link *other;

	found = bpf_map_lookup_elem(&handshakes, &expected);
	peer = found ? *found : 0;
	if (peer && peer != address) {
		other = bpf_map_lookup_elem(&links, &peer);
		if (other && !other->peer) {
			link->peer = peer;
			link->peers = other->own;
			other->peer = address;
			bpf_map_delete_elem(&handshakes, &expected);
			return;
		}
	}
	if (found && !peer)
		link->local = 1;
	bpf_map_update_elem(&handshakes, &own, &address, BPF_ANY);
}

/* A connection that was there before, whose ends the scan could not join: one wrote and the other reads, so that both
 * are in the same state, unless there is more on its way. */
static __always_inline void try_to_join(__u64 sk, struct link *link)
{
	link->tries++;
	join(sk, link, PEEK(sk, struct tcp_sock, snd_nxt), PEEK(sk, struct tcp_sock, rcv_nxt));
}

static __always_inline void read_address(__u8 *out, struct sock *sk, bool own)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		if (own)
			BPF_CORE_READ_INTO((struct in6_addr *)out, sk, __sk_common.skc_v6_rcv_saddr);
		else
			BPF_CORE_READ_INTO((struct in6_addr *)out, sk, __sk_common.skc_v6_daddr);
		return;
	}
	*(__u64 *)out = 0;
	*(__u32 *)(out + 8) = 0xffff0000;
	*(__u32 *)(out + 12) =
		own ? BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr) : BPF_CORE_READ(sk, __sk_common.skc_daddr);
}

/* So that the type is in the object's BTF (scan.bpf.c). */
const struct socket_event *socket_layout __attribute__((unused));

/* Says where the ends of a channel are. A global function: its record is on no other's stack. */
__attribute__((noinline)) int send_socket(__u32 slot, __u64 reverse, __u32 late)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct socket_event *record;
	struct sock *sk;
	bool is_sent;
	__u16 port;

	if (!call)
		return -1;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		add(&ring_full_count, 1);
		return -1;
	}
	is_sent = call->place.flags & IO_WRITTEN;
	sk = (struct sock *)(call->place.channel - is_sent);
	record->kind = EVENT_SOCKET;
	record->flags = late ? SOCKET_LATE : 0;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->channel = call->place.channel;
	record->generation = call->place.generation;
	record->reverse = reverse;
	record->reverse_generation = socket_inode((struct sock *)(reverse & ~1ULL));
	read_address(is_sent ? record->from_address : record->to_address, sk, true);
	read_address(is_sent ? record->to_address : record->from_address, sk, false);
	port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	port = __builtin_bswap16(port);
	record->from_port = is_sent ? BPF_CORE_READ(sk, __sk_common.skc_num) : port;
	record->to_port = is_sent ? port : BPF_CORE_READ(sk, __sk_common.skc_num);
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}

/* The process writes to an end that has no socket yet: whoever reads there will know of it. */
static __always_inline void note_early(struct call *call, struct link *link, __u64 result)
{
	fill_caller(&call->event);
	link->own.start_ns = call->event.start_ns;
	link->own.tgid = call->event.tgid;
	link->own.time_ns = bpf_ktime_get_boot_ns();
	link->own.len += result;
}

static __always_inline void take_early(struct channel *channel, const struct early *early)
{
	channel->written = early->len;
	channel->write_len = early->len;
	channel->write_ns = early->time_ns;
	channel->writer_tgid = early->tgid;
	channel->writer_start_ns = early->start_ns;
}

/* The write that brought what is read now: while nothing was of interest, no note told of it. */
static __always_inline void send_kept_note(struct call *call, const struct channel *channel)
{
	struct io_event *event = &call->event;

	if (!channel->writer_tgid || !channel->write_ns || channel->late)
		return;
	fill_place(event, &call->place);
	fill_counts(event, channel);
	event->kind = EVENT_NOTE;
	event->time_ns = channel->write_ns;
	event->moved = channel->written - channel->base_written;
	event->start_ns = channel->writer_start_ns;
	event->tgid = channel->writer_tgid;
	event->tid = 0;
	event->len = channel->write_len;
	event->peer_generation = channel->peer_generation;
	__builtin_memset(event->comm, 0, COMM_LEN);
	if (send_header(event, CAN_WAIT))
		add(&notes_lost, 1);
}

static __always_inline void keep_write(struct call *call, struct channel *channel, __u64 result)
{
	fill_caller(&call->event);
	add(&channel->written, result);
	is_filtered(channel, call->event.tgid, SIDE_WRITE);
	channel->writer_start_ns = call->event.start_ns;
	channel->writer_tgid = call->event.tgid;
	channel->write_len = result;
	channel->write_ns = bpf_ktime_get_boot_ns();
}

/* Opens the entry of a direction that begins to speak of something, and that of its answers: what comes back is to be
 * counted from its first byte, too. NULL: it is none of ours. */
static __always_inline struct channel *meet(__u32 slot, struct call *call, __u64 sk, __u64 own, __u64 reverse,
					    struct link *link, enum side side, __u64 result, __u32 behind,
					    enum tcp_way *way)
{
	struct place *place = &call->place;
	struct channel *other = look_up(CHANNEL_TCP, reverse), *channel;
	enum speaks speaks = SPEAKS_LINES;
	bool is_note = side == SIDE_WRITE && !(place->flags & IO_WRITTEN);
	bool late = !link || link->late, is_dull;
	int start;

	if (!late)
		late = side == SIDE_READ ? read_by(sk, link) != result + behind :
					   written_by(sk, link) != result + behind + link->own.len;
	if (other) {
		if (!other->interest)
			return NULL;
		if (other->speaks != SPEAKS_LINES)
			speaks = other->speaks == SPEAKS_REQUESTS ? SPEAKS_ANSWERS : SPEAKS_REQUESTS;
		channel = open_tcp(call, place->channel, place->generation, speaks, late);
		if (!channel && !is_note)
			add(&unattributed_bytes, result);
		return channel;
	}
	start = start_of(slot, result);
	if (start == START_REQUEST)
		speaks = SPEAKS_REQUESTS;
	else if (link && link->late &&
		 ((start == START_CHUNK && is_of_interest(slot, 4)) ||
		  (start == START_ANSWER && is_of_interest(slot, 1))))
		speaks = SPEAKS_ANSWERS;
	else if (start != START_JSON) {
		is_dull = start == START_TLS ||
			  (!late && (start == START_OTHER || start == START_CHUNK || start == START_HTTP2)) ||
			  (link && ++link->strangers > MAX_STRANGERS);
		if (is_dull) {
			ignored[ignored_slot(sk)] = sk + own;
			if (link)
				link->dull = 1;
		}
		if (start == START_HTTP2 && (side == SIDE_READ || place->flags & IO_WRITTEN))
			*way = TCP_OPAQUE;
		return NULL;
	}
	channel = open_tcp(call, place->channel, place->generation, speaks, late);
	if (!channel) {
		/* no room; what would not have been copied is no loss */
		if (!is_note && (speaks != SPEAKS_REQUESTS || is_of_interest(slot, 3)))
			add(&unattributed_bytes, result);
		return NULL;
	}
	if (speaks == SPEAKS_ANSWERS)
		channel->interest = INTEREST_MCP;
	if (speaks == SPEAKS_REQUESTS && !late) {
		late = side == SIDE_READ ? written_by(sk, link) != 0 : read_by(sk, link) != 0;
		open_tcp(call, reverse, reverse == sk ? own : socket_inode((struct sock *)(reverse & ~1ULL)),
			 SPEAKS_ANSWERS, late);
	}
	return channel;
}

/* A connection that was there before may have been met inside a body that looks like lines: what HTTP begins with tells
 * which direction it is, and so the other one. */
static __always_inline void reconsider(__u32 slot, struct channel *channel, struct channel *other, __u64 result)
{
	int start = start_of(slot, result);

	if (start != START_REQUEST && start != START_ANSWER)
		return;
	channel->speaks = start == START_REQUEST ? SPEAKS_REQUESTS : SPEAKS_ANSWERS;
	if (other && other->speaks == SPEAKS_LINES && other->late)
		other->speaks = start == START_REQUEST ? SPEAKS_ANSWERS : SPEAKS_REQUESTS;
}

/* The first bytes that come back since a request. An interim answer (100 Continue) is none: the request goes on. An event
 * stream is heard whatever its request accepts. */
static __always_inline void begin_answer(__u32 slot, struct call *call, struct channel *requests, __u64 result)
{
	char status = 0;

	if (start_of(slot, result) != START_ANSWER)
		return;
	/* "HTTP/1.1 100" */
	if (!bpf_probe_read_user(&status, 1, (void *)(call->base + 9)) && status == '1')
		requests->answered += result;
	else if (!requests->interest && requests->verdict == VERDICT_OPEN)
		requests->interest = is_of_interest(slot, 1);
}

/* Up to the answer nothing else is taken for a head: a body may hold what looks like one. */
static __always_inline bool is_answered(struct channel *requests, __u64 reverse)
{
	struct channel *answers = look_up(CHANNEL_TCP, reverse);
	__u64 answered = answers ? answers->moved : 0;

	if (answers && requests->asked && answered == requests->answered)
		return false;
	requests->asked = 1;
	requests->answered = answered;
	return true;
}

/* call->place is the caller's own socket, and the call's buffers are described. Makes it the channel that the bytes go
 * through. behind: bytes that the same call moved after these (mmsg). Returns enum tcp_way. */
__attribute__((noinline)) int tcp_way(__u32 slot, __s64 result, __u32 side, __u32 behind)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct channel *channel, *other;
	enum tcp_way way = TCP_LEAVE;
	__u64 sk, own, reverse;
	struct place *place;
	struct link *link;
	bool is_note, was_of_interest;

	if (!call || result <= 0)
		return TCP_LEAVE;
	place = &call->place;
	call->left = result;
	sk = place->channel;
	own = place->generation;
	link = bpf_map_lookup_elem(&links, &sk);
	if (link) {
		if (link->dull) {
			ignored[ignored_slot(sk)] = sk + own;
			return TCP_LEAVE;
		}
		if (link->late && !link->peer && link->tries < JOIN_TRIES)
			try_to_join(sk, link);
	}
	place->peer = link ? link->peer : 0;
	place->flags = 0;
	reverse = sk;
	if (side == SIDE_READ) {
		reverse = place->peer ? place->peer : sk + 1;
	} else if (place->peer) {
		place->channel = place->peer;
		place->generation = socket_inode((struct sock *)place->peer);
		place->peer = sk;
	} else if ((link && (link->gone || link->local)) || stays_here(sk)) {
		if (link && !link->gone && !link->late)
			note_early(call, link, result);
		return TCP_LEAVE;
	} else {
		place->channel = sk + 1;
		place->flags = IO_WRITTEN;
	}
	is_note = side == SIDE_WRITE && !(place->flags & IO_WRITTEN);
	channel = look_up(CHANNEL_TCP, place->channel);
	if (channel && channel->generation != place->generation)
		channel = find_channel(call, place, side);
	if (!channel || !channel->speaks)
		channel = meet(slot, call, sk, own, reverse, link, side, result, behind, &way);
	if (!channel)
		return way;
	if (side == SIDE_READ && (place->peer || (link && link->gone) || stays_here(sk)))
		place->flags = IO_LOCAL;
	if (link && !channel->written && !channel->late) {
		if (is_note)
			channel->written = link->own.len;
		else if (link->peers.len)
			take_early(channel, &link->peers);
	}
	if (channel->verdict == VERDICT_ASIDE)
		return TCP_LEAVE;
	was_of_interest = channel->interest && channel->announced;
	other = NULL;
	if (channel->speaks == SPEAKS_ANSWERS || (channel->speaks == SPEAKS_LINES && channel->late))
		other = look_up(CHANNEL_TCP, reverse);
	if (channel->speaks == SPEAKS_LINES && channel->late && !is_note)
		reconsider(slot, channel, other, result);
	if (channel->verdict == VERDICT_MCP) {
		channel->interest = INTEREST_MCP;
	} else if (channel->speaks == SPEAKS_ANSWERS) {
		if (other && other->speaks == SPEAKS_REQUESTS) {
			if (!is_note && channel->moved == other->answered)
				begin_answer(slot, call, other, result);
			channel->interest = other->interest;
		}
	} else if (channel->speaks == SPEAKS_LINES) {
		if (channel->verdict == VERDICT_OTHER || (other && other->verdict == VERDICT_OTHER))
			channel->interest = INTEREST_NONE;
	} else if (!is_note && start_of(slot, result) == START_REQUEST && is_answered(channel, reverse)) {
		channel->request_at = channel->moved - channel->base_moved;
		channel->interest = is_of_interest(slot, channel->verdict == VERDICT_OPEN ? 3 : 1);
	}
	if (!channel->interest) {
		if (is_note) {
			keep_write(call, channel, result);
		} else {
			add(&channel->moved, result);
			add(&channel->skipped, result);
		}
		return TCP_LEAVE;
	}
	if (channel->announced != ANNOUNCED && !is_filtered(channel, bpf_get_current_pid_tgid() >> 32, side))
		channel->announced = send_socket(slot, reverse, channel->late) ? TO_ANNOUNCE : ANNOUNCED;
	if (is_note)
		return TCP_NOTE;
	if (!was_of_interest && side == SIDE_READ)
		send_kept_note(call, channel);
	return call->segment_left || call->iov ? TCP_COPY : TCP_UNSEEN;
}

/* Through a TCP socket, which call->place says. The call's buffers are described. */
static __always_inline void on_tcp(__u32 slot, struct call *call, __s64 result, enum side side, __u32 behind)
{
	int way;

	if (side == SIDE_READ && result == 0) {
		on_read(slot, 0, EVENT_EOF);
		return;
	}
	way = tcp_way(slot, result, side, behind);
	if (way == TCP_NOTE) {
		if (on_write(slot, result))
			send_opening(slot);
	} else if (way != TCP_LEAVE) {
		on_read(slot, result, way == TCP_COPY ? EVENT_DATA : way == TCP_UNSEEN ? EVENT_UNSEEN : EVENT_OPAQUE);
	}
}

#endif
