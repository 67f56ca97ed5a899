/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The few kernel types that the programs touch, as CO-RE declarations: only the members used, offsets are
 * relocated when the object is loaded. Types that the kernel renamed stand as flavours (name___old).
 */
#ifndef OVERHEAR_KERNEL_H
#define OVERHEAR_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpadded"

#ifndef NULL
#define NULL ((void *)0)
#endif

#define S_IFMT 00170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFIFO 0010000
#define PIPEFS_MAGIC 0x50495045
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LISTEN 10
#define SOCK_DONE 1 /* bit of skc_flags: a FIN has come */
#define IFF_LOOPBACK 8
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define PROT_EXEC 4
#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000
#define RCV_SHUTDOWN 1
#define SHUTDOWN_MASK 3
#define SOCK_DONE_BIT (1UL << 1) /* enum sock_flags: the other end's FIN has come */
#define FMODE_READ 1
#define FMODE_WRITE 2
#define FMODE_CREATED 0x100000
#define S_IFREG 0100000
#define EINTR 4
#define EEXIST 17
#define EPIPE 32
#define EISCONN 106
#define EALREADY 114
#define EINPROGRESS 115
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516
#define INT_MAX 0x7fffffff

#ifdef __TARGET_ARCH_x86
struct pt_regs {
	unsigned long r14, bx, bp, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
} __attribute__((preserve_access_index));
#endif
#ifdef __TARGET_ARCH_arm64
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
} __attribute__((preserve_access_index));
#endif

struct list_head;
struct seq_file;

struct file;

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86 */
} __attribute__((preserve_access_index));

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
} __attribute__((preserve_access_index));

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
} __attribute__((preserve_access_index));

struct qstr {
	const unsigned char *name;
} __attribute__((preserve_access_index));

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
} __attribute__((preserve_access_index));

struct vfsmount {
	struct dentry *mnt_root;
} __attribute__((preserve_access_index));

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
} __attribute__((preserve_access_index));

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} __attribute__((preserve_access_index));

struct fs_struct {
	struct path pwd;
} __attribute__((preserve_access_index));

struct super_block {
	unsigned long s_magic;
	__u32 s_dev;
} __attribute__((preserve_access_index));

struct inode {
	struct super_block *i_sb;
	unsigned short i_mode;
	unsigned long i_ino;
	__u32 i_rdev;
	__s64 i_size;
	__u32 i_generation;
} __attribute__((preserve_access_index));

struct file {
	unsigned int f_mode;
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
} __attribute__((preserve_access_index));

struct rb_node {
	unsigned long __rb_parent_color;
} __attribute__((preserve_access_index));

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} __attribute__((preserve_access_index));

struct files_struct {
	struct fdtable *fdt;
} __attribute__((preserve_access_index));

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t uid;
} __attribute__((preserve_access_index));

struct kernfs_node {
	__u64 id;
} __attribute__((preserve_access_index));

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} __attribute__((preserve_access_index));

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
} __attribute__((preserve_access_index));

struct css_set {
	struct cgroup *dfl_cgrp;
} __attribute__((preserve_access_index));

struct task_struct {
	struct thread_info thread_info;
	int pid;
	int tgid;
	int exit_code;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	__u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct css_set *cgroups;
	struct mm_struct *mm;
	struct signal_struct *signal;
} __attribute__((preserve_access_index));

struct pipe_buffer {
	unsigned int len;
} __attribute__((preserve_access_index));

struct pipe_inode_info {
	unsigned int head;
	unsigned int tail;
	unsigned int ring_size;
	unsigned int writers;
	struct pipe_buffer *bufs;
} __attribute__((preserve_access_index));

struct socket;

struct net_device {
	unsigned int flags;
} __attribute__((preserve_access_index));

struct dst_entry {
	struct net_device *dev;
} __attribute__((preserve_access_index));

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
} __attribute__((preserve_access_index));

struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} possible_net_t;

struct upid {
	int nr;
} __attribute__((preserve_access_index));

struct pid {
	struct upid numbers[1];
} __attribute__((preserve_access_index));

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport; /* network order */
	__u16 skc_num; /* the own port, host order */
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	unsigned char skc_state;
	possible_net_t skc_net;
	unsigned long skc_flags;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct sk_buff *next;
	unsigned int len;
	char cb[48];
} __attribute__((preserve_access_index));

struct sk_buff_head {
	__u32 qlen;
	struct sk_buff *next;
} __attribute__((preserve_access_index));

struct unix_skb_parms {
	__u32 consumed;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct socket *sk_socket;
	struct dst_entry *sk_dst_cache;
	__u16 sk_type;
	__u16 sk_protocol;
	__u8 sk_shutdown;
	int sk_err;
	struct pid *sk_peer_pid;
} __attribute__((preserve_access_index));

struct inet_sock {
	struct sock sk;
	__u16 inet_sport; /* network order; stays when the socket is closed, where skc_num does not */
} __attribute__((preserve_access_index));

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
} __attribute__((preserve_access_index));

struct unix_address {
	int len; /* of the family and the path */
	struct sockaddr_un name[];
} __attribute__((preserve_access_index));

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u32 copied_seq; /* the next byte to be read */
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 write_seq; /* behind the last byte written */
	__u64 bytes_sent; /* with those that were sent again */
	__u64 bytes_retrans;
	__u64 bytes_received; /* a FIN that came counts as one */
} __attribute__((preserve_access_index));

struct request_sock;

struct tcp_request_sock {
	__u32 rcv_isn;
	__u32 snt_isn;
} __attribute__((preserve_access_index));

struct socket {
	short type;
	struct sock *sk;
} __attribute__((preserve_access_index));

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
} __attribute__((preserve_access_index));

struct kiocb {
	struct file *ki_filp;
} __attribute__((preserve_access_index));

struct iovec {
	void *iov_base;
	unsigned long iov_len;
};

struct compat_iovec {
	__u32 iov_base;
	__u32 iov_len;
};

enum iter_type {
	ITER_UBUF = 1, /* relocated; since 6.0 */
	ITER_IOVEC = 2,
};

struct iov_iter {
	__u8 iter_type; /* since 5.14 */
	unsigned long iov_offset;
	const struct iovec *__iov; /* since 6.4 */
	void *ubuf; /* since 6.0 */
} __attribute__((preserve_access_index));

/* before 6.4 */
struct iov_iter___iov {
	const struct iovec *iov;
} __attribute__((preserve_access_index));

/* before 5.14: a bit mask; ITER_IOVEC is 4 there, and bit 0 is the direction */
struct iov_iter___type {
	unsigned int type;
} __attribute__((preserve_access_index));

struct msghdr {
	void *msg_name; /* struct sockaddr in the kernel; NULL: none was given */
	int msg_namelen;
	struct iov_iter msg_iter;
} __attribute__((preserve_access_index));

/* What recvmsg(2) and recvmmsg(2) take from a 64-bit and from a 32-bit process. */
struct user_msghdr {
	__u64 name;
	__u32 namelen;
	__u32 _pad;
	__u64 iov;
	__u64 iovlen;
	__u64 control;
	__u64 controllen;
	__u32 flags;
	__u32 _pad2;
};

struct user_mmsghdr {
	struct user_msghdr hdr;
	__u32 len;
	__u32 _pad;
};

struct compat_msghdr {
	__u32 name, namelen, iov, iovlen, control, controllen, flags;
};

struct compat_mmsghdr {
	struct compat_msghdr hdr;
	__u32 len;
};

struct linux_binprm;

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} __attribute__((preserve_access_index));

#pragma clang diagnostic pop

#endif
