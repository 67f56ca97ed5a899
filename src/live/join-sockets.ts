/** The scan's TCP sockets in, which two of them are each other's ends out. */
import type { Holder } from "../capture/holders.ts";

export interface JoinedSocket {
  readonly socket: number;
  /** undefined: its other end is on another host, or much is on its way just now: the kernel side looks again. */
  readonly peer: number | undefined;
  /** Who holds it; undefined: several processes do. */
  readonly owner: Holder | undefined;
}

/** Bytes that may be on their way, or may move between one end's turn in the scan and the other's. */
const SLACK = 32 * 1024;
const BUCKET = 2 * SLACK;
const BUCKETS = 2 ** 32 / BUCKET;

/** What one end sends next is about what the other receives next, both ways. */
export function joinSockets(holders: readonly Holder[]): JoinedSocket[] {
  const sockets = new Map<number, Holder>();
  const shared = new Set<number>();
  for (const holder of holders) {
    if (holder.kind !== "tcp") continue;
    const before = sockets.get(holder.channel);
    if (before !== undefined && before.pid !== holder.pid) shared.add(holder.channel);
    sockets.set(holder.channel, holder);
  }
  const byReceived = new Map<number, Holder[]>();
  for (const holder of sockets.values()) {
    const bucket = bucketOf(holder.receiveNext);
    const known = byReceived.get(bucket);
    if (known) known.push(holder);
    else byReceived.set(bucket, [holder]);
  }
  const choices = new Map<Holder, Holder | undefined>();
  for (const holder of sockets.values()) choices.set(holder, choose(holder, byReceived));
  return [...choices].map(([holder, peer]) => ({
    socket: holder.channel,
    // each other's
    peer: peer !== undefined && choices.get(peer) === holder ? peer.channel : undefined,
    owner: shared.has(holder.channel) ? undefined : holder,
  }));
}

function choose(
  holder: Holder,
  byReceived: ReadonlyMap<number, readonly Holder[]>,
): Holder | undefined {
  const bucket = bucketOf(holder.sendNext);
  const near = [bucket - 1, bucket, bucket + 1].flatMap(
    (each) => byReceived.get((each + BUCKETS) % BUCKETS) ?? [],
  );
  const peers = near.filter((each) => each !== holder && distance(holder, each) < SLACK);
  const exact = peers.find((each) => distance(holder, each) === 0);
  return exact ?? (peers.length === 1 ? peers[0] : undefined);
}

function bucketOf(sequence: number): number {
  return Math.floor(sequence / BUCKET);
}

/** Sequence numbers wrap around. */
function between(one: number, other: number): number {
  return Math.abs((one - other) | 0);
}

function distance(one: Holder, other: Holder): number {
  return Math.max(
    between(one.sendNext, other.receiveNext),
    between(other.sendNext, one.receiveNext),
  );
}
