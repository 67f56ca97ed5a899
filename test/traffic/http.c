/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the two ends of a channel. Out: one side of a conversation over HTTP/1.1, keep-alive, and its truth. --http says how
 * the server answers: json (Content-Length), sse (chunked, a notification before each answer), mixed (in turns), around
 * (mixed, with other HTTP before and between), plain (only other HTTP, nothing of MCP), cut (the server dies inside its last
 * answer), reset (the client goes without reading it).
 */
#include "talk.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OTHER_BYTES = 3000,
	DATA_BYTES = 7, /* of the line in an event that holds a message: "data: " and the line end */
};

static bool is(const char *kind)
{
	return !strcmp(opt.http, kind);
}

/* Makes at least `count` bytes readable. False: the channel has ended. */
static bool need(struct peer *p, size_t count)
{
	while (p->used - p->taken < count) {
		if (p->eof)
			return false;
		if (!fill(p))
			wait_ready(p, POLLIN);
	}
	return true;
}

static const char *take(struct peer *p, size_t count)
{
	const char *bytes = p->buffer + p->taken;
	p->taken += count;
	return bytes;
}

/* Length up to and with `end`. 0: the channel has ended. */
static size_t need_up_to(struct peer *p, const char *end)
{
	for (;;) {
		char *found = p->used > p->taken ? memmem(p->buffer + p->taken, p->used - p->taken, end, strlen(end)) : NULL;
		if (found)
			return (size_t)(found - p->buffer) + strlen(end) - p->taken;
		if (!need(p, p->used - p->taken + 1))
			return 0;
	}
}

static size_t length_in(const char *head, size_t len)
{
	const char *field = memmem(head, len, "Content-Length: ", 16);
	return field ? strtoul(field + 16, NULL, 10) : 0;
}

static bool has(const char *head, size_t len, const char *text)
{
	return memmem(head, len, text, strlen(text)) != NULL;
}

static void say(struct peer *p, struct text *t)
{
	if (opt.split > 1)
		put_in_pieces(p, t->bytes, t->len);
	else
		put(p, t->bytes, t->len);
	t->len = 0;
}

/* What was put together, to be logged when it is written. */
static struct {
	struct text text;
	size_t ends[1024], around[1024];
	size_t count;
} said;

/* A message is written as a body: without a line end. */
static void note_said(const struct text *message, size_t around)
{
	add(&said.text, message->bytes, message->len - 1);
	said.around[said.count] = around;
	said.ends[said.count++] = said.text.len;
}

static void log_said(struct peer *p, uint64_t from_ns)
{
	uint64_t until_ns = now_ns();
	for (size_t i = 0, at = 0; i < said.count; at = said.ends[i++])
		truth_message('w', p->out_name, said.text.bytes + at, said.ends[i] - at,
			      said.ends[i] - at + said.around[i], from_ns, until_ns);
	said.count = said.text.len = 0;
}

static void log_heard(struct peer *p, const char *message, size_t len, size_t around)
{
	truth_message('r', p->in_name, message, len, len + around, p->read_ns, p->read_ns);
}

/* ---- client ---- */

static void add_post(struct text *t, const struct text *message, bool is_first)
{
	char head[512], session[256] = "";
	if (!is_first)
		snprintf(session, sizeof session, "Mcp-Session-Id: %s\r\n", opt.tag);
	snprintf(head, sizeof head,
		 "POST /mcp HTTP/1.1\r\nHost: traffic.test\r\nContent-Type: application/json\r\n"
		 "Accept: application/json, text/event-stream\r\n%sMCP-Protocol-Version: 2025-11-25\r\n"
		 "Content-Length: %zu\r\n\r\n",
		 session, message->len - 1);
	add_string(t, head);
	add(t, message->bytes, message->len - 1);
	note_said(message, 0);
}

static void add_other(struct text *t, const char *first_line)
{
	char head[256];
	snprintf(head, sizeof head, "%s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", first_line, OTHER_BYTES);
	add_string(t, head);
	for (size_t end = t->len + OTHER_BYTES; t->len < end;)
		add(t, "none of your business ", end - t->len < 22 ? end - t->len : 22);
}

/* The chunks of one answer: each of ours holds one event. */
static void read_events(struct peer *p)
{
	for (;;) {
		size_t line = need_up_to(p, "\r\n");
		size_t length = line ? strtoul(take(p, line), NULL, 16) : 0;
		if (!need(p, length + 2))
			die("the server went inside an answer");
		const char *event = take(p, length + 2);
		if (!length)
			return;
		const char *data = memmem(event, length, "data: ", 6);
		if (data)
			log_heard(p, data + 6, length - 2 - (size_t)(data + 6 - event), DATA_BYTES);
	}
}

