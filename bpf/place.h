/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Which channel a descriptor, a pipe or a socket stands for.
 */
#ifndef OVERHEAR_PLACE_H
#define OVERHEAR_PLACE_H

#include "maps.h"
#include "peek.h"

enum side { SIDE_READ = 1, SIDE_WRITE = 2 };

static __always_inline __u32 ignored_slot(__u64 channel)
{
	return ((channel >> 6) ^ (channel >> 20)) & (IGNORED_SLOTS - 1);
}

static __always_inline bool is_ignored(const struct place *place)
{
	return ignored[ignored_slot(place->channel)] == place->channel + place->generation;
}

static __always_inline __u64 socket_inode(struct sock *sk)
{
	struct socket *socket = PEEK(sk, struct sock, sk_socket);

	/* a socket that nobody has accepted yet has no inode */
	if (!socket)
		return 0;
	return PEEK(socket, struct socket_alloc, vfs_inode.i_ino);
}

static __always_inline void find_unix(struct place *place, struct socket *socket, enum side side)
{
	__u64 sk = PEEK_WORD(&socket->sk), other;
	short type;

	/* most sockets are not ours: that answer must be cheap */
	if (!sk || PEEK(sk, struct sock, __sk_common.skc_family) != AF_UNIX)
		return;
	type = PEEK(socket, struct socket, type);
	other = PEEK_WORD(&((struct unix_sock *)sk)->peer);
	/* a channel of one direction is the socket that receives */
	place->channel = side == SIDE_READ ? sk : other;
	place->peer = side == SIDE_READ ? other : sk;
	if (!place->channel)
		return;
	place->generation = socket_inode((struct sock *)place->channel);
	place->kind = type == SOCK_STREAM    ? CHANNEL_UNIX_STREAM :
		      type == SOCK_SEQPACKET ? CHANNEL_UNIX_SEQPACKET :
		      type == SOCK_DGRAM     ? CHANNEL_UNIX_DGRAM :
					       0;
}

static __always_inline void find_pipe(struct place *place, struct file *file, struct inode *inode)
{
	place->channel = PEEK_WORD(&file->private_data);
	place->generation = PEEK(inode, struct inode, i_ino);
	place->inode = (__u64)inode;
	place->kind = CHANNEL_PIPE;
}

static __always_inline __u32 kind_of(const struct place *place)
{
	struct inode *inode = (struct inode *)place->inode;

	if (place->kind == CHANNEL_PIPE && BPF_CORE_READ(inode, i_sb, s_magic) != PIPEFS_MAGIC)
		return CHANNEL_FIFO;
	return place->kind;
}

#endif
