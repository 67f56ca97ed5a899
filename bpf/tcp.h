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
#include "marks.h"
#include "tls-user.h"

/* What user space says of a connection, on the channel of its requests. */
enum verdict {
	VERDICT_OPEN, /* any request with JSON is copied */
	VERDICT_MCP, /* all is copied */
	VERDICT_OTHER, /* only requests whose heads speak of MCP */
	VERDICT_ASIDE, /* nothing is copied or counted, for a while */
	/* of a TLS connection, beside these */
	VERDICT_QUIET, /* what is written there is heard where it is read */
	VERDICT_LOUD, /* it is not, any more */
};

enum start { START_OTHER, START_REQUEST, START_ANSWER, START_JSON, START_HTTP2, START_CHUNK, START_TLS, START_UNKNOWN };

/* What is to be done with a call. */
enum tcp_way { TCP_LEAVE, TCP_COPY, TCP_NOTE, TCP_UNSEEN };

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

/* Frames of HTTP/2 (RFC 9113, 6), by their number. */
enum frame {
	FRAME_DATA,
	FRAME_HEADERS,
	FRAME_PRIORITY,
	FRAME_RESET,
	FRAME_SETTINGS,
	FRAME_PUSH,
	FRAME_PING,
	FRAME_GOAWAY,
	FRAME_WINDOW,
	FRAME_CONTINUATION
};

/* Whether a call on a connection that began unheard begins with a frame, of a usual length, with the flags that its type may
 * have. One in some thousand millions of random calls does; of those, user space looks at what follows. */
__attribute__((noinline)) int is_frame(__u32 slot, __u64 result)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	__u8 header[9];
	__u32 length, stream, flags;

	if (!call || call->segment_left < sizeof(header) || result < sizeof(header) ||
	    bpf_probe_read_user(header, sizeof(header), (void *)call->base))
		return false;
	length = (__u32)header[0] << 16 | (__u32)header[1] << 8 | header[2];
	stream = (__u32)header[5] << 24 | (__u32)header[6] << 16 | (__u32)header[7] << 8 | header[8];
	flags = header[4];
	if (length > MAX_FRAME_BYTES || stream >> 31)
		return false;
	switch (header[3]) {
	case FRAME_DATA:
		return length && (stream & 1) && !(flags & ~0x09);
	case FRAME_HEADERS:
		return length && (stream & 1) && !(flags & ~0x2d);
	case FRAME_RESET:
		return length == 4 && stream && !flags;
	case FRAME_SETTINGS:
		return !stream && (flags ? flags == 1 && !length : length % 6 == 0);
	case FRAME_PING:
		return length == 8 && !stream && !(flags & ~1);
	case FRAME_WINDOW:
		return length == 4 && !flags;
	default:
		return false;
	}
}

/* What the bytes of the call begin with: enum start. Leaves the call at its first buffer that is not empty, and what may be a
 * head in the slot's `gathers`, for is_of_interest. */
__attribute__((noinline)) int start_of(__u32 slot, __u64 result)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct gather *gather = bpf_map_lookup_elem(&gathers, &slot);
	__u64 word, length;
	__u32 first, half;

	if (!call || !gather)
		return START_UNKNOWN;
	gather->filled = 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < 4 && !call->segment_left; i++)
		if (!next_segment(call))
			return START_UNKNOWN;
	length = call->segment_left < result ? call->segment_left : result;
	barrier_var(length);
	if (!length)
		return START_UNKNOWN;
	if (length > HEAD_BYTES)
		length = HEAD_BYTES;
	if (bpf_probe_read_user(gather->bytes, length, (void *)call->base))
		return START_UNKNOWN;
	/* behind it lies what was there before: at a stride of 8 up to 15 bytes of it are looked at */
	__builtin_memset(gather->bytes + length, 0, 16);
	gather->filled = length;
	word = *(const __u64 *)gather->bytes;
	/* RFC 9112, 2.2: an empty line before a request is passed over */
	if ((word & 0xffff) == ('\r' | '\n' << 8) && length >= sizeof(word))
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
	/* SETTINGS, which a server sends first: 4 as its type, no flags, stream 0 */
	if ((word & ~(__u64)0xff0000) == (__u64)FRAME_SETTINGS << 24 && (word >> 16 & 0xff) % 6 == 0)
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
#define HIGH_BITS (EACH_BYTE * 0x80)
/* Sets the highest bit of at least one byte if, and only if, one is 0; other bits as they come. */
#define HAS_ZERO(word) (((word) - EACH_BYTE) & ~(word))
#define DIFFERS(word, letter) ((word) ^ (EACH_BYTE * (letter)))

