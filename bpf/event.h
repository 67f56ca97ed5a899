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
	EVENT_TLS = 13, /* a TLS connection of a process, and by which socket it goes; struct tls_event */
	EVENT_CONNECTION = 14, /* something became of a connection; struct connection_event */
	EVENT_GREETING = 15, /* what an outgoing TCP connection begins with; struct payload_event */
	EVENT_DNS = 16, /* what came from port 53; struct payload_event */
	EVENT_FILE_CHANGE = 17, /* a watched process changed a file; struct file_change_event */
	EVENT_SOCKET = 11, /* the ends of a TCP channel, before its first other record; struct socket_event */
	EVENT_MAPPED = 20, /* a file was mapped to be run that was not told of before; struct mapped_event */
	EVENT_TLS_SEEN = 21, /* a TLS record passed a process's socket; struct process_event without command_line */
	EVENT_TLS_UNHEARD = 22, /* such a process ended, and no library that is listened to was heard of it; likewise */
	EVENT_TLS_STRANGE = 23, /* nothing that a process's libraries gave looks like HTTP or JSON; likewise */
};

enum channel_kind {
	CHANNEL_PIPE = 1,
	CHANNEL_FIFO = 2,
	CHANNEL_UNIX_STREAM = 3,
	CHANNEL_UNIX_SEQPACKET = 4,
	CHANNEL_UNIX_DGRAM = 5,
	CHANNEL_TCP = 6,
	CHANNEL_TLS = 7, /* plaintext, as a library gave it to its process or took it from there */
};

enum io_flag {
	IO_FAULT = 1 << 0, /* the reader's memory could not be read: cap_len is 0 */
	IO_CUT = 1 << 1, /* more pieces than one call may send: cap_len is 0 */
	IO_WANTED = 1 << 2, /* an end of the channel is followed, when there is a filter */
	IO_WRITTEN =
		1 << 3, /* TCP: copied as written, since the reader is not of this host; the process is the writer */
	IO_LOCAL = 1 << 4, /* TCP: the other end is, or was, of this host, though it may not be known */
	IO_LATE = 1 << 5, /* TLS: the first bytes of the direction may have moved before */
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

/* What a standard stream is: a pipe, a socket, a terminal, a file. */
struct standard_stream {
	__u64 inode; /* number, of pipes pipe_generation; 0: it is closed */
	__u32 mode; /* S_IFMT and permissions */
	__u32 device; /* of a character device: major << 20 | minor */
};

#define STANDARD_STREAMS 3

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
	struct standard_stream streams[STANDARD_STREAMS]; /* EXEC: as the program was given them */
};

/* A file as it is now: rewritten, or with its number given to another one, it is another. */
struct file_key {
	__u64 inode; /* number */
	__u64 bytes;
	__u32 device;
	__u32 generation;
};

