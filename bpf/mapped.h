/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Files that are mapped to be run: user space is told of each once, so that it can look what they encrypt with.
 */
#ifndef OVERHEAR_MAPPED_H
#define OVERHEAR_MAPPED_H

#include "record.h"

/* So that the types are in the object's BTF. */
const struct mapped_event *mapped_layout __attribute__((unused));

/* A global function: verified once, and its record is on no other's stack. address: of the struct inode, as a number (5.10
 * takes no pointer for one). */
__attribute__((noinline)) int tell_file(__u64 address)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, one = 1;
	struct inode *inode = (struct inode *)address;
	struct mapped_event *record;
	struct file_key key = {};

	if (!watching_files || !inode || tgid == own_tgid)
		return 0;
	key.bytes = BPF_CORE_READ(inode, i_size);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG || key.bytes < MIN_PROGRAM_BYTES)
		return 0;
	key.inode = BPF_CORE_READ(inode, i_ino);
	key.generation = BPF_CORE_READ(inode, i_generation);
	key.device = BPF_CORE_READ(inode, i_sb, s_dev);
	if (bpf_map_lookup_elem(&known_files, &key))
		return 0;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	/* told with the next one that maps it */
	if (!record)
		return 0;
	bpf_map_update_elem(&known_files, &key, &one, BPF_ANY);
	record->kind = EVENT_MAPPED;
	record->tgid = tgid;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->file = key;
	bpf_ringbuf_submit(record, wake_flags());
	return 0;
}

#endif