/* Eight bytes, capitals made small. */
#define SMALL_LETTERS(bytes) (*(const __u64 *)(bytes) | EACH_BYTE * 0x20)

/* A head is searched in parts, each by a global function: the verifier then follows the steps of one part, not those of all. */
#define PART_BYTES 128

enum part {
	PART_GOES_ON = 0,
	PART_ENDS = 1, /* the head ends here */
	PART_IS_CUT = 2, /* no more of it has been read */
	PART_HAS_MCP = 4,
	PART_HAS_JSON = 8,
};

/* The part that begins at `at` of what start_of has read, which is `length` bytes; NULL: nothing has been read. */
static __always_inline const __u8 *part_of_head(__u32 slot, __u32 at, __u64 *length)
{
	struct gather *gather = bpf_map_lookup_elem(&gathers, &slot);

	if (!gather || at > HEAD_BYTES - PART_BYTES)
		return NULL;
	*length = gather->filled;
	return *length ? gather->bytes + at : NULL;
}

/* Letter by letter, what stands in the head from `at` on: bits of enum part. Without branches on what is found, since the verifier
 * follows each of the steps down every branch. What stands up to 10 bytes behind the head's end may count as of the head. */
__attribute__((noinline)) int search_part(__u32 slot, __u32 at)
{
	__u64 length, word, next, second, third, fourth, fifth, mcp = 0, words = 0, ends = 0;
	const __u8 *bytes = part_of_head(slot, at, &length);
	__u32 part = PART_GOES_ON;

	if (!bytes)
		return PART_IS_CUT;
	next = SMALL_LETTERS(bytes);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PART_BYTES; i += 8) {
		if (at + i >= length) {
			part = PART_IS_CUT;
			break;
		}
		word = next;
		next = SMALL_LETTERS(bytes + i + 8);
		second = word >> 8 | next << 56;
		third = word >> 16 | next << 48;
		fourth = word >> 24 | next << 40;
		fifth = word >> 32 | next << 32;
		mcp |= HAS_ZERO(DIFFERS(word, 'm') | DIFFERS(second, 'c') | DIFFERS(third, 'p'));
		mcp |= HAS_ZERO(DIFFERS(word, 'n') | DIFFERS(second, 't') | DIFFERS(third, '-') | DIFFERS(fourth, 's') |
				DIFFERS(fifth, 't'));
		words |= HAS_ZERO(DIFFERS(word, 'j') | DIFFERS(second, 's') | DIFFERS(third, 'o') |
				  DIFFERS(fourth, 'n'));
		/* "\r\n\r\n", with the bit that makes letters small */
		ends = HAS_ZERO(DIFFERS(word, '-') | DIFFERS(second, '*') | DIFFERS(third, '-') |
				DIFFERS(fourth, '*')) &
		       HIGH_BITS;
		if (ends) {
			part = PART_ENDS;
			break;
		}
	}
	if (mcp & HIGH_BITS)
		part |= PART_HAS_MCP;
	if (words & HIGH_BITS)
		part |= PART_HAS_JSON;
	return part;
}

