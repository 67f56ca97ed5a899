/* SPDX-License-Identifier: Apache-2.0 */
/* In: a descriptor and bytes. Out: one system call of the chosen kind that moves them. */
#include "traffic.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

enum { MOST_BUFFERS = 1024, SMALL_BYTES = 7 };

/* Three buffers of uneven size; the first ones are small, so that a line spans them. Or --buffers small ones. */
static int cut(struct iovec *v, char *bytes, size_t len)
{
	if (opt.buffers) {
		int n = 0;
		for (size_t at = 0; n < opt.buffers && at < len; at += SMALL_BYTES)
			v[n++] = (struct iovec){ bytes + at, len - at < SMALL_BYTES ? len - at : SMALL_BYTES };
		return n;
	}
	size_t first = len < 7 ? len : 7;
	size_t second = len - first < 100 ? len - first : 100;
	v[0] = (struct iovec){ bytes, first };
	v[1] = (struct iovec){ bytes + first, second };
	v[2] = (struct iovec){ bytes + first + second, len - first - second };
	return 3;
}

/* The bytes in a file of their own: its pages lie in the pipe by reference, so none is ever written to again. */
static int as_file(const char *bytes, size_t len)
{
	int fd = memfd_create("traffic", MFD_CLOEXEC);
	if (fd < 0)
		die("memfd_create");
	for (size_t at = 0; at < len;) {
		ssize_t n = pwrite(fd, bytes + at, len - at, (off_t)at);
		if (n <= 0)
			die("pwrite");
		at += (size_t)n;
	}
	return fd;
}

static ssize_t write_by_sendfile(int fd, const char *bytes, size_t len)
{
	int file = as_file(bytes, len);
	off_t at = 0;
	ssize_t n = sendfile(fd, file, &at, len);
	int e = errno;
	close(file);
	errno = e;
	return n;
}

static unsigned splice_flags(void)
{
	return opt.nonblock ? SPLICE_F_NONBLOCK : 0;
}

/* Moves what a pipe of this process holds on to `fd`; waits where that is full, since bytes in here cannot be taken back. */
static void pour(int helper, int fd, size_t len)
{
	while (len > 0) {
		ssize_t n = splice(helper, NULL, fd, NULL, len, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			usleep(100);
			continue;
		}
		if (n <= 0)
			die("splice");
		len -= (size_t)n;
	}
}

/* One for writing and one for reading, which may be two threads. */
static int out_helper[2] = { -1, -1 }, in_helper[2] = { -1, -1 };

static void open_helper(int *helper)
{
	if (helper[0] < 0 && pipe2(helper, O_CLOEXEC))
		die("pipe2");
}

/* A file may be spliced into a pipe only; a socket is reached through a pipe of our own. */
static ssize_t write_by_splice(int fd, const char *bytes, size_t len)
{
	int file = as_file(bytes, len);
	off64_t at = 0;
	ssize_t n;
	if (channel_is_socket()) {
		open_helper(out_helper);
		n = splice(file, &at, out_helper[1], NULL, len, 0);
		if (n > 0)
			pour(out_helper[0], fd, (size_t)n);
	} else {
		n = splice(file, &at, fd, NULL, len, splice_flags());
	}
	int e = errno;
	close(file);
	errno = e;
	return n;
}

/* The pages stay in the pipe by reference: fresh ones each time, unmapped at once. */
static ssize_t write_by_vmsplice(int fd, const char *bytes, size_t len)
{
	char *pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		die("mmap");
	memcpy(pages, bytes, len);
	struct iovec v = { pages, len };
	ssize_t n;
	if (channel_is_socket()) {
		open_helper(out_helper);
		v.iov_len = len < 32768 ? len : 32768; /* fits into the pipe, or it would wait for us */
		n = vmsplice(out_helper[1], &v, 1, 0);
		if (n > 0)
			pour(out_helper[0], fd, (size_t)n);
	} else {
		n = vmsplice(fd, &v, 1, splice_flags());
	}
	int e = errno;
	munmap(pages, len);
	errno = e;
	return n;
}

static ssize_t write_by_sendmsg(int fd, const char *bytes, size_t len)
{
	struct iovec v[MOST_BUFFERS];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)cut(v, (char *)bytes, len) };
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

/* Two messages of one buffer each, or --buffers small ones. Returns how many. */
static unsigned as_messages(struct mmsghdr *m, struct iovec *v, char *bytes, size_t len)
{
	size_t each = channel_keeps_packets() || len < 2 ? len : opt.buffers ? SMALL_BYTES : (len + 1) / 2;
	unsigned most = opt.buffers ? (unsigned)opt.buffers : 2, n = 0;
	for (size_t at = 0; n < most && at < len; at += each, n++) {
		v[n] = (struct iovec){ bytes + at, len - at < each ? len - at : each };
		m[n] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &v[n], .msg_iovlen = 1 } };
	}
	return n;
}

