/** The scan's ends of channels in, channels with who reads and who writes out. */
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
    // what they carry shows with their next bytes; whose they are is learned while these can be asked
    if (holder.kind === "tcp") {
      processes.at(holder.pid, holder.startNs, holder.comm);
      continue;
    }
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

function onlyProcess(holders: readonly Holder[], processes: ProcessDirectory): Process | undefined {
  const first = holders[0];
  if (!first || holders.some((each) => each.pid !== first.pid)) return undefined;
  return processes.at(first.pid, first.startNs, first.comm);
}