/* As is_of_interest, for heads that may be (may_be_of_interest). */
__attribute__((noinline)) int search_head(__u32 slot, __u32 interests)
{
	__u32 seen = 0;

#pragma clang loop unroll(disable)
	for (__u32 at = 0; at < HEAD_BYTES; at += PART_BYTES) {
		seen |= search_part(slot, at);
		/* or not whole, and not for its length */
		if (seen & (PART_HAS_MCP | PART_IS_CUT))
			return INTEREST_MCP;
		if (seen & PART_ENDS)
			return seen & PART_HAS_JSON && interests & 2 ? INTEREST_JSON : INTEREST_NONE;
	}
	return interests & 2 ? INTEREST_JSON : INTEREST_NONE;
}

/* As search_part, by two letters of each word only, eight places at a time: m?p, -?t, j?o. PART_HAS_MCP: any of them. */
__attribute__((noinline)) int skim_part(__u32 slot, __u32 at, __u32 interests)
{
	__u64 length, word, next, third, dash, found = 0, words = interests & 2 ? ~0ULL : 0;
	const __u8 *bytes = part_of_head(slot, at, &length);
	__u32 part = PART_GOES_ON;

	if (!bytes)
		return PART_IS_CUT;
	next = SMALL_LETTERS(bytes);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PART_BYTES; i += 8) {
		if (at + i >= length) {
			part = PART_IS_CUT;
			break;
		}
		word = next;
		next = SMALL_LETTERS(bytes + i + 8);
		third = word >> 16 | next << 48;
		dash = DIFFERS(word, '-');
		found |= HAS_ZERO(DIFFERS(word, 'm') | DIFFERS(third, 'p')) | HAS_ZERO(dash | DIFFERS(third, 't'));
		found |= HAS_ZERO(DIFFERS(word, 'j') | DIFFERS(third, 'o')) & words;
		/* two carriage returns, with the bit that makes letters small: as a rule the head's end */
		if (HAS_ZERO(dash | DIFFERS(third, '-')) & HIGH_BITS) {
			dash |= DIFFERS(third, '-') | DIFFERS(word >> 8 | next << 56, '*') |
				DIFFERS(word >> 24 | next << 40, '*');
			if (HAS_ZERO(dash) & HIGH_BITS) {
				part = PART_ENDS;
				break;
			}
		}
	}
	return found & HIGH_BITS ? part | PART_HAS_MCP : part;
}

/* All heads of other HTTP pass through here. */
__attribute__((noinline)) int may_be_of_interest(__u32 slot, __u32 interests)
{
#pragma clang loop unroll(disable)
	for (__u32 at = 0; at < HEAD_BYTES; at += PART_BYTES) {
		int part = skim_part(slot, at, interests);

		if (part)
			return part != PART_ENDS;
	}
	return true;
}

/* As search_part, for "jsonrpc" in a stream, by four of its letters. */
__attribute__((noinline)) int search_stream_part(__u32 slot, __u32 at)
{
	__u64 length, word, next, words = 0;
	const __u8 *bytes = part_of_head(slot, at, &length);
	__u32 part = PART_GOES_ON;

	if (!bytes)
		return PART_IS_CUT;
	next = SMALL_LETTERS(bytes);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PART_BYTES; i += 8) {
		if (at + i >= length) {
			part = PART_IS_CUT;
			break;
		}
		word = next;
		next = SMALL_LETTERS(bytes + i + 8);
		words |= HAS_ZERO(DIFFERS(word, 'n') | DIFFERS(word >> 8 | next << 56, 'r') |
				  DIFFERS(word >> 16 | next << 48, 'p') | DIFFERS(word >> 24 | next << 40, 'c'));
	}
	return words & HIGH_BITS ? part | PART_HAS_MCP : part;
}

/* Whether bytes of a stream hold "jsonrpc". A function of its own: with its callers it needs too much stack. */
__attribute__((noinline)) int search_stream(__u32 slot)
{
#pragma clang loop unroll(disable)
	for (__u32 at = 0; at < HEAD_BYTES; at += PART_BYTES) {
		int part = search_stream_part(slot, at);

		if (part)
			return part & PART_HAS_MCP ? INTEREST_MCP : INTEREST_NONE;
	}
	return INTEREST_NONE;
}

