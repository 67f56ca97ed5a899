/** The scan's ends of channels in, channels with who reads and who writes out; and channels that only the kernel knows. */
import type { ChannelCounts } from "../capture/channel-counts.ts";
import type { Holder } from "../capture/holders.ts";
import type { ChannelFound, Process, ProcessDirectory } from "../capture/types.ts";

interface Ends {
  readonly any: Holder;
  readonly readers: Holder[];
  readonly writers: Holder[];
}

/** An end that several processes hold (a shell's, inherited by its children) names nobody. */
export function findChannels(
  holders: readonly Holder[],
  processes: ProcessDirectory,
): ChannelFound[] {
  const channels = new Map<number, Ends>();
  const endsOf = (address: number, any: Holder): Ends => {
    const known = channels.get(address);
    const ends = known ?? { any, readers: [], writers: [] };
    if (!known) channels.set(address, ends);
    return ends;
  };
  for (const holder of holders) {
    const ends = endsOf(holder.channel, holder);
    if (holder.mayRead) ends.readers.push(holder);
    if (!holder.kind.startsWith("unix") && holder.mayWrite) ends.writers.push(holder);
  }
  for (const holder of holders) {
    // a socket writes into its peer
    if (holder.kind.startsWith("unix")) channels.get(holder.peer)?.writers.push(holder);
  }
  return [...channels.values()].map(({ any, readers, writers }) => ({
    kind: "found",
    channel: any.channel,
    generation: any.generation,
    peer: any.peer,
    peerGeneration: channels.get(any.peer)?.any.generation ?? 0,
    channelKind: any.kind,
    reader: onlyProcess(readers, processes),
    writer: onlyProcess(writers, processes),
    buffered: any.buffered,
  }));
}

/** What of the kernel says which channels it counts. */
export interface ChannelEntries {
  channels(): Iterable<number>;
  counts(channel: number): ChannelCounts | undefined;
}

/** Channels of which the ring had room for nothing at all: the closer names their ends with what they lost. */
export function* findUnheard(
  kernel: ChannelEntries,
  known: ReadonlyMap<number, unknown>,
): Generator<ChannelFound> {
  for (const channel of kernel.channels()) {
    const counts = kernel.counts(channel);
    if (!counts || counts.lost === 0 || known.has(channel)) continue;
    yield {
      kind: "found",
      channel,
      generation: counts.generation,
      peer: 0,
      peerGeneration: 0,
      channelKind: counts.kind,
      reader: undefined,
      writer: undefined,
      buffered: 0,
    };
  }
}

function onlyProcess(holders: readonly Holder[], processes: ProcessDirectory): Process | undefined {
  const first = holders[0];
  if (!first || holders.some((each) => each.pid !== first.pid)) return undefined;
  return processes.at(first.pid, first.startNs, first.comm);
}
