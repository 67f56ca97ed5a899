/* SPDX-License-Identifier: Apache-2.0 */
/* In: the kind of channel and how its descriptors reach each side. Out: the two ends. */
#include "traffic.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int client_in = -1, client_out = -1, server_in = -1, server_out = -1, listener = -1;
static int to_client[2] = { -1, -1 }, to_server[2] = { -1, -1 }; /* carry descriptors */
static char directory[256];

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

bool channel_is_socket(void)
{
	return !is(opt.channel, "pipe") && !is(opt.channel, "fifo");
}

bool channel_keeps_packets(void)
{
	return is(opt.channel, "seqpacket") || is(opt.channel, "dgram");
}

static void make_pipe(int *read_end, int *write_end)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC))
		die("pipe2");
	*read_end = p[0];
	*write_end = p[1];
}

static void make_fifo(const char *name, int *read_end, int *write_end)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	if (mkfifo(path, 0600))
		die(path);
	int both = open(path, O_RDWR | O_CLOEXEC); /* so that neither open below waits for the other */
	*read_end = open(path, O_RDONLY | O_CLOEXEC);
	*write_end = open(path, O_WRONLY | O_CLOEXEC);
	if (both < 0 || *read_end < 0 || *write_end < 0)
		die(path);
	close(both);
	unlink(path);
}

static bool is_tcp(void)
{
	return !strncmp(opt.channel, "tcp", 3);
}

/* Both sides connect and accept by themselves, by an address. */
static bool has_listener(void)
{
	return is_tcp() || is(opt.channel, "unix-listen");
}

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
static union address listening;
static socklen_t listening_len;

static void parse_address(const char *text)
{
	bool v4 = is(opt.channel, "tcp4");
	void *to = v4 ? (void *)&listening.v4.sin_addr : (void *)&listening.v6.sin6_addr;
	errno = EINVAL;
	if (inet_pton(v4 ? AF_INET : AF_INET6, text, to) != 1)
		die(text);
}

/* tcp4, tcp6; tcp-mapped: IPv4 between sockets of IPv6. On loopback, unless --listen says otherwise. */
static void describe_address(void)
{
	if (is(opt.channel, "unix-listen")) {
		listening.local = (struct sockaddr_un){ .sun_family = AF_UNIX };
		snprintf(listening.local.sun_path, sizeof listening.local.sun_path, "%.90s/mcp.sock", directory);
		listening_len = sizeof listening.local;
	} else if (is(opt.channel, "tcp4")) {
		listening.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
		listening_len = sizeof listening.v4;
	} else {
		listening.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		if (is(opt.channel, "tcp-mapped"))
			memcpy(&listening.v6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
		listening_len = sizeof listening.v6;
	}
	if (is_tcp() && opt.listen)
		parse_address(opt.listen);
	if (is_tcp())
		listening.v4.sin_port = htons((uint16_t)opt.port); /* where v6 has it, too */
}

/* The client may be in another network namespace (--client-netns), and know the server by another address (--connect). */
static void go_to_client(void)
{
	int fd = opt.client_netns ? open(opt.client_netns, O_RDONLY | O_CLOEXEC) : -1;
	if (opt.client_netns && (fd < 0 || setns(fd, CLONE_NEWNET)))
		die(opt.client_netns);
	if (opt.connect)
		parse_address(opt.connect);
}

static void set_room(int fd)
{
	int bytes = (int)opt.pipe_size;
	if (bytes && is_tcp() &&
	    (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes)))
		die("room of a socket");
}

static int connect_to_listener(void)
{
	int fd = socket(listening.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0)
		die("socket");
	set_room(fd);
	if (connect(fd, &listening.any, listening_len) ||
	    (is_tcp() && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)))
		die("connect");
	return fd;
}

static int accept_from_listener(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
	if (fd < 0 || (is_tcp() && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)))
		die("accept4");
	return fd;
}

