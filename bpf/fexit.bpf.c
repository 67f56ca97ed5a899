/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The front end for kernels that allow fexit: programs at the return of the file operations of pipes and Unix
 * sockets. They cost nothing on other files and hear io_uring too. No entry program: at the return the iov_iter
 * has advanced, but not out of reach. The attach targets are set by user space (pipe_read is anon_pipe_read
 * since 6.16).
 */
#include "mapped.h"
#include "io.h"
#include "twin.h"

/* A call that fexit has seen is none that was under way before. */
static __always_inline void not_blocked(void)
{
	__u64 id;

	if (!blocked_left)
		return;
	id = bpf_get_current_pid_tgid();
	if (bpf_map_delete_elem(&blocked, &id) == 0)
		add_to_word(&blocked_left, -1);
}

static __always_inline int on_read_return(__u32 slot, enum copy copy, const struct place *place, struct iov_iter *iter,
					  __s64 result)
{
	if (result < 0 || !place->kind || is_ignored(place))
		return 0;
	not_blocked();
	if (!takes(copy))
		return 0;
	CALL_OR_RETURN(slot);
	call->place = *place;
	if (result == 0)
		on_read(slot, 0, EVENT_EOF);
	else if (take_iter(slot, call, iter, result))
		on_read(slot, result, EVENT_DATA);
	else
		on_read(slot, result, EVENT_UNSEEN);
	return 0;
}

static __always_inline int on_write_return(__u32 slot, enum copy copy, const struct place *place, struct iov_iter *iter,
					   __s64 result)
{
	if ((result <= 0 && result != -EPIPE) || !place->kind || is_ignored(place))
		return 0;
	not_blocked();
	if (!takes(copy))
		return 0;
	CALL_OR_RETURN(slot);
	call->place = *place;
	if (on_write(slot, result)) {
		take_iter(slot, call, iter, result);
		send_opening(slot);
	}
	return 0;
}

static __always_inline int on_pipe_read(__u32 slot, enum copy copy, struct kiocb *iocb, struct iov_iter *to,
					__s64 result)
{
	struct place place = {};

	find_pipe(&place, iocb->ki_filp, iocb->ki_filp->f_inode);
	return on_read_return(slot, copy, &place, to, result);
}

static __always_inline int on_pipe_write(__u32 slot, enum copy copy, struct kiocb *iocb, struct iov_iter *from,
					 __s64 result)
{
	struct place place = {};

	find_pipe(&place, iocb->ki_filp, iocb->ki_filp->f_inode);
	return on_write_return(slot, copy, &place, from, result);
}

static __always_inline int on_unix_receive(__u32 slot, enum copy copy, struct socket *socket, struct msghdr *message,
					   int flags, __s64 result)
{
	struct place place = {};

	if (flags & MSG_PEEK)
		return 0;
	find_socket(&place, socket, SIDE_READ);
	return on_read_return(slot, copy, &place, &message->msg_iter, result);
}

static __always_inline int on_unix_send(__u32 slot, enum copy copy, struct socket *socket, struct msghdr *message,
					__s64 result)
{
	struct place place = {};

	find_socket(&place, socket, SIDE_WRITE);
	return on_write_return(slot, copy, &place, &message->msg_iter, result);
}

