/* SPDX-License-Identifier: Apache-2.0
 *
 * Where records go when JavaScript does not take them as fast as they come: the ring is the kernel's memory, all of it
 * resident, and a burst of large messages fills it within milliseconds. A thread that looks now and then while anything
 * comes, and often while much does, moves them behind it, in order; JavaScript takes those first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "ring.h"

#define LOOK_NS 8000000
#define LOOKS 64 /* since JavaScript was woken or took something: half a second */
#define HASTY_LOOK_NS 500000
#define HASTY_LOOKS 200 /* since there was much to move: 100 ms */
/* A part of the ring. */
#define MUCH 8
/* Moved at a time: JavaScript waits no longer than that takes. */
#define PIECE_BYTES (1U << 20)
/* A part of the ring: JavaScript does not hold more of it while it works. */
#define MUCH_HELD 128
/* Less stays resident when the overflow is empty. */
#define KEPT_BYTES (2U << 20)

static uint64_t waiting(const struct ring *ring)
{
	return __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) - ring->taken;
}

/* With the lock. Returns 0 when there is no room, or the next record is not complete. */
static int move_piece(struct ring *ring)
{
	const uint8_t *from = ring->records + (ring->taken & ring->mask);
	uint64_t length = complete_records(from, waiting(ring), PIECE_BYTES);

	if (!length || ring->last + length > overflow_size(ring))
		return 0;
	memcpy(ring->overflow + ring->last, from, length);
	ring->taken += length;
	__atomic_store_n(&ring->last, ring->last + length, __ATOMIC_RELAXED);
	/* else with what JavaScript holds, which comes before it */
	if (ring->held != HOLDS_RING)
		__atomic_store_n(ring->consumer_position, ring->taken, __ATOMIC_RELEASE);
	return 1;
}

/* Moves until little waits. Returns whether there was much. */
static int move_much(struct ring *ring)
{
	int was_much = 0, goes_on = 1;

	while (goes_on) {
		pthread_mutex_lock(&ring->lock);
		goes_on = waiting(ring) > ring_size(ring) / MUCH && move_piece(ring);
		pthread_mutex_unlock(&ring->lock);
		was_much |= goes_on;
	}
	return was_much;
}

/* Returns whether JavaScript works, or has taken something since the last time; if not, it says so when it does. */
static int is_lively(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	int is_lively = ring->is_lively || !ring->is_idle;
	ring->is_lively = 0;
	if (!is_lively)
		ring->is_watched = 0;
	pthread_mutex_unlock(&ring->lock);
	return is_lively;
}

static void watch(struct ring *ring)
{
	int hasty = 0;

	do {
		for (int looks = 0; looks < LOOKS && !__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE); looks++) {
			if (move_much(ring))
				hasty = HASTY_LOOKS;
			const struct timespec look = { 0, hasty ? HASTY_LOOK_NS : LOOK_NS };
			nanosleep(&look, NULL);
			if (hasty)
				hasty--;
		}
	} while (!__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE) && is_lively(ring));
}

static void *wait_for_life(void *argument)
{
	struct ring *ring = argument;
	int niceness = hasty_niceness();
	uint64_t woken;

	while (read(ring->stir, &woken, sizeof(woken)) == sizeof(woken) &&
	       !__atomic_load_n(&ring->stopping, __ATOMIC_ACQUIRE)) {
		setpriority(PRIO_PROCESS, 0, niceness);
		watch(ring);
	}
	return NULL;
}

/* Returns 0 or a negative errno. */
int start_overflow(struct ring *ring)
{
	pthread_mutex_init(&ring->lock, NULL);
	ring->stir = eventfd(0, EFD_CLOEXEC);
	if (ring->stir < 0)
		return -errno;
	int error = start_thread(&ring->mover, wait_for_life, ring);
	if (error)
		close(ring->stir);
	else
		stir_overflow(ring);
	return error;
}

void stop_overflow(struct ring *ring)
{
	__atomic_store_n(&ring->stopping, 1, __ATOMIC_RELEASE);
	if (arm(ring->stir))
		return;
	pthread_join(ring->mover, NULL);
	close(ring->stir);
}

/* With the lock: JavaScript takes something, or is to. */
void stir_overflow(struct ring *ring)
{
	ring->is_lively = 1;
	ring->is_idle = 0;
	if (ring->is_watched)
		return;
	ring->is_watched = 1;
	arm(ring->stir);
}

/* JavaScript has nothing to do. */
void rest_overflow(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->is_idle = 1;
	pthread_mutex_unlock(&ring->lock);
}

/* With the lock: JavaScript is about to take something, and holds it for as long as it works on that, which may be the
 * collection of all garbage and the parsing of many megabytes; nothing behind it in the ring would be free meanwhile. */
void spare_ring(struct ring *ring)
{
	if (!overflow_bytes(ring) && waiting(ring) > ring_size(ring) / MUCH_HELD)
		move_piece(ring);
}

/* With the lock: JavaScript has done with its first bytes. */
void free_overflow(struct ring *ring, uint64_t bytes)
{
	uint64_t first = ring->first + bytes;

	if (first < ring->last) {
		__atomic_store_n(&ring->first, first, __ATOMIC_RELAXED);
		return;
	}
	if (ring->last > KEPT_BYTES)
		madvise(ring->overflow + KEPT_BYTES, ring->last - KEPT_BYTES, MADV_DONTNEED);
	__atomic_store_n(&ring->last, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->first, 0, __ATOMIC_RELAXED);
}
