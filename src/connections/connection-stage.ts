/**
 * Follows connections from their attempt to their end.
 * In: what the kernel says of them, names on their way, what was counted of those that the kernel does not see end.
 * Out: a line when an attempt has an outcome, when a connection ends, and for each that is open at the end.
 */
import type { ConnectionEvent, PayloadEvent, Process, ProcessDirectory } from "../capture/types.ts";
import { RecentMap } from "../recent-map.ts";
import type { Stage } from "../stage.ts";
import { type Entry, isFound, keyOf, newEntry, pairOf } from "./entry.ts";
import { readGreeting } from "./names/greeting.ts";
import { NameBook } from "./names/name-book.ts";
import { closerOf, endOf, failureOf } from "./outcome.ts";
import type { Connection, ConnectionLine } from "./types.ts";

/** What an entry of the kernel has counted by now (Unix, UDP). */
export interface ConnectionMoved {
  readonly kind: "moved";
  readonly id: string;
  readonly sent: number;
  readonly received: number;
  /** A read saw the end. */
  readonly finReceived: boolean;
}

/** Nobody holds its socket any more, or what the kernel said of its end found no room. */
export interface ConnectionGone {
  readonly kind: "gone";
  readonly id: string;
  readonly timeNs: number;
}

export interface ConnectionTick {
  readonly kind: "tick";
  readonly timeNs: number;
}

export type ConnectionInput =
  | ConnectionEvent
  | PayloadEvent
  | ConnectionMoved
  | ConnectionGone
  | ConnectionTick;

export interface ConnectionOptions {
  /** Told of each that begins, before its outcome is known; the object is live. */
  readonly onBegin?: (connection: Connection) => void;
}

/** As many as the kernel has entries for; more are there only when their ends were lost. */
const MAX_OPEN = 131_072;
/** Ended lately: the other end of a short one may be accepted after. */
const MAX_ENDED = 4096;
const NOTHING: readonly ConnectionLine[] = [];

export class ConnectionStage implements Stage<ConnectionInput, ConnectionLine> {
  readonly #processes: ProcessDirectory;
  readonly #onBegin: (connection: Connection) => void;
  readonly #entries = new Map<string | number, Entry>();
  readonly #byId = new Map<string, Entry>();
  /** TCP: by both ends, to find the other one of this host. */
  readonly #pairs = new Map<string, Entry>();
  readonly #ended = new RecentMap<string, Process>(MAX_ENDED);
  readonly #names = new NameBook();
  /** "netns port" of sockets that listened when the tool began to. */
  readonly #listening = new Set<string>();
  #count = 0;
  #lastNs = 0;
  /** Not told of: there were too many. */
  overflow = 0;

  constructor(processes: ProcessDirectory, options: ConnectionOptions = {}) {
    this.#processes = processes;
    this.#onBegin = options.onBegin ?? (() => undefined);
  }

  /** Entries in all maps; 0 when every connection has ended. */
  get residue(): number {
    return this.#entries.size + this.#byId.size + this.#pairs.size;
  }

  /** Those that are followed, UDP destinations that were refused included. */
  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  push(item: ConnectionInput): readonly ConnectionLine[] {
    switch (item.kind) {
      case "connection":
        this.#lastNs = Math.max(this.#lastNs, item.timeNs);
        return this.#connection(item);
      case "greeting":
        this.#greeting(item);
        return NOTHING;
      case "dns":
        this.#names.learn(item.payload, item.timeNs);
        return NOTHING;
      case "moved":
        this.#moved(item);
        return NOTHING;
      case "gone":
        return this.#gone(item);
      case "tick":
        this.#lastNs = Math.max(this.#lastNs, item.timeNs);
        return NOTHING;
    }
  }

