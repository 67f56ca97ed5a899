/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What user space sets before load, and sizes with their units.
 */
#ifndef OVERHEAR_CONFIG_H
#define OVERHEAR_CONFIG_H

#include "kernel.h"

#define PIECE_BYTES 32768 /* most payload of one ring record */
/* Loops over one call's parts go in two levels: the verifier then looks at 66 steps, not at a thousand. */
#define STEPS 33
#define ROUNDS 33
#define CALL_PIECES (STEPS * ROUNDS) /* most records of one call: 32 MiB, or UIO_MAXIOV (1,024) buffers */
#ifdef CALLS_OF_THREADS
#define GATHER_BYTES 520 /* tls.bpf.c: one buffer a call, only heads are gathered, with 16 bytes behind (tcp.h) */
#else
#define GATHER_BYTES 4096 /* smaller buffers of one call go into one record of up to twice that */
#endif
#define OPENING_BYTES                                                                                                  \
	64 /* of each of a channel's first writes, in its note; a little more when it has several buffers */
#define OPENING_WINDOW 4096 /* bytes written before anybody reads, of which the beginnings are told */
#define OPENING_BUFFERS 8
#define MAX_CHANNELS 32768
#define MAX_TCP_CHANNELS 65536 /* both directions of each connection that began like HTTP or JSON */
#define MAX_ENDED 8192
#define MAX_LINKS 65536 /* TCP connections of the host, each end counted */
#define JOIN_TRIES 16 /* for a connection that was there before */
#define MAX_STRANGERS 1024 /* calls on such a connection that begin like nothing of interest, until it is left alone */
#define MARK_SLOTS 16384 /* power of two: TCP sockets of which no map is asked */
#define MARK_BYTES                                                                                                     \
	(1U << 30) /* may move unlooked at, in one direction, until they are counted: sequence numbers wrap */
#define HEAD_BYTES 1024 /* of an HTTP head, that are searched for what is of interest */
#define MAX_FRAME_BYTES 16384 /* of HTTP/2, as long as nobody asked for longer ones */
#define MAX_THREADS 65536 /* threads that move bytes through channels at a time */
#define MAX_FOLLOWED 16384
#define MAX_PROGRAMS 256 /* programs of tls.bpf.c that run at a time: one a CPU, and those that were preempted */
#define MAX_FILES 16384 /* that are mapped to be run, and were told of */
#define MIN_PROGRAM_BYTES 65536 /* no TLS library is smaller */
#define MAX_TLS 16384 /* TLS connections, each end counted */
#define MAX_TLS_STRANGERS 16 /* calls on one that begin like nothing of interest, until it is left alone */
#define MAX_EARLY 64 /* socket calls of a process that speaks TLS, until it is inside a library */
#define MAX_USER_STRANGERS 16 /* such calls of a process, none of whose begin otherwise, until it is told of */
#define MAX_CONNECTIONS 65536 /* connections.bpf.c: TCP and Unix, each end counted */
#define MAX_DESTINATIONS 32768 /* of UDP sockets */
#define MAX_BATCH 64 /* datagrams of one sendmmsg or recvmmsg that are looked at */
#define CGROUP_LEVELS 16
#define IGNORED_SLOTS 16384 /* power of two */
#define ASIDE_SLOTS 1024 /* power of two: processes that are heard again as soon as they are asked something */

/* This tool's own process: never heard. */
const volatile __u32 own_tgid;
/* Only channels with an end in `followed` are heard. */
const volatile bool filtering;
/* `followed_cgroups` or `followed_names` have entries. */
const volatile bool following_by_place;
/* The program at the exit of system calls goes on with the one in `after_exit`. */
const volatile bool exit_goes_on;
/* What programs encrypt with is of interest. */
const volatile bool watching_files;

#endif