/* What the head that start_of has read must hold to be of interest, one of these: "mcp" in any case; "text/event-stream", by
 * five of its letters; unless the connection is known for other things, "json". Of a stream that is under way: "jsonrpc".
 * Returns enum interest. INTEREST_MCP also for a head that is not whole: user space will see.
 * interests: 1, those of a request; 2, "json", too; 4, those of a stream. */
static __always_inline int is_of_interest(__u32 slot, __u32 interests)
{
	if (interests & 4)
		return search_stream(slot);
	return may_be_of_interest(slot, interests) ? search_head(slot, interests) : INTEREST_NONE;
}

/* start_of has found an answer: "HTTP/1.1 100" or the like. */
static __always_inline bool is_interim(__u32 slot)
{
	struct gather *gather = bpf_map_lookup_elem(&gathers, &slot);

	return gather && gather->bytes[9] == '1';
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

/* A new entry, or the address's old one, when that has become this one's (find_channel). False: there is no room. */
__attribute__((noinline)) int open_tcp(__u32 slot, __u64 address, __u64 generation, __u32 speaks, __u32 late)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct channel *fresh, *channel;

	if (!call)
		return false;
	fresh = &call->fresh;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->generation = generation;
	fresh->kind = CHANNEL_TCP;
	fresh->speaks = speaks;
	fresh->late = late;
	fresh->interest = speaks >= SPEAKS_LINES ? INTEREST_MCP : INTEREST_NONE;
	bpf_map_update_elem(&tcp_channels, &address, fresh, BPF_NOEXIST);
	channel = look_up(CHANNEL_TCP, address);
	if (channel && !channel->speaks) {
		channel->speaks = speaks;
		channel->late = late;
		channel->interest = speaks >= SPEAKS_LINES ? INTEREST_MCP : INTEREST_NONE;
	}
	return channel != NULL;
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
			disturb(peer);
			disturb(address);
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
__attribute__((noinline)) int try_to_join(__u64 sk)
{
	struct link *link = bpf_map_lookup_elem(&links, &sk);

	if (!link)
		return 0;
	link->tries++;
	join(sk, link, PEEK(sk, struct tcp_sock, snd_nxt), PEEK(sk, struct tcp_sock, rcv_nxt));
	return 0;
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

/* What it carries is of no interest, and will not be looked at again; whose it is may be asked by another end's TLS. */
static __always_inline void leave_alone(struct call *call, struct link *link)
{
	link->dull = 1;
	fill_caller(&call->event);
	link->own.start_ns = call->event.start_ns;
	link->own.tgid = call->event.tgid;
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
 * counted from its first byte, too. False: it is none of ours. A global function, as tcp_place: what the verifier finds possible
 * in one part of tcp_way multiplies with what is in the others. */
__attribute__((noinline)) int meet(__u32 slot, __u64 result, __u32 side, __u32 behind)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct channel *other, *channel;
	enum speaks speaks = SPEAKS_LINES;
	__u64 sk, own, reverse;
	struct place *place;
	struct link *link;
	bool is_note, late, is_dull;
	int start;

	if (!call)
		return false;
	place = &call->place;
	sk = call->socket;
	own = call->inode;
	reverse = call->reverse;
	link = bpf_map_lookup_elem(&links, &sk);
	other = look_up(CHANNEL_TCP, reverse);
	is_note = side == SIDE_WRITE && !(place->flags & IO_WRITTEN);
	late = !link || link->late;
	if (!late)
		late = side == SIDE_READ ? read_by(sk, link) != result + behind :
					   written_by(sk, link) != result + behind + link->own.len;
	if (other) {
		if (!other->interest)
			return false;
		if (other->speaks == SPEAKS_FRAMES)
			speaks = SPEAKS_FRAMES;
		else if (other->speaks != SPEAKS_LINES)
			speaks = other->speaks == SPEAKS_REQUESTS ? SPEAKS_ANSWERS : SPEAKS_REQUESTS;
		if (open_tcp(slot, place->channel, place->generation, speaks, late))
			return true;
		if (!is_note)
			add(&unattributed_bytes, result);
		return false;
	}
	start = start_of(slot, result);
	if (start == START_REQUEST)
		speaks = SPEAKS_REQUESTS;
	else if (start == START_HTTP2 || (link && link->late && start == START_OTHER && is_frame(slot, result)))
		speaks = SPEAKS_FRAMES;
	else if (link && link->late &&
		 ((start == START_CHUNK && is_of_interest(slot, 4)) ||
		  (start == START_ANSWER && is_of_interest(slot, 1))))
		speaks = SPEAKS_ANSWERS;
	else if (start != START_JSON) {
		if (start == START_TLS)
			see_tls();
		is_dull = start == START_TLS || (!late && (start == START_OTHER || start == START_CHUNK)) ||
			  (link && ++link->strangers > MAX_STRANGERS);
		if (is_dull) {
			ignored[ignored_slot(sk)] = sk + own;
			if (link)
				leave_alone(call, link);
		}
		return false;
	}
	if (!open_tcp(slot, place->channel, place->generation, speaks, late)) {
		/* no room; what would not have been copied is no loss */
		if (!is_note && (speaks != SPEAKS_REQUESTS || is_of_interest(slot, 3)))
			add(&unattributed_bytes, result);
		return false;
	}
	channel = speaks == SPEAKS_ANSWERS ? look_up(CHANNEL_TCP, place->channel) : NULL;
	if (channel)
		channel->interest = INTEREST_MCP;
	if ((speaks == SPEAKS_REQUESTS || speaks == SPEAKS_FRAMES) && !late) {
		late = side == SIDE_READ ? written_by(sk, link) != 0 : read_by(sk, link) != 0;
		open_tcp(slot, reverse, reverse == sk ? own : socket_inode((struct sock *)(reverse & ~1ULL)),
			 speaks == SPEAKS_REQUESTS ? SPEAKS_ANSWERS : SPEAKS_FRAMES, late);
	}
	return true;
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
 * stream is heard whatever its request accepts. mark: where answers are heard, if it has one. */
static __always_inline void begin_answer(__u32 slot, struct channel *requests, struct mark *mark, __u64 result)
{
	int start = start_of(slot, result);

	if (start == START_ANSWER && is_interim(slot))
		return;
	requests->awaits = 0;
	if (mark)
		mark->awaits = 0;
	if (start == START_ANSWER && !requests->interest && requests->verdict == VERDICT_OPEN)
		requests->interest = is_of_interest(slot, 1);
}

/* Up to the answer nothing else is taken for a head: a body may hold what looks like one. */
static __always_inline bool is_answered(struct channel *requests, struct mark *mark, __u64 reverse)
{
	if (mark ? mark->awaits : requests->awaits)
		return false;
	requests->awaits = look_up(CHANNEL_TCP, reverse) != NULL;
	if (mark)
		mark->awaits = requests->awaits;
	return true;
}

/* Whether the call is one on a marked socket, and of no interest. A global function, as small as it is called often; the
 * call's buffers are described. */
__attribute__((noinline)) int passes(__u32 slot, __s64 result, __u32 side)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct mark *mark, *answers;
	__u32 heard;
	int start;
	__u64 sk;

	if (!call)
		return false;
	sk = call->place.channel;
	mark = mark_of(sk, call->place.generation);
	if (!mark)
		return false;
	heard = side == SIDE_READ ? mark->read : mark->write;
	answers = mark;
	if (heard < HEARD_REQUESTS || !stays_near(mark, sk, side))
		return false;
	if (heard == HEARD_ANSWERS && !mark->awaits)
		return true;
	start = start_of(slot, result);
	if (heard == HEARD_ANSWERS) {
		if (start == START_ANSWER && is_interim(slot))
			return true;
		if (start == START_ANSWER && mark->open && is_of_interest(slot, 1))
			return false;
		mark->awaits = 0;
		return true;
	}
	if (mark->peer_key) {
		answers = &marks[mark->peer_slot & (MARK_SLOTS - 1)];
		if (answers->key != mark->peer_key)
			return false;
	}
	if (start != START_REQUEST || answers->awaits)
		return true;
	if (is_of_interest(slot, mark->open ? 3 : 1))
		return false;
	answers->awaits = mark->asks;
	return true;
}

#define HEARD_BITS 8

/* Nothing of interest is under way on the connection: from now on this side of the socket is heard by its mark alone, if
 * it has one, and it has one from its next call on. A global function, to keep tcp_way's stack small. reverse: the channel of
 * the other direction; how: enum side << HEARD_BITS | enum heard; behind: as for tcp_way. */
__attribute__((noinline)) int rest(__u32 slot, __u64 sk, __u64 reverse, __u32 how, __u32 behind)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct link *link = bpf_map_lookup_elem(&links, &sk);
	__u64 own = socket_inode((struct sock *)sk);
	__u32 heard = how & ((1 << HEARD_BITS) - 1);
	struct mark *mark = mark_of(sk, own);
	struct channel *requests;

	if (!call || !link || !own)
		return 0;
	/* which socket is the other end may yet turn out */
	if (!link->peer && (link->local || link->gone || stays_here(sk) || (link->late && link->tries < JOIN_TRIES)))
		return 0;
	requests = look_up(CHANNEL_TCP, call->place.channel);
	if (!requests || requests->speaks != SPEAKS_REQUESTS)
		requests = look_up(CHANNEL_TCP, reverse);
	if (!requests || requests->speaks != SPEAKS_REQUESTS || requests->interest || requests->verdict > VERDICT_OTHER)
		return 0;
	/* two that claim a free slot at a time both write the same, but for the key: the next call tells who has it */
	if (!mark) {
		mark = &marks[ignored_slot(sk)];
		if (mark->key)
			return 0;
		mark->read = HEARD_CLOSELY;
		mark->write = HEARD_CLOSELY;
		mark->awaits = requests->awaits;
		mark->sock = sk;
		mark->key = sk + own;
		return 0;
	}
	if (heard == HEARD_REQUESTS) {
		mark->peer_key = 0;
		mark->asks = look_up(CHANNEL_TCP, reverse) != NULL;
		if (link->peer) {
			mark->peer_key = link->peer + socket_inode((struct sock *)link->peer);
			mark->peer_slot = ignored_slot(link->peer);
		}
	}
	mark->open = requests->verdict == VERDICT_OPEN;
	if (how >> HEARD_BITS == SIDE_READ) {
		mark->read_at = read_to(sk) - behind;
		mark->read = heard;
		return 0;
	}
	mark->write_seq = PEEK(sk, struct tcp_sock, write_seq) - behind;
	mark->write_at = mark->write_seq;
	if (heard == HEARD_NOTES)
		mark->writer_tgid = bpf_get_current_pid_tgid() >> 32;
	mark->write = heard;
	return 0;
}

/* call->place is the caller's own socket: makes it the channel that the bytes go through, and keeps what is known of the socket.
 * False: they go through none. */
__attribute__((noinline)) int tcp_place(__u32 slot, __s64 result, __u32 side)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct place *place;
	struct link *link;
	__u64 sk, peer;

	if (!call)
		return false;
	place = &call->place;
	sk = place->channel;
	call->socket = sk;
	call->inode = place->generation;
	call->reverse = sk;
	call->link = 0;
	link = bpf_map_lookup_elem(&links, &sk);
	if (link) {
		if (link->dull) {
			ignored[ignored_slot(sk)] = sk + place->generation;
			return false;
		}
		if (link->late && !link->peer && link->tries < JOIN_TRIES)
			try_to_join(sk);
		if (link->late)
			call->link |= LINK_LATE;
		if (link->gone)
			call->link |= LINK_GONE;
		if (side == SIDE_READ ? link->peers.len : link->own.len)
			call->link |= LINK_EARLY;
	}
	peer = link ? link->peer : 0;
	call->peer = peer;
	call->peer_inode = peer ? socket_inode((struct sock *)peer) : 0;
	place->peer = peer;
	place->flags = 0;
	if (side == SIDE_READ) {
		call->reverse = peer ? peer : sk + 1;
	} else if (peer) {
		place->channel = peer;
		place->generation = call->peer_inode;
		place->peer = sk;
	} else if ((link && (link->gone || link->local)) || stays_here(sk)) {
		if (link && !link->gone && !link->late)
			note_early(call, link, result);
		return false;
	} else {
		place->channel = sk + 1;
		place->flags = IO_WRITTEN;
	}
	return true;
}

