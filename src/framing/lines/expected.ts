/** A channel that has shown no message for long in, whether it is to be heard all the same out. */
import type { Channel } from "../../capture/types.ts";
import type { ChannelFramer, LineFramer } from "../channel-framer.ts";
import { ChannelLines } from "./channel-lines.ts";

/** A server that starts may print the log of a whole build first. Then who is asked is looked at again. */
const SPARED_BYTES = 1024 * 1024;

type AllLines = Iterable<{ readonly framer: LineFramer }>;

/** A message may come by it yet: then it is heard for some time more. */
export function mayYetSpeak(framer: ChannelFramer, all: AllLines): boolean {
  if (!(framer instanceof ChannelLines)) return false;
  const bytes = budgetOf(framer, all);
  if (bytes > 0) framer.hopeFor(bytes);
  return bytes > 0;
}

/**
 * What a process writes that is being asked is always heard, unless that is its standard error; the standard output of one
 * whose standard input comes from somebody, too, for longer than others.
 */
function budgetOf({ channel, isSpared }: ChannelLines, all: AllLines): number {
  channel.likelyWriter?.();
  const as = channel.writtenAs?.();
  if (as?.isError === true && !as.isOutput) return 0;
  const isFedOutput = as?.isOutput === true && as.isFed;
  return isAsked(channel, all) || (isFedOutput && !isSpared) ? SPARED_BYTES : 0;
}

/** Its writer, or the other end of its socket, reads messages. */
function isAsked({ writer, reverse }: Channel, all: AllLines): boolean {
  for (const { framer } of all) {
    if (!(framer instanceof ChannelLines) || !framer.hasMessages) continue;
    const isAnswering = writer !== undefined && framer.reader === writer;
    if (framer.channel === reverse || isAnswering) return true;
  }
  return false;
}
