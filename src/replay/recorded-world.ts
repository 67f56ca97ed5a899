/** Ends named in recorded lines in, the Process and Channel objects that stand for them out. */
import type { Channel, ChannelKind, Endpoint, Host, Party, Process } from "../capture/types.ts";
import type { Session } from "../exchange/types.ts";
import { isProcess } from "../party.ts";
import { RecentMap } from "../recent-map.ts";
import {
  countField,
  type Fields,
  fieldsField,
  listField,
  numberField,
  textField,
  textsField,
} from "./fields.ts";
import { parseTimestamp, type RecordedClock } from "./recorded-time.ts";
import type { RecordedEnd } from "./transport.ts";

/** Both ends of a recorded session, as its last line named them. */
export interface RecordedSession {
  readonly id: string;
  client: Party | undefined;
  server: Party | undefined;
  /** As its first line said; undefined: there was none. */
  lateAttach: boolean | undefined;
  /** stdio: channels that its messages went through, by direction. */
  readonly channels: Map<Direction, Set<Channel>>;
}

export type Direction = "client-to-server" | "server-to-client";

/** Hosts and directions of connections at once: no line tells that one will not come again. */
const MAX_REMEMBERED = 65_536;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One run's processes, hosts and channels; the same end is the same object, as the rooms expect it. */
export class RecordedWorld {
  readonly #clock: RecordedClock;
  readonly #processes = new Map<string, Process>();
  /** The latest process of a pid that a session line gave, and those that only a pid is known of. */
  readonly #latest = new Map<number, Process>();
  readonly #strangers = new Map<number, Process>();
  readonly #hosts = new RecentMap<string, Host>(MAX_REMEMBERED);
  readonly #channels = new Map<string, Channel>();
  readonly #connections = new RecentMap<string, Mutable<Channel>>(MAX_REMEMBERED);
  readonly #sessions = new Map<string, RecordedSession>();

  constructor(clock: RecordedClock) {
    this.#clock = clock;
  }

  session(id: string): RecordedSession {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const parties = { client: undefined, server: undefined, lateAttach: undefined };
    const session: RecordedSession = { id, ...parties, channels: new Map() };
    this.#sessions.set(id, session);
    return session;
  }

  /** As a line about something else than its messages shows it. */
  shownSession(id: string): Session {
    const { client, server, lateAttach } = this.session(id);
    return {
      id,
      transport: id.startsWith("http") ? "http" : "stdio",
      client,
      server,
      httpSessionId: undefined,
      authority: undefined,
      clientInfo: undefined,
      serverInfo: undefined,
      protocolVersion: undefined,
      era: undefined,
      clientCapabilities: undefined,
      serverCapabilities: undefined,
      startNs: 0,
      endNs: undefined,
      endReason: undefined,
      lateAttach: lateAttach ?? false,
    };
  }

  /** As its first line said; undefined: there was none. */
  lateAttach(id: string): boolean | undefined {
    return this.#sessions.get(id)?.lateAttach;
  }

  /** The session has ended: nothing more will name it or its channels. */
  forget(session: RecordedSession): void {
    this.#sessions.delete(session.id);
    for (const channels of session.channels.values()) {
      for (const channel of channels) this.#channels.delete(channel.id);
    }
    for (const party of [session.client, session.server]) {
      if (isProcess(party) && party.exit !== undefined) this.#forgetProcess(party);
    }
  }

  #forgetProcess(process: Process): void {
    this.#processes.delete(keyOf(process.pid, process.startNs));
    if (this.#latest.get(process.pid) === process) this.#latest.delete(process.pid);
  }

  /** A process or a host as session lines give it; undefined: nobody is named. */
  party(fields: Fields | undefined): Party | undefined {
    const address = textField(fields, "address");
    return address === undefined ? this.process(fields) : this.#host(address);
  }

