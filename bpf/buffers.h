/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Where the bytes of a request lie, those of recvmmsg and sendmmsg message by message.
 */
#ifndef OVERHEAR_BUFFERS_H
#define OVERHEAR_BUFFERS_H

#include "io.h"
#include "request.h"
#include "tcp.h"

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
	struct place place;
	__u64 address; /* of the next one's header */
	__u64 left;
	__u64 sum; /* add_length: bytes of the messages so far; move_one: of those that are left */
	__u32 compat;
	__u32 side; /* enum side */
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
	mmsg->side = is_writing(request->op) ? SIDE_WRITE : SIDE_READ;
	return mmsg;
}

/* Returns 0 while there is more. */
__attribute__((noinline)) int move_one(__u32 slot)
{
	struct mmsg *mmsg = bpf_map_lookup_elem(&mmsgs, &slot);
	struct call *call;
	__u32 length;

	if (!mmsg || !mmsg->left)
		return 1;
	length = take_msghdr(slot, mmsg->address, mmsg->compat);
	mmsg->address += mmsg->compat ? sizeof(struct compat_mmsghdr) : sizeof(struct user_mmsghdr);
	mmsg->left--;
	mmsg->sum -= length;
	if (!length)
		return 0;
	call = bpf_map_lookup_elem(&calls, &slot);
	if (!call)
		return 1;
	/* that of the message before has become the channel's */
	call->place = mmsg->place;
	if (call->place.kind == CHANNEL_TCP)
		on_tcp(slot, call, length, mmsg->side == SIDE_WRITE ? SIDE_WRITE : SIDE_READ, mmsg->sum);
	else
		on_read(slot, length, EVENT_DATA);
	return 0;
}

REPEATED(move_one)

/* Returns 0 while there is more. */
__attribute__((noinline)) int add_length(__u32 slot)
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

REPEATED(add_length)

static __always_inline __u64 bytes_of_mmsg(__u32 slot, const struct request *request, __u64 count)
{
	struct mmsg *mmsg = start_mmsg(slot, request, count);

	if (!mmsg)
		return 0;
	add_length_until_done(slot);
	return mmsg->sum;
}

static __always_inline void on_mmsg(__u32 slot, const struct request *request, __s64 count, const struct place *place)
{
	__u64 sum = count > 0 ? bytes_of_mmsg(slot, request, count) : 0;
	struct mmsg *mmsg = sum ? start_mmsg(slot, request, count) : NULL;

	if (!mmsg)
		return;
	mmsg->place = *place;
	mmsg->sum = sum;
	move_one_until_done(slot);
}

#endif
