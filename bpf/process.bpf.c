/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Processes: who they became (exec), how they ended, and which of them the filter follows.
 */
#include "channel.h"
#include "descriptor.h"
#include "mapped.h"
#include "tls-user.h"

#define SIGNAL_GROUP_EXIT 4

/* Too large for the stack; exec and exit never run twice at a time on one CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct process_event);
} process_scratch SEC(".maps");

static __always_inline void follow(__u32 tgid)
{
	__u32 one = 1;

	bpf_map_update_elem(&followed, &tgid, &one, BPF_ANY);
}

/* A cgroup counts for all below it. */
static __always_inline bool is_in_followed_place(struct task_struct *task)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	char name[16] = {};

	BPF_CORE_READ_STR_INTO(&name, task, comm);
	if (bpf_map_lookup_elem(&followed_names, name))
		return true;
	for (int level = 0; level < CGROUP_LEVELS && cgroup; level++) {
		__u64 id = BPF_CORE_READ(cgroup, kn, id);
		struct cgroup_subsys_state *parent = BPF_CORE_READ(cgroup, self.parent);

		if (bpf_map_lookup_elem(&followed_cgroups, &id))
			return true;
		cgroup = parent ? BPF_CORE_READ(parent, cgroup) : NULL;
	}
	return false;
}

static __always_inline void fill_process(struct process_event *event, struct task_struct *task, __u32 kind)
{
	event->kind = kind;
	event->tgid = BPF_CORE_READ(task, tgid);
	event->time_ns = bpf_ktime_get_boot_ns();
	event->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	event->cgroup_id = bpf_get_current_cgroup_id();
	event->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	event->exit_code = 0;
	event->command_line_len = 0;
	event->uid = bpf_get_current_uid_gid();
	BPF_CORE_READ_INTO(&event->comm, task, group_leader, comm);
}

/* Which descriptor a write names says little: programs move their streams to other numbers, and put standard error in
 * the place of standard output. What they were given says what each is for. */
static __always_inline void fill_streams(struct process_event *event, struct task_struct *task)
{
	for (int fd = 0; fd < STANDARD_STREAMS; fd++) {
		struct standard_stream *stream = &event->streams[fd];
		struct file *file = file_of(task, fd);
		struct inode *inode = file ? PEEK(file, struct file, f_inode) : NULL;

		/* of sockets, too: their inodes have no generation */
		stream->inode = inode ? pipe_generation(inode) : 0;
		stream->mode = inode ? PEEK(inode, struct inode, i_mode) : 0;
		stream->device = inode ? PEEK(inode, struct inode, i_rdev) : 0;
	}
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct process_event *record;
	__u32 tgid = BPF_CORE_READ(child, tgid);

	/* a new thread is nobody new */
	if ((__u32)BPF_CORE_READ(child, pid) != tgid)
		return 0;
	if (filtering && is_followed(BPF_CORE_READ(parent, tgid)))
		follow(tgid);
	record = bpf_ringbuf_reserve(&ring, offsetof(struct process_event, command_line), 0);
	if (!record) {
		add(&process_events_lost, 1);
		return 0;
	}
	fill_process(record, child, EVENT_FORK);
	record->parent_tgid = BPF_CORE_READ(parent, tgid);
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task)
{
	__u32 zero = 0;
	struct process_event *event = bpf_map_lookup_elem(&process_scratch, &zero);
	__u64 start, length, flags;

	if (!event)
		return 0;
	tell_file((__u64)BPF_CORE_READ(task, mm, exe_file, f_inode));
	if (following_by_place && is_in_followed_place(task))
		follow(BPF_CORE_READ(task, tgid));
	fill_process(event, task, EVENT_EXEC);
	start = BPF_CORE_READ(task, mm, arg_start);
	length = BPF_CORE_READ(task, mm, arg_end) - start;
	barrier_var(length);
	if (length > COMMAND_LINE_LEN)
		length = COMMAND_LINE_LEN;
	if (!bpf_probe_read_user(event->command_line, length, (void *)start))
		event->command_line_len = length;
	fill_streams(event, task);
	flags = patient_flags();
	if (bpf_ringbuf_output(&ring, event, sizeof(*event), flags)) {
		add(&process_events_lost, 1);
		take_back(flags);
	}
	return 0;
}

/* A program that gives itself another name after its start (Node's process.title) is followed by that, too. Not tp_btf:
 * 5.10 refuses arguments that point to no struct. */
SEC("?raw_tp/task_rename")
int BPF_PROG(process_rename, struct task_struct *task, const char *comm)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	char name[16] = {};

	/* a process is called as its first thread */
	if ((__u32)BPF_CORE_READ(task, pid) != tgid)
		return 0;
	bpf_probe_read_kernel_str(name, sizeof(name), comm);
	if (bpf_map_lookup_elem(&followed_names, name))
		follow(tgid);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;
	struct process_event *record;

	bpf_map_delete_elem(&handled, &id);
	if (blocked_left && bpf_map_delete_elem(&blocked, &id) == 0)
		add_to_word(&blocked_left, -1);
	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	forget_tls_user(tgid);
	bpf_map_delete_elem(&followed, &tgid);
	bpf_map_delete_elem(&uring_users, &tgid);
	record = bpf_ringbuf_reserve(&ring, offsetof(struct process_event, command_line), 0);
	if (!record) {
		add(&process_events_lost, 1);
		return 0;
	}
	fill_process(record, task, EVENT_EXIT);
	record->exit_code = BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT ?
				    BPF_CORE_READ(task, signal, group_exit_code) :
				    BPF_CORE_READ(task, exit_code);
	bpf_ringbuf_submit(record, patient_flags());
	return 0;
}