static ssize_t write_by_sendmmsg(int fd, const char *bytes, size_t len)
{
	struct iovec v[MOST_BUFFERS];
	struct mmsghdr m[MOST_BUFFERS];
	int sent = sendmmsg(fd, m, as_messages(m, v, (char *)bytes, len), MSG_NOSIGNAL);
	if (sent < 0)
		return -1;
	ssize_t n = 0;
	for (int i = 0; i < sent; i++)
		n += m[i].msg_len;
	return n;
}

ssize_t write_once(int fd, const char *bytes, size_t len)
{
	struct iovec v[MOST_BUFFERS];
	if (is(opt.write, "write"))
		return write(fd, bytes, len);
	if (is(opt.write, "writev"))
		return writev(fd, v, cut(v, (char *)bytes, len));
	if (is(opt.write, "pwritev2"))
		return pwritev2(fd, v, cut(v, (char *)bytes, len), -1, 0);
	if (is(opt.write, "sendfile"))
		return write_by_sendfile(fd, bytes, len);
	if (is(opt.write, "splice"))
		return write_by_splice(fd, bytes, len);
	if (is(opt.write, "vmsplice"))
		return write_by_vmsplice(fd, bytes, len);
	if (is(opt.write, "send"))
		return send(fd, bytes, len, MSG_NOSIGNAL);
	if (is(opt.write, "sendto"))
		return sendto(fd, bytes, len, MSG_NOSIGNAL, NULL, 0);
	if (is(opt.write, "sendmsg"))
		return write_by_sendmsg(fd, bytes, len);
	if (is(opt.write, "sendmmsg"))
		return write_by_sendmmsg(fd, bytes, len);
	errno = EINVAL;
	die(opt.write);
}

static ssize_t receive_by_recvmsg(int fd, char *bytes, size_t len, int flags)
{
	struct iovec v[MOST_BUFFERS];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)cut(v, bytes, len) };
	return recvmsg(fd, &m, flags);
}

/* What each message took, put together at the beginning of `bytes`. */
static ssize_t receive_by_recvmmsg(int fd, char *bytes, size_t len, int flags)
{
	struct iovec v[MOST_BUFFERS];
	struct mmsghdr m[MOST_BUFFERS];
	unsigned count = as_messages(m, v, bytes, len);
	int got = recvmmsg(fd, m, flags & MSG_PEEK ? 1 : count, flags | MSG_WAITFORONE, NULL);
	if (got < 0)
		return -1;
	ssize_t n = 0;
	for (int i = 0; i < got; i++) {
		memmove(bytes + n, v[i].iov_base, m[i].msg_len);
		n += m[i].msg_len;
	}
	return n;
}

static ssize_t receive(int fd, char *bytes, size_t len, int flags)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof from;
	if (is(opt.read, "recvfrom"))
		return recvfrom(fd, bytes, len, flags, (struct sockaddr *)&from, &from_len);
	if (is(opt.read, "recvmsg"))
		return receive_by_recvmsg(fd, bytes, len, flags);
	if (is(opt.read, "recvmmsg"))
		return receive_by_recvmmsg(fd, bytes, len, flags);
	return recv(fd, bytes, len, flags);
}

/* Through a pipe of our own into a file: the bytes never pass a buffer of this process on their way. */
static ssize_t read_by_splice(int fd, char *bytes, size_t len)
{
	open_helper(in_helper);
	ssize_t n = splice(fd, NULL, in_helper[1], NULL, len < 65536 ? len : 65536, splice_flags());
	if (n <= 0)
		return n;
	int file = memfd_create("traffic", MFD_CLOEXEC);
	off64_t at = 0;
	while (at < n) {
		if (splice(in_helper[0], NULL, file, &at, (size_t)(n - at), 0) <= 0)
			die("splice into a file");
	}
	if (pread(file, bytes, (size_t)n, 0) != n)
		die("pread");
	close(file);
	return n;
}

ssize_t read_once(int fd, char *bytes, size_t len)
{
	struct iovec v[MOST_BUFFERS];
	/* as some runtimes do to ask whether there is anything */
	if (opt.empty_reads && read(fd, bytes, 0))
		die("read of 0 bytes");
	if (opt.peek) {
		ssize_t n = receive(fd, bytes, len, MSG_PEEK);
		if (n <= 0)
			return n;
	}
	if (is(opt.read, "read"))
		return read(fd, bytes, len);
	if (is(opt.read, "readv"))
		return readv(fd, v, cut(v, bytes, len));
	if (is(opt.read, "preadv2"))
		return preadv2(fd, v, cut(v, bytes, len), -1, 0);
	if (is(opt.read, "splice"))
		return read_by_splice(fd, bytes, len);
	if (is(opt.read, "vmsplice")) {
		v[0] = (struct iovec){ bytes, len };
		return vmsplice(fd, v, 1, splice_flags());
	}
	if (is(opt.read, "io_uring"))
		return uring_read(fd, bytes, len);
	if (!strncmp(opt.read, "recv", 4))
		return receive(fd, bytes, len, 0);
	errno = EINVAL;
	die(opt.read);
}
