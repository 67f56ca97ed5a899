/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The state of a channel: found or made for a call, renewed when its address is given to another channel.
 */
#ifndef OVERHEAR_CHANNEL_H
#define OVERHEAR_CHANNEL_H

#include "place.h"
#include "record.h"

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
	event->flags = place->flags;
	event->len = 0;
	event->cap_len = 0;
}

static __always_inline void fill_counts(struct io_event *event, const struct channel *channel)
{
	event->moved = channel->moved - channel->base_moved;
	event->lost = channel->lost - channel->base_lost;
	event->skipped = channel->skipped;
}

/* The channel is over: its entry goes to `ended`, where user space finds the last counts. Returns 0, or -EEXIST when one
 * stands there already, or why there is no room. */
static __always_inline long put_away(const struct channel *channel, __u64 address, __u64 generation)
{
	struct channel_key key = { address, generation };
	long error = bpf_map_update_elem(&ended, &key, channel, BPF_NOEXIST);

	if (!error)
		add(&ended_count, 1);
	return error;
}

static __always_inline bool is_unread(const struct channel *channel)
{
	__u64 left = channel->moved - channel->base_moved + channel->unseen - channel->base_unseen;

	return channel->written - channel->base_written != left;
}

/* The address has been given to another pipe or socket: the new one's counts begin where the old one's end. The reader
 * and the writer may do this at a time, on two CPUs: nothing is set back, since the other may have counted already.
 * Until the new generation stands there nobody counts, and before it does the old entry is put away: who comes too late
 * for that finds it there, and who finds the new generation has nothing to do any more. */
static __always_inline void renew(struct channel *channel, const struct place *place, __u64 old)
{
	__u64 moved = channel->moved, lost = channel->lost, written = channel->written, unseen = channel->unseen;

	barrier();
	if (*(volatile __u64 *)&channel->generation != old)
		return;
	/* there is a last word where bytes were lost or not read; of a channel that the filter keeps out nobody asks */
	if (lost != channel->base_lost || ((!filtering || channel->wanted) && is_unread(channel))) {
		long error = put_away(channel, place->channel, old);

		if (error && error != -EEXIST)
			add(&unattributed_bytes, lost - channel->base_lost);
	}
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
	channel->skipped = 0;
	channel->write_ns = 0;
	channel->speaks = 0;
	channel->verdict = 0;
	channel->interest = INTEREST_NONE;
	channel->request_at = 0;
	channel->awaits = 0;
	channel->announced = 0;
	channel->peer = 0;
	channel->peer_generation = 0;
	channel->kind = kind_of(place);
	*(volatile __u64 *)&channel->generation = place->generation;
}

static __always_inline bool is_closed(struct sock *sk)
{
	return (BPF_CORE_READ(sk, sk_shutdown) & SHUTDOWN_MASK) == SHUTDOWN_MASK;
}

static __always_inline struct channel *find_channel(struct call *call, const struct place *place, enum side side)
{
	struct channel *channel = look_up(place->kind, place->channel);
	__u64 generation;

	if (!channel) {
		struct channel *fresh = &call->fresh;

		__builtin_memset(fresh, 0, sizeof(*fresh));
		fresh->generation = place->generation;
		fresh->kind = kind_of(place);
		if (place->kind == CHANNEL_TCP)
			bpf_map_update_elem(&tcp_channels, &place->channel, fresh, BPF_NOEXIST);
		else
			bpf_map_update_elem(&channels, &place->channel, fresh, BPF_NOEXIST);
		return look_up(place->kind, place->channel);
	}
	generation = *(volatile __u64 *)&channel->generation;
	if (generation != place->generation) {
		/* what is written to a socket without an inode waits for accept: another channel than one that had one,
		 * unless that came just now, and its reader was quicker, or the reader has closed it during the write */
		if (!generation)
			channel->generation = place->generation;
		else if (place->generation || (side == SIDE_WRITE && !is_closed((struct sock *)place->channel) &&
					       socket_inode((struct sock *)place->channel) != generation))
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

#endif
