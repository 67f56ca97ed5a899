/** A scan made right after attaching in; what was there before is told to the rooms and to the kernel. */
import type { Holder } from "../capture/holders.ts";
import type { Kernel } from "../capture/kernel.ts";
import type { ProcessDirectory } from "../capture/types.ts";
import { findChannels } from "./find-channels.ts";
import { joinSockets } from "./join-sockets.ts";
import type { Pipeline } from "./pipeline.ts";

export interface Discovery {
  readonly holders: readonly Holder[];
  /** Addresses of channels that somebody is inside a write of. */
  readonly halfWritten: ReadonlySet<number>;
  /** Nothing is written to standard output: it is the command's alone, whose answers are to be heard. */
  readonly isStdoutUnused: boolean;
}

export function discover(
  { holders, halfWritten, isStdoutUnused }: Discovery,
  kernel: Pick<Kernel, "ignore" | "link">,
  processes: ProcessDirectory,
  rooms: Pick<Pipeline, "push" | "stream">,
): void {
  const own = holders.filter((each) => each.pid === process.pid && each.mayWrite);
  const inherited = isStdoutUnused ? own.find((each) => each.fd === 1)?.channel : undefined;
  for (const { kind, channel, generation } of own) {
    if (kind === "pipe" && channel !== inherited) kernel.ignore(channel, generation, true);
  }
  for (const { socket, peer, owner } of joinSockets(holders)) kernel.link(socket, peer, owner);
  const others = holders.filter((each) => each.pid !== process.pid);
  for (const found of findChannels(others, processes)) rooms.push(found);
  for (const address of halfWritten) rooms.stream.channels.get(address)?.losePlaces();
}
