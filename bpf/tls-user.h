/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Processes that speak TLS: by their sockets, and by the libraries that are listened to. Who does the first only is not
 * heard, and user space is told.
 */
#ifndef OVERHEAR_TLS_USER_H
#define OVERHEAR_TLS_USER_H

#include "channel.h"

/* A record about the calling process, without its command line. A global function: its record is on no other's stack. */
__attribute__((noinline)) int send_process(__u32 kind)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct process_event *record = bpf_ringbuf_reserve(&ring, offsetof(struct process_event, command_line), 0);

	if (!record) {
		add(&process_events_lost, 1);
		return -1;
	}
	record->kind = kind;
	record->tgid = bpf_get_current_pid_tgid() >> 32;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	record->cgroup_id = bpf_get_current_cgroup_id();
	record->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	record->exit_code = 0;
	record->command_line_len = 0;
	record->uid = bpf_get_current_uid_gid();
	BPF_CORE_READ_INTO(&record->comm, task, group_leader, comm);
	bpf_ringbuf_submit(record, wake_flags());
	return 0;
}

/* A TLS record passed a socket of the calling process: it is told of once. A global function: not in line where all
 * calls on sockets pass. */
__attribute__((noinline)) int see_tls(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct tls_user *user, fresh = {};

	if (!watching_files || tgid == own_tgid || (filtering && !is_followed(tgid)))
		return 0;
	user = bpf_map_lookup_elem(&tls_users, &tgid);
	if (!user) {
		bpf_map_update_elem(&tls_users, &tgid, &fresh, BPF_NOEXIST);
		user = bpf_map_lookup_elem(&tls_users, &tgid);
	}
	if (user && !user->seen)
		user->seen = send_process(EVENT_TLS_SEEN) == 0;
	return 0;
}

/* The process is over. */
static __always_inline void forget_tls_user(__u32 tgid)
{
	struct tls_user *user = bpf_map_lookup_elem(&tls_users, &tgid);

	if (!user)
		return;
	if (user->seen && !user->heard)
		send_process(EVENT_TLS_UNHEARD);
	bpf_map_delete_elem(&tls_users, &tgid);
}

#endif
