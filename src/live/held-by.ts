/** A scan in, a question out that it answers for any channel. */
import type { Holder } from "../capture/holders.ts";
import type { ChannelState } from "../stream/channel-state.ts";

interface Place {
  readonly address: number;
  readonly inode: number;
  readonly tls?: ChannelState["tls"] | undefined;
}

export type IsHeld = (place: Place) => boolean;

/** Whether somebody can still read from a channel. */
export function heldBy(holders: readonly Holder[]): IsHeld {
  const readers = holders.filter((each) => each.kind.startsWith("unix") || each.mayRead);
  // the same address with another inode is another channel
  const held = new Map(readers.map((each) => [each.channel, each.generation]));
  // written to and not accepted yet: in no process's table; the other end is
  const connected = new Set(holders.map((each) => each.peer));
  return ({ address, inode, tls }) =>
    tls
      ? // of a connection whose socket is not known nobody can say: its process is asked
        tls.process.exit === undefined &&
        (!tls.socket || held.get(tls.socket.own) === tls.socket.inode)
      : inode === 0
        ? held.has(address) || connected.has(address)
        : // TCP to another host: the sending socket, plus 1
          held.get(address) === inode || held.get(address - 1) === inode;
}