static void read_answer(struct peer *p)
{
	size_t head_len = need_up_to(p, "\r\n\r\n");
	if (!head_len && is("cut"))
		return;
	if (!head_len)
		die("the server went before it answered");
	const char *head = take(p, head_len);
	if (has(head, head_len, "chunked")) {
		read_events(p);
		return;
	}
	size_t length = length_in(head, head_len);
	bool json = has(head, head_len, "application/json");
	if (!need(p, length) && is("cut"))
		return;
	if (!need(p, length))
		die("the server went inside an answer");
	const char *body = take(p, length);
	if (json)
		log_heard(p, body, length, 0);
}

static void exchange(struct peer *p, struct text *t, long answers)
{
	uint64_t from_ns = now_ns();
	say(p, t);
	log_said(p, from_ns);
	if (!answers)
		wait_ready(p, POLLIN);
	while (answers--)
		read_answer(p);
}

static void exchange_other(struct peer *p, struct text *t)
{
	add_other(t, "PUT /upload HTTP/1.1\r\nHost: traffic.test");
	exchange(p, t, 1);
}

void http_client(struct peer *p)
{
	struct text t = { 0 }, message = { 0 };
	bool around = is("around");
	if (around)
		exchange_other(p, &t);
	for (long i = 0; is("plain") && i < opt.messages; i++)
		exchange_other(p, &t);
	for (long i = -2; !is("plain") && i < opt.messages;) {
		long n = 0;
		if (opt.hold == HOLD_RUNNING && i == opt.hold_after)
			hold_here();
		do {
			message.len = 0;
			if (i == -2)
				add_initialize(&message, opt.first_id);
			else if (i == -1)
				add_initialized(&message);
			else
				add_request(&message, opt.first_id + 1 + i, opt.size);
			add_post(&t, &message, i == -2);
			n++;
		} while (++i > 0 && n < opt.batch && i < opt.messages);
		/* what is closed with unread bytes in it is reset */
		bool resets = is("reset") && i == opt.messages;
		exchange(p, &t, resets ? 0 : n);
		if (resets) {
			close(p->ends.out);
			finish(p);
			return;
		}
		if (around && i % 4 == 0)
			exchange_other(p, &t);
	}
	announce(&shared->client_wrote);
	end_client(p);
	finish(p);
}

/* ---- server ---- */

static void add_json(struct text *t, const struct text *message)
{
	char head[256];
	snprintf(head, sizeof head,
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: %s\r\nContent-Length: %zu\r\n\r\n", opt.tag,
		 message->len - 1);
	add_string(t, head);
	add(t, message->bytes, message->len - 1);
	note_said(message, 0);
}

static void add_event(struct text *t, const struct text *message, long id)
{
	char head[128];
	int len = snprintf(head, sizeof head, "event: message\nid: %ld\ndata: ", id);
	char size[32];
	snprintf(size, sizeof size, "%zx\r\n", (size_t)len + message->len - 1 + 2);
	add_string(t, size);
	add_string(t, head);
	add(t, message->bytes, message->len - 1);
	add_string(t, "\n\n\r\n");
	note_said(message, DATA_BYTES);
}

static void add_events(struct text *t, const struct text *answer, long id)
{
	struct text progress = { 0 };
	char head[256];
	add_progress(&progress, id);
	snprintf(head, sizeof head,
		 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nMcp-Session-Id: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
		 opt.tag);
	add_string(t, head);
	add_event(t, &progress, id * 2);
	add_event(t, answer, id * 2 + 1);
	add_string(t, "0\r\n\r\n");
	free(progress.bytes);
}

static void add_http_answer(struct text *t, const char *request, size_t len)
{
	struct text message = { 0 };
	long id = message_id(request, len);
	if (id < 0) {
		add_string(t, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	if (id == opt.first_id)
		add_initialize_answer(&message, id);
	else
		add_answer(&message, id, opt.answer_size);
	if (is("json") || is("cut") || is("reset") || (!is("sse") && id % 2))
		add_json(t, &message);
	else
		add_events(t, &message, id);
	free(message.bytes);
}

void http_server(struct peer *p)
{
	struct text t = { 0 };
	size_t head_len;
	while ((head_len = need_up_to(p, "\r\n\r\n"))) {
		size_t length = length_in(p->buffer + p->taken, head_len);
		bool mcp = has(p->buffer + p->taken, head_len, "/mcp");
		take(p, head_len);
		if (!need(p, length))
			die("the client went inside a request");
		const char *body = take(p, length);
		if (mcp) {
			log_heard(p, body, length, 0);
			add_http_answer(&t, body, length);
		} else {
			add_other(&t, "HTTP/1.1 200 OK");
		}
		uint64_t from_ns = now_ns();
		if (is("cut") && message_id(body, length) == opt.first_id + opt.messages) {
			put(p, t.bytes, t.len - 50);
			break;
		}
		if (p->used == p->taken) {
			say(p, &t);
			log_said(p, from_ns);
		}
	}
	finish(p);
}
