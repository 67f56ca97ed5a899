/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Run by user space (BPF_PROG_TEST_RUN): deletes a channel's entry. Here, since between a look at the entry from outside
 * and its deletion there was time enough for the address to be given to another channel, which then lost its counts.
 */
#include "tcp.h"

/* args: the channel's address and generation. Returns 1 when it had an entry. */
SEC("raw_tp")
int forget_channel(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 address = ctx->args[0];
	struct channel *channel = look_up(CHANNEL_PIPE, address);

	if (channel && channel->generation == ctx->args[1])
		return !drop(CHANNEL_PIPE, address);
	channel = look_up(CHANNEL_TCP, address);
	if (channel && channel->generation == ctx->args[1])
		return !drop(CHANNEL_TCP, address);
	return 0;
}

/* args: the address and generation of a TCP connection's requests, what it carries (enum verdict), and how many bytes
 * of it user space has heard by then. */
SEC("raw_tp")
int judge_channel(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 address = ctx->args[0], sk;
	struct channel *channel = look_up(CHANNEL_TCP, address);
	struct link *link;

	/* plaintext of TLS is among the others */
	if (!channel)
		channel = look_up(CHANNEL_TLS, address);
	if (!channel || channel->generation != ctx->args[1])
		return 0;
	if (ctx->args[2] >= VERDICT_QUIET) {
		channel->quiet = ctx->args[2] == VERDICT_QUIET;
		return 1;
	}
	sk = address & ~1ULL;
	link = bpf_map_lookup_elem(&links, &sk);
	channel->verdict = ctx->args[2];
	if (channel->verdict == VERDICT_MCP)
		channel->interest = INTEREST_MCP;
	/* what is under way, and the answers with it, unless it is a request that user space has not heard of, and speaks of
	 * MCP */
	if (channel->verdict == VERDICT_OTHER &&
	    (channel->interest != INTEREST_MCP || channel->request_at < ctx->args[3]))
		channel->interest = INTEREST_NONE;
	disturb(sk);
	if (link && link->peer)
		disturb(link->peer);
	return 1;
}
