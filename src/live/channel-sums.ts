/** What is counted of a channel in, sums that say where its bytes are out. */
import type { ChannelCounts } from "../capture/channel-entries.ts";
import type { ChannelKind } from "../capture/types.ts";
import type { ChannelState } from "../stream/channel-state.ts";

/** Packets are not read as a stream. */
export function isStream(kind: ChannelKind): boolean {
  return kind !== "unix-dgram" && kind !== "unix-seqpacket";
}

export function leftOf(counts: ChannelCounts): number {
  return counts.moved + counts.unseen;
}

/** As `leftOf`, without what was left out and no record has told yet. */
export function toldOf(channel: ChannelState, counts: ChannelCounts): number {
  return leftOf(counts) - Math.max(0, counts.skipped - channel.skipped);
}

/** Bytes written that were not seen to leave the channel; of what this tool wrote itself not all was counted. */
export function missingOf(counts: ChannelCounts): number {
  return counts.muted ? Number.NEGATIVE_INFINITY : counts.written - leftOf(counts);
}

/** Not as much has left the channel as its records have told, those included that found no room: more are to come. Less is
 * the count of a named pipe that was opened anew, at the same address, with the records between still in the ring. */
export function isBehind(channel: ChannelState, counts: ChannelCounts): boolean {
  const told = channel.position + Math.max(0, counts.lost - channel.lost);
  return told !== toldOf(channel, counts);
}
