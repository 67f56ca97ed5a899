/* SPDX-License-Identifier: Apache-2.0
 *
 * What JavaScript cannot do right: errno, libbpf's log, ownership of links; the ring is in ring.c. Policy and
 * decoding are in TypeScript.
 *
 * Every function returns a value ≥ 0 or a negative errno, never sets errno, and may be called from the main
 * thread only.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "export.h"

#define LOG_BYTES (256 * 1024)

/* ---- libbpf's log ---- */

static char log_text[LOG_BYTES];
static size_t log_used;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static int keep_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_DEBUG)
		return 0;
	char *line = NULL;
	int printed = vasprintf(&line, format, arguments);
	if (printed <= 0)
		return printed;
	/* a verifier log can be megabytes, in one call: keep the end, that is where the reason stands */
	size_t length = (size_t)printed < sizeof(log_text) ? (size_t)printed : sizeof(log_text);
	pthread_mutex_lock(&log_lock);
	if (log_used + length > sizeof(log_text)) {
		size_t drop = log_used + length - sizeof(log_text);
		memmove(log_text, log_text + drop, log_used - drop);
		log_used -= drop;
	}
	memcpy(log_text + log_used, line + printed - length, length);
	log_used += length;
	pthread_mutex_unlock(&log_lock);
	free(line);
	return printed;
}

/* Moves what libbpf said since the last call into `out`; returns its length. */
EXPORT int sh_log_take(char *out, int size)
{
	pthread_mutex_lock(&log_lock);
	size_t length = log_used < (size_t)size ? log_used : (size_t)size;
	memcpy(out, log_text + log_used - length, length);
	log_used = 0;
	pthread_mutex_unlock(&log_lock);
	return (int)length;
}

EXPORT const char *sh_libbpf_version(void)
{
	return libbpf_version_string();
}

/* ---- objects ---- */

EXPORT struct bpf_object *sh_object_open(const void *bytes, uint32_t size, const char *name)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);

	libbpf_set_print(keep_log);
	return bpf_object__open_mem(bytes, size, &options);
}

EXPORT int sh_object_load(struct bpf_object *object)
{
	sigset_t all, before;

	/* the verifier gives up (EAGAIN) when a signal is pending: a profiler's timer is enough */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = bpf_object__load(object);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

EXPORT void sh_object_close(struct bpf_object *object)
{
	bpf_object__close(object);
}

EXPORT int sh_program_enable(struct bpf_object *object, const char *name, const char *attach_target)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program)
		return -ENOENT;
	if (attach_target[0]) {
		int error = bpf_program__set_attach_target(program, 0, attach_target);
		if (error)
			return error;
	}
	return bpf_program__set_autoload(program, true);
}

EXPORT int sh_program_disable(struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	return program ? bpf_program__set_autoload(program, false) : -ENOENT;
}

/* Attaches a loaded program. The link lives until sh_link_destroy or the end of the process. */
EXPORT int sh_program_attach(struct bpf_object *object, const char *name, struct bpf_link **link)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program)
		return -ENOENT;
	*link = bpf_program__attach(program);
	return *link ? 0 : -errno;
}

/* Runs a loaded raw tracepoint program once, here and now, with `count` arguments. Returns what it returns. */
EXPORT int sh_program_run(struct bpf_object *object, const char *name, const uint64_t *arguments, uint32_t count)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = arguments, .ctx_size_in = count * sizeof(*arguments));

	if (!program)
		return -ENOENT;
	int error = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
	return error ? error : (int)options.retval;
}

EXPORT int sh_link_destroy(struct bpf_link *link)
{
	return bpf_link__destroy(link);
}

EXPORT int sh_program_misses(struct bpf_object *object, const char *name, uint64_t *misses)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	*misses = 0;
	if (!program || bpf_program__fd(program) < 0)
		return -ENOENT;
	int error = bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size);
	/* recursion_misses: since 5.12; older kernels leave it 0 */
	*misses = info.recursion_misses;
	return error;
}

/* Prepares an iterator program for runs over the whole system. */
EXPORT int sh_iterator_open(struct bpf_object *object, const char *name, struct bpf_link **link)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program)
		return -ENOENT;
	*link = bpf_program__attach_iter(program, NULL);
	return *link ? 0 : -errno;
}

/* Runs it and puts its output into `out`. Returns bytes, or -ENOSPC when there is more than `size`. */
EXPORT int sh_iterate(struct bpf_link *link, char *out, uint32_t size)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	int result = fd < 0 ? -errno : 0;
	while (fd >= 0) {
		if ((uint32_t)result == size) {
			result = -ENOSPC;
			break;
		}
		ssize_t n = read(fd, out + result, size - result);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			if (n < 0)
				result = -errno;
			break;
		}
		result += n;
	}
	if (fd >= 0)
		close(fd);
	return result;
}

/* ---- maps ---- */

EXPORT int sh_map_fd(struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

EXPORT int sh_map_resize(struct bpf_object *object, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	return map ? bpf_map__set_max_entries(map, entries) : -ENOENT;
}

EXPORT int sh_map_lookup(int fd, const void *key, void *value)
{
	return bpf_map_lookup_elem(fd, key, value) ? -errno : 0;
}

EXPORT int sh_map_update(int fd, const void *key, const void *value)
{
	return bpf_map_update_elem(fd, key, value, BPF_ANY) ? -errno : 0;
}

EXPORT int sh_map_delete(int fd, const void *key)
{
	return bpf_map_delete_elem(fd, key) ? -errno : 0;
}

EXPORT int sh_map_next_key(int fd, const void *key, void *next)
{
	return bpf_map_get_next_key(fd, key, next) ? -errno : 0;
}

/* The memory behind .rodata (before load) or .bss (after it: live, shared with the programs). */
EXPORT void *sh_map_memory(struct bpf_object *object, const char *suffix, uint64_t *size)
{
	struct bpf_map *map;
	size_t bytes = 0;

	bpf_object__for_each_map(map, object) {
		const char *name = bpf_map__name(map);
		size_t length = strlen(name), tail = strlen(suffix);

		if (length < tail || strcmp(name + length - tail, suffix))
			continue;
		void *memory = bpf_map__initial_value(map, &bytes);
		*size = bytes;
		return memory;
	}
	*size = 0;
	return NULL;
}

/* ---- descriptors ---- */

/* 1 when nobody reads the pipe or socket behind `fd` any more. */
EXPORT int sh_reader_gone(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = 0 };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLERR | POLLHUP | POLLNVAL)) ? 1 : 0;
}

/* Lets a pipe hold `bytes` or more; what is no pipe, or may not be so large, stays as it is. */
EXPORT void sh_grow_pipe(int fd, uint32_t bytes)
{
	int now = fcntl(fd, F_GETPIPE_SZ);

	if (now >= 0 && (uint32_t)now < bytes)
		fcntl(fd, F_SETPIPE_SZ, bytes);
}

/* CLOCK_BOOTTIME and CLOCK_REALTIME, ns, read together. */
EXPORT void sh_clocks(uint64_t *boot, uint64_t *real)
{
	struct timespec a, b;

	clock_gettime(CLOCK_BOOTTIME, &a);
	clock_gettime(CLOCK_REALTIME, &b);
	*boot = (uint64_t)a.tv_sec * 1000000000ull + a.tv_nsec;
	*real = (uint64_t)b.tv_sec * 1000000000ull + b.tv_nsec;
}
