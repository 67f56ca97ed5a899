/**
 * TLS connections of processes in, and the items of their channels; of each direction between two processes that both are
 * listened to, one hearing out.
 */
import type {
  Host,
  IoEvent,
  Party,
  Process,
  ProcessDirectory,
  TlsEvent,
  TlsSocket,
} from "../capture/types.ts";
import { RecentMap } from "../recent-map.ts";
import { ChannelState } from "./channel-state.ts";
import {
  areEnds,
  beginAlike,
  type End,
  isOver,
  leaveToOne,
  linkEnds,
  nameEndpoints,
  nameEnds,
  newEnd,
  type Teller,
} from "./tls-end.ts";
import type { Blind, StreamItem } from "./types.ts";

/** enum io_flag of bpf/event.h */
const LATE = 32;

/** Who is heard before it is known by which socket may have to answer first, and who is to read what was written may have many
 * connections to accept first: so long is waited for that. */
const PATIENCE_NS = 500_000_000;
/** So long a message's sender may be about to show. */
const SENDER_PATIENCE_NS = 100_000_000;
/** Bytes that wait, of one connection and of all: more is told without waiting any longer. */
const MAX_HELD_BYTES = 8 << 20;
const MAX_TOTAL_BYTES = 64 << 20;
/** Connections, one end of which is over: the oldest then is so at the other end, too. */
const MAX_ENDING = 1024;
/** Connections remembered; the kernel keeps as many. */
const MAX_CONNECTIONS = 16_384;

/** The other end of a connection of which no socket is known. */
const UNKNOWN: Host = { address: "?" };

/** What only the system knows. */
export interface TlsSources {
  readonly host: (address: string) => Host;
  /** Who has the socket with this address and inode. */
  readonly ownerOf: (socket: number, inode: number) => Process | undefined;
  /** What is written there is heard where it is read, or is not any more: only its notes are of use, or its bytes. */
  readonly quiet: (channel: ChannelState, isQuiet: boolean) => void;
  /** "tls:4711" */
  readonly nameOf: (number: number) => string;
}

/**
 * A direction between two processes of this host is heard twice, as it is written and as it is read: the reader's
 * hearing counts, and the writer's tells when it was written. What was written is held until it is known whether
 * somebody will read it here: at once where the other end is another host; else until it is read, an answer comes, or half
 * a second has passed. What is heard of a connection whose socket is not known waits for that as long, once. A reader that
 * begins with other bytes than were written is listened to since later than the writer: then the writer tells, unless the
 * kernel says that it is the late one.
 *
 * The two ends of a connection are over one after the other, mostly before what was written last has been read. A
 * direction has ended when both are, or half a second after the first.
 */
export class TlsHearings {
  readonly #processes: ProcessDirectory;
  readonly #sources: TlsSources;
  /** By the channel of what it reads. */
  readonly #ends = new RecentMap<number, End>(MAX_CONNECTIONS);
  /** By the address of the own socket. */
  readonly #bySocket = new Map<number, End>();
  /** Processes that are not heard, by the addresses of their sockets. */
  readonly #unheard = new RecentMap<number, Process>(MAX_CONNECTIONS);
  readonly #holding = new Set<End>();
  readonly #ending = new Set<End>();
  #heldBytes = 0;

  constructor(processes: ProcessDirectory, sources: TlsSources) {
    this.#processes = processes;
    this.#sources = sources;
  }

  /** Something waits: a tick is wanted soon. */
  get isHolding(): boolean {
    return this.#holding.size > 0 || this.#ending.size > 0;
  }

