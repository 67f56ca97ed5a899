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
#include <sys/syscall.h>
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

/* An object that a thread of its own loads: the verifier takes its time, and nobody should wait for it. */
struct load {
	pthread_t thread;
	struct bpf_object *object;
	int error;
	int is_done;
};

static void *load_object(void *argument)
{
	struct load *load = argument;

	load->error = bpf_object__load(load->object);
	__atomic_store_n(&load->is_done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* NULL: there is no thread to be had. The thread takes no signals, as in sh_object_load. */
EXPORT struct load *sh_load_begin(struct bpf_object *object)
{
	struct load *load = calloc(1, sizeof(*load));
	sigset_t all, before;

	if (!load)
		return NULL;
	load->object = object;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&load->thread, NULL, load_object, load);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		free(load);
		return NULL;
	}
	return load;
}

EXPORT int sh_load_is_done(const struct load *load)
{
	return __atomic_load_n(&load->is_done, __ATOMIC_ACQUIRE);
}

/* Waits for it. Returns what sh_object_load would. */
EXPORT int sh_load_end(struct load *load)
{
	pthread_join(load->thread, NULL);
	int error = load->error;
	free(load);
	return error;
}

/* Internal maps (.bss) are called after their object. */
static const char *name_of(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map), *dot = strrchr(name, '.');

	return bpf_map__is_internal(map) && dot ? dot : name;
}

static int is_same(const struct bpf_map *a, const struct bpf_map *b)
{
	if (strcmp(name_of(a), name_of(b)) || bpf_map__type(a) != bpf_map__type(b) ||
	    bpf_map__key_size(a) != bpf_map__key_size(b))
		return 0;
	/* variables: those that both have come first */
	return bpf_map__is_internal(a) ? bpf_map__value_size(a) <= bpf_map__value_size(b) :
					 bpf_map__value_size(a) == bpf_map__value_size(b);
}

/* Before load: maps and variables that `with`, which is loaded, has as well are the same ones. Its constants are not. */
EXPORT int sh_object_share(struct bpf_object *object, struct bpf_object *with)
{
	struct bpf_map *map, *other;

	bpf_object__for_each_map(map, object) {
		if (!strcmp(name_of(map), ".rodata"))
			continue;
		bpf_object__for_each_map(other, with) {
			if (bpf_map__fd(other) < 0 || !is_same(map, other))
				continue;
			int error = bpf_map__reuse_fd(map, bpf_map__fd(other));
			if (error)
				return error;
		}
	}
	return 0;
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

EXPORT int sh_program_only(struct bpf_object *object, const char *name)
{
	struct bpf_program *program;

	if (!bpf_object__find_program_by_name(object, name))
		return -ENOENT;
	bpf_object__for_each_program(program, object) {
		int error = bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
		if (error)
			return error;
	}
	return 0;
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

/* ---- uprobes ---- */

/* BPF_TRACE_UPROBE_MULTI of the kernel's headers since 6.6 */
#define TRACE_UPROBE_MULTI 48

/* Before load: the object's uprobe programs are attached to many places by one link each (since 6.6). */
EXPORT int sh_uprobe_multi(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object) {
		const char *section = bpf_program__section_name(program);

		if (strncmp(section + (section[0] == '?'), "uprobe", 6))
			continue;
		int error = bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
		if (error)
			return error;
	}
	return 0;
}

/* Attaches a loaded program to places of a file, by their offsets in it, in all processes that run or will run them. At a
 * return: offsets are those of the functions. One link for all of them with `multi`, else `count` must be 1. */
EXPORT int sh_uprobe_attach(struct bpf_object *object, const char *name, const char *path, const uint64_t *offsets,
			    uint32_t count, int at_return, int multi, struct bpf_link **link)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program)
		return -ENOENT;
	if (multi) {
		LIBBPF_OPTS(bpf_uprobe_multi_opts, options, .offsets = (const unsigned long *)offsets, .cnt = count,
			    .retprobe = at_return);
		*link = bpf_program__attach_uprobe_multi(program, -1, path, NULL, &options);
	} else {
		LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = at_return);
		*link = count == 1 ? bpf_program__attach_uprobe_opts(program, -1, path, offsets[0], &options) : NULL;
		if (count != 1)
			return -EINVAL;
	}
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

struct links {
	struct bpf_link **links;
	uint32_t count;
	uint32_t next;
};

static void *destroy_some(void *argument)
{
	struct links *all = argument;
	uint32_t i;

	while ((i = __atomic_fetch_add(&all->next, 1, __ATOMIC_RELAXED)) < all->count)
		bpf_link__destroy(all->links[i]);
	return NULL;
}

#define DESTROYERS 32

/* Each waits until the kernel's other CPUs have left the program: together they wait hardly longer than one. */
EXPORT void sh_links_destroy(struct bpf_link **links, uint32_t count)
{
	struct links all = { links, count, 0 };
	pthread_t threads[DESTROYERS];
	uint32_t started = 0;
	sigset_t blocked, before;

	/* signals are for the main thread */
	sigfillset(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	while (started < DESTROYERS && started + 1 < count &&
	       !pthread_create(&threads[started], NULL, destroy_some, &all))
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	destroy_some(&all);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

/* ---- links that are left ---- */

#define KEEPER_PAUSE_NS (20 * 1000 * 1000)
#define KEEPER_PAUSES (60 * 50)

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What a child does until `parent` has ended: holds `fds`, and nothing else that somebody could wait for. The other
 * threads are not in it: only what a signal handler may call. */
static void keep_until_end(const int *fds, uint32_t count, pid_t parent)
{
	struct timespec pause = { .tv_nsec = KEEPER_PAUSE_NS };
	uint32_t from = 0;

	setsid();
	for (uint32_t i = 0; i < count; i++) {
		if (from < (uint32_t)fds[i])
			syscall(SYS_close_range, from, fds[i] - 1, 0);
		from = fds[i] + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0);
	for (int i = 0; i < KEEPER_PAUSES && getppid() == parent; i++)
		nanosleep(&pause, NULL);
	_exit(0);
}

/* Takes links to perf events down without a wait: the kernel takes each down for itself, 100 ms each, and holds up whoever
 * closes them, or ends with them open. So a child has them until this process has ended. Returns 0, or why there is no
 * child: then the links are as they were. */
EXPORT int sh_links_leave(struct bpf_link **links, uint32_t count)
{
	int *fds = calloc(count, sizeof(*fds));
	pid_t parent = getpid(), child;
	sigset_t all, before;

	if (!fds)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		fds[i] = bpf_link__fd(links[i]);
	qsort(fds, count, sizeof(*fds), by_number);
	/* no handler of this process may run in the child */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0)
		keep_until_end(fds, count, parent);
	int error = child < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	free(fds);
	for (uint32_t i = 0; !error && i < count; i++)
		bpf_link__destroy(links[i]);
	return error;
}

/* Puts the program into the first place of a map of programs. */
EXPORT int sh_program_put(struct bpf_object *object, const char *name, int map_fd)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	uint32_t first = 0;

	if (!program || bpf_program__fd(program) < 0)
		return -ENOENT;
	int fd = bpf_program__fd(program);
	return bpf_map_update_elem(map_fd, &first, &fd, BPF_ANY) ? -errno : 0;
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
