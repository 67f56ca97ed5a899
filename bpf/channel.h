/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What a call on a channel does to the channel's state, and which record it leaves. Both front ends end here.
 */
#ifndef OVERHEAR_CHANNEL_H
#define OVERHEAR_CHANNEL_H

#include <bpf/bpf_core_read.h>
#include "record.h"

#define S_IFMT 00170000
#define S_IFSOCK 0140000
#define S_IFIFO 0010000
#define PIPEFS_MAGIC 0x50495045
#define AF_UNIX 1
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define MSG_PEEK 2
#define FMODE_READ 1
#define FMODE_WRITE 2
#define EPIPE 32

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* A member behind an untyped pointer: a plain load where the kernel has bpf_rdonly_cast (6.2), else a helper call. */
#define PEEK(pointer, type, member)                                                                                    \
	({                                                                                                             \
		typeof(((type *)NULL)->member) value;                                                                  \
		if (bpf_ksym_exists(bpf_rdonly_cast))                                                                  \
			value = ((type *)bpf_rdonly_cast((const void *)(pointer), bpf_core_type_id_kernel(type)))      \
					->member;                                                                      \
		else                                                                                                   \
			value = BPF_CORE_READ((type *)(pointer), member);                                              \
		value;                                                                                                 \
	})

enum side { SIDE_READ = 1, SIDE_WRITE = 2 };

static __always_inline __u32 ignored_slot(__u64 channel)
{
	return ((channel >> 6) ^ (channel >> 20)) & (IGNORED_SLOTS - 1);
}

static __always_inline bool is_ignored(const struct place *place)
{
	return ignored[ignored_slot(place->channel)] == place->channel + place->generation;
}

static __always_inline __u64 socket_inode(struct sock *sk)
{
	struct socket *socket = PEEK(sk, struct sock, sk_socket);

	/* a socket that nobody has accepted yet has no inode */
	if (!socket)
		return 0;
	return PEEK(socket, struct socket_alloc, vfs_inode.i_ino);
}

static __always_inline void find_unix(struct place *place, struct socket *socket, enum side side)
{
	struct sock *sk, *other;
	short type;

	/* most sockets are not ours: that answer must be cheap */
	sk = PEEK(socket, struct socket, sk);
	if (!sk || PEEK(sk, struct sock, __sk_common.skc_family) != AF_UNIX)
		return;
	type = PEEK(socket, struct socket, type);
	/* as numbers: the verifier allows no arithmetic on the pointers that PEEK gives */
	sk = BPF_CORE_READ(socket, sk);
	other = BPF_CORE_READ((struct unix_sock *)sk, peer);
	/* a channel of one direction is the socket that receives */
	place->channel = (__u64)(side == SIDE_READ ? sk : other);
	place->peer = (__u64)(side == SIDE_READ ? other : sk);
	if (!place->channel)
		return;
	place->generation = socket_inode((struct sock *)place->channel);
	place->kind = type == SOCK_STREAM    ? CHANNEL_UNIX_STREAM :
		      type == SOCK_SEQPACKET ? CHANNEL_UNIX_SEQPACKET :
		      type == SOCK_DGRAM     ? CHANNEL_UNIX_DGRAM :
					       0;
}

static __always_inline void find_pipe(struct place *place, struct file *file, struct inode *inode)
{
	place->channel = (__u64)BPF_CORE_READ(file, private_data);
	place->generation = PEEK(inode, struct inode, i_ino);
	place->inode = (__u64)inode;
	place->kind = CHANNEL_PIPE;
}

static __always_inline bool is_followed(__u32 tgid)
{
	return bpf_map_lookup_elem(&followed, &tgid) != NULL;
}

static __always_inline void fill_place(struct io_event *event, const struct place *place)
{
	event->channel = place->channel;
	event->generation = place->generation;
	event->peer = place->peer;
	event->channel_kind = place->kind;
	event->peer_generation = 0;
	event->flags = 0;
	event->len = 0;
	event->cap_len = 0;
}

static __always_inline void fill_counts(struct io_event *event, const struct channel *channel)
{
	event->moved = channel->moved - channel->base_moved;
	event->lost = channel->lost - channel->base_lost;
}

static __always_inline __u32 kind_of(const struct place *place)
{
	struct inode *inode = (struct inode *)place->inode;

	if (place->kind == CHANNEL_PIPE && BPF_CORE_READ(inode, i_sb, s_magic) != PIPEFS_MAGIC)
		return CHANNEL_FIFO;
	return place->kind;
}

/* Else the type would not be in the object's BTF, where the layout test looks for it. */
const struct reused_event *reused_layout __attribute__((unused));

static __always_inline int send_reused(const struct channel *channel, __u64 address, __u64 generation)
{
	struct reused_event *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		add(&ring_full_count, 1);
		return -1;
	}
	record->kind = EVENT_REUSED;
	record->channel_kind = channel->kind;
	record->channel = address;
	record->generation = generation;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->moved = channel->moved - channel->base_moved;
	record->lost = channel->lost - channel->base_lost;
	record->written = channel->written - channel->base_written;
	record->unseen = channel->unseen - channel->base_unseen;
	record->reader_start_ns = channel->reader_start_ns;
	record->writer_start_ns = channel->writer_start_ns;
	record->reader_tgid = channel->reader_tgid;
	record->writer_tgid = channel->writer_tgid;
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}

