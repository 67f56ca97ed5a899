/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * System call numbers → what the call does to a channel, for 64-bit and 32-bit tasks of both architectures,
 * and where a call's arguments lie. Source: the kernel's syscall tables (x86: entry/syscalls/syscall_{64,32}.tbl,
 * arm64: asm-generic/unistd.h, arm's tools/syscall.tbl).
 */
#ifndef OVERHEAR_SYSCALLS_H
#define OVERHEAR_SYSCALLS_H

#include <bpf/bpf_core_read.h>
#include "kernel.h"
#include "peek.h"

enum op {
	OP_NONE,
	OP_READ, /* fd, buffer, length */
	OP_READV, /* fd, iovec, count */
	OP_RECVFROM, /* fd, buffer, length, flags */
	OP_RECVMSG, /* fd, msghdr, flags */
	OP_RECVMMSG, /* fd, mmsghdr, count, flags */
	OP_WRITE, /* fd, buffer; the result of this one and the following is a length */
	OP_WRITEV, /* fd, iovec, count */
	OP_SENDMSG, /* fd, msghdr */
	OP_SENDFILE, /* fd; the bytes are in no buffer */
	OP_SENDMMSG, /* fd, mmsghdr; the result is a count */
	OP_SPLICE, /* fd_in, off_in, fd_out */
	OP_VMSPLICE, /* fd, iovec, count; writes or reads, as the descriptor was opened */
	OP_TEE, /* fd_in, fd_out */
	OP_URING, /* io_uring_enter */
	OP_SOCKETCALL, /* i386: call, pointer to the arguments */
	OP_MMAP, /* address, length, protection, flags, fd; of 64-bit processes only */
};

#define SYSCALL_NUMBERS 512

static __always_inline bool is_writing(__u32 op)
{
	return op >= OP_WRITE && op <= OP_SENDMMSG;
}

#ifdef __TARGET_ARCH_x86
static const __u8 wide_ops[SYSCALL_NUMBERS] = {
	[0] = OP_READ,	    [1] = OP_WRITE,    [9] = OP_MMAP,	    [19] = OP_READV,	 [20] = OP_WRITEV,
	[40] = OP_SENDFILE, [44] = OP_WRITE,   [45] = OP_RECVFROM,  [46] = OP_SENDMSG,	 [47] = OP_RECVMSG,
	[275] = OP_SPLICE,  [276] = OP_TEE,    [278] = OP_VMSPLICE, [299] = OP_RECVMMSG, [307] = OP_SENDMMSG,
	[327] = OP_READV,   [328] = OP_WRITEV, [426] = OP_URING,
};

static const __u8 compat_ops[SYSCALL_NUMBERS] = {
	[3] = OP_READ,	     [4] = OP_WRITE,	  [102] = OP_SOCKETCALL, [145] = OP_READV,    [146] = OP_WRITEV,
	[187] = OP_SENDFILE, [239] = OP_SENDFILE, [313] = OP_SPLICE,	 [315] = OP_TEE,      [316] = OP_VMSPLICE,
	[337] = OP_RECVMMSG, [345] = OP_SENDMMSG, [369] = OP_WRITE,	 [370] = OP_SENDMSG,  [371] = OP_RECVFROM,
	[372] = OP_RECVMSG,  [378] = OP_READV,	  [379] = OP_WRITEV,	 [417] = OP_RECVMMSG, [426] = OP_URING,
};

#define TS_COMPAT 2

/* `regs` is typed (an argument of a tp_btf or fexit program): its members are plain loads, no helper calls. */
static __always_inline __u64 syscall_number(const struct pt_regs *regs)
{
	return regs->orig_ax;
}

static __always_inline __u64 argument(const struct pt_regs *regs, int n, bool compat)
{
	if (compat)
		return (__u32)(n == 0 ? regs->bx : n == 1 ? regs->cx : n == 2 ? regs->dx : regs->si);
	return n == 0 ? regs->di : n == 1 ? regs->si : n == 2 ? regs->dx : regs->r10;
}

static __always_inline __u64 fifth_argument(const struct pt_regs *regs, bool compat)
{
	return compat ? (__u32)regs->di : regs->r8;
}
#endif

#ifdef __TARGET_ARCH_arm64
static const __u8 wide_ops[SYSCALL_NUMBERS] = {
	[63] = OP_READ,	    [64] = OP_WRITE,	[65] = OP_READV,    [66] = OP_WRITEV,	 [71] = OP_SENDFILE,
	[75] = OP_VMSPLICE, [76] = OP_SPLICE,	[77] = OP_TEE,	    [206] = OP_WRITE,	 [207] = OP_RECVFROM,
	[222] = OP_MMAP,    [211] = OP_SENDMSG, [212] = OP_RECVMSG, [243] = OP_RECVMMSG, [269] = OP_SENDMMSG,
	[286] = OP_READV,   [287] = OP_WRITEV,	[426] = OP_URING,
};

static const __u8 compat_ops[SYSCALL_NUMBERS] = {
	[3] = OP_READ,	     [4] = OP_WRITE,	  [145] = OP_READV,  [146] = OP_WRITEV,	  [187] = OP_SENDFILE,
	[239] = OP_SENDFILE, [289] = OP_WRITE,	  [290] = OP_WRITE,  [291] = OP_RECVFROM, [292] = OP_RECVFROM,
	[296] = OP_SENDMSG,  [297] = OP_RECVMSG,  [340] = OP_SPLICE, [342] = OP_TEE,	  [343] = OP_VMSPLICE,
	[365] = OP_RECVMMSG, [374] = OP_SENDMMSG, [392] = OP_READV,  [393] = OP_WRITEV,	  [417] = OP_RECVMMSG,
	[426] = OP_URING,
};

#define TIF_32BIT (1UL << 22)

static __always_inline __u64 syscall_number(const struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline __u64 argument(const struct pt_regs *regs, int n, bool compat)
{
	__u64 value = n == 0 ? regs->orig_x0 : n == 1 ? regs->regs[1] : n == 2 ? regs->regs[2] : regs->regs[3];

	return compat ? (__u32)value : value;
}

static __always_inline __u64 fifth_argument(const struct pt_regs *regs, bool compat)
{
	return compat ? (__u32)regs->regs[4] : regs->regs[4];
}
#endif

/* Of a kernel function, at its entry (kprobe). */
static __always_inline __u64 fourth_argument(const struct pt_regs *regs)
{
#ifdef __TARGET_ARCH_x86
	return regs->cx;
#else
	return regs->regs[3];
#endif
}

#ifdef __TARGET_ARCH_x86
#define COMPAT_WORD status
#define COMPAT_BIT TS_COMPAT
#else
#define COMPAT_WORD flags
#define COMPAT_BIT TIF_32BIT
#endif

/* True when the task's current call was made the 32-bit way. */
static __always_inline bool is_compat(struct task_struct *task)
{
	if (TASK_IS_TYPED)
		return task->thread_info.COMPAT_WORD & COMPAT_BIT;
	return BPF_CORE_READ(task, thread_info.COMPAT_WORD) & COMPAT_BIT;
}

#endif
