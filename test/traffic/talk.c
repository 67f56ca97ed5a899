/* SPDX-License-Identifier: Apache-2.0 */
/* In: the two ends of a channel. Out: one side of a conversation, and its truth. */
#include "talk.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static bool gone(void)
{
	return __atomic_load_n(&shared->go, __ATOMIC_ACQUIRE) != 0;
}

void wait_ready(struct peer *p, short events)
{
	struct pollfd f = { events & POLLIN ? p->ends.in : p->ends.out, events, 0 };
	while (poll(&f, 1, -1) < 0 && errno == EINTR)
		;
}

/* One read. False: would block. */
bool fill(struct peer *p)
{
	if (p->taken == p->used)
		p->taken = p->searched = p->used = 0;
	if (p->room - p->used < (size_t)opt.read_size) {
		p->room = p->room * 2 + (size_t)opt.read_size;
		p->buffer = realloc(p->buffer, p->room);
		if (!p->buffer)
			die("realloc");
	}
	ssize_t n;
	do
		n = read_once(p->ends.in, p->buffer + p->used, (size_t)opt.read_size);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0 && errno != ECONNRESET)
		die(opt.read);
	p->read_ns = now_ns();
	if (n <= 0) {
		p->eof = true;
	} else {
		p->used += (size_t)n;
		p->read_bytes[gone()] += (uint64_t)n;
		if (!p->client)
			__atomic_add_fetch(&shared->server_read, (uint32_t)n, __ATOMIC_RELEASE);
	}
	return true;
}

static bool take_line(struct peer *p, const char **line, size_t *bytes)
{
	char *end = memchr(p->buffer + p->searched, '\n', p->used - p->searched);
	if (!end) {
		p->searched = p->used;
		return false;
	}
	*line = p->buffer + p->taken;
	*bytes = (size_t)(end + 1 - *line);
	p->taken = p->searched = (size_t)(end + 1 - p->buffer);
	return true;
}

static size_t without_end(const char *line, size_t bytes)
{
	size_t len = bytes - 1;
	return len && line[len - 1] == '\r' ? len - 1 : len;
}

/* Next message, noise skipped; its text lives until the next call. False: the channel has ended. */
static bool next_message(struct peer *p, const char **line, size_t *len)
{
	size_t bytes;
	for (;;) {
		while (p->used > p->taken && take_line(p, line, &bytes)) {
			*len = without_end(*line, bytes);
			if (!is_message(*line, *len))
				continue;
			truth_message('r', p->in_name, *line, *len, bytes, p->read_ns, p->read_ns);
			return true;
		}
		if (p->eof)
			return false;
		if (!fill(p))
			wait_ready(p, POLLIN);
	}
}

void put(struct peer *p, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write_once(p->ends.out, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd f[2] = { { p->ends.out, POLLOUT, 0 }, { p->ends.in, POLLIN, 0 } };
			poll(f, p->threaded ? 1 : 2, -1);
			if (!p->threaded && f[1].revents && !p->eof)
				fill(p); /* or both sides would wait for room */
			continue;
		}
		if (n < 0)
			die(opt.write);
		__atomic_add_fetch(&p->written_bytes[gone()], (uint64_t)n, __ATOMIC_RELAXED);
		bytes += n;
		len -= (size_t)n;
	}
}

void put_in_pieces(struct peer *p, const char *bytes, size_t len)
{
	size_t piece = len / (size_t)opt.split + 1;
	for (size_t at = 0; at < len; at += piece) {
		put(p, bytes + at, len - at < piece ? len - at : piece);
		sched_yield();
	}
}

static void log_lines(struct peer *p, char what, const struct text *t, uint64_t from_ns, uint64_t until_ns)
{
	for (size_t at = 0; at < t->len;) {
		const char *line = t->bytes + at, *end = memchr(line, '\n', t->len - at);
		if (!end)
			return;
		size_t bytes = (size_t)(end + 1 - line), len = without_end(line, bytes);
		if (is_message(line, len))
			truth_message(what, p->out_name, line, len, bytes, from_ns, until_ns);
		at += bytes;
	}
}

/* Writes the text as one, or each of its lines in pieces, and notes its messages. */
static void flush_as(struct peer *p, struct text *t, char what)
{
	uint64_t from_ns = now_ns();
	if (opt.split > 1)
		for (size_t at = 0; at < t->len;) {
			char *end = memchr(t->bytes + at, '\n', t->len - at);
			size_t bytes = end ? (size_t)(end + 1 - t->bytes) - at : t->len - at;
			put_in_pieces(p, t->bytes + at, bytes);
			at += bytes;
		}
	else
		put(p, t->bytes, t->len);
	log_lines(p, what, t, from_ns, now_ns());
	t->len = 0;
}

/* Only a plain write of at most PIPE_BUF bytes is never mixed with another one's. */
static bool needs_turn(struct peer *p, size_t len)
{
	return p->threaded && (len > PIPE_BUF || opt.split > 1 || strcmp(opt.write, "write"));
}

