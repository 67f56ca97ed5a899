/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * TCP sockets of HTTP that is of no interest just now (struct mark): a call on one of them in, whether that is all there is
 * to it out. By far the most HTTP of a host is such, so nothing here asks a map.
 *
 * Who finds something of interest disturbs both sockets' marks. Each side of a socket is marked by its own calls only,
 * since only there what was counted and what the socket says are of the same moment.
 */
#ifndef OVERHEAR_MARKS_H
#define OVERHEAR_MARKS_H

#include "channel.h"

static __always_inline struct mark *mark_of(__u64 sk, __u64 generation)
{
	struct mark *mark = &marks[ignored_slot(sk)];

	if (mark->key != sk + generation)
		mark = NULL;
	/* clang would compare the keys again where it is asked whether there is a mark, which the verifier cannot follow */
	barrier_var(mark);
	return mark;
}

/* As mark_of, where the inode number is not known, as when a socket is over: by the slot and 32 bits of the address. */
static __always_inline struct mark *marked(__u64 sk)
{
	struct mark *mark = &marks[ignored_slot(sk)];

	if (!mark->key || mark->sock != (__u32)sk)
		mark = NULL;
	barrier_var(mark);
	return mark;
}

/* From their next call on both directions of the socket are heard closely. */
static __always_inline void disturb(__u64 sk)
{
	struct mark *mark = marked(sk);

	if (!mark)
		return;
	if (mark->read > HEARD_AGAIN)
		mark->read = HEARD_AGAIN;
	if (mark->write > HEARD_AGAIN)
		mark->write = HEARD_AGAIN;
}

/* Behind the last byte that was read. The other end's FIN takes a number, too, and may be read with the last bytes. */
static __always_inline __u32 read_to(__u64 sk)
{
	__u32 copied = PEEK(sk, struct tcp_sock, copied_seq);

	if (PEEK(sk, struct sock, __sk_common.skc_flags) & SOCK_DONE_BIT &&
	    copied == PEEK(sk, struct tcp_sock, rcv_nxt))
		copied--;
	return copied;
}

/* False: so much has moved that it has to be counted. */
static __always_inline bool stays_near(struct mark *mark, __u64 sk, enum side side)
{
	__u32 at;

	if (side == SIDE_READ)
		return PEEK(sk, struct tcp_sock, copied_seq) - mark->read_at < MARK_BYTES;
	at = PEEK(sk, struct tcp_sock, write_seq);
	if (at - mark->write_at >= MARK_BYTES)
		return false;
	mark->write_seq = at;
	return true;
}

/* Keeps who wrote: a note is sent if the bytes turn out to be of interest when they are read (take_write). */
static __always_inline bool keep_quietly(struct mark *mark, __u64 sk, __u64 result)
{
	struct task_struct *task = current_task();
	__u32 tgid = TASK_IS_TYPED ? task->tgid : BPF_CORE_READ(task, tgid), at = mark->write_seq;

	/* another one may be followed */
	if (filtering && tgid != mark->writer_tgid)
		return false;
	if (!stays_near(mark, sk, SIDE_WRITE))
		return false;
	/* the other copy of this program has been here */
	if (mark->write_seq == at)
		return true;
	mark->writer_tgid = tgid;
	mark->writer_start_ns =
		TASK_IS_TYPED ? task->group_leader->start_boottime : BPF_CORE_READ(task, group_leader, start_boottime);
	mark->write_ns = bpf_ktime_get_boot_ns();
	mark->write_len = result;
	return true;
}

/* True: the call has moved nothing of interest, as can be told without a look at its bytes. May be asked twice. */
static __always_inline bool is_quiet(const struct place *place, enum side side, __s64 result)
{
	struct mark *mark = mark_of(place->channel, place->generation);

	if (!mark || result <= 0)
		return false;
	if (side == SIDE_WRITE && mark->write == HEARD_NOTES)
		return keep_quietly(mark, place->channel, result);
	if ((side == SIDE_READ ? mark->read : mark->write) != HEARD_ANSWERS || mark->awaits)
		return false;
	return stays_near(mark, place->channel, side);
}

/* moved: by sequence numbers; two threads at a time may leave less than nothing. peer: it is read on this host. */
static __always_inline void count_written(struct channel *channel, __u32 moved, __u64 peer)
{
	__s64 bytes = (__s32)moved;

	if (peer) {
		add(&channel->written, bytes);
	} else {
		add(&channel->moved, bytes);
		add(&channel->skipped, bytes);
	}
}

static __always_inline void count_read(struct channel *channel, __u32 moved)
{
	count_written(channel, moved, 0);
}

/* Before a call on this side of the socket is heard closely: counts what moved since it was last, without `moving`, the
 * bytes of the call itself. No channel: of what moved before it is met nothing is counted. */
static __always_inline void count_up(struct mark *mark, struct channel *channel, __u64 sk, enum side side, bool is_note,
				     __u32 moving)
{
	if (side == SIDE_READ) {
		if (channel && mark->read)
			count_read(channel, read_to(sk) - moving - mark->read_at);
		mark->read = HEARD_CLOSELY;
		return;
	}
	if (channel && mark->write)
		count_written(channel, PEEK(sk, struct tcp_sock, write_seq) - moving - mark->write_at, is_note);
	mark->write = HEARD_CLOSELY;
}

/* What is read now is of interest: its writer, of whom no note told. mark: the writer's. */
static __always_inline void take_write(struct channel *channel, struct mark *mark)
{
	__u32 at = mark->write_seq;

	if (!mark->write || at == mark->write_at)
		return;
	count_written(channel, at - mark->write_at, 1);
	mark->write_at = at;
	channel->writer_tgid = mark->writer_tgid;
	channel->writer_start_ns = mark->writer_start_ns;
	channel->write_ns = mark->write_ns;
	channel->write_len = mark->write_len;
	is_filtered(channel, mark->writer_tgid, SIDE_WRITE);
}

/* The direction into the socket ends: both what was read and what was written is counted. peers: the writer's mark. */
static __always_inline void count_to_end(__u64 sk, struct mark *mark, struct mark *peers, struct channel *channel)
{
	if (mark && mark->read) {
		count_read(channel, read_to(sk) - mark->read_at);
		mark->read = HEARD_CLOSELY;
	}
	if (peers)
		take_write(channel, peers);
}

#endif
