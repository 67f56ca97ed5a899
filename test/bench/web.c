/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client and a server that talk HTTP/1.1 over loopback, on connections that stay open. In: options. Out: one JSON
 * object: what was sent, and how long the exchanges took, each from just before its write to its answer's last byte.
 *
 *   web [--other] [--tls FOLDER] [--connections N] [--size BYTES] [--rate MESSAGES_PER_S] [--messages N]
 *
 * MCP, as sessions of Streamable HTTP, one a connection; --other: the same exchanges with a body that is no JSON. A
 * request and its answer are a message each, a body of `size` bytes behind a head, in one write each, one exchange at a
 * time on a connection. `rate` counts both; 0: as fast as it goes. What is due is sent a thousand times a second. --tls:
 * the same inside TLS, with the certificate.pem and key.pem of a folder.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "secure.h"

#define MOST_CONNECTIONS 1000
#define MOST_EXCHANGES 4000000
#define ROOM (2u << 20)
#define HEAD_ROOM 512
#define FIRST_ID 1000000000u /* every id has ten digits, so it can be patched in place */
#define ID "\"id\":"

struct connection {
	int fd;
	SSL *tls;
	char *buffer; /* what has come of the message that is being read */
	size_t used;
	uint64_t sent_ns; /* 0: free */
};

static struct {
	bool other;
	int connections;
	size_t size;
	double rate;
	long messages;
} option = { .connections = 1, .size = 200, .rate = 0, .messages = 20000 };

static struct connection connections[MOST_CONNECTIONS];
static double *times_us;
static char *message;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void write_all(struct connection *to, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = send_some(to->fd, to->tls, bytes, size);
		if (n <= 0)
			die("write");
		bytes += n;
		size -= (size_t)n;
	}
}

static void put_id(char *at, uint64_t id)
{
	for (int i = 9; i >= 0; i--, id /= 10)
		at[i] = (char)('0' + id % 10);
}

/* The size of the message at the start of the buffer once it is whole; 0: it is not. */
static size_t whole(const struct connection *from)
{
	const char *end = memmem(from->buffer, from->used, "\r\n\r\n", 4);
	const char *length;
	size_t size;

	if (!end)
		return 0;
	length = memmem(from->buffer, (size_t)(end - from->buffer), "Content-Length: ", 16);
	size = (size_t)(end + 4 - from->buffer) + (length ? strtoul(length + 16, NULL, 10) : 0);
	if (size > ROOM)
		die("a message is too large");
	return from->used >= size ? size : 0;
}

/* Reads until a message is whole or nothing more is there; false: the other end is gone. */
static bool read_some(struct connection *from)
{
	ssize_t n = get_some(from->fd, from->tls, from->buffer + from->used, ROOM - from->used);

	if (n <= 0)
		return false;
	from->used += (size_t)n;
	return true;
}

/* A head, and a body of exactly option.size bytes made of head, filling and tail. */
static size_t make(char *to, const char *first_line, const char *fields, const char *head, const char *tail)
{
	size_t around = strlen(head) + strlen(tail);
	size_t size = option.size > around ? option.size : around;
	int n = snprintf(to, HEAD_ROOM, "%s\r\n%sContent-Length: %zu\r\n\r\n", first_line, fields, size);

	memcpy(to + n, head, strlen(head));
	memset(to + n + strlen(head), 'x', size - around);
	memcpy(to + n + size - strlen(tail), tail, strlen(tail));
	return (size_t)n + size;
}

#define ANSWER_FIELDS "Content-Type: application/json\r\n"
#define REQUEST_FIELDS                                                                                                 \
	"Host: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json, "                              \
	"text/event-stream\r\nMcp-Protocol-Version: 2025-06-18\r\n"

