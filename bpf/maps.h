/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Maps and live variables; what key and value mean stands beside each.
 */
#ifndef OVERHEAR_MAPS_H
#define OVERHEAR_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "config.h"
#include "event.h"

/* Records of event.h. User space sizes it (max_entries) before load. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

/* What a direction of a TCP connection carries. */
enum speaks {
	SPEAKS_REQUESTS = 1,
	SPEAKS_ANSWERS = 2,
	SPEAKS_LINES = 3,
	SPEAKS_FRAMES = 4, /* HTTP/2: its heads cannot be read here, so all is copied as long as user space wants it */
};

/* Whether what is under way is copied. */
enum interest {
	INTEREST_NONE = 0,
	INTEREST_JSON = 1, /* for the word "json" alone: over as soon as the connection is known for other things */
	INTEREST_MCP = 2,
};

/* TO_ANNOUNCE: it is heard, and there was no room for its EVENT_SOCKET yet. */
enum announced { NOT_HEARD = 0, TO_ANNOUNCE = 1, ANNOUNCED = 2 };

/* The state of one direction of a pipe or socket. Counted before and independent of the ring:
 * heard + lost = moved holds to the byte. Deleted when the channel is proven to be over. */
struct channel {
	__u64 generation; /* inode number */
	__u64 moved; /* bytes read since the entry exists */
	__u64 lost; /* of these, bytes that found no room in the ring */
	__u64 written;
	__u64 unseen; /* bytes that left without a buffer */
	__u64 peer;
	__u64 reader_start_ns;
	__u64 writer_start_ns;
	__u32 reader_tgid;
	__u32 writer_tgid;
	__u32 kind; /* enum channel_kind */
	__u32 muted; /* written by this tool itself */
	__u32 wanted; /* an end is in `followed` */
	__u32 opaque; /* reported as EVENT_OPAQUE already */
	__u32 peer_generation;
	__u32 broken; /* reported as EVENT_BROKEN already */
	/* the counts when this generation began: they go on when the address is given to another channel */
	__u64 base_moved;
	__u64 base_lost;
	__u64 base_written;
	__u64 base_unseen;
	/* TCP only (tcp.h) */
	__u64 skipped; /* of the bytes moved, those that were left out as other HTTP */
	__u64 write_ns; /* the last write, while no notes are sent */
	__u32 write_len;
	__u32 speaks; /* enum speaks */
	__u32 verdict; /* enum verdict, by user space */
	__u32 interest; /* enum interest */
	__u32 announced; /* enum announced */
	__u32 late; /* the entry began inside the stream: writes have no place in it */
	__u64 request_at; /* bytes moved before the request that is under way */
	__u32 awaits; /* no answer has begun since; where a mark holds the same (struct mark), that counts */
	__u32 quiet; /* TLS: heard where it is read, so that only notes are sent of what is written; by user space */
};

/* Address of the pipe_inode_info, or of the receiving sock of a Unix socket → its state. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CHANNELS);
	__type(key, __u64);
	__type(value, struct channel);
} channels SEC(".maps");

/* TCP: address of the receiving sock, or of the sending one, plus 1 → its state. A map of its own, since all that begins
 * like HTTP is here: however many connections a web server holds, pipes find room. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TCP_CHANNELS);
	__type(key, __u64);
	__type(value, struct channel);
} tcp_channels SEC(".maps");

struct channel_key {
	__u64 channel; /* address */
	__u64 generation;
};

/* Entries, as they were last, of channels whose address has been given to another one, or whose reader saw the end after
 * bytes were lost, until user space has read them. A channel of which the ring had room for nothing is named by these
 * alone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ENDED);
	__type(key, struct channel_key);
	__type(value, struct channel);
} ended SEC(".maps");

/* Thread (pid_tgid) → `twins` while its current call has been handled by the first copy of the body, then 0. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_THREADS);
	__type(key, __u64);
	__type(value, __u64);
} handled SEC(".maps");

/* fexit front end: threads (pid_tgid) that were blocked in a call before fexit was attached. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_THREADS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} blocked SEC(".maps");

/* Processes (tgid) that were seen to use io_uring, which system call exit does not see into. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} uring_users SEC(".maps");

/* Processes (tgid) to be heard when `filtering`; children are added at fork. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_FOLLOWED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} followed SEC(".maps");

/* Processes that exec under this name, or inside a cgroup with this id, are followed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, char[16]);
	__type(value, __u32);
} followed_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} followed_cgroups SEC(".maps");

/* Files that were mapped to be run, as far as user space was told of them; it takes those away that were gone before it
 * could look. The oldest give way: to be told again does no harm. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_FILES);
	__type(key, struct file_key);
	__type(value, __u32);
} known_files SEC(".maps");

struct tls_user {
	__u32 seen; /* a TLS record passed one of its sockets, and user space knows */
	__u32 heard; /* it was inside a library that is listened to: its socket calls are looked at */
	__u32 known; /* what came out there was HTTP or JSON, at least once */
	__u32 strangers; /* calls before that of which something else came */
	__u32 early; /* socket calls that were looked at before it was heard */
};

