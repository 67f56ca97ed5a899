/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client and a server that speak MCP over a channel and by system calls of one's choice,
 * and write down what they wrote and read: the truth that overhear is compared with.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { EXIT_UNSUPPORTED = 77 };

enum hold { HOLD_NONE, HOLD_READER, HOLD_RUNNING, HOLD_WRITER, HOLD_HALF };

struct options {
	const char *channel, *write, *read, *pass, *log_dir, *tag, *rename, *http, *listen, *connect, *client_netns;
	long messages, size, answer_size, batch, split, threads, writers, unread, rate, first_id;
	long read_size, pipe_size, preamble, endless, hold_after, size_after, buffers, port;
	enum hold hold;
	bool nonblock, peek, empty_reads, writer_gone, late_reader, crlf, noise, no_answers, unfinished, serve, deaf;
	bool leader_gone;
	char **command;
};
extern struct options opt;

/* Shared by all processes of a run; each number is a futex. */
struct shared {
	uint32_t go; /* the other program (overhear) listens */
	uint32_t reader_stands; /* --hold writer: the server reads nothing more until go */
	uint32_t waiting; /* processes that stand where --hold wants them */
	uint32_t client_wrote; /* the client has written what it had to before others go on */
	uint32_t unread_written;
	uint32_t server_read; /* bytes, modulo 2^32 */
	uint32_t handshake_done;
	pthread_mutex_t writing; /* held for a write that the kernel does not keep whole */
};
extern struct shared *shared;
void announce(uint32_t *number); /* adds 1 and wakes who waits */
void wait_for(uint32_t *number, uint32_t at_least);

/* calls.c: one system call that moves bytes, by the chosen kind. Returns like read(2) and write(2). */
ssize_t write_once(int fd, const char *bytes, size_t len);
ssize_t read_once(int fd, char *bytes, size_t len);
/* uring.c */
ssize_t uring_read(int fd, char *bytes, size_t len);

/* channel.c */
struct ends {
	int in, out;
};
bool channel_is_socket(void);
bool channel_keeps_packets(void);
/* Makes what can be made before fork(); then each side takes its ends. */
void make_channel(void);
struct ends take_client_ends(void);
struct ends take_server_ends(void);
void pass_ends(void); /* parent, after fork: --fd scm-rights */
void close_channel(void); /* parent: keep none of it open */
void remove_channel(void); /* parent, once both sides have opened it */

/* truth.c */
void truth_open(const char *role);
uint64_t now_ns(void); /* CLOCK_BOOTTIME */
void truth_message(char what, const char *chan, const char *line, size_t len, size_t bytes, uint64_t from_ns,
		   uint64_t until_ns);
void truth_count(const char *chan, const char *what, uint64_t before_go, uint64_t after_go);
bool is_message(const char *line, size_t len);
long message_id(const char *line, size_t len); /* -1: none */
void truth_close(void);

/* text.c: growing text, and the messages */
struct text {
	char *bytes;
	size_t len, room;
};
void add(struct text *t, const char *bytes, size_t len);
void add_string(struct text *t, const char *s);
void add_line_end(struct text *t);
void add_request(struct text *t, long id, long size);
void add_answer(struct text *t, long id, long size);
void add_progress(struct text *t, long id);
void add_noise(struct text *t, long which);
void add_initialize(struct text *t, long id);
void add_initialized(struct text *t);
void add_initialize_answer(struct text *t, long id);

/* talk.c */
int talk_client(struct ends ends, long writer);
int talk_server(struct ends ends);

void die(const char *what) __attribute__((noreturn));

#endif
