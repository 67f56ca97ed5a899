/* SPDX-License-Identifier: Apache-2.0 */
/* In: what this process wrote and read. Out: one JSON line each in LOG_DIR/ROLE-PID.jsonl, written at exit. */
#include "traffic.h"
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static FILE *log_file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t crc_table[256];

void truth_open(const char *role)
{
	char path[4096];
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
		crc_table[i] = c;
	}
	snprintf(path, sizeof path, "%s/%s-%d.jsonl", opt.log_dir, role, getpid());
	log_file = fopen(path, "we");
	if (!log_file)
		die(path);
	setvbuf(log_file, NULL, _IOFBF, 1 << 20);
}

/* CRC-32 as zlib and Bun.hash.crc32 have it. */
static uint32_t crc32(const char *bytes, size_t len)
{
	uint32_t c = 0xffffffffu;
	for (size_t i = 0; i < len; i++)
		c = crc_table[(c ^ (uint8_t)bytes[i]) & 0xff] ^ (c >> 8);
	return c ^ 0xffffffffu;
}

uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static const char *const message_start = "{\"jsonrpc\":\"2.0\",";

/* Messages of this program start and end like this, and its noise does not. */
bool is_message(const char *line, size_t len)
{
	size_t start = strlen(message_start);
	return len > start + 2 && !memcmp(line, message_start, start) && line[len - 1] == '}';
}

long message_id(const char *line, size_t len)
{
	size_t start = strlen(message_start);
	if (len > start + 6 && !memcmp(line + start, "\"id\":", 5) && isdigit((unsigned char)line[start + 5]))
		return strtol(line + start + 5, NULL, 10);
	return -1;
}

static const char *message_type(const char *line, size_t len, long id)
{
	if (id < 0)
		return "notification";
	size_t shown = len < 60 ? len : 60;
	return memmem(line, shown, "\"method\":", 9) ? "request" : "response";
}

/*
 * what: 'w' written, 'r' read, 'u' written and, by design, never read. `len` is without the line end, `bytes` with it.
 * Times: before the first and after the last system call that moved the line's bytes.
 */
void truth_message(char what, const char *chan, const char *line, size_t len, size_t bytes, uint64_t from_ns,
		   uint64_t until_ns)
{
	long id = message_id(line, len);
	pthread_mutex_lock(&lock);
	fprintf(log_file,
		"{\"kind\":\"%c\",\"pid\":%d,\"chan\":\"%s\",\"type\":\"%s\",\"id\":%ld,\"bytes\":%zu,\"len\":%zu,\"crc\":%u,"
		"\"fromNs\":%llu,\"untilNs\":%llu,\"afterGo\":%s}\n",
		what, getpid(), chan, message_type(line, len, id), id, bytes, len, crc32(line, len),
		(unsigned long long)from_ns, (unsigned long long)until_ns,
		__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE) ? "true" : "false");
	pthread_mutex_unlock(&lock);
}

void truth_count(const char *chan, const char *what, uint64_t before_go, uint64_t after_go)
{
	fprintf(log_file, "{\"kind\":\"count\",\"pid\":%d,\"chan\":\"%s\",\"what\":\"%s\",\"beforeGo\":%llu,\"afterGo\":%llu}\n",
		getpid(), chan, what, (unsigned long long)before_go, (unsigned long long)after_go);
}

void truth_close(void)
{
	if (fclose(log_file))
		die("truth file");
}
