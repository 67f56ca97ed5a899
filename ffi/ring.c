/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring as its consumer sees it: memory ordering, and two ways of waiting. The cheap one (sh_ring_wait) blocks the
 * caller and is for moments; the other (sh_ring_sleep) has a thread wait, which touches nothing but its descriptors and
 * the ring's positions. What JavaScript does not take fast enough goes into the overflow (overflow.c). Conventions as in
 * shim.c.
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
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "export.h"
#include "ring.h"

#define BUSY_BIT (1U << 31)
#define DISCARD_BIT (1U << 30)
#define HEADER_BYTES 8
/* Less nice than who writes and reads, who would fill the ring before its turn comes: threads that never run for long. */
#define HASTE 10
#define WAIT_MS 250 /* how long what wakes nobody may lie in the ring (patient_flags in bpf/record.h) */

static int ring_has_more(struct ring *ring)
{
	return overflow_bytes(ring) || __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) !=
					       __atomic_load_n(ring->consumer_position, __ATOMIC_RELAXED);
}

/* Until a record wakes us, `most_ms` are over or a signal comes (not to the waiter, which blocks them): see poll(2). */
static int poll_ring(struct ring *ring, int most_ms)
{
	struct pollfd records = { .fd = ring->map_fd, .events = POLLIN };

	return poll(&records, 1, most_ms);
}

/* Of a thread that is not to wait for its turn; its own on Linux, and others may set it (src/live/niceness.ts). */
int hasty_niceness(void)
{
	return getpriority(PRIO_PROCESS, 0) - HASTE;
}

/* Waits until there are records, says so once, and waits to be armed again. The timeout covers what wakes nobody. */
static void *wait_for_records(void *argument)
{
	struct ring *ring = argument;
	int niceness = hasty_niceness();
	uint64_t armed;

	while (read(ring->arm, &armed, sizeof(armed)) == sizeof(armed) &&
	       !__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE)) {
		setpriority(PRIO_PROCESS, 0, niceness);
		while (!__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE)) {
			poll_ring(ring, WAIT_MS);
			if (ring_has_more(ring))
				break;
		}
		pthread_mutex_lock(&ring->lock);
		stir_overflow(ring);
		pthread_mutex_unlock(&ring->lock);
		if (write(ring->wake[1], "", 1) != 1)
			break;
	}
	return NULL;
}

/* The overflow stands right behind the records, so that one view shows both. */
static int map_ring(struct ring *ring)
{
	size_t page = sysconf(_SC_PAGESIZE), records = page + 2 * ring_size(ring);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->map_fd, 0);

	if (consumer == MAP_FAILED)
		return -errno;
	void *both = mmap(NULL, records + overflow_size(ring), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (both == MAP_FAILED ||
	    mmap(both, records, PROT_READ, MAP_SHARED | MAP_FIXED, ring->map_fd, page) == MAP_FAILED) {
		int error = -errno;
		if (both != MAP_FAILED)
			munmap(both, records + overflow_size(ring));
		munmap(consumer, page);
		return error;
	}
	ring->consumer_position = consumer;
	ring->producer_position = both;
	ring->records = (uint8_t *)both + page;
	ring->overflow = ring->records + 2 * ring_size(ring);
	ring->taken = *ring->consumer_position;
	return 0;
}

static void unmap_ring(struct ring *ring)
{
	size_t page = sysconf(_SC_PAGESIZE);

	munmap((void *)ring->consumer_position, page);
	munmap((void *)ring->producer_position, page + 2 * ring_size(ring) + overflow_size(ring));
}

static void close_waiter(struct ring *ring)
{
	close(ring->arm);
	close(ring->wake[0]);
	close(ring->wake[1]);
}

/* Signals are for the caller's thread. Returns 0 or a negative errno. */
int start_thread(pthread_t *thread, void *(*run)(void *), struct ring *ring)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(thread, NULL, run, ring);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

