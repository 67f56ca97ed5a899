/* SPDX-License-Identifier: Apache-2.0 */
/* One side of a conversation: what talk.c (JSON lines) and http.c share. */
#ifndef TALK_H
#define TALK_H

#include "traffic.h"

struct peer {
	struct ends ends;
	const char *in_name, *out_name;
	bool client, threaded, eof;
	char *buffer; /* bytes read: [taken, used) still to be cut into lines, [taken, searched) without a line end */
	size_t taken, searched, used, room;
	uint64_t read_ns; /* return of the last read */
	uint64_t read_bytes[2], written_bytes[2]; /* before and after go */
};

void wait_ready(struct peer *p, short events);
bool fill(struct peer *p); /* one read; false: would block */
void put(struct peer *p, const char *bytes, size_t len);
void put_in_pieces(struct peer *p, const char *bytes, size_t len); /* --split */
void hold_here(void);
void end_client(struct peer *p);
void finish(struct peer *p);

/* http.c */
void http_client(struct peer *p);
void http_server(struct peer *p);

#endif