/* What was written before the channel had an entry is counted. */
__attribute__((noinline)) int count_early(__u32 slot, __u32 is_note)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct channel *channel;
	struct link *link;
	__u64 sk;

	if (!call)
		return 0;
	sk = call->socket;
	link = bpf_map_lookup_elem(&links, &sk);
	channel = look_up(CHANNEL_TCP, call->place.channel);
	if (!link || !channel)
		return 0;
	if (is_note)
		channel->written = link->own.len;
	else
		take_early(channel, &link->peers);
	return 0;
}

/* Whether what is under way on the channel, which call->place says, is of interest by now. */
__attribute__((noinline)) int weigh_interest(__u32 slot, __u64 result, __u32 is_note)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct mark *mark, *answers;
	struct channel *channel, *other = NULL;
	__u64 reverse;

	if (!call)
		return 0;
	channel = look_up(CHANNEL_TCP, call->place.channel);
	if (!channel)
		return 0;
	reverse = call->reverse;
	mark = mark_of(call->socket, call->inode);
	if (channel->speaks == SPEAKS_ANSWERS || (channel->speaks == SPEAKS_LINES && channel->late))
		other = look_up(CHANNEL_TCP, reverse);
	if (channel->speaks == SPEAKS_LINES && channel->late && !is_note)
		reconsider(slot, channel, other, result);
	if (channel->verdict == VERDICT_MCP) {
		channel->interest = INTEREST_MCP;
	} else if (channel->speaks == SPEAKS_ANSWERS) {
		if (other && other->speaks == SPEAKS_REQUESTS) {
			if (!is_note && (mark ? mark->awaits : other->awaits))
				begin_answer(slot, other, mark, result);
			channel->interest = other->interest;
		}
	} else if (channel->speaks == SPEAKS_LINES) {
		if (channel->verdict == VERDICT_OTHER || (other && other->verdict == VERDICT_OTHER))
			channel->interest = INTEREST_NONE;
	} else if (channel->speaks == SPEAKS_REQUESTS && !is_note && start_of(slot, result) == START_REQUEST) {
		answers = call->peer ? mark_of(call->peer, call->peer_inode) : mark;
		if (!is_answered(channel, answers, reverse))
			return 0;
		channel->request_at = channel->moved - channel->base_moved;
		channel->interest = is_of_interest(slot, channel->verdict == VERDICT_OPEN ? 3 : 1);
	}
	return 0;
}

