/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Kernel memory by plain loads where the kernel allows them (bpf_rdonly_cast, 6.2), else by helper calls, each of which
 * costs several times as much. What cannot be read is 0.
 */
#ifndef OVERHEAR_PEEK_H
#define OVERHEAR_PEEK_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel.h"

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* A member behind an untyped pointer. */
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

/* The word at an address, as a number: the verifier allows no arithmetic on pointers that it knows to be such. Of the
 * types that the kernel describes, rb_node is one that begins with a number. */
#define PEEK_WORD(address) PEEK(address, struct rb_node, __rb_parent_color)

/* Kernels that give the current task as a pointer that may be followed by plain loads. */
#define TASK_IS_TYPED bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)

/* Who calls; to be followed with plain loads where TASK_IS_TYPED. A helper call, so to be asked for once. */
static __always_inline struct task_struct *current_task(void)
{
	if (TASK_IS_TYPED)
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

#endif
