/** Kernel events with made-up defaults, and short forms of what the stream room makes of them. */
import type { ProcSnapshot } from "../../../src/capture/proc.ts";
import { ProcessTable } from "../../../src/capture/process-table.ts";
import type {
  ChannelClosed,
  ChannelFound,
  ChannelTotals,
  IoEvent,
  Party,
} from "../../../src/capture/types.ts";
import { isProcess } from "../../../src/party.ts";
import type { StreamOutput } from "../../../src/stream/stream-stage.ts";

/** Processes of which nothing is known but what events say. */
export function processes(): ProcessTable {
  const nothing = (): ProcSnapshot | undefined => undefined;
  return new ProcessTable(nothing, () => undefined);
}

export function pidOf(party: Party | undefined): number | undefined {
  return isProcess(party) ? party.pid : undefined;
}

export const PIPE = 0x1f_8881_0000_1000;
export const INODE = 4711;
export const READER = 20;
export const WRITER = 10;

/** An event of the pipe 4711, by its reader. */
export function io(kind: IoEvent["kind"], fields: Partial<IoEvent> = {}): IoEvent {
  const pid = fields.pid ?? (kind === "note" || kind === "broken" ? WRITER : READER);
  const payload = fields.payload ?? Buffer.alloc(0);
  return {
    kind,
    flags: 0,
    channel: PIPE,
    generation: INODE,
    timeNs: 1_000,
    moved: 0,
    lost: 0,
    skipped: 0,
    startNs: pid * 1_000,
    peer: 0,
    peerGeneration: 0,
    len: payload.length,
    pid,
    channelKind: "pipe",
    comm: `comm${pid}`,
    payload,
    ...fields,
  };
}

export function data(text: string, fields: Partial<IoEvent> = {}): IoEvent {
  return io("data", { payload: Buffer.from(text), ...fields });
}

export function note(len: number, moved: number, fields: Partial<IoEvent> = {}): IoEvent {
  return io("note", { len, moved, ...fields });
}

export function totals(lost: number, fields: Partial<ChannelTotals> = {}): ChannelTotals {
  return { kind: "totals", channel: PIPE, generation: INODE, lost, timeNs: 2_000, ...fields };
}

export function closed(fields: Partial<ChannelClosed> = {}): ChannelClosed {
  return {
    kind: "closed",
    channel: PIPE,
    generation: INODE,
    lost: 0,
    unreadBytes: 0,
    missedBytes: 0,
    timeNs: 3_000,
    ...fields,
  };
}

export function found(fields: Partial<ChannelFound> = {}): ChannelFound {
  return {
    kind: "found",
    channel: PIPE,
    generation: INODE,
    peer: 0,
    peerGeneration: 0,
    channelKind: "pipe",
    reader: undefined,
    writer: undefined,
    buffered: 0,
    ...fields,
  };
}

/** [channel, position, text], [channel, reason, bytes], [channel, "end", unread], … */
export function brief(items: readonly StreamOutput[]): unknown[] {
  return items.map(short);
}

function short(item: StreamOutput): unknown {
  switch (item.kind) {
    case "chunk":
      return [item.channel.id, item.position, Buffer.from(item.bytes).toString()];
    case "gap":
      return [item.channel.id, item.reason, item.bytes];
    case "skip":
      return [item.channel.id, "skipped", item.bytes];
    case "lying":
      return [item.channel.id, "lying", item.bytes, item.sinceNs];
    case "end":
      return [item.channel.id, "end", item.unreadBytes];
    case "blind":
      return [item.channel?.id, "blind", item.reason, item.bytes];
    case "process-end":
      return ["process-end", item.process.pid];
    case "tick":
      return ["tick", item.timeNs];
  }
}
