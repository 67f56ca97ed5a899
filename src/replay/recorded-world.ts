/** Ends named in recorded lines in, the Process and Channel objects that stand for them out. */
import type { Channel, ChannelKind, Process } from "../capture/types.ts";
import {
  countField,
  type Fields,
  fieldsField,
  numberField,
  textField,
  textsField,
} from "./fields.ts";
import { parseTimestamp, type RecordedClock } from "./recorded-time.ts";

/** Both ends of a recorded session, as its last line named them. */
export interface RecordedSession {
  readonly id: string;
  client: Process | undefined;
  server: Process | undefined;
  /** As its first line said; undefined: there was none. */
  lateAttach: boolean | undefined;
  /** Channels that its messages went through, by direction. */
  readonly channels: Map<Direction, Set<Channel>>;
}

export type Direction = "client-to-server" | "server-to-client";

/** One run's processes and channels; the same end is the same object, as the rooms expect it. */
export class RecordedWorld {
  readonly #clock: RecordedClock;
  readonly #processes = new Map<string, Process>();
  readonly #strangers = new Map<number, Process>();
  readonly #channels = new Map<string, Channel>();
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

  /** The session has ended: nothing more will name it or its channels. */
  forget(session: RecordedSession): void {
    this.#sessions.delete(session.id);
    for (const channels of session.channels.values()) {
      for (const channel of channels) this.#channels.delete(channel.id);
    }
    for (const party of [session.client, session.server]) {
      if (party?.exit !== undefined) this.#processes.delete(keyOf(party.pid, party.startNs));
    }
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
    return process;
  }

  /** A process that a message names by pid only: an end of its session, or a stranger to it. */
  end(
    session: RecordedSession,
    pid: number | undefined,
    comm: string | undefined,
  ): Process | undefined {
    if (pid === undefined || pid === 0) return undefined;
    const party = [session.client, session.server].find((process) => process?.pid === pid);
    const process = party ?? this.#stranger(pid);
    if (comm !== undefined) process.comm = comm;
    return process;
  }

  #stranger(pid: number): Process {
    const known =
      this.#strangers.get(pid) ??
      [...this.#processes.values()].findLast((process) => process.pid === pid);
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
    const channel = {
      id,
      kind: kindOf(id),
      inode: Number(/\d+/.exec(id)?.[0] ?? 0),
      reverse: undefined,
      reader: undefined,
      writer: undefined,
    };
    this.#channels.set(id, channel);
    return channel;
  }
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
  if (id.startsWith("unix-seqpacket")) return "unix-seqpacket";
  if (id.startsWith("unix-dgram")) return "unix-dgram";
  if (id.startsWith("unix")) return "unix-stream";
  return id.startsWith("fifo") ? "fifo" : "pipe";
}