/* Processes (tgid) that speak TLS, until they end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_FOLLOWED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct tls_user);
} tls_users SEC(".maps");

/* Writes of a connecting end that came before its other end, of this host, was known. */
struct early {
	__u64 start_ns; /* the process */
	__u64 time_ns; /* the last write */
	__u32 tgid;
	__u32 len; /* bytes; 0: there were none */
};

/* TCP: what was learned at the handshake, or by the scan. Deleted with the socket. */
struct link {
	__u64 peer; /* the other end's sock, when that is of this host; 0: not, or not known */
	__u32 send_start; /* sequence numbers at which the streams begin */
	__u32 receive_start;
	__u32 late; /* found by the scan: where they began is not known */
	__u32 gone; /* the other end was of this host, and is over */
	__u32 local; /* the other end is of this host, and has no socket yet */
	__u32 dull; /* what it carries is of no interest */
	__u32 tries; /* to find the other end of a connection that was there before */
	__u32 strangers; /* calls that begin like nothing that is of interest, on such a connection */
	struct early own;
	struct early peers; /* kept here, too, since the other end may be over before this one reads */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_LINKS);
	__type(key, __u64);
	__type(value, struct link);
} links SEC(".maps");

/* TCP: ends that wait for their other end: its (snd_nxt << 32 | rcv_nxt) as this end expects it → sock, or 0 for one
 * that has answered a SYN and has no socket yet. Ends whose peer is another host wait for ever: the oldest give way. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u64);
} handshakes SEC(".maps");

/* Which channel a call moved bytes through. */
struct place {
	__u64 channel;
	__u64 generation;
	__u64 peer;
	__u64 inode; /* pipes: address of the struct inode */
	__u32 kind; /* enum channel_kind; 0: not ours */
	__u32 flags; /* enum io_flag of its records */
};

/* One call under way: where its bytes lie, and the record header for all its pieces. */
struct call {
	struct io_event event;
	struct place place;
	__u64 left; /* bytes not sent yet */
	__u64 base; /* user address of the next byte */
	__u64 segment_left; /* bytes left at base */
	__u64 iov; /* address of the next iovec; 0: none */
	__u32 iov_left;
	__u32 iov_source; /* enum iov_source */
	__u64 back; /* find_start: bytes still to step back */
	/* TCP (tcp_place) */
	__u64 socket; /* the caller's own */
	__u64 inode;
	__u64 peer; /* the other end's socket, when that is of this host; 0: not, or not known */
	__u64 peer_inode;
	__u64 reverse; /* the channel of the other direction */
	__u32 link; /* enum link_bits */
	__u32 _pad;
	struct channel fresh; /* find_channel: a new entry, too large for the stack */
};

/* Of the caller's socket (struct link). */
enum link_bits {
	LINK_LATE = 1,
	LINK_GONE = 2,
	LINK_EARLY = 4, /* what goes this way was written, in part, before the other end was known */
};

enum iov_source { IOV_USER = 0, IOV_COMPAT = 1, IOV_KERNEL = 2 };

/* A program is never entered twice on one CPU (the kernel skips it), so each has its own place per CPU. */
enum slot {
	SLOT_EXIT,
	SLOT_EXIT_TWIN,
	SLOT_PIPE_READ,
	SLOT_PIPE_READ_TWIN,
	SLOT_UNIX_RECV,
	SLOT_UNIX_RECV_TWIN,
	SLOT_INET_RECV,
	SLOT_INET_RECV_TWIN,
	SLOT_INET_SEND,
	SLOT_INET_SEND_TWIN,
	SLOT_INET6_RECV,
	SLOT_INET6_RECV_TWIN,
	SLOT_INET6_SEND,
	SLOT_INET6_SEND_TWIN,
	SLOT_BLOCKED,
	SLOT_BLOCKED_TWIN,
	READING_SLOTS, /* those that copy */
	SLOT_PIPE_WRITE = READING_SLOTS,
	SLOT_PIPE_WRITE_TWIN,
	SLOT_UNIX_SEND,
	SLOT_UNIX_SEND_TWIN,
	SLOT_UNIX_SENDPAGE,
	SLOT_INET_SENDPAGE,
	SLOT_DGRAM,
	SLOT_SEQPACKET,
	SLOT_SPLICE,
	SLOT_TEE,
	SLOT_TEE_COMPAT,
	SLOT_VMSPLICE,
	SLOT_VMSPLICE_TWIN,
	SLOT_VMSPLICE_COMPAT,
	SLOT_VMSPLICE_COMPAT_TWIN,
	SLOT_SENDFILE,
	SLOT_SOCKET_END,
	SLOTS,
};