  /** Those that are open still. */
  end(): readonly ConnectionLine[] {
    const open = [...this.#entries.values()].filter(({ isOver }) => !isOver);
    return open.map((entry) => line("open", entry, this.#lastNs));
  }

  #connection(event: ConnectionEvent): readonly ConnectionLine[] {
    if (event.listens) {
      this.#listening.add(`${event.netns} ${event.local.port}`);
      return NOTHING;
    }
    const out: ConnectionLine[] = [];
    const known = this.#known(event, out);
    if (known === undefined && isNoBeginning(event)) return out;
    const entry = known ?? this.#begin(event);
    if (entry === undefined || entry.isOver) return out;
    this.#update(entry, event);
    this.#tell(entry, event, known === undefined, out);
    return out;
  }

  #known(event: ConnectionEvent, out: ConnectionLine[]): Entry | undefined {
    const known = this.#entries.get(keyOf(event));
    if (known === undefined || known.startNs === event.startNs) return known;
    // its end found no room in the ring: another one has its place
    out.push(...this.#gone({ kind: "gone", id: known.connection.id, timeNs: event.timeNs }));
    return undefined;
  }

  #begin(event: ConnectionEvent): Entry | undefined {
    if (this.#entries.size >= MAX_OPEN) {
      this.overflow += 1;
      return undefined;
    }
    this.#count += 1;
    const wasListening = this.#listening.has(`${event.netns} ${event.local.port}`);
    const entry = newEntry(`c:${this.#count}`, event, wasListening);
    this.#entries.set(keyOf(event), entry);
    this.#byId.set(entry.connection.id, entry);
    const { connection } = entry;
    if (connection.direction === "outgoing" && connection.remote !== undefined) {
      connection.names.push(...this.#names.namesOf(connection.remote.address));
    }
    this.#update(entry, event);
    this.#onBegin(connection);
    return entry;
  }

  /** What any event tells. */
  #update(entry: Entry, event: ConnectionEvent): void {
    const { connection } = entry;
    if (event.pid !== 0) {
      connection.process = this.#processes.at(event.pid, event.ownerStartNs, event.comm);
    }
    entry.inode ||= event.inode;
    connection.sentBytes = Math.max(connection.sentBytes, event.sent);
    connection.receivedBytes = Math.max(connection.receivedBytes, event.received);
    if (connection.protocol === "unix") {
      connection.peer ??= this.#unixPeer(event);
      return;
    }
    // behind its end the address may be another socket's already
    const isItself = event.what !== "gone" && (event.what !== "end" || event.protocol === "tcp");
    if (event.local.port !== 0 && isItself) connection.local = event.local;
    if (connection.protocol === "tcp") this.#pair(entry, event);
  }

  #unixPeer(event: ConnectionEvent): Process | undefined {
    const other = this.#entries.get(event.peerSocket);
    return other?.connection.process ?? this.#processes.running(event.peerPid);
  }