static void answer(struct connection *to, size_t size)
{
	static int sessions;
	size_t length;
	char *id;
	char text[HEAD_ROOM];
	char *name = memmem(to->buffer, size, "\"initialize\"", 12);

	if (option.other) {
		length = make(message, "HTTP/1.1 200 OK", "Content-Type: text/plain\r\n", "", "");
	} else if (name) {
		static const char body[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-06-"
					   "18\",\"capabilities\":{},"
					   "\"serverInfo\":{\"name\":\"bench-server\",\"version\":\"1\"}}}";
		length = (size_t)snprintf(
			message, ROOM,
			"HTTP/1.1 200 OK\r\n%sMcp-Session-Id: bench-%d-%d\r\nContent-Length: %zu\r\n\r\n%s",
			ANSWER_FIELDS, (int)getpid(), ++sessions, strlen(body), body);
	} else if ((id = memmem(to->buffer, size, ID, strlen(ID)))) {
		snprintf(text, sizeof text,
			 "{\"jsonrpc\":\"2.0\"," ID "%.10s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"",
			 id + strlen(ID));
		length = make(message, "HTTP/1.1 200 OK", ANSWER_FIELDS, text, "\"}]}}");
	} else {
		length = (size_t)snprintf(message, ROOM, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	}
	write_all(to, message, length);
}

static int watch(int poll, struct connection *which)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = which };

	return epoll_ctl(poll, EPOLL_CTL_ADD, which->fd, &event);
}

static void serve(int listening)
{
	struct epoll_event events[64];
	struct connection door = { .fd = listening };
	int poll = epoll_create1(0), count = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	watch(poll, &door);
	for (;;) {
		int n = epoll_wait(poll, events, 64, -1);
		for (int i = 0; i < n; i++) {
			struct connection *one = events[i].data.ptr;
			size_t size;
			if (one == &door) {
				int on = 1;
				one = &connections[count++];
				one->fd = accept(listening, NULL, NULL);
				one->buffer = malloc(ROOM + 1);
				setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
				one->tls = shake_hands(one->fd, server_tls);
				watch(poll, one);
			} else if (!read_some(one)) {
				close(one->fd);
			} else if ((size = whole(one))) {
				answer(one, size);
				one->used = 0;
			}
		}
	}
}

/* One exchange, waited for: the handshake of a connection. Gives where the answer's text is. */
static const char *exchange(struct connection *with, const char *fields, const char *body)
{
	int n = snprintf(message, ROOM, "POST /mcp HTTP/1.1\r\n%s%sContent-Length: %zu\r\n\r\n%s", REQUEST_FIELDS,
			 fields, strlen(body), body);

	write_all(with, message, (size_t)n);
	with->used = 0;
	while (!whole(with))
		if (!read_some(with))
			die("the server is gone");
	with->buffer[with->used] = 0;
	with->used = 0;
	return with->buffer;
}

/* The request of a connection, whose id is patched in place; one each, for it names the connection's session. */
struct request {
	char *text, *id;
	size_t size;
};
static struct request requests[MOST_CONNECTIONS];