  /** Returns what waited for this. */
  learn(event: TlsEvent): StreamItem[] {
    if (!event.isHeard) {
      const process = this.#processes.at(event.pid, event.startNs, event.comm);
      if (event.socket) this.#unheard.set(event.socket.own, process);
      return [];
    }
    const end = this.#endOf(event);
    if (end.socket && this.#bySocket.get(end.socket.own) === end) {
      this.#bySocket.delete(end.socket.own);
    }
    end.socket = event.socket;
    if (!event.socket) {
      this.#part(end);
      nameEndpoints(end);
      return [];
    }
    this.#bySocket.set(event.socket.own, end);
    const { peer } = event.socket;
    const other = peer === undefined ? undefined : this.#bySocket.get(peer);
    // of one that is over another socket may have the address by now
    if (other && (!isOver(other) || areEnds(event.socket, other.socket))) this.#pair(end, other);
    nameEndpoints(end);
    return [...this.#settle(end), ...(other ? this.#settle(other) : [])];
  }

  /** A write of which only a note came. */
  note(channel: ChannelState, event: IoEvent): void {
    const end = this.#endOfChannel(channel);
    if (end) this.#note(end, event.timeNs, event.moved, event.len);
  }

  /** Before the channel's first item. */
  open(channel: ChannelState, event: IoEvent): void {
    const isWritten = channel.address % 2 === 1;
    const end = this.#ends.get(channel.address - (isWritten ? 1 : 0));
    if (end?.generation !== channel.inode) return;
    if (isWritten) end.writes = channel;
    else end.reads = channel;
    channel.id = this.#sources.nameOf(end.socket?.inode ?? Math.floor(end.generation / 1e6));
    channel.late = (event.flags & LATE) !== 0;
    if (isWritten) channel.writer = end.process;
    else channel.reader = end.process;
    nameEndpoints(end);
    linkEnds(end);
    const { other } = end;
    if (isWritten || !other?.early) return;
    const { timeNs, written, length } = other.early;
    other.early = undefined;
    this.#note(other, timeNs, written, length);
  }

  /** What is to be told now: of the items of TLS channels not all, and some that waited. */
  sift(item: StreamItem | Blind): readonly (StreamItem | Blind)[] {
    if (item.kind === "process-end" || item.kind === "tick" || item.kind === "blind") return [item];
    if (item.kind === "lying") return [item];
    const { channel } = item;
    if (!(channel instanceof ChannelState)) return [item];
    const end = this.#endOfChannel(channel);
    if (!end) return [item];
    if (item.kind === "end") return this.#close(end, channel, item);
    const isWritten = channel === end.writes;
    // whoever answers has read
    const before = !isWritten && item.kind === "chunk" && end.socket ? this.#answered(end) : [];
    if (this.#mustWait(end, isWritten)) {
      this.#hold(end, item);
      const isTooMuch = end.heldBytes > MAX_HELD_BYTES || this.#heldBytes > MAX_TOTAL_BYTES;
      return isTooMuch ? this.#giveUp(end) : before;
    }
    before.push(...this.#tell(end, item, isWritten));
    return before;
  }

  /** Returns what has waited long enough. */
  tick(timeNs: number): StreamItem[] {
    const out: StreamItem[] = [];
    for (const end of this.#holding) {
      if (timeNs - end.heldSinceNs < PATIENCE_NS) continue;
      out.push(...this.#giveUp(end));
    }
    for (const end of this.#ending) {
      if (timeNs - end.endingSinceNs < PATIENCE_NS) break;
      out.push(...this.#finish([end]));
    }
    return out;
  }

  /** Nothing more will be heard: returns all that waits. */
  end(): StreamItem[] {
    return [
      ...[...this.#holding].flatMap((end) => this.#giveUp(end)),
      ...this.#finish([...this.#ending]),
    ];
  }

  #endOf(event: TlsEvent): End {
    const known = this.#ends.get(event.channel);
    if (known?.generation === event.generation) return known;
    const end = newEnd(event, this.#processes.at(event.pid, event.startNs, event.comm));
    this.#ends.set(event.channel, end);
    return end;
  }

  #endOfChannel(channel: ChannelState): End | undefined {
    const end = this.#ends.get(channel.address - (channel.address % 2));
    return end?.reads === channel || end?.writes === channel ? end : undefined;
  }

  #mustWait(end: End, isWritten: boolean): boolean {
    if (end.held.length > 0) return true;
    if (!end.socket) return !end.isGivenUp;
    return isWritten && end.teller === "undecided";
  }

  #hold(end: End, item: StreamItem): void {
    if (end.held.length === 0) end.heldSinceNs = item.timeNs;
    this.#holding.add(end);
    if (item.kind !== "chunk") {
      end.held.push(item);
      return;
    }
    // the ring's memory is given back after the push
    end.held.push({ ...item, bytes: Buffer.from(item.bytes) });
    end.heldBytes += item.bytes.length;
    this.#heldBytes += item.bytes.length;
  }

  /** The socket may have become known, and whether somebody reads here. */
  #settle(end: End): StreamItem[] {
    if (end.teller === "undecided" && end.socket) {
      if (end.other?.toldTo !== undefined) this.#appoint(end, "reader");
      else if (!end.socket.isLocal) this.#appoint(end, "writer");
    }
    if (end.held.some((item) => this.#isOpen(end, item))) return [];
    return this.#release(end);
  }

  #isOpen(end: End, item: StreamItem): boolean {
    if (!end.socket) return true;
    const isWritten = "channel" in item && item.channel === end.writes;
    return isWritten && end.teller === "undecided";
  }

  /** An answer came and nobody was heard to read the request: nobody is listened to there. */
  #answered(end: End): StreamItem[] {
    if (end.teller !== "undecided" || end.held.length === 0) return [];
    this.#appoint(end, "writer");
    return this.#release(end);
  }

  /** The other end reads: is it what this one has written? */
  #compare(end: End, read: Buffer): StreamItem[] {
    const written = end.held.filter((item) => "channel" in item && item.channel === end.writes);
    const isWriterLate = end.writes?.late === true && end.other?.reads?.late !== true;
    this.#appoint(end, isWriterLate || beginAlike(written, read) ? "reader" : "writer");
    return this.#release(end);
  }

