/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Run by user space (BPF_PROG_TEST_RUN): deletes a channel's entry. Here, since between a look at the entry from outside
 * and its deletion there was time enough for the address to be given to another channel, which then lost its counts.
 */
#include "maps.h"

/* args: the channel's address and generation. Returns 1 when it had an entry. */
SEC("raw_tp")
int forget_channel(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 address = ctx->args[0];
	struct channel *channel = bpf_map_lookup_elem(&channels, &address);

	if (!channel || channel->generation != ctx->args[1])
		return 0;
	return !bpf_map_delete_elem(&channels, &address);
}