static void listen_for_client(void)
{
	describe_address();
	listener = socket(listening.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		die("socket");
	set_room(listener);
	if (bind(listener, &listening.any, listening_len) || listen(listener, 4) ||
	    getsockname(listener, &listening.any, &listening_len))
		die("listen");
}

static void make_ends(void)
{
	int type = is(opt.channel, "seqpacket") ? SOCK_SEQPACKET : is(opt.channel, "dgram") ? SOCK_DGRAM : SOCK_STREAM;
	if (is(opt.channel, "pipe")) {
		make_pipe(&server_in, &client_out);
		make_pipe(&client_in, &server_out);
	} else if (is(opt.channel, "fifo")) {
		make_fifo("c2s", &server_in, &client_out);
		make_fifo("s2c", &client_in, &server_out);
	} else if (has_listener()) {
		client_in = client_out = connect_to_listener();
		server_in = server_out = accept_from_listener();
	} else {
		int s[2];
		if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, s))
			die("socketpair");
		client_in = client_out = s[0];
		server_in = server_out = s[1];
	}
	if (opt.pipe_size && !channel_is_socket() && (fcntl(client_out, F_SETPIPE_SZ, (int)opt.pipe_size) < 0 ||
						      fcntl(server_out, F_SETPIPE_SZ, (int)opt.pipe_size) < 0))
		die("F_SETPIPE_SZ");
}

/* Each side connects and accepts by itself, unless one connection is to be shared or passed. */
static bool each_side_opens(void)
{
	return has_listener() && opt.writers == 1 && !is(opt.pass, "scm-rights");
}

void make_channel(void)
{
	snprintf(directory, sizeof directory, "/tmp/traffic.XXXXXX");
	if (!mkdtemp(directory))
		die(directory);
	if (has_listener())
		listen_for_client();
	if (is(opt.pass, "scm-rights")) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to_client) ||
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to_server))
			die("socketpair");
	} else if (!each_side_opens()) {
		make_ends();
	}
}

static void send_ends(int control, int in, int out)
{
	char space[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec v = { "f", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(c), (int[]){ in, out }, 2 * sizeof(int));
	if (sendmsg(control, &m, 0) != 1)
		die("sendmsg of descriptors");
}

static struct ends receive_ends(int control)
{
	char space[CMSG_SPACE(2 * sizeof(int))], byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	if (recvmsg(control, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
		die("recvmsg of descriptors");
	int fds[2];
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fds);
	return (struct ends){ fds[0], fds[1] };
}

void pass_ends(void)
{
	if (!is(opt.pass, "scm-rights"))
		return;
	make_ends();
	send_ends(to_client[0], client_in, client_out);
	send_ends(to_server[0], server_in, server_out);
}

static void close_all(void)
{
	int *all[] = { &client_in, &client_out, &server_in, &server_out, &listener,
		       &to_client[0], &to_client[1], &to_server[0], &to_server[1] };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (*all[i] >= 0)
			close(*all[i]);
		*all[i] = -1;
	}
}

/* Moves both to high numbers by way of 0 and 1, as a program does that keeps stdout free of prints. */
static struct ends move_by_dup(struct ends e)
{
	if (dup2(e.in, 0) < 0 || dup2(e.out, 1) < 0)
		die("dup2");
	struct ends moved = { fcntl(0, F_DUPFD_CLOEXEC, 200), fcntl(1, F_DUPFD_CLOEXEC, 200) };
	close(e.in);
	if (e.out != e.in)
		close(e.out);
	close(0);
	close(1);
	if (open("/dev/null", O_RDWR) != 0 || dup(0) != 1)
		die("/dev/null");
	return moved;
}

static struct ends settle(struct ends e)
{
	if (is(opt.pass, "dup"))
		e = move_by_dup(e);
	if (opt.nonblock && (fcntl(e.in, F_SETFL, fcntl(e.in, F_GETFL) | O_NONBLOCK) ||
			     fcntl(e.out, F_SETFL, fcntl(e.out, F_GETFL) | O_NONBLOCK)))
		die("O_NONBLOCK");
	return e;
}

struct ends take_client_ends(void)
{
	struct ends e;
	if (each_side_opens()) {
		go_to_client();
		e.in = e.out = connect_to_listener();
	} else if (is(opt.pass, "scm-rights")) {
		e = receive_ends(to_client[1]);
	} else {
		e = (struct ends){ client_in, client_out };
	}
	client_in = client_out = -1;
	close_all();
	return settle(e);
}

struct ends take_server_ends(void)
{
	struct ends e;
	if (each_side_opens())
		e.in = e.out = accept_from_listener();
	else if (is(opt.pass, "scm-rights"))
		e = receive_ends(to_server[1]);
	else
		e = (struct ends){ server_in, server_out };
	server_in = server_out = -1;
	close_all();
	return settle(e);
}

void close_channel(void)
{
	close_all();
}

void remove_channel(void)
{
	if (is(opt.channel, "unix-listen"))
		unlink(listening.local.sun_path);
	rmdir(directory);
}