  /** Each end is the other's peer. */
  #pair(entry: Entry, event: ConnectionEvent): void {
    const { connection } = entry;
    const pair = pairOf(event.netns, connection.local, connection.remote);
    const reverse = pairOf(event.netns, connection.remote, connection.local);
    if (pair === undefined || reverse === undefined) return;
    if (entry.pair === undefined) {
      entry.pair = pair;
      this.#pairs.set(pair, entry);
    }
    const other = this.#pairs.get(reverse);
    if (other === undefined || other === entry) {
      connection.peer ??= this.#ended.get(reverse);
      return;
    }
    connection.peer = other.connection.process ?? connection.peer;
    other.connection.peer = connection.process ?? other.connection.peer;
  }

  #tell(entry: Entry, event: ConnectionEvent, isNew: boolean, out: ConnectionLine[]): void {
    const { connection } = entry;
    switch (event.what) {
      case "attempt":
        return;
      case "outcome":
        if (event.isFailed) this.#fail(entry, event, out);
        else if (!entry.isTold) this.#establish(entry, event, out);
        return;
      case "end":
        this.#end(entry, event, out);
        return;
      case "gone":
        this.#finish(entry, connection.endNs ?? event.timeNs, out);
        return;
      case "found":
        if (isNew && isFound(event)) {
          connection.outcome = "established";
          entry.isTold = true;
        }
        if (isNew) out.push(line("open", entry, event.timeNs));
        return;
    }
  }

  #end(entry: Entry, event: ConnectionEvent, out: ConnectionLine[]): void {
    const { connection } = entry;
    if (connection.protocol !== "tcp") {
      out.push(...this.#gone({ kind: "gone", id: connection.id, timeNs: event.timeNs }));
      return;
    }
    connection.outcome = endOf(event);
    connection.errno = event.errno;
    connection.closedBy = closerOf(event);
    connection.establishedNs ??= event.establishedNs;
    connection.endNs = event.timeNs;
    // somebody may accept it yet
    if (!event.isAccepted || event.pid !== 0) this.#finish(entry, event.timeNs, out);
  }

  #establish(entry: Entry, event: ConnectionEvent, out: ConnectionLine[]): void {
    const { connection } = entry;
    entry.isTold = true;
    connection.outcome = "established";
    connection.endNs = undefined;
    connection.errno = undefined;
    connection.closedBy = undefined;
    connection.establishedNs = event.establishedNs;
    const isTimed = connection.protocol === "tcp" && !event.isAccepted && !event.isBefore;
    if (isTimed && event.establishedNs !== undefined) {
      connection.latencyMs = (event.establishedNs - event.startNs) / 1e6;
    }
    out.push(line("start", entry, event.timeNs));
  }

  /** A UDP socket may go on to send there: the kernel keeps its entry, and so does this. */
  #fail(entry: Entry, event: ConnectionEvent, out: ConnectionLine[]): void {
    const { connection } = entry;
    connection.outcome = failureOf(event.errno);
    connection.errno = event.errno;
    if (connection.protocol !== "udp") {
      this.#finish(entry, event.timeNs, out);
      return;
    }
    connection.endNs = event.timeNs;
    entry.isOver = true;
    out.push(line("end", entry, event.timeNs));
  }

  #greeting({ socket, startNs, payload, timeNs }: PayloadEvent): void {
    const entry = this.#entries.get(socket);
    if (entry === undefined || entry.startNs !== startNs) return;
    const said = readGreeting(payload);
    if (said !== undefined) entry.connection.names.push({ ...said, timeNs });
  }

  #moved({ id, sent, received, finReceived }: ConnectionMoved): void {
    const connection = this.#byId.get(id)?.connection;
    if (connection === undefined) return;
    connection.sentBytes = Math.max(connection.sentBytes, sent);
    connection.receivedBytes = Math.max(connection.receivedBytes, received);
    if (finReceived && connection.protocol === "unix") connection.closedBy ??= "remote";
  }

  #gone({ id, timeNs }: ConnectionGone): readonly ConnectionLine[] {
    const entry = this.#byId.get(id);
    if (entry === undefined) return NOTHING;
    const out: ConnectionLine[] = [];
    if (entry.isOver) this.#remove(entry);
    else {
      const { connection } = entry;
      // what the kernel said of the end of TCP was lost: how it ended is not known
      const isKnown = connection.protocol !== "tcp" && connection.outcome === "established";
      if (isKnown) connection.outcome = "closed";
      // it was closed when its process ended, at the latest
      const exitNs = connection.process?.exit?.timeNs ?? timeNs;
      this.#finish(entry, Math.max(connection.startNs, Math.min(timeNs, exitNs)), out);
    }
    return out;
  }

  #finish(entry: Entry, timeNs: number, out: ConnectionLine[]): void {
    const { connection, pair } = entry;
    this.#remove(entry);
    if (entry.isOver) return;
    entry.isOver = true;
    connection.endNs = timeNs;
    if (pair !== undefined && connection.process !== undefined) {
      this.#ended.set(pair, connection.process);
    }
    out.push(line("end", entry, timeNs));
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#byId.delete(entry.connection.id);
    if (entry.pair !== undefined && this.#pairs.get(entry.pair) === entry) {
      this.#pairs.delete(entry.pair);
    }
  }
}

/** What the scan finds is ahead of the ring: one that is new there has its own events. And that the address of a UDP or Unix
 * socket is another one's is told to who has looked already, and found its end. */
function isNoBeginning({ what, isBefore, protocol }: ConnectionEvent): boolean {
  return (what === "found" && !isBefore) || (what === "end" && protocol !== "tcp");
}

/** A line shows the connection of its time: it goes on changing. */
function line(event: ConnectionLine["event"], entry: Entry, timeNs: number): ConnectionLine {
  const { connection } = entry;
  return {
    kind: "connection",
    event,
    connection: { ...connection, names: [...connection.names] },
    timeNs,
  };
}
