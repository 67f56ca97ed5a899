/** One process's end of a TLS connection, its two channels, and what each of them is told of the other end. */
import type { Endpoint, Party, Process, TlsEvent, TlsSocket } from "../capture/types.ts";
import type { ChannelState } from "./channel-state.ts";
import type { StreamItem } from "./types.ts";

/** Who tells of what one end writes. Settled once. */
export type Teller = "undecided" | "writer" | "reader";

/** One process's end of a connection. */
export interface End {
  /** Of the channel that it reads. */
  readonly address: number;
  readonly generation: number;
  readonly process: Process;
  socket: TlsSocket | undefined;
  /** The other end, when that is listened to, too. */
  other: End | undefined;
  /** The other end, when it is not. */
  remote: Party | undefined;
  reads: ChannelState | undefined;
  writes: ChannelState | undefined;
  /** Of what this end writes. */
  teller: Teller;
  /** Its socket did not become known in time: nothing waits for that any more. */
  isGivenUp: boolean;
  /** The kernel was told that what is written is heard elsewhere. */
  isQuiet: boolean;
  /** When something was first heard to be read. */
  readNs: number | undefined;
  /** Up to here what it read was told; undefined: nothing was. */
  toldTo: number | undefined;
  /** The last write that nobody has been heard to read yet. */
  early: { timeNs: number; written: number; length: number } | undefined;
  held: StreamItem[];
  heldBytes: number;
  /** When the first of these came. */
  heldSinceNs: number;
  /** Its channels that are over. */
  readonly over: Set<ChannelState>;
  /** What tells so, as long as the other end may have something to tell of the connection. */
  ending: StreamItem[];
  /** When the first of these came. */
  endingSinceNs: number;
}

export function newEnd(event: TlsEvent, process: Process): End {
  return {
    address: event.channel,
    generation: event.generation,
    process,
    socket: undefined,
    other: undefined,
    remote: undefined,
    reads: undefined,
    writes: undefined,
    teller: "undecided",
    isGivenUp: false,
    isQuiet: false,
    readNs: undefined,
    toldTo: undefined,
    early: undefined,
    held: [],
    heldBytes: 0,
    heldSinceNs: 0,
    over: new Set(),
    ending: [],
    endingSinceNs: 0,
  };
}

/** Whether what was written, as far as it was heard, and what was read begin with the same bytes. */
export function beginAlike(written: readonly StreamItem[], read: Buffer): boolean {
  let at = 0;
  for (const item of written) {
    if (item.kind !== "chunk" || at >= read.length) continue;
    const length = Math.min(item.bytes.length, read.length - at);
    if (item.bytes.compare(read, at, at + length, 0, length) !== 0) return false;
    at += length;
  }
  return true;
}

/** Both of its channels are over, of those that it had. */
export function isOver({ reads, writes, over }: End): boolean {
  return over.size > 0 && (!reads || over.has(reads)) && (!writes || over.has(writes));
}

/** Whether two sockets, each of which has the other's address for its peer, belong together: an inode is 0 before the accept and after the end. */
export function areEnds(one: TlsSocket, other: TlsSocket | undefined): boolean {
  if (!other || other.peer !== one.own) return false;
  if (one.peerInode !== 0) return one.peerInode === other.inode;
  if (other.peerInode !== 0) return other.peerInode === one.inode;
  return isSamePlace(one.ownEnd, other.peerEnd) && isSamePlace(one.peerEnd, other.ownEnd);
}

function isSamePlace(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
}

/**
 * Two ends that told of their connection before they were known to be of one: one of them goes on, in both directions, since an
 * answer is that to a request of the same hearing. It is the one that knew its socket, or, where the other alone told what it
 * read, that one.
 */
export function leaveToOne(one: End, other: End): void {
  const told = [one, other].filter(
    (end) => end.teller === "writer" && (end === one ? other : one).toldTo !== undefined,
  );
  const end = told.find(({ isGivenUp }) => isGivenUp) ?? told[0];
  if (end) end.teller = "reader";
}

export function nameEnds(end: End, other: End): void {
  if (end.reads) end.reads.writer = other.process;
  if (end.writes) end.writes.reader = other.process;
}

/** The two directions that are told know each other. */
export function linkEnds(end: End): void {
  const { other } = end;
  if (other) {
    nameEnds(end, other);
    nameEnds(other, end);
  }
  if (other?.writes && end.reads) {
    other.writes.twin = end.reads;
    end.reads.twin = other.writes;
  }
  if (other?.reads && end.writes) {
    other.reads.twin = end.writes;
    end.writes.twin = other.reads;
  }
  const received = other?.teller === "writer" ? other.writes : end.reads;
  const sent = other && end.teller !== "writer" ? other.reads : end.writes;
  if (!received || !sent) return;
  received.reverse = sent;
  sent.reverse = received;
}

export function nameEndpoints(end: End): void {
  const { socket, process, reads, writes } = end;
  for (const channel of [reads, writes]) if (channel) channel.tls = { socket, process };
  if (!socket) return;
  if (reads) {
    reads.from = socket.peerEnd;
    reads.to = socket.ownEnd;
  }
  if (writes) {
    writes.from = socket.ownEnd;
    writes.to = socket.peerEnd;
  }
}