/* The address has been given to another pipe or socket: report the old one's last counts, and where the new one's
 * begin. The reader and the writer may do this at a time, on two CPUs: nothing is set back, since the other may have
 * counted already. Who finds the new generation has come too late. Until it stands there nobody counts, so that the
 * bases of both are the same. */
static __always_inline void renew(struct channel *channel, const struct place *place, __u64 old)
{
	__u64 moved = channel->moved, lost = channel->lost, written = channel->written, unseen = channel->unseen;

	if (*(volatile __u64 *)&channel->generation == old && !channel->muted &&
	    send_reused(channel, place->channel, old))
		add(&unattributed_bytes, lost - channel->base_lost);
	if (*(volatile __u64 *)&channel->generation != old)
		return;
	channel->base_moved = moved;
	channel->base_lost = lost;
	channel->base_written = written;
	channel->base_unseen = unseen;
	channel->writer_tgid = 0;
	channel->reader_tgid = 0;
	channel->muted = 0;
	channel->wanted = 0;
	channel->opaque = 0;
	channel->broken = 0;
	channel->peer = 0;
	channel->peer_generation = 0;
	channel->kind = kind_of(place);
	*(volatile __u64 *)&channel->generation = place->generation;
}

static __always_inline struct channel *find_channel(struct call *call, const struct place *place, enum side side)
{
	struct channel *channel = bpf_map_lookup_elem(&channels, &place->channel);
	__u64 generation;

	if (!channel) {
		struct channel *fresh = &call->fresh;

		__builtin_memset(fresh, 0, sizeof(*fresh));
		fresh->generation = place->generation;
		fresh->kind = kind_of(place);
		bpf_map_update_elem(&channels, &place->channel, fresh, BPF_NOEXIST);
		return bpf_map_lookup_elem(&channels, &place->channel);
	}
	generation = *(volatile __u64 *)&channel->generation;
	if (generation != place->generation) {
		/* what is written to a socket without an inode waits for accept: another channel than one that had one,
		 * unless that came just now, and its reader was quicker */
		if (!generation)
			channel->generation = place->generation;
		else if (place->generation ||
			 (side == SIDE_WRITE && socket_inode((struct sock *)place->channel) != generation))
			renew(channel, place, generation);
		call->event.generation = channel->generation;
	}
	return channel;
}

/* Addresses come again: only with its inode the other end is known for sure. */
static __always_inline void note_peer(struct channel *channel, const struct place *place)
{
	if (!place->peer || (channel->peer == place->peer && channel->peer_generation))
		return;
	channel->peer = place->peer;
	channel->peer_generation = socket_inode((struct sock *)place->peer);
}

/* True when the filter keeps this call out. Once an end is followed, the channel is heard in full. */
static __always_inline bool is_filtered(struct channel *channel, __u32 tgid, enum side side)
{
	if (!filtering || channel->wanted)
		return false;
	if (is_followed(tgid)) {
		channel->wanted = 1;
		return false;
	}
	/* the writer is not known before its first note: hear the bytes, user space looks again */
	return side == SIDE_WRITE || channel->writer_tgid;
}

/* Sends the note of a write through call->place. The first writes to a channel that nobody has read from yet are
 * different: returns 1, and the caller is to describe its buffers and to call send_opening.
 * A global function, like on_read: verified once, however many programs and branches end here. */
__attribute__((noinline)) int on_write(__u32 slot, __s64 result)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	const struct place *place;
	struct io_event *event;
	struct channel *channel;
	bool filtered;

	if (!call)
		return 0;
	place = &call->place;
	event = &call->event;
	fill_place(event, place);
	fill_caller(event);
	/* writers may try a broken pipe again and again: a channel that is forgotten stays so */
	if (result <= 0 && !bpf_map_lookup_elem(&channels, &place->channel))
		return 0;
	channel = find_channel(call, place, SIDE_WRITE);
	if (!channel) {
		add(&notes_lost, 1);
		return 0;
	}
	note_peer(channel, place);
	event->channel_kind = channel->kind;
	event->peer_generation = channel->peer_generation;
	if (event->tgid == own_tgid)
		channel->muted = 1;
	if (channel->muted)
		return 0;
	if (result > 0)
		add(&channel->written, result);
	/* first whether it is wanted: a reader on another CPU that knows the writer, and nothing more, hears nothing */
	filtered = is_filtered(channel, event->tgid, SIDE_WRITE);
	channel->writer_start_ns = event->start_ns;
	channel->writer_tgid = event->tgid;
	if (filtered)
		return 0;
	if (result <= 0) {
		if (channel->broken)
			return 0;
		channel->broken = 1;
	}
	if (channel->wanted)
		event->flags |= IO_WANTED;
	event->kind = result > 0 ? EVENT_NOTE : EVENT_BROKEN;
	event->time_ns = bpf_ktime_get_boot_ns();
	fill_counts(event, channel);
	event->moved = channel->written - channel->base_written;
	event->len = result > 0 ? result : 0;
	if (result > 0 && channel->moved == channel->base_moved &&
	    channel->written - channel->base_written - result < OPENING_WINDOW)
		return 1;
	if (send_header(event, CAN_WAIT))
		add(&notes_lost, 1);
	return 0;
}

