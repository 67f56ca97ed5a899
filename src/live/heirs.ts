/** A scan in; of a channel out, who holds its ends besides who reads and writes, and may go on when they are gone. */
import type { Holder } from "../capture/holders.ts";
import type { Party } from "../capture/types.ts";
import { isProcess } from "../party.ts";
import type { ChannelState } from "../stream/channel-state.ts";

/** By pid. */
export interface Inheritance {
  readonly readers: readonly number[];
  readonly writers: readonly number[];
}

export type HeirsOf = (channel: ChannelState) => Inheritance;

/** `ownPid`: the tool itself takes over from nobody. */
export function heirsIn(holders: readonly Holder[], ownPid: number): HeirsOf {
  let ends: Ends | undefined;
  return ({ address, reader, writer }) => {
    ends ??= endsOf(holders);
    const parties = [ownPid, pidOf(reader), pidOf(writer)];
    const heirs = (pids: readonly number[] = []) => pids.filter((pid) => !parties.includes(pid));
    return { readers: heirs(ends.readers.get(address)), writers: heirs(ends.writers.get(address)) };
  };
}

/** Who holds the ends of each channel, by its address. */
interface Ends {
  readonly readers: Map<number, number[]>;
  readonly writers: Map<number, number[]>;
}

function endsOf(holders: readonly Holder[]): Ends {
  const ends: Ends = { readers: new Map(), writers: new Map() };
  for (const { channel, peer, kind, pid, mayRead, mayWrite } of holders) {
    const isSocket = kind.startsWith("unix");
    if (isSocket || mayRead) note(ends.readers, channel, pid);
    // a socket writes into its peer
    if (isSocket || mayWrite) note(ends.writers, isSocket ? peer : channel, pid);
  }
  return ends;
}

function note(ends: Map<number, number[]>, channel: number, pid: number): void {
  const known = ends.get(channel);
  if (known === undefined) ends.set(channel, [pid]);
  else known.push(pid);
}

function pidOf(party: Party | undefined): number | undefined {
  return isProcess(party) ? party.pid : undefined;
}
