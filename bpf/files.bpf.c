/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Which files the processes below MCP servers create, open for writing, rename and unlink. An object of its own, loaded with
 * --files; its ring and variables are the other object's (src/capture/files). At the exit of system calls, whatever front
 * end: of a process that is not watched only its number is looked at.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "descriptor.h"
#include "record.h"
#include "syscalls.h"

#define MAX_WATCHED 16384
#define DIRECTORIES 24 /* of one path; what lies above is left out */
#define AT_FDCWD -100

/* Processes (tgid) below servers: these by user space, their children at fork. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_WATCHED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} watched SEC(".maps");

const struct file_change_event *file_layout __attribute__((unused));

SEC("tp_btf/sched_process_fork")
int BPF_PROG(file_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 from = BPF_CORE_READ(parent, tgid), tgid = BPF_CORE_READ(child, tgid), one = 1;

	if (from != tgid && bpf_map_lookup_elem(&watched, &from))
		bpf_map_update_elem(&watched, &tgid, &one, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(file_exit, struct task_struct *task)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&watched, &tgid);
	return 0;
}

/* ---- paths ---- */

/* One record in the making, and where its walk is. */
struct file_work {
	struct file_change_event event;
	__u64 dentry;
	__u64 mount;
	__u64 to; /* the walk is that of `to` */
};

/* A program is never entered twice on one CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct file_work);
} file_works SEC(".maps");

static __always_inline struct file_work *get_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&file_works, &zero);
}

/* One directory further up, over mounts. Returns 0 while there is more. */
__attribute__((noinline)) int walk_up(__u32 unused)
{
	struct file_work *work = get_work();
	struct dentry *dentry, *parent;
	struct file_place *place;
	struct mount *mount;
	__u64 at;
	long length;

	if (!work)
		return 1;
	place = work->to ? &work->event.to : &work->event.place;
	dentry = (struct dentry *)work->dentry;
	mount = (struct mount *)work->mount;
	parent = BPF_CORE_READ(dentry, d_parent);
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root) || dentry == parent) {
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);

		if (above == mount)
			return 1;
		work->dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
		work->mount = (__u64)above;
		return 0;
	}
	at = place->directories_len;
	barrier_var(at);
	if (at > PLACE_BYTES - 256)
		return 1;
	length = bpf_probe_read_kernel_str(place->directories + at, 256, BPF_CORE_READ(dentry, d_name.name));
	if (length <= 0)
		return 1;
	place->directories_len = at + length;
	work->dentry = (__u64)parent;
	return 0;
}

/* The directories from there to the root. */
static __always_inline void walk(struct file_work *work, const struct path *path)
{
	struct vfsmount *mnt = BPF_CORE_READ(path, mnt);

	work->dentry = (__u64)BPF_CORE_READ(path, dentry);
	work->mount = (__u64)mnt - bpf_core_field_offset(struct mount, mnt);
#pragma clang loop unroll(disable)
	for (int i = 0; i < DIRECTORIES; i++)
		if (walk_up(0))
			break;
}

/* What a call names: from the root, from a directory that is open, or from the working directory. */
__attribute__((noinline)) int read_named(__u64 name, int directory, __u32 to)
{
	struct file_work *work = get_work();
	struct file_place *place;
	long length;

	if (!work)
		return 0;
	work->to = to;
	place = to ? &work->event.to : &work->event.place;
	length = bpf_probe_read_user_str(place->name, NAME_BYTES, (void *)name);
	if (length <= 1)
		return 0;
	place->name_len = length - 1;
	if (place->name[0] == '/')
		return 0;
	if (directory == AT_FDCWD) {
		struct fs_struct *fs = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), fs);

		walk(work, (void *)fs + bpf_core_field_offset(struct fs_struct, pwd));
	} else {
		struct file *file = file_of(current_task(), directory);

		if (file)
			walk(work, (void *)file + bpf_core_field_offset(struct file, f_path));
	}
	return 0;
}

/* ---- records ---- */

static __always_inline struct file_work *begin_event(__u32 change)
{
	struct file_work *work = get_work();
	struct file_change_event *event;
	struct task_struct *leader;

	if (!work)
		return NULL;
	event = &work->event;
	/* behind these lengths stands what earlier ones left there */
	event->place.directories_len = 0;
	event->place.name_len = 0;
	event->to.directories_len = 0;
	event->to.name_len = 0;
	leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);
	event->kind = EVENT_FILE_CHANGE;
	event->change = change;
	event->time_ns = bpf_ktime_get_boot_ns();
	event->start_ns = BPF_CORE_READ(leader, start_boottime);
	event->tgid = bpf_get_current_pid_tgid() >> 32;
	BPF_CORE_READ_INTO(&event->comm, leader, comm);
	work->to = 0;
	return work;
}

/* `to` only where there is one: most have none. */
static __always_inline int send_event(struct file_work *work)
{
	__u64 flags = patient_flags();
	long error = work->event.change == FILE_RENAMED ?
			     bpf_ringbuf_output(&ring, &work->event, sizeof(work->event), flags) :
			     bpf_ringbuf_output(&ring, &work->event, offsetof(struct file_change_event, to), flags);

	if (error) {
		add(&file_events_lost, 1);
		take_back(flags);
	}
	return 0;
}

