/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Two copies of one body, against runs that the kernel skips: which of them takes a call (docs/capture.md).
 */
#ifndef OVERHEAR_TWIN_H
#define OVERHEAR_TWIN_H

#include "maps.h"

/* The first copy of a twin body marks the thread; false: leave the call to the second one. */
static __always_inline bool first_copy_takes(void)
{
	__u64 id = bpf_get_current_pid_tgid(), stage = twins, *mark;

	if (!stage)
		return true;
	mark = bpf_map_lookup_elem(&handled, &id);
	if (mark) {
		*mark = stage;
		return true;
	}
	return bpf_map_update_elem(&handled, &id, &stage, BPF_ANY) == 0;
}

/* Marks that are more than a stage old are of calls that there was no second copy to see: of threads that were idle since. */
static __always_inline bool second_copy_takes(void)
{
	__u64 id = bpf_get_current_pid_tgid(), *mark, stage;

	mark = bpf_map_lookup_elem(&handled, &id);
	stage = mark ? *mark : 0;
	if (!stage)
		return true;
	*mark = 0;
	return stage + 1 < twins;
}

/* UNMARKED: there is no other copy, or what both take they take away. */
enum copy { FIRST_COPY, SECOND_COPY, UNMARKED };

static __always_inline bool takes(enum copy copy)
{
	return copy == UNMARKED || (copy == FIRST_COPY ? first_copy_takes() : second_copy_takes());
}

/* Declares `call`, this program's own place on this CPU, or returns. */
#define CALL_OR_RETURN(slot)                                                                                           \
	__u32 call_key = (slot);                                                                                       \
	struct call *call = bpf_map_lookup_elem(&calls, &call_key);                                                    \
	if (!call)                                                                                                     \
	return 0

#endif
