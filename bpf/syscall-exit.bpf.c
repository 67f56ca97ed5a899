/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The front end for every kernel: one program at the exit of system calls. The arguments are still in pt_regs,
 * the bytes are in memory. tp_btf and not tp/syscalls: those fired on one CPU only on a 7.0 kernel.
 */
#include "channel.h"
#include "syscalls.h"

/* A call as its numbers say it. */
struct request {
	__u64 arguments[4];
	__u32 op;
	__u32 compat;
};

static __always_inline struct file *file_of(__u32 fd)
{
	struct fdtable *table;
	struct file **slots, *file = NULL;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		table = bpf_get_current_task_btf()->files->fdt;
		if (fd >= table->max_fds)
			return NULL;
		slots = table->fd;
	} else {
		table = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), files, fdt);
		if (fd >= BPF_CORE_READ(table, max_fds))
			return NULL;
		slots = BPF_CORE_READ(table, fd);
	}
	bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
	return file;
}

static __always_inline void find_file(struct place *place, struct file *file, enum side side)
{
	struct inode *inode;
	unsigned short mode;

	if (!file)
		return;
	/* most descriptors are regular files: that answer must be cheap */
	inode = PEEK(file, struct file, f_inode);
	mode = PEEK(inode, struct inode, i_mode);
	if ((mode & S_IFMT) == S_IFIFO)
		find_pipe(place, file, inode);
	else if ((mode & S_IFMT) == S_IFSOCK)
		find_unix(place, PEEK(file, struct file, private_data), side);
}

static __always_inline void find_place(struct place *place, __u32 fd, enum side side)
{
	find_file(place, file_of(fd), side);
}

static __always_inline int is_peek(const struct request *request)
{
	__u32 op = request->op;
	__u64 flags = op == OP_RECVFROM || op == OP_RECVMMSG ? request->arguments[3] :
		      op == OP_RECVMSG			     ? request->arguments[2] :
							       0;

	return flags & MSG_PEEK;
}

/* A global function, so that its header is on the stack of no other: with all calls below, 512 bytes are little.
 * Describes the buffers of one message of a recvmmsg, or those of recvmsg and sendmsg. Returns its length, for recvmmsg. */
__attribute__((noinline)) int take_msghdr(__u32 slot, __u64 address, __u32 compat)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	__u32 length = 0;

	if (!call)
		return 0;
	if (compat) {
		struct compat_mmsghdr header = {};

		bpf_probe_read_user(&header.hdr, sizeof(header.hdr), (void *)address);
		bpf_probe_read_user(&header.len, sizeof(header.len), (void *)address + sizeof(header.hdr));
		call->iov = header.hdr.iov;
		call->iov_left = header.hdr.iovlen;
		call->iov_source = IOV_COMPAT;
		length = header.len;
	} else {
		struct user_mmsghdr header = {};

		bpf_probe_read_user(&header.hdr, sizeof(header.hdr), (void *)address);
		bpf_probe_read_user(&header.len, sizeof(header.len), (void *)address + sizeof(header.hdr));
		call->iov = header.hdr.iov;
		call->iov_left = header.hdr.iovlen;
		call->iov_source = IOV_USER;
		length = header.len;
	}
	call->segment_left = 0;
	return length;
}

static __always_inline void take_buffers(__u32 slot, struct call *call, const struct request *request, __u64 result)
{
	call->iov = 0;
	call->iov_left = 0;
	call->segment_left = 0;
	if (request->op == OP_READ || request->op == OP_RECVFROM || request->op == OP_WRITE) {
		call->base = request->arguments[1];
		call->segment_left = result;
	} else if (request->op == OP_READV || request->op == OP_WRITEV || request->op == OP_VMSPLICE) {
		call->iov = request->arguments[1];
		call->iov_left = request->arguments[2];
		call->iov_source = request->compat ? IOV_COMPAT : IOV_USER;
	} else if (request->op != OP_SENDFILE) {
		take_msghdr(slot, request->arguments[1], request->compat);
	}
}

/* The messages of a recvmmsg or sendmmsg, one by one: UIO_MAXIOV at most, which the loop's two levels hold. */
struct mmsg {
	__u64 address; /* of the next one's header */
	__u64 left;
	__u64 sum; /* bytes of the messages so far */
	__u32 compat;
	__u32 _pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct mmsg);
} mmsgs SEC(".maps");

static __always_inline struct mmsg *start_mmsg(__u32 slot, const struct request *request, __u64 count)
{
	struct mmsg *mmsg = bpf_map_lookup_elem(&mmsgs, &slot);

	if (!mmsg)
		return NULL;
	mmsg->address = request->arguments[1];
	mmsg->left = count;
	mmsg->sum = 0;
	mmsg->compat = request->compat;
	return mmsg;
}

/* Returns 0 while there is more. */
__attribute__((noinline)) int receive_one(__u32 slot)
{
	struct mmsg *mmsg = bpf_map_lookup_elem(&mmsgs, &slot);
	__u32 length;

	if (!mmsg || !mmsg->left)
		return 1;
	length = take_msghdr(slot, mmsg->address, mmsg->compat);
	mmsg->address += mmsg->compat ? sizeof(struct compat_mmsghdr) : sizeof(struct user_mmsghdr);
	mmsg->left--;
	if (length)
		on_read(slot, length, EVENT_DATA);
	return 0;
}

REPEATED(receive_one)