  #appoint(end: End, teller: Teller): void {
    end.teller = teller;
    linkEnds(end);
  }

  #giveUp(end: End): StreamItem[] {
    if (!end.socket) end.isGivenUp = true;
    if (end.teller === "undecided") this.#appoint(end, "writer");
    return this.#release(end);
  }

  #release(end: End): StreamItem[] {
    const { held } = end;
    end.held = [];
    this.#heldBytes -= end.heldBytes;
    end.heldBytes = 0;
    this.#holding.delete(end);
    return held.flatMap((item) =>
      this.#tell(end, item, "channel" in item && item.channel === end.writes),
    );
  }

  #tell(end: End, item: StreamItem, isWritten: boolean): StreamItem[] {
    const { other } = end;
    if (isWritten && end.teller === "reader") {
      if (item.kind === "chunk") {
        this.#note(end, item.timeNs, item.position + item.bytes.length, item.bytes.length);
        this.#quieten(end);
      }
      return [];
    }
    if (!isWritten && item.kind === "chunk" && other?.teller === "undecided") {
      return [...this.#compare(other, item.bytes), ...this.#tell(end, item, isWritten)];
    }
    if (!isWritten && other?.teller === "writer") return [];
    if (item.kind !== "chunk") return [item];
    if (isWritten) {
      return [{ ...item, reader: other?.process ?? this.#remote(end), sender: end.process }];
    }
    end.toldTo = item.position + item.bytes.length;
    return [{ ...item, reader: end.process, sender: this.#senderOf(end, item.timeNs) }];
  }

  /** undefined: the note of the write names it, and tells when it was written. */
  #senderOf(end: End, timeNs: number): Party | undefined {
    if (end.other) return undefined;
    end.readNs ??= timeNs;
    // the writing end may be about to show
    if (end.socket?.isLocal === true && timeNs - end.readNs < SENDER_PATIENCE_NS) return undefined;
    return this.#remote(end);
  }

  /** What was written, for those who hear it read. `written`: bytes so far, these included. */
  #note(end: End, timeNs: number, written: number, length: number): void {
    const { other } = end;
    if (!other?.reads) {
      end.early = { timeNs, written, length };
      return;
    }
    const { reads, toldTo = 0 } = other;
    reads.writer = end.process;
    // more was read than it wrote: it was not listened to from the beginning
    if (reads.late || end.writes?.late === true || toldTo > written) reads.losePlaces();
    if (!reads.unplaced) reads.notes.add(end.process, timeNs, written, length);
  }

  #quieten(end: End): void {
    if (end.isQuiet || !end.writes || !end.other?.reads) return;
    end.isQuiet = true;
    this.#sources.quiet(end.writes, true);
  }

  /** Who is at the other end, when nobody is listened to there. */
  #remote(end: End): Party {
    const { socket } = end;
    if (!socket) return UNKNOWN;
    const found = end.remote;
    if (found && ("address" in found || found.exit === undefined)) return found;
    end.remote = this.#ownerOfPeer(socket) ?? this.#sources.host(socket.peerEnd.address);
    if (end.reads) end.reads.writer = end.remote;
    if (end.writes) end.writes.reader = end.remote;
    return end.remote;
  }

  #ownerOfPeer({ peer, peerInode, peerOwner }: TlsSocket): Process | undefined {
    const unheard = peer === undefined ? undefined : this.#unheard.get(peer);
    if (unheard) return unheard;
    if (peerOwner) return this.#processes.at(peerOwner.pid, peerOwner.startNs, "");
    return peer === undefined ? undefined : this.#sources.ownerOf(peer, peerInode);
  }

  #pair(one: End, other: End): void {
    if (one.other === other) return;
    this.#part(one);
    this.#part(other);
    one.other = other;
    other.other = one;
    leaveToOne(one, other);
    nameEnds(one, other);
    nameEnds(other, one);
    linkEnds(one);
  }

  #part(end: End): void {
    const { other } = end;
    if (!other) return;
    for (const each of [end, other]) {
      each.other = undefined;
      if (each.teller === "reader") each.teller = "undecided";
      if (each.isQuiet && each.writes) this.#sources.quiet(each.writes, false);
      each.isQuiet = false;
      for (const channel of [each.reads, each.writes]) if (channel) channel.twin = undefined;
    }
  }

  /** Nothing more comes through the channel. */
  #close(end: End, channel: ChannelState, item: StreamItem): StreamItem[] {
    const out = end.socket ? [] : this.#giveUp(end);
    if (end.ending.length === 0) end.endingSinceNs = item.timeNs;
    end.ending.push(item);
    end.over.add(channel);
    const { other } = end;
    const mayGoOn = other ? !isOver(other) : end.socket?.isLocal === true;
    if (mayGoOn || !isOver(end)) {
      this.#ending.add(end);
      const [oldest] = this.#ending;
      if (oldest && this.#ending.size > MAX_ENDING) out.push(...this.#finish([oldest]));
      return out;
    }
    out.push(...this.#finish(other ? [other, end] : [end]));
    return out;
  }

  /** Tells that their channels are over. */
  #finish(ends: readonly End[]): StreamItem[] {
    const out = ends.flatMap((end) => [
      ...(end.held.length > 0 ? this.#giveUp(end) : []),
      ...end.ending.flatMap((item) =>
        this.#tell(end, item, "channel" in item && item.channel === end.writes),
      ),
    ]);
    for (const end of ends) {
      end.ending = [];
      this.#ending.delete(end);
      if (end.reads && end.over.has(end.reads)) end.reads = undefined;
      if (end.writes && end.over.has(end.writes)) end.writes = undefined;
      if (!end.reads && !end.writes) this.#forget(end);
    }
    return out;
  }

  #forget(end: End): void {
    this.#part(end);
    if (this.#ends.get(end.address) === end) this.#ends.delete(end.address);
    const own = end.socket?.own;
    if (own !== undefined && this.#bySocket.get(own) === end) this.#bySocket.delete(own);
  }
}
