/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * A call's bytes become ring records.
 */
#ifndef OVERHEAR_RECORD_H
#define OVERHEAR_RECORD_H

#include "place.h"
#include "segments.h"

/* Adds without taking the old value, which 5.10 cannot. The barrier keeps clang from turning an addition of a
 * constant 0 into an atomic or, which 5.10 has not either. */
static __always_inline void add(__u64 *counter, __u64 n)
{
	barrier_var(n);
	__sync_fetch_and_add(counter, n);
}

static __always_inline void add_to_word(__u32 *counter, __u32 n)
{
	barrier_var(n);
	__sync_fetch_and_add(counter, n);
}

/* The consumer asks to be woken once, when it sleeps: a wake-up per record costs the traced process an interrupt. */
static __always_inline __u64 wake_flags(void)
{
	if (!consumer_sleeps)
		return BPF_RB_NO_WAKEUP;
	consumer_sleeps = 0;
	return BPF_RB_FORCE_WAKEUP;
}

/* For what may wait until the waiter looks: wakes nobody unless a quarter of the ring is taken, since it may come so
 * fast that the waiter looks too late. */
static __always_inline __u64 patient_flags(void)
{
	bool fills = consumer_sleeps &&
		     bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) / 4;

	return fills ? wake_flags() : BPF_RB_NO_WAKEUP;
}

/* The record found no room: who was to be woken with it still sleeps. */
static __always_inline void take_back(__u64 flags)
{
	if (flags == BPF_RB_FORCE_WAKEUP)
		consumer_sleeps = 1;
}

/* The process (not the thread) that is calling. */
static __always_inline void fill_caller(struct io_event *event)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct task_struct *task = current_task(), *leader;

	event->tgid = id >> 32;
	event->tid = id;
	if (TASK_IS_TYPED) {
		leader = task->group_leader;

		event->start_ns = leader->start_boottime;
		if (bpf_ksym_exists(bpf_rdonly_cast)) {
			*(__u64 *)event->comm = PEEK_WORD(leader->comm);
			*(__u64 *)(event->comm + 8) = PEEK_WORD(leader->comm + 8);
		} else {
			bpf_probe_read_kernel(event->comm, COMM_LEN, leader->comm);
		}
	} else {
		leader = BPF_CORE_READ(task, group_leader);
		event->start_ns = BPF_CORE_READ(leader, start_boottime);
		BPF_CORE_READ_INTO(&event->comm, leader, comm);
	}
}

/* How a record is submitted. */
enum hurry {
	CAN_WAIT, /* seen with the next data, when the ring fills, or when the waiter looks (ffi/ring.c, WAIT_MS) */
	WAKES, /* wakes a consumer that sleeps */
};

static __always_inline int send_header(struct io_event *event, enum hurry hurry)
{
	struct io_event *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		add(&ring_full_count, 1);
		return -1;
	}
	*record = *event;
	bpf_ringbuf_submit(record, hurry == WAKES ? wake_flags() : patient_flags());
	return 0;
}

/* Reserve takes constant sizes only; the steps keep waste under a third of a record. */
#define SEND_PIECE(SIZE)                                                                                               \
	do {                                                                                                           \
		struct {                                                                                               \
			struct io_event event;                                                                         \
			__u8 payload[SIZE];                                                                            \
		} *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);                                            \
		__u64 n = length;                                                                                      \
		if (!record)                                                                                           \
			goto full;                                                                                     \
		record->event = call->event;                                                                           \
		record->event.len = length;                                                                            \
		barrier_var(n);                                                                                        \
		if (n > (SIZE))                                                                                        \
			n = (SIZE);                                                                                    \
		if (bpf_probe_read_user(record->payload, n, (void *)call->base)) {                                     \
			record->event.flags |= IO_FAULT;                                                               \
			n = 0;                                                                                         \
		}                                                                                                      \
		record->event.cap_len = n;                                                                             \
		bpf_ringbuf_submit(record, wake_flags());                                                              \
	} while (0)

