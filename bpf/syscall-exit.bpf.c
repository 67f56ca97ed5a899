/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The front end for every kernel: a program at the exit of system calls, and its companion beside fexit, each in two
 * copies. The arguments are still in pt_regs, the bytes are in memory. tp_btf and not tp/syscalls: those fired on one
 * CPU only on a 7.0 kernel.
 */
#include "buffers.h"
#include "descriptor.h"
#include "mapped.h"
#include "io.h"
#include "request.h"
#include "tcp.h"
#include "twin.h"

/* No buffers: the bytes come from a file or a pipe, or go there. */
static __always_inline void on_tcp_splice(__u32 slot, struct call *call, const struct place *place, __s64 result,
					  enum side side)
{
	call->place = *place;
	call->iov = 0;
	call->segment_left = 0;
	on_tcp(slot, call, result, side, 0);
}

static __always_inline void on_splice(__u32 slot, struct call *call, const struct request *request, __s64 result,
				      bool sockets_too)
{
	struct task_struct *task = current_task();
	struct place in = {}, out = {};

	if (result <= 0)
		return;
	if (request->op == OP_SPLICE) {
		find_place(&in, task, request->arguments[0], SIDE_READ);
		if (in.kind == CHANNEL_TCP && !is_ignored(&in)) {
			on_tcp_splice(slot, call, &in, result, SIDE_READ);
		} else if (in.kind && !is_ignored(&in)) {
			call->place = in;
			on_read(slot, result, EVENT_UNSEEN);
		}
	}
	find_place(&out, task, request->arguments[request->op == OP_SPLICE ? 2 : 1], SIDE_WRITE);
	if (out.kind == CHANNEL_TCP && sockets_too && !is_ignored(&out))
		on_tcp_splice(slot, call, &out, result, SIDE_WRITE);
	else if (out.kind && out.kind != CHANNEL_TCP && (sockets_too || out.kind <= CHANNEL_FIFO) && !is_ignored(&out))
		on_bufferless_write(slot, call, &out, result);
}

/* Into a pipe: a write. Out of one (its pages are mapped or copied): a read, into the buffers of the call. */
static __always_inline void on_vmsplice(__u32 slot, struct call *call, const struct request *request, __s64 result)
{
	struct file *file = file_of(current_task(), request->arguments[0]);
	struct place place = {};
	bool writes;

	if (!file)
		return;
	writes = BPF_CORE_READ(file, f_mode) & FMODE_WRITE;
	find_file(&place, file, writes ? SIDE_WRITE : SIDE_READ);
	if (!place.kind || place.kind > CHANNEL_FIFO || is_ignored(&place))
		return;
	call->place = place;
	if (!writes) {
		take_buffers(slot, call, request, result);
		on_read(slot, result, EVENT_DATA);
	} else if (on_write(slot, result)) {
		take_buffers(slot, call, request, result);
		send_opening(slot);
	}
}

static __always_inline void on_io(__u32 slot, struct call *call, const struct request *request, __s64 result,
				  const struct place *place, enum side side)
{
	call->place = *place;
	if (place->kind == CHANNEL_TCP) {
		if (request->op == OP_RECVMMSG || request->op == OP_SENDMMSG) {
			on_mmsg(slot, request, result, place);
			return;
		}
		take_buffers(slot, call, request, result);
		on_tcp(slot, call, result, side, 0);
		return;
	}
	if (side == SIDE_WRITE) {
		if (request->op == OP_SENDMMSG && result > 0)
			result = bytes_of_mmsg(slot, request, result);
		if (on_write(slot, result)) {
			take_buffers(slot, call, request, result);
			send_opening(slot);
		}
		return;
	}
	if (result == 0) {
		on_read(slot, 0, EVENT_EOF);
		return;
	}
	if (request->op == OP_RECVMMSG && place->kind == CHANNEL_UNIX_STREAM) {
		on_mmsg(slot, request, result, place);
		return;
	}
	take_buffers(slot, call, request, result);
	if (place->kind == CHANNEL_UNIX_STREAM || place->kind <= CHANNEL_FIFO) {
		on_read(slot, result, EVENT_DATA);
		return;
	}
	if (!call->segment_left)
		next_segment(call);
	if (looks_like_json(call))
		on_read(slot, result, EVENT_OPAQUE);
}

