/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The buffers of a call: which iovec is next, and where a finished call's first byte lies.
 */
#ifndef OVERHEAR_SEGMENTS_H
#define OVERHEAR_SEGMENTS_H

#include "maps.h"
#include "peek.h"

/* Defines NAME_until_done(slot): calls NAME(slot), a global function, until it returns non-zero, CALL_PIECES times at
 * most. A global function is verified once, whatever calls it how often; 5.10 has no bpf_loop. */
#define REPEATED(name)                                                                                                 \
	__attribute__((noinline)) int name##_some(__u32 slot)                                                          \
	{                                                                                                              \
		_Pragma("clang loop unroll(disable)") for (int i = 0; i < STEPS; i++) if (name(slot)) return 1;        \
		return 0;                                                                                              \
	}                                                                                                              \
	static __always_inline void name##_until_done(__u32 slot)                                                      \
	{                                                                                                              \
		_Pragma("clang loop unroll(disable)") for (int i = 0; i < ROUNDS; i++) if (name##_some(slot)) return;  \
	}

/* Takes the next iovec. Returns 0 when there is none or it cannot be read. */
static __always_inline int next_segment(struct call *call)
{
	struct iovec wide = {};
	struct compat_iovec narrow = {};

	if (!call->iov || !call->iov_left)
		return 0;
	call->iov_left--;
	if (call->iov_source == IOV_COMPAT) {
		if (bpf_probe_read_user(&narrow, sizeof(narrow), (void *)call->iov))
			return 0;
		call->iov += sizeof(narrow);
		call->base = narrow.iov_base;
		call->segment_left = narrow.iov_len;
		return 1;
	}
	if (call->iov_source == IOV_KERNEL) {
		if (bpf_probe_read_kernel(&wide, sizeof(wide), (void *)call->iov))
			return 0;
	} else if (bpf_probe_read_user(&wide, sizeof(wide), (void *)call->iov)) {
		return 0;
	}
	call->iov += sizeof(wide);
	call->base = (__u64)wide.iov_base;
	call->segment_left = wide.iov_len;
	return 1;
}

/* Steps back over one iovec, from behind the call's bytes to where they begin (fexit: the iterator has advanced).
 * Returns 0 while there is more. */
__attribute__((noinline)) int step_back(__u32 slot)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	struct iovec segment = {};

	if (!call)
		return 1;
	if (call->back <= call->segment_left) {
		/* begins in this segment, back bytes before the iterator's place in it */
		if (bpf_probe_read_kernel(&segment, sizeof(segment), (void *)call->iov))
			call->iov = 0;
		call->base = (__u64)segment.iov_base + call->segment_left - call->back;
		call->segment_left = segment.iov_len - (call->segment_left - call->back);
		if (call->iov)
			call->iov += sizeof(segment);
		else
			call->segment_left = 0;
		return 1;
	}
	call->back -= call->segment_left;
	call->iov -= sizeof(segment);
	if (bpf_probe_read_kernel(&segment, sizeof(segment), (void *)call->iov)) {
		call->iov = 0;
		call->segment_left = 0;
		return 1;
	}
	call->segment_left = segment.iov_len;
	return 0;
}

REPEATED(step_back)

/* Points the call at the bytes that were just written through `iter`. False: they are not in user memory. */
static __always_inline bool take_iter(__u32 slot, struct call *call, struct iov_iter *iter, __u64 result)
{
	__u64 offset = PEEK(iter, struct iov_iter, iov_offset);

	call->iov = 0;
	call->iov_left = 0;
	call->segment_left = 0;
	if (!bpf_core_field_exists(struct iov_iter, iter_type)) {
		struct iov_iter___type *old = (void *)iter;

		/* 5.10: ITER_IOVEC is 4, bit 0 the direction */
		if ((BPF_CORE_READ(old, type) & ~1U) != 4)
			return false;
	} else {
		__u8 type = PEEK(iter, struct iov_iter, iter_type);

		if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
		    type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
			call->base = PEEK_WORD(&iter->ubuf) + offset - result;
			call->segment_left = result;
			return true;
		}
		if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
			return false;
	}
	if (bpf_core_field_exists(struct iov_iter, __iov))
		call->iov = PEEK_WORD(&iter->__iov);
	else
		call->iov = PEEK_WORD(&((struct iov_iter___iov *)iter)->iov);
	call->iov_source = IOV_KERNEL;
	call->iov_left = CALL_PIECES;
	call->segment_left = offset;
	call->back = result;
	step_back_until_done(slot);
	return true;
}

#endif