/* Returns 0 while there is more. */
__attribute__((noinline)) int add_sent(__u32 slot)
{
	struct mmsg *mmsg = bpf_map_lookup_elem(&mmsgs, &slot);
	__u32 length = 0;
	__u64 step;

	if (!mmsg || !mmsg->left)
		return 1;
	step = mmsg->compat ? sizeof(struct compat_mmsghdr) : sizeof(struct user_mmsghdr);
	/* msg_len stands last, padded to 8 bytes for 64-bit processes */
	bpf_probe_read_user(&length, sizeof(length), (void *)(mmsg->address + step - (mmsg->compat ? 4 : 8)));
	mmsg->sum += length;
	mmsg->address += step;
	mmsg->left--;
	return 0;
}

REPEATED(add_sent)

static __always_inline void on_recvmmsg(__u32 slot, const struct request *request, __u64 count)
{
	if (start_mmsg(slot, request, count))
		receive_one_until_done(slot);
}

static __always_inline __u64 sent_by_mmsg(__u32 slot, const struct request *request, __u64 count)
{
	struct mmsg *mmsg = start_mmsg(slot, request, count);

	if (!mmsg)
		return 0;
	add_sent_until_done(slot);
	return mmsg->sum;
}

static __always_inline void on_splice(__u32 slot, struct call *call, const struct request *request, __s64 result,
				      bool sockets_too)
{
	struct place in = {}, out = {};

	if (result <= 0)
		return;
	if (request->op == OP_SPLICE) {
		find_place(&in, request->arguments[0], SIDE_READ);
		if (in.kind && !is_ignored(&in)) {
			call->place = in;
			on_read(slot, result, EVENT_UNSEEN);
		}
	}
	find_place(&out, request->arguments[request->op == OP_SPLICE ? 2 : 1], SIDE_WRITE);
	if (out.kind && (sockets_too || out.kind <= CHANNEL_FIFO) && !is_ignored(&out))
		on_bufferless_write(slot, call, &out, result);
}

/* Into a pipe: a write. Out of one (its pages are mapped or copied): a read, into the buffers of the call. */
static __always_inline void on_vmsplice(__u32 slot, struct call *call, const struct request *request, __s64 result)
{
	struct file *file = file_of(request->arguments[0]);
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
	if (side == SIDE_WRITE) {
		if (request->op == OP_SENDMMSG && result > 0)
			result = sent_by_mmsg(slot, request, result);
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
		on_recvmmsg(slot, request, result);
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

static __always_inline bool read_request(struct request *request, const struct pt_regs *regs, __s64 result)
{
	__u64 number = (__u32)syscall_number(regs);

	/* the verifier of 6.1 does not follow a comparison of half a register */
	barrier_var(number);
	if (number >= SYSCALL_NUMBERS)
		return false;
	request->compat = false;
	/* one of the tables says no for nearly all calls; only then it matters which one counts */
	if (!wide_ops[number] && !compat_ops[number])
		return false;
	request->compat = is_compat();
	request->op = request->compat ? compat_ops[number] : wide_ops[number];
	if (!request->op)
		return false;
	/* of the failed calls only a broken pipe says something */
	if (result < 0 && (result != -EPIPE || !is_writing(request->op)))
		return false;
	request->arguments[0] = argument(regs, 0, request->compat);
	request->arguments[1] = argument(regs, 1, request->compat);
	request->arguments[2] = argument(regs, 2, request->compat);
	request->arguments[3] = argument(regs, 3, request->compat);
	return true;
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

enum copy { FIRST_COPY, SECOND_COPY, ONLY_COPY };

static __always_inline int on_exit(struct pt_regs *regs, __s64 result, __u32 slot, enum copy copy)
{
	struct request request = {};
	struct place place = {};
	enum side side;

	if (!read_request(&request, regs, result))
		return 0;
	if (request.op == OP_SOCKETCALL && !unpack_socketcall(&request))
		return 0;
	if (request.op == OP_URING)
		return on_uring(slot);
	if (request.op == OP_SPLICE || request.op == OP_TEE || request.op == OP_VMSPLICE) {
		CALL_OR_RETURN(slot);

		if (result <= 0 ||
		    (copy == SECOND_COPY ? !second_copy_takes() : copy == FIRST_COPY && !first_copy_takes()))
			return 0;
		if (request.op == OP_VMSPLICE)
			on_vmsplice(slot, call, &request, result);
		else
			on_splice(slot, call, &request, result, true);
		return 0;
	}
	side = is_writing(request.op) ? SIDE_WRITE : SIDE_READ;
	find_place(&place, request.arguments[0], side);
	if (!place.kind || is_ignored(&place))
		return 0;
	if (side == SIDE_READ && is_peek(&request))
		return 0;
	if (copy == SECOND_COPY ? !second_copy_takes() : copy == FIRST_COPY && !first_copy_takes())
		return 0;
	CALL_OR_RETURN(slot);
	on_io(slot, call, &request, result, &place, side);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(exit_first, struct pt_regs *regs, long result)
{
	return on_exit(regs, result, SLOT_EXIT, FIRST_COPY);
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(exit_twin, struct pt_regs *regs, long result)
{
	return on_exit(regs, result, SLOT_EXIT_TWIN, SECOND_COPY);
}

/* Beside fexit: a call that was under way before fexit was attached does not pass through it. */
SEC("?tp_btf/sys_exit")
int BPF_PROG(exit_blocked, struct pt_regs *regs, long result)
{
	__u64 id = bpf_get_current_pid_tgid();

	if (!blocked_left || !bpf_map_lookup_elem(&blocked, &id))
		return 0;
	bpf_map_delete_elem(&blocked, &id);
	add_to_word(&blocked_left, -1);
	return on_exit(regs, result, SLOT_BLOCKED, ONLY_COPY);
}
