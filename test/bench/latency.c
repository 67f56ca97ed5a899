/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: overhear's NDJSON on stdin, of messages that load.c sent; how many of the first do not count (a tool that has just
 * started is still being compiled). Out at the end: how long it took from just before each write() to the arrival of its line
 * here, µs, as one JSON object.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST 4000000
#define LINE_ROOM (4u << 20)

static double *delays;
static size_t count;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(double p)
{
	return count ? delays[(size_t)(p * (double)(count - 1) + 0.5)] : 0;
}

int main(int argc, char **argv)
{
	char *buffer = malloc(LINE_ROOM);
	size_t used = 0, skipped = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	ssize_t n;

	delays = malloc(MOST * sizeof *delays);
	while ((n = read(0, buffer + used, LINE_ROOM - 1 - used)) > 0) {
		uint64_t arrived = now_ns();
		char *line = buffer, *end;
		used += (size_t)n;
		while ((end = memchr(line, '\n', used - (size_t)(line - buffer)))) {
			*end = 0;
			/* an answer's own stamp comes before that of its request */
			char *stamp = strstr(line, "\"sent_ns\":\"");
			if (stamp && count < MOST && !strncmp(line, "{\"kind\":\"message\"", 17)) {
				if (skipped)
					skipped--;
				else
					delays[count++] = (double)(arrived - strtoull(stamp + 11, NULL, 10)) / 1e3;
			}
			line = end + 1;
		}
		used -= (size_t)(line - buffer);
		memmove(buffer, line, used);
		if (used == LINE_ROOM - 1)
			used = 0; /* a line longer than any that load.c sends here */
	}
	qsort(delays, count, sizeof *delays, compare);
	printf("{\"count\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n", count, percentile(0.5),
	       percentile(0.99), percentile(1));
	return 0;
}
