/** Items of the stream room, as tests need them. */
import type { Channel, LossReason, Process } from "../../../src/capture/types.ts";
import type { ChannelEnd, Chunk, Gap } from "../../../src/stream/types.ts";

export function makeProcess(pid: number): Process {
  return {
    pid,
    startNs: 1_000 + pid,
    comm: `process-${pid}`,
    commandLine: [],
    containerId: undefined,
    exit: undefined,
  };
}

export function makeChannel(id: string, late = false): Channel {
  return {
    id,
    kind: "pipe",
    inode: 1,
    late,
    reverse: undefined,
    reader: undefined,
    writer: undefined,
  };
}

export function chunk(
  channel: Channel,
  view: Uint8Array,
  position: number,
  reader: Process,
  timeNs = 1,
): Chunk {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.length);
  return { kind: "chunk", channel, bytes, position, timeNs, reader };
}

export function gap(channel: Channel, bytes: number, reason: LossReason, timeNs = 1): Gap {
  return { kind: "gap", channel, bytes, reason, timeNs };
}

export function channelEnd(channel: Channel, unreadBytes = 0, timeNs = 1): ChannelEnd {
  return { kind: "end", channel, timeNs, unreadBytes, writer: undefined };
}
