/** A channel in, which of its writer's standard streams it is out: as its program was given them, else as /proc says now. */
import { readlinkSync } from "node:fs";
import type { Process } from "../capture/types.ts";
import { isProcess } from "../party.ts";
import type { ChannelState } from "../stream/channel-state.ts";
import type { WrittenAs } from "../stream/types.ts";

/** undefined: its writer is not known, or gone without a word, or the channel's other end is not known yet. */
export function writtenAs(channel: ChannelState): WrittenAs | undefined {
  const { writer } = channel;
  if (!isProcess(writer)) return undefined;
  return asGiven(channel, writer) ?? asNow(channel, writer);
}

/** After a server has put standard error in the place of its output only what its program was given tells the two apart. */
function asGiven(channel: ChannelState, { streams }: Process): WrittenAs | undefined {
  const [input, output, error] = streams ?? [];
  const isOutput = output !== undefined && channel.isFedBy(output);
  const isError = error !== undefined && channel.isFedBy(error);
  if (!isOutput && !isError) return undefined;
  return { isOutput, isError, isFed: input?.kind === "pipe" || input?.kind === "socket" };
}

/** Where that says nothing of the channel: the process may have put it there since. */
function asNow(channel: ChannelState, writer: Process): WrittenAs | undefined {
  const own = linkTo(channel);
  if (own === undefined || writer.exit !== undefined) return undefined;
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
