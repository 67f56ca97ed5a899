/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client and a server that talk MCP at a given rate. In: options. Out: one JSON object that says what was
 * really sent, the generator's own count.
 *
 *   load [--pipe] [--even] [--size BYTES] [--rate MESSAGES_PER_S] [--messages N]
 *
 * Every request is one write and every answer is one write, each of `size` bytes (line end included), on a Unix
 * socketpair as Node makes it, or on two pipes as Python does. `rate` counts both; 0: as fast as it goes. What is due
 * is sent a thousand times a second, with --even one request at a time.
 * Each message carries `sent_ns`, CLOCK_BOOTTIME just before its write (see latency.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_ID 1000000000u /* every id has ten digits, so it can be patched in place */
#define TICK_NS 1000000u /* a burst of what is due, a thousand times a second */

struct message {
	char *text;
	size_t size;
	char *id; /* ten digits */
	char *stamp; /* twenty digits */
};

static struct {
	bool pipe;
	bool even;
	size_t size;
	double rate;
	long messages;
} option = { .size = 1024, .rate = 10000, .messages = 20000 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void put_digits(char *at, int count, uint64_t value)
{
	while (count--) {
		at[count] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* Half prose with escapes, half dense JSON, as tool calls are. */
static const char prose[] = "The quick brown fox said \\\"hello\\\" to the lazy dog.\\n";
static const char dense[] = "{\"path\":\"/srv/a.txt\",\"size\":12345,\"dir\":false,\"tags\":[\"a\",1]},";

static struct message make_message(const char *head, const char *tail, size_t size)
{
	struct message message = { .text = malloc(size + sizeof dense + 512), .size = size };
	char *at = stpcpy(message.text, head);
	size_t end = size - strlen(tail) - 1;
	size_t half = (end + (size_t)(at - message.text)) / 2;

	/* small messages have no room for more than filling */
	if (size >= 512) {
		while ((size_t)(at - message.text) + sizeof prose < half)
			at = stpcpy(at, prose);
		at = stpcpy(at, "\",\"entries\":[");
		while ((size_t)(at - message.text) + sizeof dense + 8 < end)
			at = stpcpy(at, dense);
		at = stpcpy(at, "\"");
	}
	if ((size_t)(at - message.text) > end) {
		fprintf(stderr, "load: --size %zu is too small\n", size);
		exit(2);
	}
	while ((size_t)(at - message.text) < end)
		*at++ = 'x';
	strcpy(at, tail);
	strcat(at, "\n");
	message.id = strstr(message.text, "1000000000");
	message.stamp = strstr(message.text, "00000000000000000000");
	return message;
}

static struct message make_request(size_t size)
{
	return make_message("{\"jsonrpc\":\"2.0\",\"id\":1000000000,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
			    "\"arguments\":{\"sent_ns\":\"00000000000000000000\",\"text\":\"",
			    size >= 512 ? "\"]}}}" : "\"}}}", size);
}

static struct message make_answer(size_t size)
{
	return make_message("{\"jsonrpc\":\"2.0\",\"id\":1000000000,\"result\":{\"sent_ns\":\"00000000000000000000\","
			    "\"content\":[{\"type\":\"text\",\"text\":\"",
			    size >= 512 ? "\"]}]}}" : "\"}]}}", size);
}

static void write_all(int fd, const char *bytes, size_t left)
{
	while (left) {
		ssize_t n = write(fd, bytes, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("write");
		bytes += n;
		left -= (size_t)n;
	}
}

static void send_message(int fd, struct message *message, uint32_t id)
{
	put_digits(message->id, 10, id);
	put_digits(message->stamp, 20, now_ns());
	write_all(fd, message->text, message->size);
}

/* Calls `take` for each line; returns at the end of the stream. */
static void read_lines(int fd, void (*take)(const char *line, size_t len))
{
	size_t room = option.size + 65536 + 4096, used = 0;
	char *buffer = malloc(room);

	for (;;) {
		ssize_t n = read(fd, buffer + used, used + 65536 <= room ? 65536 : room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		char *end, *line = buffer;
		size_t searched = used;
		used += (size_t)n;
		while ((end = memchr(line + searched, '\n', used - searched))) {
			size_t len = (size_t)(end + 1 - line);
			take(line, len);
			line += len;
			used -= len;
			searched = 0;
		}
		memmove(buffer, line, used);
	}
	free(buffer);
}

/* ---- the server ---- */

static int answer_fd;
static struct message answer;

static void answer_line(const char *line, size_t len)
{
	static const char hello[] =
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
		"\"serverInfo\":{\"name\":\"bench-server\",\"version\":\"1\"}}}\n";
	static const char id_member[] = "\"id\":";
	const char *id = memmem(line, len < 64 ? len : 64, id_member, strlen(id_member));

	if (!id)
		return; /* notifications/initialized */
	id += strlen(id_member);
	if (*id == '0')
		write_all(answer_fd, hello, strlen(hello));
	else
		send_message(answer_fd, &answer, (uint32_t)strtoul(id, NULL, 10));
}

static void serve(int in, int out)
{
	answer_fd = out;
	answer = make_answer(option.size);
	read_lines(in, answer_line);
	_exit(0);
}

/* ---- the client ---- */

static long answers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static long wanted = 1;

static void count_answer(const char *line, size_t len)
{
	(void)line;
	(void)len;
	if (__atomic_add_fetch(&answers, 1, __ATOMIC_SEQ_CST) >= __atomic_load_n(&wanted, __ATOMIC_SEQ_CST)) {
		pthread_mutex_lock(&lock);
		pthread_cond_signal(&answered);
		pthread_mutex_unlock(&lock);
	}
}

static void *read_answers(void *fd)
{
	read_lines(*(int *)fd, count_answer);
	return NULL;
}

static void wait_for_answers(long count)
{
	__atomic_store_n(&wanted, count, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&lock);
	while (__atomic_load_n(&answers, __ATOMIC_SEQ_CST) < count)
		pthread_cond_wait(&answered, &lock);
	pthread_mutex_unlock(&lock);
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* Sends `count` requests, each when it is due; returns the ns that it took. */
static uint64_t send_requests(int fd, long count)
{
	struct message request = make_request(option.size);
	double requests_per_ns = option.rate / 2 / 1e9;
	uint64_t start = now_ns();

	for (long sent = 0; sent < count;) {
		long due = count;
		if (option.rate > 0) {
			due = (long)((double)(now_ns() - start) * requests_per_ns) + 1;
			if (due > count)
				due = count;
		}
		while (sent < due)
			send_message(fd, &request, FIRST_ID + (uint32_t)sent++);
		if (option.rate > 0 && sent < count) {
			uint64_t next = start + (uint64_t)((double)sent / requests_per_ns);
			uint64_t tick = now_ns() + TICK_NS;
			sleep_until(option.even || next > tick ? next : tick);
		}
	}
	return now_ns() - start;
}

static void converse(int in, int out, pid_t server)
{
	static const char hello[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
				    "\"capabilities\":{},\"clientInfo\":{\"name\":\"bench-client\",\"version\":\"1\"}}}\n";
	static const char ready[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
	long requests = option.messages / 2;
	pthread_t reader;

	if (pthread_create(&reader, NULL, read_answers, &in))
		die("pthread_create");
	write_all(out, hello, strlen(hello));
	wait_for_answers(1);
	write_all(out, ready, strlen(ready));
	uint64_t begin = now_ns();
	uint64_t sending = send_requests(out, requests);
	wait_for_answers(requests + 1);
	uint64_t total = now_ns() - begin;
	if (in == out)
		shutdown(out, SHUT_WR);
	else
		close(out);
	pthread_join(reader, NULL);
	waitpid(server, NULL, 0);
	printf("{\"requests\":%ld,\"messages\":%ld,\"bytes\":%ld,\"seconds\":%.6f,\"sending_seconds\":%.6f,\"rate\":%.0f,"
	       "\"client\":%d,\"server\":%d}\n",
	       requests, 2 * requests + 3, 2 * requests * (long)option.size, (double)total / 1e9, (double)sending / 1e9,
	       2e9 * (double)requests / (double)total, getpid(), server);
}

static void parse_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "--pipe"))
			option.pipe = true;
		else if (!strcmp(argv[i], "--even"))
			option.even = true;
		else if (!strcmp(argv[i], "--size"))
			option.size = strtoul(value, NULL, 10), i++;
		else if (!strcmp(argv[i], "--rate"))
			option.rate = strtod(value, NULL), i++;
		else if (!strcmp(argv[i], "--messages"))
			option.messages = strtol(value, NULL, 10), i++;
		else {
			fprintf(stderr, "load: unknown option \"%s\"\n", argv[i]);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	int request[2], response[2]; /* [0]: client's end of the socketpair, or the reading end of the pipe */

	parse_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1UL); /* by default 50 µs, half the time between two requests at 20,000/s */
	if (option.pipe ? pipe(request) || pipe(response)
			: socketpair(AF_UNIX, SOCK_STREAM, 0, request) || socketpair(AF_UNIX, SOCK_STREAM, 0, response))
		die("channel");
	pid_t server = fork();
	if (server < 0)
		die("fork");
	if (server == 0) {
		close(request[1]);
		close(response[0]);
		serve(request[0], response[1]);
	}
	close(request[0]);
	close(response[1]);
	converse(response[0], request[1], server);
	return 0;
}
