/** A channel in, which of its writer's standard streams it is out: as its program was given them, else as /proc says now. */
import { readStreams } from "../capture/standard-streams.ts";
import type { StandardStreams } from "../capture/types.ts";
import { isProcess } from "../party.ts";
import type { ChannelState } from "../stream/channel-state.ts";
import type { WrittenAs } from "../stream/types.ts";

/** undefined: its writer is not known, or gone without a word, or the channel's other end is not known yet. */
export function writtenAs(channel: ChannelState): WrittenAs | undefined {
  const { writer } = channel;
  if (!isProcess(writer)) return undefined;
  // after a server has put standard error in the place of its output only what its program was given tells the two apart
  const given = writer.streams && among(channel, writer.streams);
  if (given?.isOutput === true || given?.isError === true) return given;
  if (writer.exit !== undefined || !isFound(channel)) return undefined;
  // the process may have put it there since
  const now = readStreams(writer.pid);
  return now && among(channel, now);
}

function among(channel: ChannelState, [input, output, error]: StandardStreams): WrittenAs {
  return {
    isOutput: output !== undefined && channel.isFedBy(output),
    isError: error !== undefined && channel.isFedBy(error),
    isFed: input?.kind === "pipe" || input?.kind === "socket",
  };
}

/** The writing end has a name in /proc: the pipe's, or that of the socket that is the other one's peer. */
function isFound({ kind, peerInode }: ChannelState): boolean {
  return kind === "pipe" || peerInode !== 0;
}
