/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one write and one read of the same bytes cost a program, in ns, by kind of file. One thread, one CPU.
 * Out: one JSON object, the median over bursts for each kind.
 *
 *   pairs [CPU [BURSTS]]
 *
 * Bursts are short and spaced, so that a tool that copies each message can keep up: a full ring would copy
 * nothing and look cheap.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 2000 /* of 200 bytes: 0.4 MB in a burst */
#define SIZE 200
#define PAUSE_US 20000
#define MOST_BURSTS 1000

enum kind { MCP_PIPE, BUSY_PIPE, UNIX_SOCKETPAIR, TCP_SOCKET, REGULAR_FILE, GETPPID, KINDS };
static const char *const names[KINDS] = { "mcp_pipe", "busy_pipe", "unix_socketpair", "tcp_socket", "regular_file", "getppid" };

struct ends {
	int in, out;
};

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

static struct ends open_tcp(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int listening = socket(AF_INET, SOCK_STREAM, 0), out = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (bind(listening, (struct sockaddr *)&address, length) || listen(listening, 1) ||
	    getsockname(listening, (struct sockaddr *)&address, &length) ||
	    connect(out, (struct sockaddr *)&address, length))
		die("tcp");
	setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	struct ends ends = { .in = accept(listening, NULL, NULL), .out = out };
	close(listening);
	return ends;
}

static struct ends open_file(void)
{
	char path[] = "/tmp/overhear-bench-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		die(path);
	unlink(path);
	return (struct ends){ fd, fd };
}

static struct ends open_kind(enum kind kind)
{
	int pair[2] = { -1, -1 };

	switch (kind) {
	case MCP_PIPE:
	case BUSY_PIPE:
		if (pipe(pair))
			die("pipe");
		break;
	case UNIX_SOCKETPAIR:
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			die("socketpair");
		break;
	case TCP_SOCKET:
		return open_tcp();
	case REGULAR_FILE:
		return open_file();
	default:
		break;
	}
	return (struct ends){ pair[0], pair[1] };
}

/* Bytes that each kind carries: an MCP message, or what is none and never begins a line like one. */
static void fill(enum kind kind, char *bytes)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,"
				   "\"progress\":1,\"message\":\"";

	memset(bytes, 'x', SIZE);
	if (kind != MCP_PIPE)
		return;
	memcpy(bytes, head, strlen(head));
	memcpy(bytes + SIZE - 4, "\"}}\n", 4);
}

static double burst(enum kind kind, struct ends ends, char *bytes)
{
	uint64_t start = now_ns();

	for (int i = 0; i < PAIRS; i++) {
		if (kind == GETPPID) {
			syscall(SYS_getppid);
		} else if (kind == REGULAR_FILE) {
			if (pwrite(ends.out, bytes, SIZE, 0) != SIZE || pread(ends.in, bytes, SIZE, 0) != SIZE)
				die(names[kind]);
		} else if (write(ends.out, bytes, SIZE) != SIZE || read(ends.in, bytes, SIZE) != SIZE) {
			die(names[kind]);
		}
	}
	return (double)(now_ns() - start) / PAIRS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double measure(enum kind kind, int bursts)
{
	double results[MOST_BURSTS];
	char bytes[SIZE];
	struct ends ends = open_kind(kind);

	fill(kind, bytes);
	/* warm up, long enough for the tool to know what the channel carries */
	for (int i = 0; i < 3; i++) {
		burst(kind, ends, bytes);
		usleep(5 * PAUSE_US);
	}
	for (int i = 0; i < bursts; i++) {
		results[i] = burst(kind, ends, bytes);
		usleep(PAUSE_US);
	}
	qsort(results, (size_t)bursts, sizeof *results, compare);
	close(ends.in);
	if (ends.out != ends.in)
		close(ends.out);
	return results[bursts / 2];
}

int main(int argc, char **argv)
{
	int cpu = argc > 1 ? atoi(argv[1]) : 0;
	int bursts = argc > 2 ? atoi(argv[2]) : 25;
	cpu_set_t set;

	if (bursts < 1 || bursts > MOST_BURSTS)
		return 2;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		die("sched_setaffinity");
	for (enum kind kind = 0; kind < KINDS; kind++)
		printf("%s\"%s\":%.1f", kind ? "," : "{", names[kind], measure(kind, bursts));
	printf("}\n");
	return 0;
}
