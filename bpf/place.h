/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Which channel a descriptor, a pipe or a socket stands for.
 */
#ifndef OVERHEAR_PLACE_H
#define OVERHEAR_PLACE_H

#include "maps.h"
#include "peek.h"

enum side { SIDE_READ = 1, SIDE_WRITE = 2 };

_Static_assert(IGNORED_SLOTS == MARK_SLOTS, "both by ignored_slot");

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

static __always_inline void find_unix(struct place *place, struct socket *socket, __u64 sk, enum side side)
{
	__u64 other;
	short type;

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

/* The own socket, whichever way the bytes go: which channel that is tcp.h finds out, if the socket is not ignored. */
static __always_inline void find_tcp(struct place *place, struct socket *socket, __u64 sk)
{
	if (PEEK(sk, struct sock, sk_protocol) != IPPROTO_TCP)
		return;
	place->channel = sk;
	place->generation = PEEK(socket, struct socket_alloc, vfs_inode.i_ino);
	place->kind = CHANNEL_TCP;
}

static __always_inline void find_socket(struct place *place, struct socket *socket, enum side side)
{
	__u64 sk = PEEK_WORD(&socket->sk);
	unsigned short family;

	if (!sk)
		return;
	family = PEEK(sk, struct sock, __sk_common.skc_family);
	if (family == AF_UNIX)
		find_unix(place, socket, sk, side);
	else if (family == AF_INET || family == AF_INET6)
		find_tcp(place, socket, sk);
}

#define GENERATION_BITS 20 /* that user space keeps in one number, above 32 of the inode number */

/* A named pipe's file takes the inode number of one that was deleted, and its pipe the address: what the filesystem counts
 * up (or rolls) for each file tells them apart. 0 in pipefs, whose numbers do not come again so soon. */
static __always_inline __u64 pipe_generation(struct inode *inode)
{
	__u64 generation = PEEK(inode, struct inode, i_generation);

	return PEEK(inode, struct inode, i_ino) ^ (generation & ((1 << GENERATION_BITS) - 1)) << 32;
}

static __always_inline void find_pipe(struct place *place, struct file *file, struct inode *inode)
{
	place->channel = PEEK_WORD(&file->private_data);
	place->generation = pipe_generation(inode);
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

/* The state of the channel at an address; kind: enum channel_kind. */
static __always_inline struct channel *look_up(__u32 kind, __u64 address)
{
	if (kind == CHANNEL_TCP)
		return bpf_map_lookup_elem(&tcp_channels, &address);
	return bpf_map_lookup_elem(&channels, &address);
}

static __always_inline long drop(__u32 kind, __u64 address)
{
	if (kind == CHANNEL_TCP)
		return bpf_map_delete_elem(&tcp_channels, &address);
	return bpf_map_delete_elem(&channels, &address);
}

#endif