static void flush(struct peer *p, struct text *t)
{
	if (!t->len)
		return;
	bool turn = p->client && needs_turn(p, t->len);
	if (turn)
		pthread_mutex_lock(&shared->writing);
	flush_as(p, t, opt.deaf ? 'u' : 'w');
	if (turn)
		pthread_mutex_unlock(&shared->writing);
}

void hold_here(void)
{
	announce(&shared->waiting);
	wait_for(&shared->go, 1);
	if (opt.size_after)
		opt.size = opt.size_after;
}

/* ---- client ---- */

static long expected_answers(void)
{
	return opt.no_answers ? 0 : opt.messages * opt.writers;
}

static void read_answers(struct peer *p, long count)
{
	const char *line;
	size_t len;
	for (long i = 0; i < count; i++)
		if (!next_message(p, &line, &len))
			die("the server went before it answered");
}

static void handshake(struct peer *p, struct text *t)
{
	while (t->len < (size_t)opt.preamble)
		add_noise(t, 0);
	add_initialize(t, opt.first_id);
	flush(p, t);
	if (!opt.no_answers)
		read_answers(p, 1);
	if (opt.noise)
		add_noise(t, 0);
	add_initialized(t);
	flush(p, t);
	announce(&shared->handshake_done);
}

static void add_call(struct text *t, long id)
{
	if (opt.noise)
		add_noise(t, id);
	add_request(t, id, opt.size);
}

/* Half of a line is read before the other program listens. */
static void write_half_and_hold(struct peer *p, struct text *t)
{
	size_t half = t->len / 2;
	uint64_t from_ns = now_ns();
	put(p, t->bytes, half);
	while (__atomic_load_n(&shared->server_read, __ATOMIC_ACQUIRE) != (uint32_t)p->written_bytes[0])
		usleep(200);
	hold_here();
	put(p, t->bytes + half, t->len - half);
	log_lines(p, 'w', t, from_ns, now_ns());
	t->len = 0;
}

static void write_endless_line(struct peer *p, struct text *t)
{
	add_string(t, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/endless\",\"params\":\"");
	put(p, t->bytes, t->len);
	t->len = 0;
	while (t->len < 1 << 20)
		add_string(t, "0123456789abcdef");
	for (long left = opt.endless; left > 0; left -= 1 << 20)
		put(p, t->bytes, t->len);
	put(p, "\n", 1);
	t->len = 0;
}

static void pace(uint64_t start_ns, long done)
{
	if (!opt.rate)
		return;
	uint64_t due = start_ns + (uint64_t)done * 1000000000u / (uint64_t)opt.rate;
	struct timespec ts = { (time_t)(due / 1000000000u), (long)(due % 1000000000u) };
	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts, NULL);
}

static void call_in_turns(struct peer *p, struct text *t)
{
	uint64_t start_ns = now_ns();
	bool held = false;
	for (long i = 0; i < opt.messages;) {
		bool here = !held && i >= opt.hold_after;
		if (here && opt.hold == HOLD_RUNNING)
			hold_here();
		if (opt.endless && i == opt.messages / 2)
			write_endless_line(p, t);
		long n = 0;
		while (n < opt.batch && i + n < opt.messages)
			add_call(t, opt.first_id + 1 + i + n++);
		if (here && opt.hold == HOLD_WRITER) {
			/* else its last read may take the beginning of what is to be blocked */
			wait_for(&shared->reader_stands, 1);
			announce(&shared->waiting);
		}
		if (here && opt.hold == HOLD_HALF)
			write_half_and_hold(p, t);
		held |= here;
		flush(p, t);
		if (here && opt.hold == HOLD_WRITER && opt.size_after)
			opt.size = opt.size_after;
		i += n;
		if (!opt.no_answers)
			read_answers(p, n);
		pace(start_ns, i);
	}
}

struct share {
	struct peer *peer;
	long first, count;
};

static void *call_in_thread(void *argument)
{
	struct share *s = argument;
	struct text t = { 0 };
	for (long i = 0; i < s->count;) {
		for (long n = 0; n < opt.batch && i < s->count; n++)
			add_call(&t, s->first + i++);
		flush(s->peer, &t);
	}
	free(t.bytes);
	return NULL;
}

