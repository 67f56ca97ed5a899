/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Where the bytes of a call are that has returned: its iterator has moved past them.
 */
#ifndef OVERHEAR_ITER_H
#define OVERHEAR_ITER_H

#include "peek.h"

/* Where the bytes of a finished call begin, if they are in one of its last buffers; else 0. `left`: how many lie
 * there. */
static __always_inline __u64 first_byte(struct iov_iter *iter, __u64 result, __u64 *left)
{
	__u64 offset = PEEK(iter, struct iov_iter, iov_offset), iov, back = result;
	struct iovec segment;

	if (!bpf_core_field_exists(struct iov_iter, iter_type)) {
		struct iov_iter___type *old = (void *)iter;

		if ((BPF_CORE_READ(old, type) & ~1U) != 4)
			return 0;
	} else {
		__u8 type = PEEK(iter, struct iov_iter, iter_type);

		if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
		    type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
			*left = result;
			return PEEK_WORD(&iter->ubuf) + offset - result;
		}
		if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
			return 0;
	}
	if (bpf_core_field_exists(struct iov_iter, __iov))
		iov = PEEK_WORD(&iter->__iov);
	else
		iov = PEEK_WORD(&((struct iov_iter___iov *)iter)->iov);
#pragma clang loop unroll(disable)
	for (int i = 0; i < 8; i++) {
		if (back <= offset) {
			if (bpf_probe_read_kernel(&segment, sizeof(segment), (void *)iov))
				return 0;
			*left = back < result ? segment.iov_len - (offset - back) : result;
			if (*left > result)
				*left = result;
			return (__u64)segment.iov_base + offset - back;
		}
		back -= offset;
		iov -= sizeof(segment);
		if (bpf_probe_read_kernel(&segment, sizeof(segment), (void *)iov))
			return 0;
		offset = segment.iov_len;
	}
	return 0;
}

#endif
