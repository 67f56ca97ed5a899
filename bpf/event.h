/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Every struct that crosses to user space, and nothing else. Little endian, explicit padding.
 * src/capture/layout.ts holds the same offsets; test/kernel checks them against the object's BTF.
 */
#ifndef OVERHEAR_EVENT_H
#define OVERHEAR_EVENT_H

#define COMM_LEN 16
#define COMMAND_LINE_LEN 1024

enum event_kind {
	EVENT_DATA = 1, /* bytes that a read returned; struct io_event, cap_len bytes follow it */
	EVENT_NOTE = 2, /* a write moved bytes; struct io_event; a channel's first ones bring what they begin with */
	EVENT_EOF = 3, /* a read returned 0, and no writer is left; struct io_event */
	EVENT_UNSEEN = 4, /* bytes left without a user buffer (splice); struct io_event */
	EVENT_OPAQUE = 5, /* a socket that frames by packet moved JSON-like data; struct io_event */
	EVENT_EXEC = 6, /* struct process_event */
	EVENT_EXIT = 7, /* the last thread of a process ended; struct process_event */
	EVENT_BROKEN = 8, /* a write failed with EPIPE: no reader is left; struct io_event */
	EVENT_URING = 9, /* a process moves bytes by io_uring, unseen by this front end; struct io_event, no channel */
	EVENT_FORK = 10, /* a new process, not yet more than its parent; struct process_event without command_line */
	EVENT_CLOSE = 12, /* TCP: the socket is over; struct io_event as at EOF; len: bytes that were never read */
	EVENT_SOCKET = 11, /* the ends of a TCP channel, before its first other record; struct socket_event */
};

enum channel_kind {
	CHANNEL_PIPE = 1,
	CHANNEL_FIFO = 2,
	CHANNEL_UNIX_STREAM = 3,
	CHANNEL_UNIX_SEQPACKET = 4,
	CHANNEL_UNIX_DGRAM = 5,
	CHANNEL_TCP = 6,
};

enum io_flag {
	IO_FAULT = 1 << 0, /* the reader's memory could not be read: cap_len is 0 */
	IO_CUT = 1 << 1, /* more pieces than one call may send: cap_len is 0 */
	IO_WANTED = 1 << 2, /* an end of the channel is followed, when there is a filter */
	IO_WRITTEN =
		1 << 3, /* TCP: copied as written, since the reader is not of this host; the process is the writer */
	IO_LOCAL = 1 << 4, /* TCP: the other end is, or was, of this host, though it may not be known */
};

/* One piece of a read, or one write. Payload, if any, follows directly. */
struct io_event {
	__u32 kind; /* enum event_kind */
	__u32 flags; /* enum io_flag */
	__u64 channel; /* address of the pipe, or of the receiving socket; TCP to another host: the sending one, plus 1 */
	__u64 generation; /* inode number; another one at the same address is another channel */
	__u64 time_ns; /* CLOCK_BOOTTIME at the return of the call */
	/* DATA: bytes read from the channel so far, this call included; NOTE: bytes written; EOF: bytes that left it */
	__u64 moved;
	__u64 lost; /* bytes of the channel for which the ring had no room, before this piece */
	__u64 skipped; /* TCP: bytes of it that were left out as other HTTP, before this piece */
	__u64 start_ns; /* start of the process, CLOCK_BOOTTIME */
	__u64 peer; /* sockets: address of the other end's socket; pipes: 0 */
	__u32 len; /* bytes this piece stands for; EOF, signed: bytes written that were not seen to leave the channel */
	__u32 cap_len; /* bytes that follow */
	__u32 tgid;
	__u32 tid;
	__u32 channel_kind; /* enum channel_kind */
	__u32 peer_generation; /* sockets: inode number of the other end's, 0 while nobody has accepted it */
	char comm[COMM_LEN]; /* of the process (group leader) */
};

struct process_event {
	__u32 kind;
	__u32 tgid;
	__u64 time_ns;
	__u64 start_ns;
	__u64 cgroup_id;
	__u32 parent_tgid;
	__u32 exit_code; /* EXIT: as wait(2) has it: status << 8 | signal */
	__u32 command_line_len; /* EXEC: bytes used in command_line; may be cut at COMMAND_LINE_LEN */
	__u32 uid;
	char comm[COMM_LEN];
	char command_line[COMMAND_LINE_LEN]; /* NUL between arguments */
};

/* Where the two ends of one direction of a TCP connection are. */
struct socket_event {
	__u32 kind;
	__u32 flags; /* enum socket_flag */
	__u64 time_ns;
	__u64 channel;
	__u64 generation;
	__u64 reverse; /* the channel of the other direction */
	__u64 reverse_generation;
	__u8 from_address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 to_address[16];
	__u32 from_port;
	__u32 to_port;
};

enum socket_flag {
	SOCKET_LATE = 1 << 0, /* bytes had moved before: the first record may begin inside a message */
};

/* One open end of a channel, as the scan finds it (bpf/scan.bpf.c); read from the iterator, not from the ring. */
struct holder_event {
	__u64 channel; /* pipe, or the socket itself: the channel that this end reads from */
	__u64 generation;
	__u64 peer; /* sockets: the channel that this end writes to */
	__u64 start_ns;
	__u32 tgid;
	__u32 fd;
	__u32 channel_kind;
	__u32 mode; /* 1: may read, 2: may write */
	__u32 buffered; /* bytes that lie in the channel, unread */
	__u32 snd_nxt; /* TCP: sequence numbers, by which two ends are known to be each other's */
	__u32 rcv_nxt;
	__u32 _pad;
	char comm[COMM_LEN];
};

#endif