#ifndef CALLS_OF_THREADS
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct call);
} calls SEC(".maps");
#endif

/* Small buffers of one call, on their way into one record; per slot as `calls`. */
struct gather {
	struct io_event event; /* the record's header, so that it goes out with the bytes at once */
	__u8 bytes[2 * GATHER_BYTES];
	__u64 filled; /* bytes used */
};

#ifndef CALLS_OF_THREADS
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, READING_SLOTS);
	__type(key, __u32);
	__type(value, struct gather);
} gathers SEC(".maps");
#else
/* tls.bpf.c: its programs may be preempted by others of themselves, so what stands in `slot` is the thread (tid), and an
 * entry lives as long as a program runs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROGRAMS);
	__type(key, __u32);
	__type(value, struct call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROGRAMS);
	__type(key, __u32);
	__type(value, struct gather);
} gathers SEC(".maps");
#endif

/* Live variables, mapped into user space: read and written there without system calls. The object for TLS has the same
 * ones, by their places: with a value each, clang puts them in this order, and before those that have none. */

/* Set by the consumer before it sleeps; the next record then wakes it. */
__u32 consumer_sleeps = 0;
/* Non-zero: the same body is attached twice, and the first copy marks what it handled, with this (docs/capture.md). Where the
 * second one comes later there are stages: 1 before it is attached, 2 a while after that, 3 a while after 2. */
__u32 twins = 0;
/* Non-zero while `blocked` has entries. */
__u32 blocked_left = 0;
/* Non-zero: uprobes that are still attached do nothing any more. */
__u32 deaf = 0;
/* Channels that carry no MCP: at ignored_slot(channel), channel + generation. Written by user space. */
__u64 ignored[IGNORED_SLOTS] = {};

/* A process that writes into one of these: as soon as it is asked something the channel is ignored no more, since user
 * space would hear of the question later than the answer comes. */
struct aside {
	__u64 key; /* as it stands in `ignored` */
	__u32 slot; /* where it stands there */
	__u32 tgid; /* 0: nobody's */
};

/* At tgid & (ASIDE_SLOTS - 1). Written by user space, with the tgid last; of two with one slot the later one has it. */
struct aside asides[ASIDE_SLOTS] = {};

/* How a direction of a marked socket is heard. */
enum heard {
	HEARD_CLOSELY = 0, /* each call: there is no mark for it */
	HEARD_AGAIN, /* as CLOSELY from the next call on, which counts what has moved since write_at or read_at */
	HEARD_NOTES, /* written, and read on this host: who wrote last is kept */
	HEARD_REQUESTS, /* each head is looked at */
	HEARD_ANSWERS, /* the head of the first one since a request is looked at */
};

/* A TCP socket of HTTP that is of no interest just now: what its calls have to know, in one load, and without any map. All
 * that moves meanwhile is counted by the socket's own sequence numbers, when it is of interest again. */
struct mark {
	__u64 key; /* address of the sock + its inode number, as in `ignored`; 0: nobody's */
	__u64 peer_key; /* requests whose answers are read through another socket of this host: the same of that; 0: own */
	__u64 writer_start_ns; /* the process that wrote last */
	__u64 write_ns; /* when it did */
	__u32 writer_tgid;
	__u32 write_len;
	__u32 write_seq; /* behind its bytes */
	__u32 write_at; /* up to here the entry of what is written counts; tcp_sock::write_seq by then */
	__u32 read_at; /* likewise tcp_sock::copied_seq */
	__u32 sock; /* lower half of the address */
	__u16 peer_slot; /* where peer_key stands */
	__u8 read; /* enum heard */
	__u8 write; /* enum heard */
	__u8 awaits; /* if answers are heard here: none has begun since the last request */
	__u8 asks; /* the answers have an entry, so that their begin will be seen */
	__u8 open; /* nothing is known of the connection (VERDICT_OPEN) */
	__u8 _pad;
};

/* At ignored_slot(sock). A slot is its socket's until that is over: who finds it taken is heard closely. */
struct mark marks[MARK_SLOTS] __attribute__((aligned(64))) = {};
/* Records about channels that found no room. */
__u64 ring_full_count = 0;
/* Entries that were put into `ended`. */
__u64 ended_count = 0;
/* Bytes for which there was no room in `channels` or `tcp_channels`, or, lost already, in `ended`: then also of those that
 * its own records told. */
__u64 unattributed_bytes = 0;
/* Write notes that found no room. */
__u64 notes_lost = 0;
/* FORK, EXEC and EXIT records that found no room. */
__u64 process_events_lost = 0;
/* Records about connections that found no room, and connections for which there was none in the maps. */
__u64 connection_events_lost = 0;
__u64 connections_unseen = 0;
/* The same of changed files. */
__u64 file_events_lost = 0;

#endif