static void call_from_threads(struct peer *p, long writer)
{
	long threads = opt.threads ? opt.threads : 1;
	struct share shares[threads];
	pthread_t ids[threads];
	long each = (opt.messages + threads - 1) / threads;
	for (long i = 0; i < threads; i++) {
		long left = opt.messages - i * each;
		shares[i] = (struct share){ p, opt.first_id + 1 + writer * 1000000 + i * each, left < each ? left : each };
		if (pthread_create(&ids[i], NULL, call_in_thread, &shares[i]))
			die("pthread_create");
	}
	if (writer == 0)
		read_answers(p, expected_answers());
	for (long i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
}

static void write_what_nobody_reads(struct peer *p, struct text *t)
{
	for (long i = 0; i < opt.unread; i++)
		add_request(t, opt.first_id + 500000 + i, opt.size);
	flush_as(p, t, 'u');
	announce(&shared->unread_written);
}

void finish(struct peer *p)
{
	truth_count(p->in_name, "read", p->read_bytes[0], p->read_bytes[1]);
	truth_count(p->out_name, "written", p->written_bytes[0], p->written_bytes[1]);
	truth_close();
}

void end_client(struct peer *p)
{
	if (opt.writers > 1 || opt.writer_gone || opt.unread || !strcmp(opt.channel, "dgram"))
		return;
	if (channel_is_socket())
		shutdown(p->ends.out, SHUT_WR);
	else
		close(p->ends.out);
	while (!p->eof)
		if (p->taken = p->searched = p->used = 0, !fill(p))
			wait_ready(p, POLLIN);
}

int talk_client(struct ends ends, long writer)
{
	struct text t = { 0 };
	struct peer p = { .ends = ends, .in_name = "s2c", .out_name = "c2s", .client = true };
	p.threaded = opt.threads > 0 || opt.writers > 1;
	truth_open("client");
	if (opt.http) {
		http_client(&p);
		return 0;
	}
	if (opt.hold == HOLD_READER)
		hold_here();
	if (writer == 0)
		handshake(&p, &t);
	else
		wait_for(&shared->handshake_done, 1);
	if (p.threaded)
		call_from_threads(&p, writer);
	else
		call_in_turns(&p, &t);
	announce(&shared->client_wrote);
	if (opt.unread)
		write_what_nobody_reads(&p, &t);
	if (opt.unfinished) {
		add_string(&t, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/unfin");
		put(&p, t.bytes, t.len);
	}
	end_client(&p);
	finish(&p);
	return 0;
}

/* ---- server ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct text waiting;
	bool closed;
} answers = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void *write_answers(void *argument)
{
	struct text mine = { 0 };
	pthread_mutex_lock(&answers.lock);
	for (;;) {
		while (!answers.waiting.len && !answers.closed)
			pthread_cond_wait(&answers.changed, &answers.lock);
		if (!answers.waiting.len)
			break;
		struct text next = answers.waiting;
		answers.waiting = mine;
		pthread_mutex_unlock(&answers.lock);
		mine = next;
		flush(argument, &mine);
		pthread_mutex_lock(&answers.lock);
	}
	pthread_mutex_unlock(&answers.lock);
	return NULL;
}

static void add_reply(struct text *t, const char *line, size_t len)
{
	long id = message_id(line, len);
	if (id < 0 || opt.no_answers)
		return;
	if (opt.noise)
		add_noise(t, id + 2);
	if (id == opt.first_id)
		add_initialize_answer(t, id);
	else
		add_answer(t, id, opt.size_after && gone() ? opt.size_after : opt.answer_size);
}

static void answer_all(struct peer *p)
{
	struct text t = { 0 };
	const char *line;
	size_t len;
	bool stops = opt.unread || !strcmp(opt.channel, "dgram");
	long expected = 2 + opt.messages * opt.writers, seen = 0;
	while (!(stops && seen == expected) && next_message(p, &line, &len)) {
		seen++;
		if (p->threaded) {
			pthread_mutex_lock(&answers.lock);
			add_reply(&answers.waiting, line, len);
			pthread_cond_signal(&answers.changed);
			pthread_mutex_unlock(&answers.lock);
			continue;
		}
		add_reply(&t, line, len);
		bool more = opt.batch > 1 && memchr(p->buffer + p->taken, '\n', p->used - p->taken);
		if (!more)
			flush(p, &t);
		if (opt.hold == HOLD_WRITER && seen == 2) {
			announce(&shared->reader_stands);
			wait_for(&shared->go, 1);
		}
	}
	flush(p, &t);
	if (opt.unread)
		wait_for(&shared->unread_written, 1);
}

int talk_server(struct ends ends)
{
	struct peer p = { .ends = ends, .in_name = "c2s", .out_name = "s2c" };
	struct text t = { 0 };
	p.threaded = opt.threads > 0;
	truth_open("server");
	if (opt.http) {
		http_server(&p);
		return 0;
	}
	if (opt.deaf) {
		wait_for(&shared->client_wrote, 1);
		finish(&p);
		return 0;
	}
	while (t.len < (size_t)opt.preamble)
		add_noise(&t, 0);
	flush(&p, &t);
	pthread_t writer;
	if (p.threaded && pthread_create(&writer, NULL, write_answers, &p))
		die("pthread_create");
	answer_all(&p);
	if (p.threaded) {
		pthread_mutex_lock(&answers.lock);
		answers.closed = true;
		pthread_cond_signal(&answers.changed);
		pthread_mutex_unlock(&answers.lock);
		pthread_join(writer, NULL);
	}
	finish(&p);
	return 0;
}
