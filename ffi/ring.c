/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring as its consumer sees it: memory ordering, and two ways of waiting. The cheap one (sh_ring_wait) blocks the
 * caller and is for moments; the other (sh_ring_sleep) has a thread wait, which touches nothing but its descriptors and
 * the ring's positions. Conventions as in shim.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "export.h"

#define MOST_BYTES (1U << 20) /* of a span, but for its last record */
#define RECORD_BYTES (64U << 10) /* no record is longer (PIECE_BYTES in bpf/config.h), and no ring smaller */
#define WAIT_MS 250 /* how long what wakes nobody may lie in the ring (patient_flags in bpf/record.h) */

struct ring {
	volatile uint64_t *consumer_position; /* own page, writable */
	volatile uint64_t *producer_position;
	uint8_t *records; /* behind them their beginning once more, as much as a span may be: it never wraps */
	uint64_t mask;
	uint64_t acquired; /* end of the span that JavaScript holds */
	uint32_t *sleeps; /* consumer_sleeps in .bss */
	pthread_t waiter;
	int arm; /* eventfd, JavaScript → waiter */
	int wake[2]; /* waiter → JavaScript */
	int map_fd;
	int stopping;
	int _pad;
};

#define BUSY_BIT (1U << 31)
#define DISCARD_BIT (1U << 30)
#define HEADER_BYTES 8

static int ring_has_more(struct ring *ring)
{
	return __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(ring->consumer_position, __ATOMIC_RELAXED);
}

/* Until a record wakes us, `most_ms` are over or a signal comes (not to the waiter, which blocks them): see poll(2). */
static int poll_ring(struct ring *ring, int most_ms)
{
	struct pollfd records = { .fd = ring->map_fd, .events = POLLIN };

	return poll(&records, 1, most_ms);
}

/* Waits until there are records, says so once, and waits to be armed again. The timeout covers what wakes nobody. */
static void *wait_for_records(void *argument)
{
	struct ring *ring = argument;
	uint64_t armed;

	while (read(ring->arm, &armed, sizeof(armed)) == sizeof(armed) &&
	       !__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE)) {
		while (!__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE)) {
			poll_ring(ring, WAIT_MS);
			if (ring_has_more(ring))
				break;
		}
		if (write(ring->wake[1], "", 1) != 1)
			break;
	}
	return NULL;
}

/* The kernel would map all records twice in a row, and count them twice in the resident memory. */
static size_t mapped_bytes(uint32_t size)
{
	size_t again = MOST_BYTES + RECORD_BYTES;

	return size + (size < again ? size : again);
}

static int map_ring(struct ring *ring, uint32_t size)
{
	long page = sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->map_fd, 0);

	if (consumer == MAP_FAILED)
		return -errno;
	void *producer = mmap(NULL, page + mapped_bytes(size), PROT_READ, MAP_SHARED, ring->map_fd, page);
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
	munmap((void *)ring->producer_position, page + mapped_bytes(ring->mask + 1));
}

static int start_waiter(struct ring *ring)
{
	sigset_t all, before;

	ring->arm = eventfd(0, EFD_CLOEXEC);
	if (ring->arm < 0)
		return -errno;
	if (pipe2(ring->wake, O_CLOEXEC | O_NONBLOCK)) {
		int error = -errno;
		close(ring->arm);
		return error;
	}
	/* the writing side may block: a wake-up must not be lost */
	fcntl(ring->wake[1], F_SETFL, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&ring->waiter, NULL, wait_for_records, ring);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		close(ring->arm);
		close(ring->wake[0]);
		close(ring->wake[1]);
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

/* Bytes that are mapped from there. */
EXPORT uint32_t sh_ring_length(struct ring *ring)
{
	return (uint32_t)mapped_bytes(ring->mask + 1);
}

/* Gives the caller all complete records, some MOST_BYTES at most: offset into the records through `offset`, length
 * returned. Each record has an 8-byte header (length and flags); the caller walks them. */
EXPORT uint32_t sh_ring_acquire(struct ring *ring, uint32_t *offset)
{
	uint64_t position = *ring->consumer_position;
	uint64_t end = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
	uint64_t at = position;

	*offset = (uint32_t)(position & ring->mask);
	while (at < end && at - position < MOST_BYTES) {
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

/* The next record is to wake who waits. Returns 1, and asks for nothing, when there are some already. */
static int ask_to_be_woken(struct ring *ring)
{
	__atomic_store_n(ring->sleeps, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!ring_has_more(ring))
		return 0;
	__atomic_store_n(ring->sleeps, 0, __ATOMIC_SEQ_CST);
	return 1;
}

static int arm_waiter(struct ring *ring)
{
	uint64_t one = 1;

	return write(ring->arm, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

/* Asks for one byte on the wake pipe when there are records. Returns 1, and asks for nothing, when there are some already. */
EXPORT int sh_ring_sleep(struct ring *ring)
{
	return ask_to_be_woken(ring) ? 1 : arm_waiter(ring);
}

/* Blocks the caller: lets `nap_us` pass whatever comes, then waits for a record, `most_ms` at most (0: just looks).
 * Returns 1 when there are records, 0 when there are none, -EINTR when a signal came first. */
EXPORT int sh_ring_wait(struct ring *ring, uint32_t nap_us, int most_ms)
{
	struct timespec nap = { nap_us / 1000000, (long)(nap_us % 1000000) * 1000 };

	if (nap_us && nanosleep(&nap, NULL))
		return -errno;
	if (most_ms && !ask_to_be_woken(ring) && poll_ring(ring, most_ms) < 0)
		return -errno;
	return ring_has_more(ring);
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
	if (arm_waiter(ring))
		return;
	pthread_join(ring->waiter, NULL);
	close(ring->arm);
	close(ring->wake[1]);
	free(ring);
}
