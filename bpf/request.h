/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * A system call as its registers say it.
 */
#ifndef OVERHEAR_REQUEST_H
#define OVERHEAR_REQUEST_H

#include "syscalls.h"

/* A call as its numbers say it. */
struct request {
	__u64 arguments[4];
	__u32 op;
	__u32 compat;
};

static __always_inline int is_peek(const struct request *request)
{
	__u32 op = request->op;
	__u64 flags = op == OP_RECVFROM || op == OP_RECVMMSG ? request->arguments[3] :
		      op == OP_RECVMSG			     ? request->arguments[2] :
							       0;

	return flags & (MSG_PEEK | MSG_ERRQUEUE);
}

/* Is this a call that may concern us? Cheap, since it is asked for every call of the host: both tables say no to nearly
 * all; which of them counts matters for the others only. Sets *number, by which both are indexed. */
static __always_inline bool is_watched(const struct pt_regs *regs, __u64 *number)
{
	*number = (__u32)syscall_number(regs);
	/* the verifier of 6.1 does not follow a comparison of half a register */
	barrier_var(*number);
	return *number < SYSCALL_NUMBERS && (wide_ops[*number] || compat_ops[*number]);
}

/* Returns who calls; NULL: the call concerns nobody. */
static __always_inline struct task_struct *read_request(struct request *request, const struct pt_regs *regs,
							__s64 result)
{
	struct task_struct *task;
	__u64 number;

	/* of the failed calls only a broken pipe says something */
	if (result < 0 && result != -EPIPE)
		return NULL;
	if (!is_watched(regs, &number))
		return NULL;
	task = current_task();
	request->compat = is_compat(task);
	request->op = request->compat ? compat_ops[number] : wide_ops[number];
	if (!request->op || (result < 0 && !is_writing(request->op)))
		return NULL;
	request->arguments[0] = argument(regs, 0, request->compat);
	request->arguments[1] = argument(regs, 1, request->compat);
	request->arguments[2] = argument(regs, 2, request->compat);
	request->arguments[3] = argument(regs, 3, request->compat);
	return task;
}

#ifdef __TARGET_ARCH_x86
/* i386's socketcall(2): the call's number, and its arguments in memory. Source: include/uapi/linux/net.h */
static __always_inline bool unpack_socketcall(struct request *request)
{
	__u32 arguments[4] = {};

	switch (request->arguments[0]) {
	case 9: /* send */
	case 11: /* sendto */
		request->op = OP_WRITE;
		break;
	case 16:
		request->op = OP_SENDMSG;
		break;
	case 10: /* recv */
	case 12: /* recvfrom */
		request->op = OP_RECVFROM;
		break;
	case 17:
		request->op = OP_RECVMSG;
		break;
	case 19:
		request->op = OP_RECVMMSG;
		break;
	case 20:
		request->op = OP_SENDMMSG;
		break;
	default:
		return false;
	}
	if (bpf_probe_read_user(arguments, sizeof(arguments), (void *)request->arguments[1]))
		return false;
	for (int i = 0; i < 4; i++)
		request->arguments[i] = arguments[i];
	return true;
}
#else
static __always_inline bool unpack_socketcall(struct request *request)
{
	return false;
}
#endif

#endif