/* The address of the channel, which call->place says, has been given to another connection. */
__attribute__((noinline)) int renew_tcp(__u32 slot, __u32 side)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);

	if (call)
		find_channel(call, &call->place, side);
	return 0;
}

/* call->place is the caller's own socket, and the call's buffers are described. Makes it the channel that the bytes go
 * through. behind: bytes that the same call moved after these (mmsg). Returns enum tcp_way. */
__attribute__((noinline)) int tcp_way(__u32 slot, __s64 result, __u32 side, __u32 behind)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct mark *mark, *peers = NULL;
	struct channel *channel;
	__u64 sk, own, reverse;
	struct place *place;
	bool is_note, is_met, was_of_interest;
	enum heard heard;

	if (!call || result <= 0 || !tcp_place(slot, result, side))
		return TCP_LEAVE;
	place = &call->place;
	sk = call->socket;
	own = call->inode;
	reverse = call->reverse;
	mark = mark_of(sk, own);
	if (call->peer)
		peers = mark_of(call->peer, call->peer_inode);
	is_note = side == SIDE_WRITE && !(place->flags & IO_WRITTEN);
	channel = look_up(CHANNEL_TCP, place->channel);
	if (channel && channel->generation != place->generation)
		renew_tcp(slot, side);
	is_met = channel && channel->speaks;
	if (mark)
		count_up(mark, is_met ? channel : NULL, sk, side, is_note, result + behind);
	if (!is_met)
		channel = meet(slot, result, side, behind) ? look_up(CHANNEL_TCP, place->channel) : NULL;
	if (!channel) {
		/* the answers of a connection that was there before, and has asked for nothing of interest */
		if (call->link & LINK_LATE)
			rest(slot, sk, reverse, side << HEARD_BITS | (is_note ? HEARD_NOTES : HEARD_ANSWERS), behind);
		return TCP_LEAVE;
	}
	if (side == SIDE_READ && (call->peer || call->link & LINK_GONE || stays_here(sk)))
		place->flags = IO_LOCAL;
	if (call->link & LINK_EARLY && !channel->written && !channel->late && (is_note || side == SIDE_READ))
		count_early(slot, is_note);
	if (channel->verdict == VERDICT_ASIDE)
		return TCP_LEAVE;
	was_of_interest = channel->interest && channel->announced;
	/* by far the most that is heard is of connections that have carried MCP */
	if (channel->verdict == VERDICT_MCP && (channel->speaks != SPEAKS_LINES || !channel->late))
		channel->interest = INTEREST_MCP;
	else
		weigh_interest(slot, result, is_note);
	if (!channel->interest) {
		if (is_note) {
			keep_write(call, channel, result);
		} else {
			add(&channel->moved, result);
			add(&channel->skipped, result);
		}
		heard = is_note ? HEARD_NOTES : channel->speaks == SPEAKS_REQUESTS ? HEARD_REQUESTS : HEARD_ANSWERS;
		if (channel->speaks != SPEAKS_LINES && (heard != HEARD_REQUESTS || !place->peer || peers))
			rest(slot, sk, reverse, side << HEARD_BITS | heard, behind);
		return TCP_LEAVE;
	}
	if (peers && side == SIDE_READ)
		take_write(channel, peers);
	disturb(sk);
	if (call->peer)
		disturb(call->peer);
	if (channel->announced != ANNOUNCED && !is_filtered(channel, bpf_get_current_pid_tgid() >> 32, side))
		channel->announced = send_socket(slot, reverse, channel->late) ? TO_ANNOUNCE : ANNOUNCED;
	if (is_note)
		return TCP_NOTE;
	if (!was_of_interest && side == SIDE_READ)
		send_kept_note(call, channel);
	return call->segment_left || call->iov ? TCP_COPY : TCP_UNSEEN;
}