  #host(address: string): Host {
    const known = this.#hosts.get(address);
    if (known !== undefined) return known;
    const host = { address };
    this.#hosts.set(address, host);
    return host;
  }

  /** A process as session lines give it; undefined for pid 0, which stands for an unknown one. */
  process(fields: Fields | undefined): Process | undefined {
    const pid = countField(fields, "pid");
    if (pid === undefined || pid === 0) return undefined;
    const startMicros = parseTimestamp(textField(fields, "start_time"));
    const startNs = startMicros === undefined ? 0 : this.#clock.toNs(startMicros);
    const comm = textField(fields, "comm") ?? "";
    const commandLine = textsField(fields, "command_line");
    const key = keyOf(pid, startNs);
    const known = this.#processes.get(key);
    if (known !== undefined && sameTexts(known.commandLine, commandLine)) {
      known.comm = comm;
      return known;
    }
    // The same process after an exec has a new face, live as well.
    const containerId = textField(fields, "container_id");
    const process = { pid, startNs, comm, commandLine, containerId, exit: undefined };
    this.#processes.set(key, process);
    this.#latest.set(pid, process);
    return process;
  }

  /** A process that a message names by pid only: an end of its session, or a stranger to it. */
  end(session: RecordedSession, { pid, comm, host }: RecordedEnd): Party | undefined {
    if (host !== undefined) return this.#host(host.address);
    if (pid === undefined || pid === 0) return undefined;
    const party = [session.client, session.server].find(
      (each) => isProcess(each) && each.pid === pid,
    );
    const process = isProcess(party) ? party : this.#stranger(pid);
    if (comm !== undefined) process.comm = comm;
    return process;
  }

  /** Who read parts of a line besides its reader. */
  otherReaders(session: RecordedSession, line: Fields): readonly Party[] | undefined {
    const readers = listField(line, "other_readers")
      .map((each) => ({ pid: countField(each, "pid"), comm: textField(each, "comm") }))
      .map((each) => this.end(session, { ...each, host: undefined }))
      .filter((each) => each !== undefined);
    return readers.length > 0 ? readers : undefined;
  }

  #stranger(pid: number): Process {
    const known = this.#strangers.get(pid) ?? this.#latest.get(pid);
    if (known !== undefined) return known;
    const process: Process = {
      pid,
      startNs: 0,
      comm: "",
      commandLine: [],
      containerId: undefined,
      exit: undefined,
    };
    this.#strangers.set(pid, process);
    return process;
  }

  channel(id: string): Channel {
    const known = this.#channels.get(id);
    if (known !== undefined) return known;
    const channel = newChannel(id);
    this.#channels.set(id, channel);
    return channel;
  }

  /** One direction of a connection that carries HTTP. */
  connection(id: string, from: Endpoint | undefined, to: Endpoint | undefined): Channel {
    const channel = this.#connections.get(id) ?? newChannel(id);
    this.#connections.set(id, channel);
    channel.from ??= from;
    channel.to ??= to;
    return channel;
  }
}

function newChannel(id: string): Mutable<Channel> {
  return {
    id,
    kind: kindOf(id),
    inode: Number(/\d+/.exec(id)?.[0] ?? 0),
    reverse: undefined,
    reader: undefined,
    writer: undefined,
  };
}

/** Exit of a process in a session's end line; `timeNs` is not in it and given by the caller. */
export function readExit(fields: Fields | undefined, timeNs: number): Process["exit"] {
  const exit = fieldsField(fields, "exit");
  if (exit === undefined) return undefined;
  return { timeNs, code: numberField(exit, "code"), signal: numberField(exit, "signal") };
}

function keyOf(pid: number, startNs: number): string {
  return `${pid}@${startNs}`;
}

function sameTexts(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

function kindOf(id: string): ChannelKind {
  if (id.startsWith("tcp")) return "tcp";
  if (id.startsWith("tls")) return "tls";
  if (id.startsWith("unix-seqpacket")) return "unix-seqpacket";
  if (id.startsWith("unix-dgram")) return "unix-dgram";
  if (id.startsWith("unix")) return "unix-stream";
  return id.startsWith("fifo") ? "fifo" : "pipe";
}
