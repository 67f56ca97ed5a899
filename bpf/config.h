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
#define GATHER_BYTES 4096 /* smaller buffers of one call go into one record of up to twice that */
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
#define HEAD_BYTES 1024 /* of an HTTP head, that are searched for what is of interest */
#define MAX_THREADS 65536 /* threads that move bytes through channels at a time */
#define MAX_FOLLOWED 16384
#define CGROUP_LEVELS 16
#define IGNORED_SLOTS 16384 /* power of two */

/* This tool's own process: never heard. */
const volatile __u32 own_tgid;
/* Only channels with an end in `followed` are heard. */
const volatile bool filtering;
/* `followed_cgroups` or `followed_names` have entries. */
const volatile bool following_by_place;

#endif
