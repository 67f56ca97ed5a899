/** A kernel of a test's making: channels with counts, and who holds them. */

import type { ChannelCounts, CountedChannel } from "../../../src/capture/channel-entries.ts";
import type { Holder } from "../../../src/capture/holders.ts";
import type { EntrySource } from "../../../src/live/accounts.ts";
import { INODE, PIPE, READER } from "../stream/events.ts";

export function counts(fields: Partial<ChannelCounts> = {}): ChannelCounts {
  return {
    generation: INODE,
    moved: 0,
    lost: 0,
    written: 0,
    unseen: 0,
    skipped: 0,
    readerPid: 0,
    readerStartNs: 0,
    writerPid: 0,
    writerStartNs: 0,
    kind: "pipe",
    muted: false,
    wanted: false,
    ...fields,
  };
}

/** The reading end of the pipe 4711. */
export function holder(fields: Partial<Holder> = {}): Holder {
  const pid = fields.pid ?? READER;
  return {
    channel: PIPE,
    generation: INODE,
    peer: 0,
    kind: "pipe",
    pid,
    startNs: pid * 1_000,
    comm: `comm${pid}`,
    fd: 0,
    mayRead: true,
    mayWrite: false,
    buffered: 0,
    sendNext: 0,
    receiveNext: 0,
    ...fields,
  };
}

export class FakeKernel implements EntrySource {
  /** By address. */
  readonly entries = new Map<number, ChannelCounts>();
  /** Of channels that are over, as [address, counts]. */
  readonly gone: [number, ChannelCounts][] = [];
  holders: Holder[] = [];
  scans = 0;

  counts(channel: number, generation: number): ChannelCounts | undefined {
    const now = this.entries.get(channel);
    if (now && (now.generation === generation || generation === 0)) return now;
    return this.last(channel, generation);
  }

  last(channel: number, generation: number): ChannelCounts | undefined {
    return this.gone.find((each) => each[0] === channel && each[1].generation === generation)?.[1];
  }

  present(): CountedChannel[] {
    return [...this.entries].map(([channel, counts]) => ({ channel, counts }));
  }

  ended(): CountedChannel[] {
    return this.gone.map(([channel, counts]) => ({ channel, counts }));
  }

  forget(channel: number, generation: number): void {
    const at = this.gone.findIndex(
      (each) => each[0] === channel && each[1].generation === generation,
    );
    if (at >= 0) this.gone.splice(at, 1);
    else if (this.entries.get(channel)?.generation === generation) this.entries.delete(channel);
  }

  scan(): readonly Holder[] {
    this.scans += 1;
    return this.holders;
  }
}
