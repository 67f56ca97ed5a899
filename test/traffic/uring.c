/* SPDX-License-Identifier: Apache-2.0 */
/* In: a descriptor and a buffer. Out: what IORING_OP_READ moved into it, by raw system calls. */
#include "traffic.h"
#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	int fd;
	uint32_t *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *entries;
	struct io_uring_cqe *results;
} ring = { .fd = -1 };

static void *map_ring(size_t size, off_t offset)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, offset);
	if (p == MAP_FAILED)
		die("mmap of an io_uring");
	return p;
}

static void open_ring(void)
{
	struct io_uring_params p;
	memset(&p, 0, sizeof p);
	ring.fd = (int)syscall(SYS_io_uring_setup, 4, &p);
	if (ring.fd < 0)
		exit(EXIT_UNSUPPORTED);
	char *sq = map_ring(p.sq_off.array + p.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
	char *cq = map_ring(p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	ring.entries = map_ring(p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring.sq_tail = (uint32_t *)(sq + p.sq_off.tail);
	ring.sq_mask = (uint32_t *)(sq + p.sq_off.ring_mask);
	ring.sq_array = (uint32_t *)(sq + p.sq_off.array);
	ring.cq_head = (uint32_t *)(cq + p.cq_off.head);
	ring.cq_tail = (uint32_t *)(cq + p.cq_off.tail);
	ring.cq_mask = (uint32_t *)(cq + p.cq_off.ring_mask);
	ring.results = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
}

ssize_t uring_read(int fd, char *bytes, size_t len)
{
	if (ring.fd < 0)
		open_ring();
	uint32_t tail = *ring.sq_tail, slot = tail & *ring.sq_mask;
	ring.entries[slot] = (struct io_uring_sqe){
		.opcode = IORING_OP_READ, .fd = fd, .addr = (uint64_t)(uintptr_t)bytes, .len = (uint32_t)len, .off = (uint64_t)-1
	};
	ring.sq_array[slot] = slot;
	__atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
	uint32_t to_submit = 1;
	uint32_t head = *ring.cq_head;
	while (__atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE) == head) {
		long n = syscall(SYS_io_uring_enter, ring.fd, to_submit, 1, IORING_ENTER_GETEVENTS, NULL, 0);
		if (n < 0 && errno != EINTR)
			die("io_uring_enter");
		if (n > 0)
			to_submit = 0;
	}
	int32_t moved = ring.results[head & *ring.cq_mask].res;
	__atomic_store_n(ring.cq_head, head + 1, __ATOMIC_RELEASE);
	if (moved < 0) {
		errno = -moved;
		return -1;
	}
	return moved;
}