struct mapped_event {
	__u32 kind;
	__u32 tgid;
	__u64 time_ns;
	struct file_key file;
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

/* A TLS connection of a process: before its first other record, and again when its socket becomes known, or turns out to
 * be another one. */
struct tls_event {
	__u32 kind;
	__u32 flags; /* enum tls_flag */
	__u64 time_ns;
	__u64 channel; /* of what the process reads; the next number is that of what it writes */
	__u64 generation;
	__u64 start_ns; /* start of the process */
	__u64 socket; /* address of the process's own socket; 0: not known */
	__u64 peer; /* of the other end's, where that is of this host; 0: not, or not known */
	__u32 tgid;
	__u32 inode; /* of the own socket */
	__u8 own_address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 peer_address[16];
	__u32 own_port;
	__u32 peer_port;
	__u64 peer_inode; /* 0: nobody has accepted it yet */
	char comm[COMM_LEN];
	__u64 peer_start_ns; /* start of the process that has the other end */
	__u32 peer_tgid; /* 0: not known */
	__u32 _pad;
};

enum tls_flag {
	TLS_LOCAL = 1 << 0, /* the other end is of this host */
	/* the process is not followed: nothing else is told of it, but it may be somebody's other end */
	TLS_UNHEARD = 1 << 1,
};

/* Names of Unix sockets are this long at most (sun_path). */
#define PATH_BYTES 108

/* A connection, or an attempt, as it is at the moment: each record tells all, so that one that found no room is made up for
 * by the next. */
struct connection_event {
	__u32 kind;
	__u32 what; /* enum connection_what */
	__u64 time_ns;
	__u64 socket; /* address */
	__u64 start_ns; /* of the attempt: with the socket, it names the connection */
	__u64 established_ns; /* 0: it was not, or nobody saw it */
	__u64 owner_start_ns; /* start of the process */
	__u64 sent;
	__u64 received;
	__u64 inode; /* of the socket; 0: nobody has accepted it */
	__u64 peer_socket; /* Unix: the other end's */
	__u32 tgid; /* who connected or accepted; 0: not known */
	__u32 peer_tgid; /* Unix: who listens, or connected, there */
	__u32 flags; /* enum connection_flag */
	__u32 error; /* errno; 0: none */
	__u32 state; /* TCP: of the socket now */
	__u32 previous; /* TCP, END and OUTCOME: before */
	__u32 netns; /* inode number */
	__u32 own_port;
	__u32 peer_port;
	__u16 family;
	__u16 type; /* SOCK_STREAM … */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP; 0: Unix */
	__u16 path_len; /* Unix: bytes used in path */
	__u32 _pad;
	__u8 own_address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 peer_address[16];
	char comm[COMM_LEN];
	char path[PATH_BYTES]; /* Unix: the name that was connected to; one that is abstract begins with NUL */
	__u8 _pad2[4];
};

enum connection_what {
	CONNECTION_ATTEMPT = 1, /* the SYN is about to be sent */
	CONNECTION_OUTCOME = 2, /* established, accepted, or failed */
	CONNECTION_END = 3,
	CONNECTION_FOUND = 4, /* by the scan; not in the ring */
	CONNECTION_GONE = 5, /* the socket is over, and nobody has accepted it; its END came before */
};

enum connection_flag {
	CONNECTION_ACCEPTED = 1 << 0,
	CONNECTION_BEFORE = 1 << 1, /* it was there when the tool began to listen */
	CONNECTION_FIN_SENT = 1 << 2, /* before one came */
	CONNECTION_FIN_RECEIVED = 1 << 3, /* before one was sent; Unix: a read saw the end */
	CONNECTION_RESET = 1 << 4, /* an RST came */
	CONNECTION_FAILED = 1 << 5, /* there was no connection */
	CONNECTION_LISTENS = 1 << 6, /* FOUND: a socket that listens, no connection */
	/* the kernel's own: what it has done for it already */
	CONNECTION_RETURNED = 1 << 8, /* connect() has returned since the attempt began */
	CONNECTION_TOLD = 1 << 9, /* the outcome */
	CONNECTION_ENDED = 1 << 10, /* the end has been told */
	CONNECTION_GREETED = 1 << 11, /* its first bytes have been looked at */
};

#define PAYLOAD_BYTES 2048

struct payload_event {
	__u32 kind;
	__u32 len; /* bytes used */
	__u64 time_ns;
	__u64 socket;
	__u64 start_ns; /* of the connection; 0: not known */
	__u8 bytes[PAYLOAD_BYTES];
};

#define PLACE_BYTES 1024 /* the directories that lead somewhere */
#define NAME_BYTES 512 /* what a call names, as it names it; longer is cut */

/* A path: directories, the innermost first, each with a NUL, up to the root, and a name relative to them. */
struct file_place {
	__u16 directories_len;
	__u16 name_len;
	__u32 _pad;
	__u8 directories[PLACE_BYTES];
	__u8 name[NAME_BYTES];
};

struct file_change_event {
	__u32 kind;
	__u32 change; /* enum file_change */
	__u64 time_ns;
	__u64 start_ns; /* of the process */
	__u32 tgid;
	__u32 _pad;
	char comm[COMM_LEN];
	struct file_place place;
	struct file_place to; /* FILE_RENAMED */
};

enum file_change {
	FILE_CREATED = 1,
	FILE_WRITTEN = 2, /* it was opened for writing */
	FILE_RENAMED = 3,
	FILE_UNLINKED = 4,
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