/* What io_uring moves is not seen here: say once per process that it is used. */
static __always_inline int on_uring(__u32 slot)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, one = 1;
	struct place nowhere = {};

	if (filtering && !is_followed(tgid))
		return 0;
	if (bpf_map_lookup_elem(&uring_users, &tgid) || bpf_map_update_elem(&uring_users, &tgid, &one, BPF_NOEXIST))
		return 0;
	CALL_OR_RETURN(slot);
	fill_place(&call->event, &nowhere);
	fill_caller(&call->event);
	call->event.kind = EVENT_URING;
	call->event.time_ns = bpf_ktime_get_boot_ns();
	call->event.moved = 0;
	call->event.lost = 0;
	send_header(&call->event, CAN_WAIT);
	return 0;
}

/* A call on what is heard, which `place` says. */
static __always_inline int on_place(__u32 slot, const struct request *request, __s64 result, const struct place *place,
				    enum side side, enum copy copy)
{
	if (side == SIDE_READ && is_peek(request))
		return 0;
	if (place->kind == CHANNEL_TCP && request->op != OP_RECVMMSG && request->op != OP_SENDMMSG &&
	    is_quiet(place, side, result))
		return 0;
	if (!takes(copy))
		return 0;
	CALL_OR_RETURN(slot);
	on_io(slot, call, request, result, place, side);
	return 0;
}

/* Returns whether it was a call on a TCP socket. */
static __always_inline bool on_exit(struct pt_regs *regs, __s64 result, __u32 slot, enum copy copy)
{
	struct request request = {};
	struct place place = {};
	struct task_struct *task = read_request(&request, regs, result);
	enum side side;

	if (!task)
		return false;
	if (request.op == OP_SOCKETCALL && !unpack_socketcall(&request))
		return false;
	if (request.op == OP_URING) {
		on_uring(slot);
		return false;
	}
	if (request.op == OP_MMAP) {
		struct file *file = NULL;

		if (request.arguments[2] & PROT_EXEC && (__s32)fifth_argument(regs, request.compat) >= 0)
			file = file_of(task, fifth_argument(regs, request.compat));
		if (file)
			tell_file(PEEK_WORD(&file->f_inode));
		return false;
	}
	if (request.op == OP_SPLICE || request.op == OP_TEE || request.op == OP_VMSPLICE) {
		CALL_OR_RETURN(slot);

		if (result <= 0 || !takes(copy))
			return false;
		if (request.op == OP_VMSPLICE)
			on_vmsplice(slot, call, &request, result);
		else
			on_splice(slot, call, &request, result, true);
		return false;
	}
	side = is_writing(request.op) ? SIDE_WRITE : SIDE_READ;
	find_place(&place, task, request.arguments[0], side);
	if (place.kind && !is_ignored(&place))
		on_place(slot, &request, result, &place, side, copy);
	return place.kind == CHANNEL_TCP;
}

/* What tls.bpf.c has at the exit of system calls: the kernel begins one program there instead of two, which costs some 70 ns on any
 * call, and the second one sees the calls that may concern it. Empty until that object is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} after_exit SEC(".maps");

SEC("?tp_btf/sys_exit")
int BPF_PROG(exit_first, struct pt_regs *regs, long result)
{
	if (on_exit(regs, result, SLOT_EXIT, FIRST_COPY) && exit_goes_on)
		bpf_tail_call(ctx, &after_exit, 0);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(exit_twin, struct pt_regs *regs, long result)
{
	on_exit(regs, result, SLOT_EXIT_TWIN, SECOND_COPY);
	return 0;
}

/* Beside fexit: a call that was under way before fexit was attached does not pass through it. Whichever copy runs takes
 * the thread off the list, so that the other finds none: no mark is needed. */
static __always_inline int on_blocked_exit(struct pt_regs *regs, __s64 result, __u32 slot)
{
	__u64 number, id;

	if (!blocked_left || !is_watched(regs, &number))
		return 0;
	id = bpf_get_current_pid_tgid();
	if (!bpf_map_lookup_elem(&blocked, &id) || bpf_map_delete_elem(&blocked, &id))
		return 0;
	add_to_word(&blocked_left, -1);
	on_exit(regs, result, slot, UNMARKED);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(exit_blocked_first, struct pt_regs *regs, long result)
{
	return on_blocked_exit(regs, result, SLOT_BLOCKED);
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(exit_blocked_twin, struct pt_regs *regs, long result)
{
	return on_blocked_exit(regs, result, SLOT_BLOCKED_TWIN);
}
