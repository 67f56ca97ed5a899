/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OVERHEAR_RING_H
#define OVERHEAR_RING_H

#include <pthread.h>
#include <stdint.h>

/* The overflow is so much larger than the ring, and no larger than this: memory of which only what is touched is
 * resident. */
#define OVERFLOW_TIMES 6
#define MAX_OVERFLOW (96ULL << 20)

enum held {
	HOLDS_NOTHING,
	HOLDS_RING,
	HOLDS_OVERFLOW,
};

struct ring {
	volatile uint64_t *consumer_position; /* own page, writable */
	volatile uint64_t *producer_position;
	uint8_t *records; /* mapped twice in a row: a record never wraps */
	uint64_t mask;
	uint32_t *sleeps; /* consumer_sleeps in .bss */
	pthread_t waiter;
	int arm; /* eventfd, JavaScript -> waiter */
	int wake[2]; /* waiter -> JavaScript */
	int map_fd;
	int stopping;

	/* From here on for who has the lock. */
	enum held held; /* what JavaScript looks at */
	pthread_mutex_t lock;
	uint64_t taken; /* ring: what JavaScript holds or has had, or was moved, ends here */
	uint64_t held_bytes;
	uint8_t *overflow;
	uint64_t first, last; /* of the overflow's records; equal: it is empty */
	pthread_t mover;
	int stir; /* eventfd, JavaScript -> mover */
	int is_lively, is_watched;
	int is_idle; /* JavaScript waits for the next record */
};

static inline uint64_t ring_size(const struct ring *ring)
{
	return ring->mask + 1;
}

static inline uint64_t overflow_size(const struct ring *ring)
{
	uint64_t size = OVERFLOW_TIMES * ring_size(ring);

	return size < MAX_OVERFLOW ? size : MAX_OVERFLOW;
}

static inline uint64_t overflow_bytes(const struct ring *ring)
{
	return __atomic_load_n(&ring->last, __ATOMIC_RELAXED) - __atomic_load_n(&ring->first, __ATOMIC_RELAXED);
}

/* ring.c */
uint64_t complete_records(const uint8_t *from, uint64_t end, uint64_t most);
int start_thread(pthread_t *thread, void *(*run)(void *), struct ring *ring);
int arm(int eventfd);
int hasty_niceness(void);

/* overflow.c */
int start_overflow(struct ring *ring);
void stop_overflow(struct ring *ring);
void stir_overflow(struct ring *ring);
void rest_overflow(struct ring *ring);
void spare_ring(struct ring *ring);
void free_overflow(struct ring *ring, uint64_t bytes);

#endif
