/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Who holds which channel at this moment: an iterator over the open files of all processes, read like a file.
 */
#include "channel.h"

#define SOCKET_BUFFERS 512 /* looked at */
#define PIPE_BUFFERS 256 /* looked at: 1 MiB, which F_SETPIPE_SZ gives without privilege; a pipe has 16 by default */

static __always_inline __u32 pipe_fill(struct pipe_inode_info *pipe)
{
	__u32 head = BPF_CORE_READ(pipe, head), tail = BPF_CORE_READ(pipe, tail);
	__u32 mask = BPF_CORE_READ(pipe, ring_size) - 1;
	void *bufs = BPF_CORE_READ(pipe, bufs);
	__u32 sum = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < PIPE_BUFFERS; i++) {
		struct pipe_buffer *buf;

		if (tail + i == head)
			break;
		buf = bufs + ((tail + i) & mask) * bpf_core_type_size(struct pipe_buffer);
		sum += BPF_CORE_READ(buf, len);
	}
	return sum;
}

static __always_inline __u32 socket_fill(struct sock *sk)
{
	struct sk_buff *skb = BPF_CORE_READ(sk, sk_receive_queue.next);
	void *head = (void *)sk + bpf_core_field_offset(struct sock, sk_receive_queue);
	__u32 sum = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < SOCKET_BUFFERS; i++) {
		struct unix_skb_parms *parms;

		if (!skb || (void *)skb == head)
			break;
		parms = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
		sum += BPF_CORE_READ(skb, len) - BPF_CORE_READ(parms, consumed);
		skb = BPF_CORE_READ(skb, next);
	}
	return sum;
}

/* False: it is connected to nobody. */
static __always_inline bool describe_tcp(struct holder_event *holder, struct place *place)
{
	struct tcp_sock *tcp = (struct tcp_sock *)place->channel;
	struct link *link = bpf_map_lookup_elem(&links, &place->channel);

	if (BPF_CORE_READ((struct sock *)tcp, __sk_common.skc_state) != TCP_ESTABLISHED)
		return link != NULL;
	place->peer = link ? link->peer : 0;
	holder->snd_nxt = BPF_CORE_READ(tcp, snd_nxt);
	holder->rcv_nxt = BPF_CORE_READ(tcp, rcv_nxt);
	return true;
}

/* A type that only lives on a stack is not in the object's BTF, where the layout test looks for it. */
const struct holder_event *holder_layout __attribute__((unused));

SEC("iter/task_file")
int scan_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct holder_event holder = {};
	struct place place = {};
	unsigned short type;

	if (!task || !file)
		return 0;
	/* The kernel leaves out threads that share their leader's files. Where the leader has ended before them it has none,
	 * and each of the others shows them: user space counts them once. */
	type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if (type == S_IFIFO) {
		find_pipe(&place, file, BPF_CORE_READ(file, f_inode));
		holder.buffered = pipe_fill(BPF_CORE_READ((struct file *)file, private_data));
		if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != PIPEFS_MAGIC)
			place.kind = CHANNEL_FIFO;
	} else if (type == S_IFSOCK) {
		find_socket(&place, BPF_CORE_READ(file, private_data), SIDE_READ);
		if (place.kind == CHANNEL_UNIX_STREAM)
			holder.buffered = socket_fill((struct sock *)place.channel);
		if (place.kind == CHANNEL_TCP && !describe_tcp(&holder, &place))
			return 0;
	}
	if (!place.kind)
		return 0;
	holder.channel = place.channel;
	holder.generation = place.generation;
	holder.peer = place.peer;
	holder.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	holder.tgid = task->tgid;
	holder.fd = ctx->fd;
	holder.channel_kind = place.kind;
	holder.mode = BPF_CORE_READ(file, f_mode) & (FMODE_READ | FMODE_WRITE);
	BPF_CORE_READ_INTO(&holder.comm, task, group_leader, comm);
	bpf_seq_write(ctx->meta->seq, &holder, sizeof(holder));
	return 0;
}
