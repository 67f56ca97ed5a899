/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shift NETNS_A TUN_A NETNS_B TUN_B: carries IPv4 packets between two network namespaces through a TUN device in each, and
 * moves the sequence numbers of TCP on the way, so that nothing shows the two ends of a connection to be each other's:
 * to each the other one looks like another host's. Says "ready", runs until it is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FROM_A = 0x12345678, FROM_B = 0x2468ace0, PACKET_BYTES = 65536 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_tun(const char *netns, const char *name)
{
	int ns = open(netns, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(netns);
	close(ns);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die("/dev/net/tun");
	return fd;
}

static uint32_t sum_of(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static void shift_sequence(uint8_t *packet, ssize_t len, uint32_t sent, uint32_t received)
{
	struct iphdr *ip = (struct iphdr *)packet;
	size_t head = ip->ihl * 4u, total = ntohs(ip->tot_len);
	if (len < 40 || ip->version != 4 || ip->protocol != IPPROTO_TCP || total > (size_t)len || head + 20 > total)
		return;
	struct tcphdr *tcp = (struct tcphdr *)(packet + head);
	tcp->seq = htonl(ntohl(tcp->seq) + sent);
	if (tcp->ack)
		tcp->ack_seq = htonl(ntohl(tcp->ack_seq) - received);
	tcp->check = 0;
	uint32_t sum = sum_of((uint8_t *)&ip->saddr, 8, IPPROTO_TCP + (uint32_t)(total - head));
	sum = sum_of((uint8_t *)tcp, total - head, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	tcp->check = htons((uint16_t)~sum);
}

static void carry(int from, int to, uint32_t sent, uint32_t received)
{
	static uint8_t packet[PACKET_BYTES];
	ssize_t len = read(from, packet, sizeof packet);
	if (len < 0)
		die("read");
	shift_sequence(packet, len, sent, received);
	if (write(to, packet, (size_t)len) < 0)
		perror("write");
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	int a = open_tun(argv[1], argv[2]), b = open_tun(argv[3], argv[4]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };
		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[0].revents)
			carry(a, b, FROM_A, FROM_B);
		if (fds[1].revents)
			carry(b, a, FROM_B, FROM_A);
	}
}