/* Settings of the kernel look like files: procfs, sysfs, cgroup2, debugfs, tracefs, securityfs, bpf. */
static __always_inline bool is_setting(struct inode *inode)
{
	__u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);

	return magic == 0x9fa0 || magic == 0x62656572 || magic == 0x63677270 || magic == 0x64626720 ||
	       magic == 0x74726163 || magic == 0x73636673 || magic == 0xcafe4a11;
}

static __always_inline int on_open(__u32 fd)
{
	struct file *file = file_of(current_task(), fd);
	struct file_work *work;
	struct inode *inode;
	__u32 mode;

	if (!file)
		return 0;
	mode = BPF_CORE_READ(file, f_mode);
	inode = BPF_CORE_READ(file, f_inode);
	if (!(mode & FMODE_WRITE) && !(mode & FMODE_CREATED))
		return 0;
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG || is_setting(inode))
		return 0;
	work = begin_event(mode & FMODE_CREATED ? FILE_CREATED : FILE_WRITTEN);
	if (!work)
		return 0;
	walk(work, (void *)file + bpf_core_field_offset(struct file, f_path));
	return send_event(work);
}

enum file_call {
	FILE_NONE,
	FILE_OPEN, /* the result is a descriptor */
	FILE_RENAME, /* old, new */
	FILE_RENAMEAT, /* directory, old, directory, new */
	FILE_UNLINK, /* path */
	FILE_UNLINKAT, /* directory, path */
	FILE_MKDIR,
	FILE_MKDIRAT,
	FILE_LINK, /* target, path */
	FILE_LINKAT, /* directory, target, directory, path */
	FILE_SYMLINKAT, /* target, directory, path */
};

/* Sources as in syscalls.h. 32-bit processes are left out. */
#ifdef __TARGET_ARCH_x86
static const __u8 file_calls[SYSCALL_NUMBERS] = {
	[2] = FILE_OPEN,     [82] = FILE_RENAME,     [83] = FILE_MKDIR,	    [84] = FILE_UNLINK,
	[85] = FILE_OPEN,    [86] = FILE_LINK,	     [87] = FILE_UNLINK,    [88] = FILE_LINK,
	[257] = FILE_OPEN,   [258] = FILE_MKDIRAT,   [263] = FILE_UNLINKAT, [264] = FILE_RENAMEAT,
	[265] = FILE_LINKAT, [266] = FILE_SYMLINKAT, [316] = FILE_RENAMEAT, [437] = FILE_OPEN,
};
#endif
#ifdef __TARGET_ARCH_arm64
static const __u8 file_calls[SYSCALL_NUMBERS] = {
	[34] = FILE_MKDIRAT,  [35] = FILE_UNLINKAT, [36] = FILE_SYMLINKAT, [37] = FILE_LINKAT,
	[38] = FILE_RENAMEAT, [56] = FILE_OPEN,	    [276] = FILE_RENAMEAT, [437] = FILE_OPEN,
};
#endif

static __always_inline int on_named(const struct pt_regs *regs, __u32 call)
{
	bool is_rename = call == FILE_RENAME || call == FILE_RENAMEAT;
	bool is_unlink = call == FILE_UNLINK || call == FILE_UNLINKAT;
	struct file_work *work = begin_event(is_rename ? FILE_RENAMED : is_unlink ? FILE_UNLINKED : FILE_CREATED);
	int directory = AT_FDCWD;
	__u64 name;

	if (!work)
		return 0;
	if (call == FILE_RENAMEAT || call == FILE_UNLINKAT || call == FILE_MKDIRAT) {
		directory = argument(regs, 0, false);
		name = argument(regs, 1, false);
	} else if (call == FILE_LINK) {
		name = argument(regs, 1, false);
	} else if (call == FILE_LINKAT) {
		directory = argument(regs, 2, false);
		name = argument(regs, 3, false);
	} else if (call == FILE_SYMLINKAT) {
		directory = argument(regs, 1, false);
		name = argument(regs, 2, false);
	} else {
		name = argument(regs, 0, false);
	}
	read_named(name, directory, 0);
	if (call == FILE_RENAME)
		read_named(argument(regs, 1, false), AT_FDCWD, 1);
	else if (call == FILE_RENAMEAT)
		read_named(argument(regs, 3, false), argument(regs, 2, false), 1);
	return send_event(work);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(file_sys_exit, struct pt_regs *regs, long result)
{
	__u64 number = (__u32)syscall_number(regs);
	__u32 tgid, call;

	/* the verifier of 6.1 does not follow a comparison of half a register */
	barrier_var(number);
	if (number >= SYSCALL_NUMBERS || !file_calls[number] || result < 0)
		return 0;
	tgid = bpf_get_current_pid_tgid() >> 32;
	if (!bpf_map_lookup_elem(&watched, &tgid) || is_compat(current_task()))
		return 0;
	call = file_calls[number];
	return call == FILE_OPEN ? on_open(result) : on_named(regs, call);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