/* The note of one of the first writes, with the bytes that it begins with: should nobody ever read them, they say
 * what kind of channel it was. */
__attribute__((noinline)) int send_opening(__u32 slot)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct {
		struct io_event event;
		__u8 bytes[2 * OPENING_BYTES];
	} *record;
	__u64 used = 0;

	if (!call)
		return 0;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		add(&ring_full_count, 1);
		add(&notes_lost, 1);
		return 0;
	}
#pragma clang loop unroll(disable)
	for (int i = 0; i < OPENING_BUFFERS; i++) {
		__u64 length;

		if (used >= OPENING_BYTES || used >= call->event.len)
			break;
		if (!call->segment_left && !next_segment(call))
			break;
		length = call->segment_left;
		barrier_var(length);
		if (length > OPENING_BYTES)
			length = OPENING_BYTES;
		if (bpf_probe_read_user(record->bytes + used, length, (void *)call->base))
			break;
		call->segment_left = 0;
		used += length;
	}
	record->event = call->event;
	record->event.cap_len = used < call->event.len ? used : call->event.len;
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}

/* The bytes came from a file or a pipe (sendfile, splice, tee): there is nothing to look at. */
static __always_inline void on_bufferless_write(__u32 slot, struct call *call, const struct place *place, __s64 result)
{
	call->place = *place;
	call->iov = 0;
	call->segment_left = 0;
	if (on_write(slot, result))
		send_opening(slot);
}

/* A read through call->place. The caller has described the call's buffers already, unless kind is EVENT_UNSEEN. */
__attribute__((noinline)) int on_read(__u32 slot, __s64 result, __u32 kind)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	const struct place *place;
	struct io_event *event;
	struct channel *channel;

	if (!call)
		return 0;
	place = &call->place;
	event = &call->event;
	fill_place(event, place);
	fill_caller(event);
	/* readers ask again and again at the end: a channel that is forgotten stays so */
	if (kind == EVENT_EOF && !bpf_map_lookup_elem(&channels, &place->channel))
		return 0;
	channel = find_channel(call, place, SIDE_READ);
	if (!channel) {
		add(&unattributed_bytes, result);
		return 0;
	}
	note_peer(channel, place);
	event->channel_kind = channel->kind;
	event->peer_generation = channel->peer_generation;
	if (channel->muted || event->tgid == own_tgid)
		return 0;
	if (is_filtered(channel, event->tgid, SIDE_READ))
		return 0;
	if (channel->wanted)
		event->flags |= IO_WANTED;
	if (kind == EVENT_OPAQUE) {
		if (channel->opaque)
			return 0;
		channel->opaque = 1;
	}
	event->time_ns = bpf_ktime_get_boot_ns();
	channel->reader_tgid = event->tgid;
	channel->reader_start_ns = event->start_ns;
	event->kind = kind;
	event->len = result;
	if (kind == EVENT_DATA) {
		add(&channel->moved, result);
		fill_counts(event, channel);
		call->left = result;
		send_all(slot, call);
		return 0;
	}
	if (kind == EVENT_UNSEEN)
		add(&channel->unseen, result);
	fill_counts(event, channel);
	/* what is spliced away at speed would fill the ring before the waiter looks */
	if (send_header(event, kind == EVENT_UNSEEN ? WAKES : CAN_WAIT) && kind == EVENT_UNSEEN)
		add(&channel->lost, result);
	return 0;
}

/* Sockets that keep packets apart are not read as streams; say once that there is one with JSON in it. */
static __always_inline bool looks_like_json(const struct call *call)
{
	char first = 0;

	bpf_probe_read_user(&first, 1, (void *)call->base);
	return first == '{' || first == '[';
}

/* The first copy of a twin body marks the thread; false: leave the call to the second one. */
static __always_inline bool first_copy_takes(void)
{
	__u64 id = bpf_get_current_pid_tgid(), one = 1, *mark;

	if (!twins)
		return true;
	mark = bpf_map_lookup_elem(&handled, &id);
	if (mark) {
		*mark = 1;
		return true;
	}
	return bpf_map_update_elem(&handled, &id, &one, BPF_ANY) == 0;
}

static __always_inline bool second_copy_takes(void)
{
	__u64 id = bpf_get_current_pid_tgid(), *mark;

	mark = bpf_map_lookup_elem(&handled, &id);
	if (mark && *mark) {
		*mark = 0;
		return false;
	}
	return true;
}

/* Declares `call`, this program's own place on this CPU, or returns. */
#define CALL_OR_RETURN(slot)                                                                                           \
	__u32 call_key = (slot);                                                                                       \
	struct call *call = bpf_map_lookup_elem(&calls, &call_key);                                                    \
	if (!call)                                                                                                     \
	return 0

#endif
