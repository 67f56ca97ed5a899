/* SPDX-License-Identifier: Apache-2.0
 *
 * What JavaScript cannot do right: memory ordering on the ring, errno, libbpf's log, ownership of links, waiting
 * without blocking the event loop. Policy and decoding are in TypeScript.
 *
 * Every function returns a value ≥ 0 or a negative errno, never sets errno, and may be called from the main
 * thread only; the waiter thread touches nothing but its two descriptors and the ring's positions.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#define EXPORT __attribute__((visibility("default")))

#define LOG_BYTES (256 * 1024)
#define WAIT_MS 250 /* what wakes nobody is a write, an end, a process: none of them fills the ring by then */

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

/* ---- the ring ---- */

struct ring {
	volatile uint64_t *consumer_position; /* own page, writable */
	volatile uint64_t *producer_position;
	uint8_t *records; /* mapped twice in a row: a record never wraps */
	uint64_t mask;
	uint64_t acquired; /* end of the span that JavaScript holds */
	uint32_t *sleeps; /* consumer_sleeps in .bss */
	pthread_t waiter;
	int arm[2]; /* JavaScript → waiter */
	int wake[2]; /* waiter → JavaScript */
	int map_fd;
	int stopping;
};

#define BUSY_BIT (1U << 31)
#define DISCARD_BIT (1U << 30)
#define HEADER_BYTES 8

static int ring_has_more(struct ring *ring)
{
	return __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(ring->consumer_position, __ATOMIC_RELAXED);
}

/* Waits until there are records, says so once, and waits to be armed again. A timeout covers notes, which wake nobody. */
static void *wait_for_records(void *argument)
{
	struct ring *ring = argument;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	char byte;

	epoll_ctl(epoll, EPOLL_CTL_ADD, ring->map_fd, &event);
	while (read(ring->arm[0], &byte, 1) == 1 && !__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE)) {
		while (!__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE)) {
			epoll_wait(epoll, &event, 1, WAIT_MS);
			if (ring_has_more(ring))
				break;
		}
		if (write(ring->wake[1], &byte, 1) != 1)
			break;
	}
	close(epoll);
	return NULL;
}

/* `sleeps`: address of consumer_sleeps. The wake pipe's reading end is returned through `wake_fd`. */
EXPORT struct ring *sh_ring_open(int map_fd, uint32_t size, uint32_t *sleeps, int32_t *wake_fd)
{
	long page = sysconf(_SC_PAGESIZE);
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->map_fd = map_fd;
	ring->mask = size - 1;
	ring->sleeps = sleeps;
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	void *producer = mmap(NULL, page + 2 * (size_t)size, PROT_READ, MAP_SHARED, map_fd, page);
	if (consumer == MAP_FAILED || producer == MAP_FAILED)
		goto failed;
	ring->consumer_position = consumer;
	ring->producer_position = producer;
	ring->records = (uint8_t *)producer + page;
	ring->acquired = *ring->consumer_position;
	if (pipe2(ring->arm, O_CLOEXEC) || pipe2(ring->wake, O_CLOEXEC | O_NONBLOCK))
		goto failed;
	/* the writing side may block: a wake-up must not be lost */
	fcntl(ring->wake[1], F_SETFL, 0);
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&ring->waiter, NULL, wait_for_records, ring);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		goto failed;
	*wake_fd = ring->wake[0];
	return ring;
failed:
	*wake_fd = -errno;
	free(ring);
	return NULL;
}

EXPORT const void *sh_ring_records(struct ring *ring)
{
	return ring->records;
}

/* Gives the caller all complete records, at most `most` bytes: offset into the records through `offset`, length
 * returned. Each record has an 8-byte header (length and flags); the caller walks them. */
EXPORT uint32_t sh_ring_acquire(struct ring *ring, uint32_t most, uint32_t *offset)
{
	uint64_t position = *ring->consumer_position;
	uint64_t end = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
	uint64_t at = position;

	*offset = (uint32_t)(position & ring->mask);
	while (at < end && at - position < most) {
		uint32_t *header = (uint32_t *)(ring->records + (at & ring->mask));
		uint32_t length = __atomic_load_n(header, __ATOMIC_ACQUIRE);

		if (length & BUSY_BIT)
			break;
		at += (HEADER_BYTES + (length & ~DISCARD_BIT) + 7) / 8 * 8;
	}
	ring->acquired = at;
	return (uint32_t)(at - position);
}

EXPORT void sh_ring_release(struct ring *ring)
{
	__atomic_store_n(ring->consumer_position, ring->acquired, __ATOMIC_RELEASE);
}

/* Asks for one byte on the wake pipe when there are records. Returns 1, and asks for nothing, when there are some already. */
EXPORT int sh_ring_sleep(struct ring *ring)
{
	__atomic_store_n(ring->sleeps, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ring_has_more(ring)) {
		__atomic_store_n(ring->sleeps, 0, __ATOMIC_SEQ_CST);
		return 1;
	}
	return write(ring->arm[1], "", 1) == 1 ? 0 : -errno;
}

/* Bytes in the ring that were not released yet. */
EXPORT uint32_t sh_ring_pending(struct ring *ring)
{
	return (uint32_t)(__atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) - *ring->consumer_position);
}

EXPORT void sh_ring_close(struct ring *ring)
{
	__atomic_store_n(&ring->stopping, 1, __ATOMIC_RELEASE);
	if (write(ring->arm[1], "", 1) != 1)
		return;
	pthread_join(ring->waiter, NULL);
	close(ring->arm[0]);
	close(ring->arm[1]);
	close(ring->wake[1]);
	free(ring);
}

/* ---- descriptors ---- */

/* 1 when nobody reads the pipe or socket behind `fd` any more. */
EXPORT int sh_reader_gone(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = 0 };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLERR | POLLHUP | POLLNVAL)) ? 1 : 0;
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
