/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring as its consumer sees it: memory ordering, and waiting without blocking the event loop. The waiter thread
 * touches nothing but its descriptors and the ring's positions. Conventions as in shim.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>
#include "export.h"

#define WAIT_MS 250 /* how long what wakes nobody may lie in the ring (patient_flags in bpf/record.h) */

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

/* Waits until there are records, says so once, and waits to be armed again. The timeout covers what wakes nobody. */
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

static int map_ring(struct ring *ring, uint32_t size)
{
	long page = sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->map_fd, 0);

	if (consumer == MAP_FAILED)
		return -errno;
	void *producer = mmap(NULL, page + 2 * (size_t)size, PROT_READ, MAP_SHARED, ring->map_fd, page);
	if (producer == MAP_FAILED) {
		int error = -errno;
		munmap(consumer, page);
		return error;
	}
	ring->consumer_position = consumer;
	ring->producer_position = producer;
	ring->records = (uint8_t *)producer + page;
	ring->acquired = *ring->consumer_position;
	return 0;
}

static void unmap_ring(struct ring *ring)
{
	long page = sysconf(_SC_PAGESIZE);

	munmap((void *)ring->consumer_position, page);
	munmap((void *)ring->producer_position, page + 2 * (ring->mask + 1));
}

static void close_pair(int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static int start_waiter(struct ring *ring)
{
	sigset_t all, before;

	if (pipe2(ring->arm, O_CLOEXEC))
		return -errno;
	if (pipe2(ring->wake, O_CLOEXEC | O_NONBLOCK)) {
		int error = -errno;
		close_pair(ring->arm);
		return error;
	}
	/* the writing side may block: a wake-up must not be lost */
	fcntl(ring->wake[1], F_SETFL, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&ring->waiter, NULL, wait_for_records, ring);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		close_pair(ring->arm);
		close_pair(ring->wake);
	}
	return -error;
}

/* `sleeps`: address of consumer_sleeps. The wake pipe's reading end is returned through `wake_fd`, and is the caller's
 * to close. NULL: `wake_fd` is a negative errno. */
EXPORT struct ring *sh_ring_open(int map_fd, uint32_t size, uint32_t *sleeps, int32_t *wake_fd)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring) {
		*wake_fd = -ENOMEM;
		return NULL;
	}
	ring->map_fd = map_fd;
	ring->mask = size - 1;
	ring->sleeps = sleeps;
	int error = map_ring(ring, size);
	if (!error) {
		error = start_waiter(ring);
		if (error)
			unmap_ring(ring);
	}
	if (error) {
		*wake_fd = error;
		free(ring);
		return NULL;
	}
	*wake_fd = ring->wake[0];
	return ring;
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

/* The memory stays mapped: views of it in JavaScript may outlive the ring. */
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