int arm(int eventfd)
{
	uint64_t one = 1;

	return write(eventfd, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

static int start_waiter(struct ring *ring)
{
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
	int error = start_thread(&ring->waiter, wait_for_records, ring);
	if (error)
		close_waiter(ring);
	return error;
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
	int error = map_ring(ring);
	if (!error) {
		error = start_overflow(ring);
		if (!error) {
			error = start_waiter(ring);
			if (error)
				stop_overflow(ring);
		}
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

/* Bytes to be seen from there: the records twice, and the overflow. */
EXPORT uint64_t sh_ring_length(struct ring *ring)
{
	return 2 * ring_size(ring) + overflow_size(ring);
}

/* Length of the complete records from `from` on, which is before `end`; at most `most`, or one record more. */
uint64_t complete_records(const uint8_t *from, uint64_t end, uint64_t most)
{
	uint64_t at = 0;

	while (at < end && at < most) {
		uint32_t length = __atomic_load_n((const uint32_t *)(from + at), __ATOMIC_ACQUIRE);

		if (length & BUSY_BIT)
			break;
		at += (HEADER_BYTES + (length & ~DISCARD_BIT) + 7) / 8 * 8;
	}
	return at;
}

/* Gives the caller all complete records, at most `most` bytes: offset into the records through `offset`, length
 * returned. Each record has an 8-byte header (length and flags); the caller walks them. */
EXPORT uint32_t sh_ring_acquire(struct ring *ring, uint32_t most, uint32_t *offset)
{
	uint64_t length;

	pthread_mutex_lock(&ring->lock);
	spare_ring(ring);
	if (overflow_bytes(ring)) {
		*offset = (uint32_t)(2 * ring_size(ring) + ring->first);
		length = complete_records(ring->overflow + ring->first, overflow_bytes(ring), most);
		ring->held = HOLDS_OVERFLOW;
		ring->held_bytes = length;
	} else {
		uint64_t waiting = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) - ring->taken;

		*offset = (uint32_t)(ring->taken & ring->mask);
		length = complete_records(ring->records + *offset, waiting, most);
		ring->taken += length;
		ring->held = length ? HOLDS_RING : HOLDS_NOTHING;
	}
	if (length)
		stir_overflow(ring);
	pthread_mutex_unlock(&ring->lock);
	return (uint32_t)length;
}

EXPORT void sh_ring_release(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	if (ring->held == HOLDS_OVERFLOW)
		free_overflow(ring, ring->held_bytes);
	else
		__atomic_store_n(ring->consumer_position, ring->taken, __ATOMIC_RELEASE);
	ring->held = HOLDS_NOTHING;
	pthread_mutex_unlock(&ring->lock);
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

/* Asks for one byte on the wake pipe when there are records. Returns 1, and asks for nothing, when there are some already. */
EXPORT int sh_ring_sleep(struct ring *ring)
{
	if (ask_to_be_woken(ring))
		return 1;
	rest_overflow(ring);
	return arm(ring->arm);
}

/* Blocks the caller: lets `nap_us` pass whatever comes, then waits for a record, `most_ms` at most (0: just looks).
 * Returns 1 when there are records, 0 when there are none, -EINTR when a signal came first. */
EXPORT int sh_ring_wait(struct ring *ring, uint32_t nap_us, int most_ms)
{
	struct timespec nap = { nap_us / 1000000, (long)(nap_us % 1000000) * 1000 };

	if (nap_us && nanosleep(&nap, NULL))
		return -errno;
	if (most_ms && !ask_to_be_woken(ring)) {
		rest_overflow(ring);
		if (poll_ring(ring, most_ms) < 0)
			return -errno;
	}
	return ring_has_more(ring);
}

/* Bytes that were not released yet; while a span is held some may be counted twice. */
EXPORT uint32_t sh_ring_pending(struct ring *ring)
{
	return (uint32_t)(__atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) - *ring->consumer_position +
			  overflow_bytes(ring));
}

/* The memory stays mapped: views of it in JavaScript may outlive the ring. */
EXPORT void sh_ring_close(struct ring *ring)
{
	__atomic_store_n(&ring->stopping, 1, __ATOMIC_RELEASE);
	if (!arm(ring->arm))
		pthread_join(ring->waiter, NULL);
	/* whom the waiter may still have stirred */
	stop_overflow(ring);
	close(ring->arm);
	close(ring->wake[1]);
	free(ring);
}
