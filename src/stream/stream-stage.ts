/** Kernel events in, ordered bytes per channel out, with every hole said in its place. */
import type {
  ChannelClosed,
  ChannelFound,
  ChannelLying,
  ChannelTotals,
  ChannelUnheard,
  ExitEvent,
  Host,
  IoEvent,
  LossReason,
  Process,
  ProcessDirectory,
  SocketEvent,
  StreamEvent,
  TlsEvent,
} from "../capture/types.ts";
import { RecentMap } from "../recent-map.ts";
import type { Stage } from "../stage.ts";
import type { ChannelSources, ChannelState, LastWordSource } from "./channel-state.ts";
import { ChannelTable } from "./channel-table.ts";
import { TlsHearings } from "./tls-hearings.ts";
import type { Blind, StreamItem, Tick } from "./types.ts";

const CUT = 2;
const WANTED = 4;
const WRITTEN = 8;
const LOCAL = 16;
/** As many as a note brings of a first write (bpf/config.h). */
const OPENING_BYTES = 64;
export type StreamOutput = StreamItem | Blind;

/** Hosts remembered, by address. */
const MAX_HOSTS = 4096;

const NOTHING: readonly StreamOutput[] = [];

export type StreamInput =
  | StreamEvent
  | ChannelTotals
  | ChannelClosed
  | ChannelFound
  | ChannelUnheard
  | ChannelLying
  | Tick;

/** What only the system knows; without: nobody is asked. */
export interface StreamSources extends ChannelSources {
  readonly lastWord?: LastWordSource;
  /** Who has the socket with this address and inode. */
  readonly ownerOf?: (socket: number, inode: number) => Process | undefined;
  /** TLS: what is written there is heard where it is read, or is not any more. */
  readonly quiet?: (channel: ChannelState, isQuiet: boolean) => void;
}

/**
 * In: records in the order of the ring, which is causal: a request's read precedes its answer's.
 * Out: per channel, chunks and gaps whose lengths add up to the bytes that were read from it.
 */
export class StreamStage implements Stage<StreamInput, StreamOutput> {
  readonly #processes: ProcessDirectory;
  readonly #channels: ChannelTable;
  readonly #lastWord: LastWordSource;

  readonly #tls: TlsHearings;

  /** Most hosts have none: nothing is sifted there. */
  #hasTls = false;

  readonly #hosts = new RecentMap<string, Host>(MAX_HOSTS);

