/** A channel in, which of its writer's standard descriptors it is, as /proc says now, out. */
import { readlinkSync } from "node:fs";
import { isProcess } from "../party.ts";
import type { ChannelState } from "../stream/channel-state.ts";
import type { WrittenAs } from "../stream/types.ts";

/** undefined: its writer is not known, or gone, or the channel's other end is not known yet. */
export function writtenAs(channel: ChannelState): WrittenAs | undefined {
  const { writer } = channel;
  const own = linkTo(channel);
  if (own === undefined || !isProcess(writer) || writer.exit !== undefined) return undefined;
  const [input, output, error] = [0, 1, 2].map((fd) => linkOf(writer.pid, fd));
  if (input === undefined && output === undefined && error === undefined) return undefined;
  return {
    isOutput: output === own,
    isError: error === own,
    isFed: input !== undefined && /^(?:pipe|socket):/.test(input),
  };
}

/** What the writing end is called: the pipe, or the socket that is the other one's peer. */
function linkTo({ kind, inode, peerInode }: ChannelState): string | undefined {
  if (kind === "pipe") return `pipe:[${inode}]`;
  return peerInode === 0 ? undefined : `socket:[${peerInode}]`;
}

function linkOf(pid: number, fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return undefined;
  }
}
