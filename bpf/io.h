/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What a write or a read of a channel leaves in the ring. Both front ends end here.
 */
#ifndef OVERHEAR_IO_H
#define OVERHEAR_IO_H

#include "channel.h"
#include "record.h"

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
	if (result <= 0 && !look_up(place->kind, place->channel))
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
	if (result > 0 && (place->kind != CHANNEL_TCP || channel->speaks == SPEAKS_LINES) &&
	    channel->moved == channel->base_moved && channel->written - channel->base_written - result < OPENING_WINDOW)
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

/* Whether a read that returned nothing has seen the end: one that asked for nothing returns nothing, too. At the end
 * nothing is left, nor anybody who could write. */
static __always_inline bool is_at_end(const struct place *place)
{
	void *channel = (void *)place->channel;
	struct pipe_inode_info *pipe = channel;
	struct sock *sk = channel;

	if (place->kind <= CHANNEL_FIFO)
		return !BPF_CORE_READ(pipe, writers) && BPF_CORE_READ(pipe, head) == BPF_CORE_READ(pipe, tail);
	return (BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN) && !BPF_CORE_READ(sk, sk_receive_queue.qlen);
}

/* The reader has seen the end: the record says what was counted, and the entry goes, since a named pipe may be opened
 * again at once, with the same inode and even at the same address. Where bytes were lost no record may have named the
 * ends: then it goes to `ended`. Where either finds no room the entry stays, and what comes next goes on with it, here
 * as in user space. Exact for one reader: a second one may be on its way to count what it read before. */
static __always_inline void end_channel(const struct channel *channel, const struct place *place,
					struct io_event *event)
{
	struct io_event *record;
	__s64 missing;

	if (channel->kind == CHANNEL_TCP && !channel->announced) {
		drop(place->kind, place->channel);
		return;
	}
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		add(&ring_full_count, 1);
		/* nothing more will happen to a socket that is over: user space finds its last word in `ended` */
		if (event->kind == EVENT_CLOSE) {
			if (put_away(channel, place->channel, channel->generation))
				add(&unattributed_bytes, event->lost);
			drop(place->kind, place->channel);
		}
		return;
	}
	event->moved += channel->unseen - channel->base_unseen;
	missing = channel->written - channel->base_written - event->moved;
	event->len = missing > INT_MAX ? INT_MAX : missing < -INT_MAX ? -INT_MAX : missing;
	if (event->lost && put_away(channel, place->channel, channel->generation)) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		if (event->kind == EVENT_CLOSE) {
			add(&unattributed_bytes, event->lost);
			drop(place->kind, place->channel);
		}
		return;
	}
	*record = *event;
	bpf_ringbuf_submit(record, patient_flags());
	drop(place->kind, place->channel);
}

/* What begins like a message may be a question to a process that was not heard for a while: its answer is. */
static __always_inline void expect_answer(struct call *call, const struct channel *channel)
{
	__u32 tgid = call->event.tgid, slot;
	struct aside *aside = &asides[tgid & (ASIDE_SLOTS - 1)];
	char first = 0;

	/* a process may wake itself by a pipe */
	if (aside->tgid != tgid || channel->writer_tgid == tgid)
		return;
	if (!call->segment_left && !next_segment(call))
		return;
	bpf_probe_read_user(&first, 1, (void *)call->base);
	if (first != '{' && first != '[' && first != 'C')
		return;
	slot = aside->slot & (IGNORED_SLOTS - 1);
	if (ignored[slot] == aside->key)
		ignored[slot] = 0;
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
	if (kind == EVENT_EOF && (!look_up(place->kind, place->channel) || !is_at_end(place)))
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
	if (is_filtered(channel, event->tgid, SIDE_READ)) {
		if (kind == EVENT_EOF)
			drop(place->kind, place->channel);
		return 0;
	}
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
		expect_answer(call, channel);
		add(&channel->moved, result);
		fill_counts(event, channel);
		call->left = result;
		send_all(slot, call);
		return 0;
	}
	if (kind == EVENT_UNSEEN)
		add(&channel->unseen, result);
	fill_counts(event, channel);
	if (kind == EVENT_EOF) {
		end_channel(channel, place, event);
		return 0;
	}
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

#endif