/* The reader may have seen the end: what moved unlooked at is counted now. */
__attribute__((noinline)) int tcp_end(__u32 slot)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct mark *mark, *peers = NULL;
	struct channel *channel;
	struct link *link;
	__u64 sk;

	if (!call)
		return 0;
	sk = call->place.channel;
	mark = marked(sk);
	link = bpf_map_lookup_elem(&links, &sk);
	if (link && link->peer)
		peers = marked(link->peer);
	channel = look_up(CHANNEL_TCP, sk);
	if (channel)
		count_to_end(sk, mark, peers, channel);
	return 0;
}

/* Through a TCP socket, which call->place says. The call's buffers are described. */
static __always_inline void on_tcp(__u32 slot, struct call *call, __s64 result, enum side side, __u32 behind)
{
	int way;

	if (side == SIDE_READ && result == 0) {
		tcp_end(slot);
		on_read(slot, 0, EVENT_EOF);
		return;
	}
	if (passes(slot, result, side))
		return;
	way = tcp_way(slot, result, side, behind);
	if (way == TCP_NOTE) {
		if (on_write(slot, result))
			send_opening(slot);
	} else if (way != TCP_LEAVE) {
		on_read(slot, result, way == TCP_COPY ? EVENT_DATA : EVENT_UNSEEN);
	}
}

#endif