static __always_inline void lose(struct call *call, __u64 length)
{
	struct channel *channel = look_up(call->place.kind, call->event.channel);

	if (channel)
		add(&channel->lost, length);
	else /* another reader of the channel has seen its end meanwhile */
		add(&unattributed_bytes, length);
	call->event.lost += length;
	add(&ring_full_count, 1);
}

/* Appends one small buffer to those gathered. Returns 0 while there may be more for the same record. */
__attribute__((noinline)) int gather_buffer(__u32 slot)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct gather *gather = bpf_map_lookup_elem(&gathers, &slot);
	__u64 length, filled;

	if (!call || !gather || !call->left)
		return 1;
	if (!call->segment_left && !next_segment(call))
		return 1;
	length = call->left < call->segment_left ? call->left : call->segment_left;
	filled = gather->filled;
	barrier_var(length);
	barrier_var(filled);
	if (length >= GATHER_BYTES || filled >= GATHER_BYTES)
		return 1;
	/* one that cannot be read gets a record of its own, which says so */
	if (bpf_probe_read_user(gather->bytes + filled, length, (void *)call->base))
		return 1;
	gather->filled = filled + length;
	call->base += length;
	call->segment_left -= length;
	call->left -= length;
	return 0;
}

REPEATED(gather_buffer)

/* One record of several small buffers: a reader that asks for them piece by piece must not fill the ring with
 * headers. Returns how many bytes it stands for; 0: send_piece is to take the next buffer by itself. */
static __always_inline __u64 send_gathered(__u32 slot, struct call *call)
{
	struct gather *gather = bpf_map_lookup_elem(&gathers, &slot);
	__u64 filled, flags;

	if (!gather)
		return 0;
	gather->filled = 0;
	gather_buffer_until_done(slot);
	filled = gather->filled;
	if (!filled)
		return 0;
	gather->event = call->event;
	gather->event.len = filled;
	gather->event.cap_len = filled;
	barrier_var(filled);
	if (filled > sizeof(gather->bytes))
		filled = sizeof(gather->bytes);
	flags = wake_flags();
	if (bpf_ringbuf_output(&ring, gather, sizeof(gather->event) + filled, flags)) {
		lose(call, filled);
		take_back(flags);
	}
	return filled;
}

/* One record of at most PIECE_BYTES. Returns 0 while there is more. */
__attribute__((noinline)) int send_piece(__u32 slot)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	__u64 length;

	if (!call || !call->left)
		return 1;
	if (!call->segment_left && !next_segment(call)) {
		/* the buffers are not where the arguments say: say so instead of the bytes */
		call->event.flags |= IO_FAULT;
		call->event.len = call->left;
		call->event.cap_len = 0;
		if (send_header(&call->event, WAKES))
			lose(call, call->left);
		call->left = 0;
		return 1;
	}
	if (!call->segment_left)
		return 0;
	if (call->segment_left < call->left && call->segment_left < GATHER_BYTES && send_gathered(slot, call))
		return call->left == 0;
	length = call->left < call->segment_left ? call->left : call->segment_left;
	if (length > PIECE_BYTES)
		length = PIECE_BYTES;
	if (length <= 128)
		SEND_PIECE(128);
	else if (length <= 256)
		SEND_PIECE(256);
	else if (length <= 512)
		SEND_PIECE(512);
	else if (length <= 1088)
		SEND_PIECE(1088);
	else if (length <= 2176)
		SEND_PIECE(2176);
	else if (length <= 4224)
		SEND_PIECE(4224);
	else if (length <= 8320)
		SEND_PIECE(8320);
	else if (length <= 16512)
		SEND_PIECE(16512);
	else
		SEND_PIECE(PIECE_BYTES);
	goto sent;
full:
	lose(call, length);
sent:
	call->base += length;
	call->segment_left -= length;
	call->left -= length;
	return call->left == 0;
}

REPEATED(send_piece)

static __always_inline void send_all(__u32 slot, struct call *call)
{
	send_piece_until_done(slot);
	if (!call->left)
		return;
	call->event.flags |= IO_CUT;
	call->event.len = call->left;
	call->event.cap_len = 0;
	if (send_header(&call->event, WAKES))
		lose(call, call->left);
}

#endif
