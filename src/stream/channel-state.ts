/** What the stream room keeps of one channel between records. */
import type {
  Channel,
  ChannelEntry,
  ChannelKind,
  Endpoint,
  Heirs,
  IoEvent,
  Party,
  Process,
  ProcessDirectory,
  StandardStream,
  TlsSocket,
  WriteNote,
} from "../capture/types.ts";
import { isProcess } from "../party.ts";
import type { WrittenAs } from "./types.ts";
import { WriteNotes } from "./write-notes.ts";

/** Asks the system which process can write into the channel; undefined when none or several can. */
export type HolderSource = (channel: ChannelState) => Process | undefined;

/** Asks the system which of its writer's standard descriptors a channel is; undefined: it does not say. */
export type DescriptorSource = (channel: ChannelState) => WrittenAs | undefined;

/** What only the system knows of a channel. */
export interface ChannelSources {
  readonly holders?: HolderSource | undefined;
  readonly descriptors?: DescriptorSource | undefined;
}

/** What the kernel counted of a channel that is over. */
export interface LastWord {
  /** Bytes that were read and not heard, all in all. */
  readonly lost: number;
  readonly unreadBytes: number;
}

/** Asks the kernel for the counts of a channel whose address another one has by now, and lets it forget them. */
export type LastWordSource = (channel: ChannelState) => LastWord;

export class ChannelState implements Channel {
  id: string;
  readonly kind: ChannelKind;
  /** 0 while nobody has accepted the socket. */
  inode: number;
  /** Existed before the tool listened: its first bytes may have moved before. */
  late: boolean;
  /** Kernel address: the key, together with `inode`. */
  readonly address: number;
  /** Sockets: inode of the other end's; 0: not known. */
  peerInode = 0;
  /** Sockets: address of the other end's; 0: not known. */
  peerAddress = 0;
  reverse: Channel | undefined;
  /** TLS: the own socket of the process that is listened to, where it is known, and that process. */
  tls: { readonly socket: TlsSocket | undefined; readonly process: Process } | undefined;
  /** TLS: the same direction, as it is heard at its other end. */
  twin: ChannelState | undefined;
  reader: Party | undefined;
  writer: Party | undefined;
  from: Endpoint | undefined;
  to: Endpoint | undefined;
  /** Position of the next byte: heard and missed so far. */
  position = 0;
  /** The channel's count of bytes that the ring had no room for, as of the last record. */
  lost = 0;
  /** TCP: the channel's count of bytes that were left out, as of the last record. */
  skipped = 0;
  lastTimeNs = 0;
  opening: string | undefined;
  /** An end of it is one that the user's filters follow. */
  wanted = false;
  /** No write is known by its position: one was counted in part only, or some not at all. */
  unplaced = false;
  /** It was not copied for a while: its counts do not add up. */
  uncounted = false;
  heirs: Heirs | undefined;
  readonly notes = new WriteNotes();
  readonly #sources: ChannelSources;
  /** For whom, as what program, and what was found. */
  #asked:
    | { readonly writer: Party; readonly streams: Process["streams"]; readonly as: WrittenAs }
    | undefined;

  constructor(
    id: string,
    place: { kind: ChannelKind; inode: number; address: number; late: boolean },
    sources: ChannelSources = {},
  ) {
    this.#sources = sources;
    this.id = id;
    this.kind = place.kind;
    this.inode = place.inode;
    this.address = place.address;
    this.late = place.late;
  }

  /** Whether a record that names the channel's address is about this channel. */
  isMeantBy(event: IoEvent): boolean {
    if (this.inode === event.generation) return true;
    if (event.generation !== 0) return false;
    // a reader's socket loses its inode while it closes
    if (event.kind !== "note") return true;
    // a write before the accept may be told after the first read: two CPUs; the writer's socket tells it from another's
    if (this.peerInode !== 0) return this.peerInode === event.peerGeneration;
    return event.peer === 0 || this.peerAddress === event.peer;
  }

  /** Ends that no record has brought: the ring may have had room for none. */
  nameEnds(entry: ChannelEntry, processes: ProcessDirectory): void {
    this.reader ??= processes.named(entry.readerPid, entry.readerStartNs);
    this.writer ??= processes.named(entry.writerPid, entry.writerStartNs);
  }

  noteAt(position: number): WriteNote | undefined {
    return this.notes.at(position);
  }

  /** Bytes are read and written that nobody counts. */
  loseCount(): void {
    this.uncounted = true;
    this.losePlaces();
  }

  /** How much of a write had moved before it was noted is unknown. */
  losePlaces(): void {
    this.unplaced = true;
    this.notes.shift(0);
  }

  isFedBy({ kind, inode }: StandardStream): boolean {
    if (this.kind === "pipe" || this.kind === "fifo")
      return kind === "pipe" && inode === this.inode;
    const isSocket = this.kind === "unix-stream" && kind === "socket";
    return isSocket && this.peerInode !== 0 && inode === this.peerInode;
  }

  /** Who writes, as far as anything says so: the last write, the other direction, who holds the end. */
  likelyWriter(): Party | undefined {
    this.writer ??= this.reverse?.reader ?? this.#sources.holders?.(this);
    return this.writer;
  }

  /** Of who writes now: asked again only when that is another one, or another program. */
  writtenAs(): WrittenAs | undefined {
    const { writer } = this;
    if (writer === undefined) return undefined;
    const streams = isProcess(writer) ? writer.streams : undefined;
    const asked = this.#asked;
    if (asked?.writer === writer && asked.streams === streams) return asked.as;
    const as = this.#sources.descriptors?.(this);
    if (as !== undefined) this.#asked = { writer, streams, as };
    return as;
  }
}
