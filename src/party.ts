/** Who speaks or hears, in; which of its two kinds that is, out. A channel in; who is at its ends out. */
import type { Channel, ChannelKind, Party, Process } from "./capture/types.ts";

/** False for another host, of which only the address is known, and where nobody is known at all. */
export function isProcess(party: Party | undefined): party is Process {
  return party !== undefined && "pid" in party;
}

/** Of the network, what passes in TLS included; its two directions have the same two ends. */
export function isConnection({ kind }: { readonly kind: ChannelKind }): boolean {
  return kind === "tcp" || kind === "tls";
}

/** Of a connection, who writes in one direction reads in the other. */
export function endsOf(channel: Channel | undefined): {
  readonly from: Party | undefined;
  readonly to: Party | undefined;
} {
  if (channel === undefined) return { from: undefined, to: undefined };
  const { reader, writer, reverse } = channel;
  if (!isConnection(channel)) return { from: writer, to: reader };
  return { from: writer ?? reverse?.reader, to: reader ?? reverse?.writer };
}
