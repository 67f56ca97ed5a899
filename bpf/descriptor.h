/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Which channel a file descriptor of the current process stands for.
 */
#ifndef OVERHEAR_DESCRIPTOR_H
#define OVERHEAR_DESCRIPTOR_H

#include "place.h"

static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *table;
	struct file **slots;

	if (TASK_IS_TYPED) {
		table = task->files->fdt;
		if (fd >= table->max_fds)
			return NULL;
		slots = table->fd;
	} else {
		table = BPF_CORE_READ(task, files, fdt);
		if (fd >= BPF_CORE_READ(table, max_fds))
			return NULL;
		slots = BPF_CORE_READ(table, fd);
	}
	return (struct file *)PEEK_WORD(slots + fd);
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
		find_socket(place, PEEK(file, struct file, private_data), side);
}

static __always_inline void find_place(struct place *place, struct task_struct *task, __u32 fd, enum side side)
{
	find_file(place, file_of(task, fd), side);
}

#endif