/* Of inet sockets only TCP is heard. */
static __always_inline int on_inet(__u32 slot, enum copy copy, struct socket *socket, struct msghdr *message, int flags,
				   __s64 result, enum side side)
{
	struct place place = {};

	if (result < 0 || flags & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	find_socket(&place, socket, side);
	if (!place.kind || is_ignored(&place))
		return 0;
	not_blocked();
	if (is_quiet(&place, side, result) || !takes(copy))
		return 0;
	CALL_OR_RETURN(slot);
	call->place = place;
	if (!result || !take_iter(slot, call, &message->msg_iter, result)) {
		call->iov = 0;
		call->segment_left = 0;
	}
	on_tcp(slot, call, result, side, 0);
	return 0;
}

#define INET_PROGRAMS(family, RECV, SEND)                                                                              \
	SEC("?fexit")                                                                                                  \
	int BPF_PROG(family##_recv_first, struct socket *socket, struct msghdr *message, __u64 size, int flags,        \
		     int result)                                                                                       \
	{                                                                                                              \
		return on_inet(RECV, FIRST_COPY, socket, message, flags, result, SIDE_READ);                           \
	}                                                                                                              \
	SEC("?fexit")                                                                                                  \
	int BPF_PROG(family##_recv_twin, struct socket *socket, struct msghdr *message, __u64 size, int flags,         \
		     int result)                                                                                       \
	{                                                                                                              \
		return on_inet(RECV##_TWIN, SECOND_COPY, socket, message, flags, result, SIDE_READ);                   \
	}                                                                                                              \
	SEC("?fexit")                                                                                                  \
	int BPF_PROG(family##_send_first, struct socket *socket, struct msghdr *message, __u64 size, int result)       \
	{                                                                                                              \
		return on_inet(SEND, FIRST_COPY, socket, message, 0, result, SIDE_WRITE);                              \
	}                                                                                                              \
	SEC("?fexit")                                                                                                  \
	int BPF_PROG(family##_send_twin, struct socket *socket, struct msghdr *message, __u64 size, int result)        \
	{                                                                                                              \
		return on_inet(SEND##_TWIN, SECOND_COPY, socket, message, 0, result, SIDE_WRITE);                      \
	}

INET_PROGRAMS(inet, SLOT_INET_RECV, SLOT_INET_SEND)
INET_PROGRAMS(inet6, SLOT_INET6_RECV, SLOT_INET6_SEND)

SEC("?fexit")
int BPF_PROG(pipe_read_first, struct kiocb *iocb, struct iov_iter *to, long result)
{
	return on_pipe_read(SLOT_PIPE_READ, FIRST_COPY, iocb, to, result);
}

SEC("?fexit")
int BPF_PROG(pipe_read_twin, struct kiocb *iocb, struct iov_iter *to, long result)
{
	return on_pipe_read(SLOT_PIPE_READ_TWIN, SECOND_COPY, iocb, to, result);
}

SEC("?fexit")
int BPF_PROG(pipe_write_first, struct kiocb *iocb, struct iov_iter *from, long result)
{
	return on_pipe_write(SLOT_PIPE_WRITE, FIRST_COPY, iocb, from, result);
}

SEC("?fexit")
int BPF_PROG(pipe_write_twin, struct kiocb *iocb, struct iov_iter *from, long result)
{
	return on_pipe_write(SLOT_PIPE_WRITE_TWIN, SECOND_COPY, iocb, from, result);
}

SEC("?fexit")
int BPF_PROG(unix_recv_first, struct socket *socket, struct msghdr *message, __u64 size, int flags, int result)
{
	return on_unix_receive(SLOT_UNIX_RECV, FIRST_COPY, socket, message, flags, result);
}

SEC("?fexit")
int BPF_PROG(unix_recv_twin, struct socket *socket, struct msghdr *message, __u64 size, int flags, int result)
{
	return on_unix_receive(SLOT_UNIX_RECV_TWIN, SECOND_COPY, socket, message, flags, result);
}

SEC("?fexit")
int BPF_PROG(unix_send_first, struct socket *socket, struct msghdr *message, __u64 size, int result)
{
	return on_unix_send(SLOT_UNIX_SEND, FIRST_COPY, socket, message, result);
}

SEC("?fexit")
int BPF_PROG(unix_send_twin, struct socket *socket, struct msghdr *message, __u64 size, int result)
{
	return on_unix_send(SLOT_UNIX_SEND_TWIN, SECOND_COPY, socket, message, result);
}

/* Until 6.4 sendfile and splice gave a socket their pages one by one, without sendmsg. */
SEC("?fexit")
int BPF_PROG(unix_sendpage, struct socket *socket, void *page, int offset, __u64 size, int flags, long result)
{
	struct place place = {};

	if (result <= 0)
		return 0;
	find_socket(&place, socket, SIDE_WRITE);
	if (!place.kind || is_ignored(&place))
		return 0;
	not_blocked();
	CALL_OR_RETURN(SLOT_UNIX_SENDPAGE);
	on_bufferless_write(SLOT_UNIX_SENDPAGE, call, &place, result);
	return 0;
}

SEC("?fexit")
int BPF_PROG(inet_sendpage, struct socket *socket, void *page, int offset, __u64 size, int flags, long result)
{
	struct place place = {};

	if (result <= 0)
		return 0;
	find_socket(&place, socket, SIDE_WRITE);
	if (!place.kind || is_ignored(&place))
		return 0;
	not_blocked();
	CALL_OR_RETURN(SLOT_INET_SENDPAGE);
	on_tcp_splice(SLOT_INET_SENDPAGE, call, &place, result, SIDE_WRITE);
	return 0;
}

/* Packet sockets: only looked at, for the coverage. */
static __always_inline int on_packet(__u32 slot, struct socket *socket, struct msghdr *message, int flags, __s64 result)
{
	struct place place = {};

	if (result <= 0 || (flags & MSG_PEEK))
		return 0;
	find_socket(&place, socket, SIDE_READ);
	if (!place.kind || is_ignored(&place))
		return 0;
	CALL_OR_RETURN(slot);
	if (take_iter(slot, call, &message->msg_iter, result) && looks_like_json(call)) {
		call->place = place;
		on_read(slot, result, EVENT_OPAQUE);
	}
	return 0;
}

SEC("?fexit")
int BPF_PROG(dgram_recv, struct socket *socket, struct msghdr *message, __u64 size, int flags, int result)
{
	return on_packet(SLOT_DGRAM, socket, message, flags, result);
}

/* fexit on the system calls that move bytes into or out of a pipe without its read and write operations. */
static __always_inline int on_splice_call(__u32 slot, const struct pt_regs *regs, __s64 result, __u32 op, bool compat,
					  enum copy copy)
{
	struct request request = {};

	if (result <= 0 || !takes(copy))
		return 0;
	not_blocked();
	CALL_OR_RETURN(slot);
	request.op = op;
	request.compat = compat;
	request.arguments[0] = argument(regs, 0, compat);
	request.arguments[1] = argument(regs, 1, compat);
	request.arguments[2] = argument(regs, 2, compat);
	if (op == OP_VMSPLICE)
		on_vmsplice(slot, call, &request, result);
	else
		on_splice(slot, call, &request, result, false);
	return 0;
}

/* splice(2) of 64-bit and 32-bit processes */
SEC("?fexit")
int BPF_PROG(do_splice, struct file *in, void *off_in, struct file *out, void *off_out, __u64 length, __u32 flags,
	     long result)
{
	struct place from = {}, to = {};

	if (result <= 0)
		return 0;
	not_blocked();
	CALL_OR_RETURN(SLOT_SPLICE);
	find_file(&from, in, SIDE_READ);
	if (from.kind == CHANNEL_TCP && !is_ignored(&from)) {
		on_tcp_splice(SLOT_SPLICE, call, &from, result, SIDE_READ);
	} else if (from.kind && !is_ignored(&from)) {
		call->place = from;
		on_read(SLOT_SPLICE, result, EVENT_UNSEEN);
	}
	find_file(&to, out, SIDE_WRITE);
	/* into a socket it passes through sendmsg or sendpage, which are heard already */
	if (to.kind && to.kind <= CHANNEL_FIFO && !is_ignored(&to))
		on_bufferless_write(SLOT_SPLICE, call, &to, result);
	return 0;
}

SEC("?fexit")
int BPF_PROG(tee_call, const struct pt_regs *regs, long result)
{
	return on_splice_call(SLOT_TEE, regs, result, OP_TEE, false, UNMARKED);
}

SEC("?fexit")
int BPF_PROG(tee_compat_call, const struct pt_regs *regs, long result)
{
	return on_splice_call(SLOT_TEE_COMPAT, regs, result, OP_TEE, true, UNMARKED);
}

SEC("?fexit")
int BPF_PROG(vmsplice_call, const struct pt_regs *regs, long result)
{
	return on_splice_call(SLOT_VMSPLICE, regs, result, OP_VMSPLICE, false, UNMARKED);
}

SEC("?fexit")
int BPF_PROG(vmsplice_compat_call, const struct pt_regs *regs, long result)
{
	return on_splice_call(SLOT_VMSPLICE_COMPAT, regs, result, OP_VMSPLICE, true, UNMARKED);
}

/* The same twice, for kernels that preempt: its reads bring bytes, and a writer by vmsplice is inside this very program
 * just when its reader wakes up. */
SEC("?fexit")
int BPF_PROG(vmsplice_first, const struct pt_regs *regs, long result)
{
	return on_splice_call(SLOT_VMSPLICE, regs, result, OP_VMSPLICE, false, FIRST_COPY);
}

SEC("?fexit")
int BPF_PROG(vmsplice_twin, const struct pt_regs *regs, long result)
{
	return on_splice_call(SLOT_VMSPLICE_TWIN, regs, result, OP_VMSPLICE, false, SECOND_COPY);
}

SEC("?fexit")
int BPF_PROG(vmsplice_compat_first, const struct pt_regs *regs, long result)
{
	return on_splice_call(SLOT_VMSPLICE_COMPAT, regs, result, OP_VMSPLICE, true, FIRST_COPY);
}

SEC("?fexit")
int BPF_PROG(vmsplice_compat_twin, const struct pt_regs *regs, long result)
{
	return on_splice_call(SLOT_VMSPLICE_COMPAT_TWIN, regs, result, OP_VMSPLICE, true, SECOND_COPY);
}

/* sendfile(2) of 64-bit and 32-bit processes */
SEC("?fexit")
int BPF_PROG(do_sendfile, int out_fd, int in_fd, void *offset, __u64 count, __s64 max, long result)
{
	struct place place = {};

	if (result <= 0)
		return 0;
	not_blocked();
	CALL_OR_RETURN(SLOT_SENDFILE);
	find_place(&place, current_task(), out_fd, SIDE_WRITE);
	if (place.kind && place.kind <= CHANNEL_FIFO && !is_ignored(&place))
		on_bufferless_write(SLOT_SENDFILE, call, &place, result);
	return 0;
}

/* mmap(2), and what execve(2) maps. */
SEC("?fexit")
int BPF_PROG(map_file, struct file *file, unsigned long start, unsigned long length, unsigned long protection,
	     unsigned long flags, unsigned long page, unsigned long result)
{
	if (file && protection & PROT_EXEC)
		tell_file(PEEK_WORD(&file->f_inode));
	return 0;
}

/* It ends in the one for datagrams, unless the compiler has inlined that; each socket is reported once anyway. */
SEC("?fexit")
int BPF_PROG(seqpacket_recv, struct socket *socket, struct msghdr *message, __u64 size, int flags, int result)
{
	return on_packet(SLOT_SEQPACKET, socket, message, flags, result);
}