static void open_session(struct connection *with, struct request *request)
{
	char session[128] = "", fields[HEAD_ROOM];
	const char *given;

	request->text = malloc(option.size + 2 * HEAD_ROOM);
	if (option.other) {
		request->size = make(request->text, "POST /things HTTP/1.1",
				     "Host: 127.0.0.1\r\nContent-Type: text/plain\r\n", "", "");
		return;
	}
	given = exchange(with, "",
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
			 "\"2025-06-18\","
			 "\"capabilities\":{},\"clientInfo\":{\"name\":\"bench-client\",\"version\":\"1\"}}}");
	given = strstr(given, "Mcp-Session-Id: ");
	if (!given)
		die("no session");
	sscanf(given, "Mcp-Session-Id: %100[^\r]", session);
	snprintf(fields, sizeof fields, "Mcp-Session-Id: %s\r\n", session);
	exchange(with, fields, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	snprintf(fields, sizeof fields, "%sMcp-Session-Id: %s\r\n", REQUEST_FIELDS, session);
	request->size =
		make(request->text, "POST /mcp HTTP/1.1", fields,
		     "{\"jsonrpc\":\"2.0\"," ID
		     "1000000000,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":\"",
		     "\"}}}");
	request->id = strstr(request->text, ID) + strlen(ID);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(double p, long count)
{
	return times_us[(size_t)(p * (double)(count - 1) + 0.5)];
}

static void talk(struct sockaddr_in *address)
{
	long count = option.messages / 2, sent = 0, done = 0;
	int poll = epoll_create1(0), on = 1, next = 0;
	struct epoll_event events[64];
	uint64_t begun;

	for (int i = 0; i < option.connections; i++) {
		struct connection *one = &connections[i];
		one->fd = socket(AF_INET, SOCK_STREAM, 0);
		one->buffer = malloc(ROOM + 1);
		if (connect(one->fd, (struct sockaddr *)address, sizeof *address))
			die("connect");
		setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		one->tls = shake_hands(one->fd, client_tls);
		open_session(one, &requests[i]);
		watch(poll, one);
	}
	begun = now_ns();
	while (done < count) {
		double elapsed = (double)(now_ns() - begun) / 1e9;
		long due = option.rate > 0 ? (long)(elapsed * option.rate / 2) : count;
		int n;
		if (due > count)
			due = count;
		for (int tries = 0; sent < due && tries < option.connections; tries++) {
			struct connection *one = &connections[next];
			struct request *request = &requests[next];
			next = (next + 1) % option.connections;
			if (one->sent_ns)
				continue;
			if (request->id)
				put_id(request->id, FIRST_ID + (uint64_t)sent);
			sent++;
			one->sent_ns = now_ns();
			write_all(one, request->text, request->size);
		}
		n = epoll_wait(poll, events, 64, sent < count && option.rate > 0 ? 1 : -1);
		for (int i = 0; i < n; i++) {
			struct connection *one = events[i].data.ptr;
			if (!read_some(one))
				die("the server is gone");
			if (!whole(one))
				continue;
			times_us[done++] = (double)(now_ns() - one->sent_ns) / 1e3;
			one->sent_ns = 0;
			one->used = 0;
		}
	}
	double seconds = (double)(now_ns() - begun) / 1e9;
	qsort(times_us, (size_t)count, sizeof *times_us, compare);
	/* a handshake is three messages */
	printf("{\"messages\":%ld,\"rate\":%.1f,\"requests_per_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
	       2 * count + (option.other ? 0 : 3 * option.connections), 2 * (double)count / seconds,
	       (double)count / seconds, percentile(0.5, count), percentile(0.99, count));
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(name, "--other")) {
			option.other = true;
			continue;
		}
		i++;
		if (!strcmp(name, "--tls"))
			prepare_tls(value);
		else if (!strcmp(name, "--connections"))
			option.connections = atoi(value);
		else if (!strcmp(name, "--size"))
			option.size = strtoul(value, NULL, 10);
		else if (!strcmp(name, "--rate"))
			option.rate = strtod(value, NULL);
		else if (!strcmp(name, "--messages"))
			option.messages = strtol(value, NULL, 10);
		else
			exit(2);
	}
	if (option.connections < 1 || option.connections > MOST_CONNECTIONS || option.size > ROOM / 2 ||
	    option.messages < 2 || option.messages / 2 > MOST_EXCHANGES)
		exit(2);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	pid_t server;

	parse(argc, argv);
	message = malloc(ROOM + HEAD_ROOM);
	times_us = malloc(MOST_EXCHANGES * sizeof *times_us);
	if (bind(listening, (struct sockaddr *)&address, length) || listen(listening, MOST_CONNECTIONS) ||
	    getsockname(listening, (struct sockaddr *)&address, &length))
		die("listen");
	server = fork();
	if (server == 0)
		serve(listening);
	close(listening);
	talk(&address);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}