  constructor(processes: ProcessDirectory, sources: StreamSources = {}) {
    this.#processes = processes;
    this.#channels = new ChannelTable(sources);
    this.#tls = new TlsHearings(processes, {
      host: (address) => this.#host(address),
      ownerOf: sources.ownerOf ?? (() => undefined),
      quiet: sources.quiet ?? (() => undefined),
      nameOf: (number) => this.#channels.nameOf("tls", number),
    });
    this.#lastWord = sources.lastWord ?? (({ lost }) => ({ lost, unreadBytes: 0 }));
  }

  get channelsSeen(): number {
    return this.#channels.seen;
  }

  /** Channels that are known now, by kernel address. */
  get channels(): ReadonlyMap<number, ChannelState> {
    return this.#channels.byAddress;
  }

  /** Something waits for what comes next: a tick is wanted soon. */
  get isHolding(): boolean {
    return this.#tls.isHolding;
  }

  push(item: StreamInput): readonly StreamOutput[] {
    if (item.kind === "tls") {
      this.#hasTls = true;
      return this.#tls.learn(item);
    }
    const out = this.#hear(item);
    if (!this.#hasTls) return out;
    if (item.kind === "tick") return [...this.#tls.tick(item.timeNs), item];
    return out.flatMap((each) => this.#tls.sift(each));
  }

  #hear(item: Exclude<StreamInput, TlsEvent>): readonly StreamOutput[] {
    switch (item.kind) {
      case "data":
        return this.#data(item);
      case "note":
        return this.#note(item);
      case "eof":
      case "close":
        this.#eof(item);
        return NOTHING;
      case "socket":
        return this.#socket(item);
      case "broken":
        return NOTHING;
      case "uring":
        return this.#uring(item);
      case "unseen":
        return this.#blind(item, "unseen_read");
      case "opaque":
        return this.#blind(item, "packet_socket");
      case "fork":
        this.#processes.fork(item);
        return NOTHING;
      case "exec":
        this.#processes.exec(item);
        return NOTHING;
      case "exit":
        return this.#exit(item);
      case "totals":
        return this.#totals(item);
      case "closed":
        return this.#closed(item);
      case "unheard":
        return this.#unheard(item);
      case "found":
        this.#found(item);
        return NOTHING;
      case "lying":
        return this.#lying(item);
      case "tick":
        return [item];
    }
  }

  end(): readonly StreamOutput[] {
    return this.#tls.end();
  }

  #data(event: IoEvent): readonly StreamOutput[] {
    const out: StreamOutput[] = [];
    const channel = this.#channelOf(event, out);
    if (event.flags & WANTED) channel.wanted = true;
    const process = this.#processes.at(event.pid, event.startNs, event.comm);
    const sender = this.#nameEnds(channel, event, process);
    const reader = channel.reader ?? process;
    channel.lastTimeNs = event.timeNs;
    this.#skip(channel, event.skipped, event.timeNs, out);
    this.#catchUp(channel, event.lost, event.timeNs, out);
    const heard = event.payload.length;
    if (heard > 0) {
      if (channel.position === 0 && !channel.late) {
        channel.opening ??= `${event.payload.toString("latin1", 0, OPENING_BYTES)}\n`;
      }
      out.push({
        kind: "chunk",
        channel,
        bytes: event.payload,
        position: channel.position,
        timeNs: event.timeNs,
        reader,
        sender,
      });
      channel.position += heard;
    }
    if (heard < event.len) {
      const reason: LossReason = event.flags & CUT ? "call_too_large" : "fault";
      this.#gap(channel, event.len - heard, reason, event.timeNs, out);
    }
    return out;
  }

  /** Who wrote, where that is known without a note: the bytes were copied as written, or come from another host. */
  #nameEnds(channel: ChannelState, event: IoEvent, process: Process): Process | Host | undefined {
    if (channel.kind === "tls") return undefined;
    if ((event.flags & WRITTEN) !== 0) {
      channel.writer = process;
      channel.reader = channel.to && this.#host(channel.to.address);
      return process;
    }
    channel.reader = process;
    const isLocal = channel.kind !== "tcp" || (event.flags & LOCAL) !== 0;
    if (isLocal || channel.from === undefined) return undefined;
    channel.writer = this.#host(channel.from.address);
    return channel.writer;
  }

  #host(address: string): Host {
    const known = this.#hosts.get(address);
    if (known) return known;
    const host: Host = { address };
    this.#hosts.set(address, host);
    return host;
  }

  #socket(event: SocketEvent): readonly StreamOutput[] {
    const out: StreamOutput[] = [];
    let channel = this.#channels.knownOfSocket(event);
    if (channel) this.#channels.linkSocket(channel, event);
    else {
      const before = this.#channels.at(event.channel);
      if (before) this.#replace(before, event.timeNs, out);
      channel = this.#channels.openSocket(event);
      channel.late = event.late;
      if (event.late) channel.losePlaces();
    }
    channel.from = event.from;
    channel.to = event.to;
    return out;
  }

  #note(event: IoEvent): readonly StreamOutput[] {
    const known = this.#channels.knownOf(event);
    if (known) {
      this.#takeNote(known, event);
      return NOTHING;
    }
    const out: StreamOutput[] = [];
    this.#takeNote(this.#openFor(event, out), event);
    return out;
  }

  #takeNote(channel: ChannelState, event: IoEvent): void {
    if (event.flags & WANTED) channel.wanted = true;
    if (channel.kind === "tls") {
      channel.position += event.len;
      this.#tls.note(channel, event);
      return;
    }
    channel.writer = this.#processes.at(event.pid, event.startNs, event.comm);
    if (!channel.unplaced) {
      channel.notes.add(channel.writer, event.timeNs, event.moved, event.len);
    }
    if (event.payload.length > 0) {
      channel.opening = `${channel.opening ?? ""}${event.payload.toString("latin1")}\n`;
    }
  }

  /** The live run ends the channel (live/accounts.ts), by the inode that is learned here at the latest. */
  #eof(event: IoEvent): void {
    const known = this.#channels.knownOf(event);
    if (known && event.flags & WANTED) known.wanted = true;
  }

  #uring(event: IoEvent): readonly StreamOutput[] {
    const process = this.#processes.at(event.pid, event.startNs, event.comm);
    return [
      {
        kind: "blind",
        channel: undefined,
        process,
        reason: "io_uring",
        bytes: 0,
        timeNs: event.timeNs,
      },
    ];
  }

  #blind(event: IoEvent, reason: "packet_socket" | "unseen_read"): readonly StreamOutput[] {
    const out: StreamOutput[] = [];
    const channel = this.#channelOf(event, out);
    if (event.flags & WANTED) channel.wanted = true;
    const process = this.#processes.at(event.pid, event.startNs, event.comm);
    channel.reader = process;
    out.push({ kind: "blind", channel, process, reason, bytes: event.len, timeNs: event.timeNs });
    if (reason === "unseen_read") {
      this.#catchUp(channel, event.lost, event.timeNs, out);
      this.#gap(channel, event.len, "unseen_read", event.timeNs, out);
    }
    return out;
  }

  #exit(event: ExitEvent): readonly StreamOutput[] {
    const process = this.#processes.exit(event);
    return process ? [{ kind: "process-end", process, timeNs: event.timeNs }] : NOTHING;
  }

  #totals(totals: ChannelTotals): readonly StreamOutput[] {
    const channel = this.#channels.find(totals.channel, totals.generation);
    if (!channel) return NOTHING;
    const out: StreamOutput[] = [];
    this.#catchUp(channel, totals.lost, totals.timeNs, out);
    return out;
  }

  #closed(closed: ChannelClosed): readonly StreamOutput[] {
    const channel = this.#channels.find(closed.channel, closed.generation);
    if (!channel) return NOTHING;
    const out: StreamOutput[] = [];
    this.#skip(channel, closed.skipped ?? 0, closed.timeNs, out);
    this.#catchUp(channel, closed.lost, closed.timeNs, out);
    if (closed.missedBytes > 0) {
      this.#gap(channel, closed.missedBytes, "unseen_read", closed.timeNs, out);
    }
    this.#end(channel, closed.unreadBytes, closed.timeNs, out);
    return out;
  }

  #unheard({ channel: address, channelKind, entry, unreadBytes, timeNs }: ChannelUnheard) {
    const out: StreamOutput[] = [];
    const channel = this.#channels.make(address, entry.generation, channelKind, false);
    channel.nameEnds(entry, this.#processes);
    channel.wanted = entry.wanted;
    this.#catchUp(channel, entry.lost, timeNs, out);
    out.push({ kind: "end", channel, timeNs, unreadBytes, writer: channel.writer });
    return out;
  }

  #found(found: ChannelFound): void {
    const channel = this.#channels.openFound(found);
    channel.reader = found.reader;
    channel.writer = found.writer;
    if (found.buffered > 0) channel.notes.shift(found.buffered);
  }

  #lying({ channel: address, generation, bytes, timeNs }: ChannelLying): readonly StreamOutput[] {
    const channel = this.#channels.find(address, generation);
    if (!channel) return NOTHING;
    const note = channel.noteAt(channel.position);
    channel.writer = note?.writer ?? channel.likelyWriter();
    return [{ kind: "lying", channel, bytes, sinceNs: note?.timeNs, timeNs }];
  }

  #end(channel: ChannelState, unreadBytes: number, timeNs: number, out: StreamOutput[]): void {
    out.push({ kind: "end", channel, timeNs, unreadBytes, writer: channel.writer });
    this.#channels.close(channel);
  }

  /** Another channel has the address: all records of the old one have been heard. */
  #replace(channel: ChannelState, timeNs: number, out: StreamOutput[]): void {
    const { lost, unreadBytes } = this.#lastWord(channel);
    this.#catchUp(channel, lost, timeNs, out);
    this.#end(channel, unreadBytes, timeNs, out);
  }

  /** Bytes were lost before this record: they lie between what was heard and what it brings. */
  #catchUp(channel: ChannelState, lost: number, timeNs: number, out: StreamOutput[]): void {
    const missing = lost - channel.lost;
    if (missing <= 0) return;
    channel.lost = lost;
    this.#gap(channel, missing, "ring_full", timeNs, out);
  }

  /** Bytes were left out before this record, as other HTTP. */
  #skip(channel: ChannelState, skipped: number, timeNs: number, out: StreamOutput[]): void {
    const bytes = skipped - channel.skipped;
    if (bytes <= 0) return;
    channel.skipped = skipped;
    channel.position += bytes;
    out.push({ kind: "skip", channel, bytes, timeNs });
  }

  #gap(
    channel: ChannelState,
    bytes: number,
    reason: LossReason,
    timeNs: number,
    out: StreamOutput[],
  ): void {
    out.push({ kind: "gap", channel, bytes, reason, timeNs });
    channel.position += bytes;
  }

  #channelOf(event: IoEvent, out: StreamOutput[]): ChannelState {
    return this.#channels.knownOf(event) ?? this.#openFor(event, out);
  }

  #openFor(event: IoEvent, out: StreamOutput[]): ChannelState {
    const before = this.#channels.at(event.channel);
    if (before) this.#replace(before, event.timeNs, out);
    const channel = this.#channels.openFor(event);
    if (channel.kind === "tls") this.#tls.open(channel, event);
    return channel;
  }
}
