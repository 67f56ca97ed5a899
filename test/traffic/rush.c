/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short TCP connections over loopback, as many as asked for. In: options. Out: one JSON object: how many there were, at
 * what rate, and how long each took, from before connect() to behind close().
 *
 *   rush [--connections N] [--rate PER_S] [--processes N] [--port N]
 *
 * Each client process has one connection at a time: it connects, reads the end, which the server sends at once, and
 * closes. As many processes accept. Without --rate: as fast as it goes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_CONNECTIONS 4000000
#define MOST_PROCESSES 64

static struct {
	long connections;
	double rate;
	int processes;
	int port;
} option = { .connections = 10000, .processes = 1 };

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

static void wait_until(uint64_t due_ns)
{
	struct timespec due = { (time_t)(due_ns / 1000000000u), (long)(due_ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
}

static void serve(int listening)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listening, NULL, NULL);
		if (fd < 0)
			die("accept");
		close(fd);
	}
}

/* Every so many-th of all, counted from `first`; their times go to `times_us`. */
static void rush(const struct sockaddr_in *address, long first, double *times_us)
{
	uint64_t begun = now_ns();
	char byte;

	for (long i = first; i < option.connections; i += option.processes) {
		uint64_t from;
		int fd;
		if (option.rate > 0)
			wait_until(begun + (uint64_t)((double)i * 1e9 / option.rate));
		from = now_ns();
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address))
			die("connect");
		if (read(fd, &byte, 1) != 0)
			die("read");
		close(fd);
		times_us[i] = (double)(now_ns() - from) / 1e3;
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		if (!strcmp(name, "--connections"))
			option.connections = strtol(value, NULL, 10);
		else if (!strcmp(name, "--rate"))
			option.rate = strtod(value, NULL);
		else if (!strcmp(name, "--processes"))
			option.processes = atoi(value);
		else if (!strcmp(name, "--port"))
			option.port = atoi(value);
		else
			exit(2);
	}
	if (argc % 2 == 0 || option.connections < 1 || option.connections > MOST_CONNECTIONS || option.processes < 1 ||
	    option.processes > MOST_PROCESSES)
		exit(2);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int listening = socket(AF_INET, SOCK_STREAM, 0), on = 1, failed = 0;
	pid_t servers[MOST_PROCESSES], clients[MOST_PROCESSES];
	uint64_t begun;
	double *times_us, seconds;

	parse(argc, argv);
	address.sin_port = htons((uint16_t)option.port);
	setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listening, (struct sockaddr *)&address, length) || listen(listening, 4096) ||
	    getsockname(listening, (struct sockaddr *)&address, &length))
		die("listen");
	times_us = mmap(NULL, (size_t)option.connections * sizeof *times_us, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (times_us == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < option.processes; i++)
		if ((servers[i] = fork()) == 0)
			serve(listening);
	begun = now_ns();
	for (int i = 0; i < option.processes; i++) {
		if ((clients[i] = fork()) == 0) {
			rush(&address, i, times_us);
			_exit(0);
		}
	}
	for (int i = 0; i < option.processes; i++) {
		int status;
		waitpid(clients[i], &status, 0);
		failed |= status;
	}
	seconds = (double)(now_ns() - begun) / 1e9;
	for (int i = 0; i < option.processes; i++) {
		kill(servers[i], SIGKILL);
		waitpid(servers[i], NULL, 0);
	}
	if (failed)
		return 1;
	qsort(times_us, (size_t)option.connections, sizeof *times_us, compare);
	printf("{\"connections\":%ld,\"connections_per_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n", option.connections,
	       (double)option.connections / seconds, times_us[option.connections / 2],
	       times_us[option.connections * 99 / 100]);
	return 0;
}
