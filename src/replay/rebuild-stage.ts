/** Recorded lines in, the frames, losses and ends that they were made from out. */
import type { Channel, Party } from "../capture/types.ts";
import type { ConnectionLine } from "../connections/types.ts";
import type { CoverageLine, EffectLine, NoiseLine } from "../exchange/types.ts";
import type { Frame, FramingItem, HttpEnd, HttpPlace, Loss } from "../framing/types.ts";
import type { Stage } from "../stage.ts";
import {
  booleanField,
  countField,
  type Fields,
  fieldsField,
  millisField,
  textField,
} from "./fields.ts";
import { frameFlags } from "./frame-flags.ts";
import { isLossReason } from "./loss-reasons.ts";
import { readConnection } from "./rebuild-connection.ts";
import { readEffect } from "./rebuild-effects.ts";
import { readDirection, readNoise } from "./rebuild-noise.ts";
import { memberText, rebuildText } from "./rebuild-text.ts";
import { completeExchange, RecordedExchanges } from "./recorded-exchanges.ts";
import { type RecordedClock, readTime } from "./recorded-time.ts";
import { type Direction, type RecordedSession, RecordedWorld } from "./recorded-world.ts";
import { endItems, httpEndItem, leftItems } from "./session-end.ts";
import { type RecordedHttp, type RecordedTransport, readTransport } from "./transport.ts";

type HttpTransport = Extract<RecordedTransport, { type: "http" }>;

export type ReplayItem = FramingItem | CoverageLine | ConnectionLine | EffectLine | NoiseLine;

export interface RebuildCounts {
  messages: number;
  /** Messages without `raw`, whose text was put together from their fields. */
  rebuilt: number;
  /** Lines whose kind is known and whose fields make no sense. */
  malformed: number;
  /** Lines of a kind that this version does not replay. */
  unknown: number;
}

/** What waits for the other elements of its batch. */
interface PendingBatch {
  readonly frame: Omit<Frame, "text">;
  readonly size: number;
  readonly elements: string[];
}

/** Never throws: a line that makes no sense is counted in `counts.malformed`. One run of the tool. */
export class RebuildStage implements Stage<Fields, ReplayItem> {
  readonly #clock: RecordedClock;
  readonly #counts: RebuildCounts;
  readonly #world: RecordedWorld;
  readonly #positions = new WeakMap<Channel, number>();
  readonly #sessions = new WeakMap<Channel, RecordedSession>();
  readonly #exchanges = new RecordedExchanges();
  #batch: PendingBatch | undefined;
  #tickNs = Number.NEGATIVE_INFINITY;

  constructor(clock: RecordedClock, counts: RebuildCounts) {
    this.#clock = clock;
    this.#counts = counts;
    this.#world = new RecordedWorld(clock);
  }

  push(line: Fields): readonly ReplayItem[] {
    const kind = textField(line, "kind");
    const timeNs = readTime(line, "timestamp", this.#clock);
    if (kind === undefined || timeNs === undefined) {
      this.#counts.malformed++;
      return [];
    }
    const out: ReplayItem[] = [];
    this.#pushKind(kind, line, timeNs, out);
    return out;
  }

  /** Whether the session was heard from its start; of stdio, the one that the channel is of now. undefined: the recording
   * does not say. */
  lateAttach(channel: Channel, sessionId: string): boolean | undefined {
    const session = this.#sessions.get(channel);
    return session === undefined ? this.#world.lateAttach(sessionId) : session.lateAttach;
  }

  end(): readonly ReplayItem[] {
    const out: ReplayItem[] = [];
    this.#flushBatch(out);
    return out;
  }

  #pushKind(kind: string, line: Fields, timeNs: number, out: ReplayItem[]): void {
    switch (kind) {
      case "message":
        this.#message(line, timeNs, out);
        return;
      case "session":
        this.#flushBatch(out);
        this.#session(line, timeNs, out);
        return;
      case "http":
        this.#http(line, timeNs, out);
        return;
      case "noise":
        this.#noise(line, timeNs, out);
        return;
      case "loss":
        this.#loss(line, timeNs, out);
        return;
      case "connection":
        this.#connectionLine(line, timeNs, out);
        return;
      case "coverage":
        out.push(this.#coverage(line, timeNs));
        return;
      case "waiting":
        this.#flushBatch(out);
        this.#tick(timeNs, out, 0);
        return;
      case "call":
      case "summary":
        // Both are made again from the messages; replay-run.ts adds what a call caused.
        return;
      case "effect":
        this.#effect(line, timeNs, out);
        return;
      default:
        this.#counts.unknown++;
    }
  }

  #message(line: Fields, timeNs: number, out: ReplayItem[]): void {
    const frame = this.#frame(line, timeNs);
    const raw = textField(line, "raw");
    const text = raw ?? rebuildText(line);
    if (frame === undefined || text === undefined) {
      this.#counts.malformed++;
      return;
    }
    this.#counts.messages++;
    if (raw === undefined) this.#counts.rebuilt++;
    this.#tick(timeNs, out);
    const batch = fieldsField(line, "batch");
    const index = countField(batch, "index");
    const size = countField(batch, "size");
    const isElement = index !== undefined && size !== undefined && index < size && size <= 65_536;
    if (!isElement) {
      this.#flushBatch(out);
      out.push({ ...frame, text });
      return;
    }
    this.#addToBatch(frame, text, index, size, out);
  }

  /** Elements follow each other; one that was no message, or was filtered out, is missing. */
  #addToBatch(
    frame: Omit<Frame, "text">,
    text: string,
    index: number,
    size: number,
    out: ReplayItem[],
  ): void {
    const pending = this.#batch;
    const continues =
      pending !== undefined &&
      pending.size === size &&
      pending.frame.channel === frame.channel &&
      pending.frame.timeNs === frame.timeNs &&
      index >= pending.elements.length;
    if (!continues) this.#flushBatch(out);
    const batch = continues ? pending : { frame, size, elements: [] };
    // null stands for an element that was no message, and is none either.
    while (batch.elements.length < index) batch.elements.push("null");
    batch.elements.push(text);
    this.#batch = batch;
    if (batch.elements.length === size) this.#flushBatch(out);
  }

  #flushBatch(out: ReplayItem[]): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    while (batch.elements.length < batch.size) batch.elements.push("null");
    out.push({ ...batch.frame, text: `[${batch.elements.join(",")}]` });
  }

  #frame(line: Fields, timeNs: number): Omit<Frame, "text"> | undefined {
    const transport = readTransport(line);
    const sessionId = textField(line, "session");
    const direction = readDirection(line);
    if (transport === undefined || sessionId === undefined || direction === undefined) {
      return undefined;
    }
    const session = this.#world.session(sessionId);
    const from = this.#world.end(session, transport.from);
    const to = this.#world.end(session, transport.to);
    if (to === undefined) return undefined;
    const isHttp = transport.type === "http";
    const channel = isHttp
      ? this.#connection(sessionId, transport)
      : this.#channelOf(session, direction, transport);
    channel.reader = to;
    channel.writer = from ?? channel.writer;
    const http = isHttp ? this.#place(transport.http, channel, sessionId, timeNs) : undefined;
    if (isHttp && http === undefined) return undefined;
    const bytes = countField(line, "bytes") ?? 0;
    const endPosition = (this.#positions.get(channel) ?? 0) + bytes;
    this.#positions.set(channel, endPosition);
    const queuedMs = millisField(line, "queued_ms");
    return {
      kind: "frame",
      channel,
      bytes,
      endPosition,
      timeNs,
      reader: to,
      otherReaders: this.#world.otherReaders(session, line),
      sender: from,
      sentNs: queuedMs === undefined ? undefined : timeNs - Math.round(queuedMs * 1000) * 1000,
      http,
      flags: frameFlags(line),
      jsonError: textField(line, "json_error"),
    };
  }

  #place(
    http: RecordedHttp,
    channel: Channel,
    session: string,
    timeNs: number,
  ): HttpPlace | undefined {
    const exchange = this.#exchanges.meet(http, channel, timeNs);
    if (exchange === undefined) return undefined;
    const side = http.isRequest ? "request" : "response";
    return { exchange, side, mode: http.mode ?? "json", eventId: http.eventId, session };
  }

  #connection(sessionId: string, { channel, from, to, http }: HttpTransport): Channel {
    const id = channel ?? `${sessionId} ${http.isRequest ? "request" : "response"}`;
    return this.#world.connection(id, from.host?.endpoint, to.host?.endpoint);
  }

  /** Both directions of a session know each other, so that the same two make a session again. */
  #channelOf(session: RecordedSession, direction: Direction, hop: RecordedTransport): Channel {
    const id = hop.channel ?? `${session.id} ${direction}`;
    const channel = this.#world.channel(id);
    this.#sessions.set(channel, session);
    const same = session.channels.get(direction);
    if (same === undefined) session.channels.set(direction, new Set([channel]));
    else same.add(channel);
    const opposite = direction === "client-to-server" ? "server-to-client" : "client-to-server";
    const [reverse] = session.channels.get(opposite) ?? [];
    if (reverse !== undefined && reverse !== channel) {
      channel.reverse ??= reverse;
      reverse.reverse ??= channel;
    }
    return channel;
  }

  #session(line: Fields, timeNs: number, out: ReplayItem[]): void {
    const id = textField(line, "session");
    if (id === undefined) {
      this.#counts.malformed++;
      return;
    }
    const session = this.#world.session(id);
    if (textField(line, "event") === "start") {
      session.lateAttach ??= booleanField(line, "late_attach");
    }
    if (textField(line, "event") !== "end") {
      session.client = this.#world.party(fieldsField(line, "client")) ?? session.client;
      session.server = this.#world.party(fieldsField(line, "server")) ?? session.server;
      const left = this.#world.party(fieldsField(line, "left"));
      out.push(...leftItems(left, line, timeNs));
      return;
    }
    if (textField(line, "transport_type") === "http") {
      out.push(httpEndItem(session, line, timeNs));
      this.#world.forget(session);
      return;
    }
    const items = endItems(session, line, timeNs);
    // A session without an exit ends when time has passed; the stage looks no more than 4 times a second.
    this.#tickNs = Math.max(timeNs + EXIT_WAIT_NS, this.#tickNs + TICK_NS);
    out.push(...items, { kind: "tick", timeNs: this.#tickNs });
    this.#world.forget(session);
  }

  #http(line: Fields, timeNs: number, out: ReplayItem[]): void {
    const transport = readTransport(line);
    const outcome = readOutcome(line);
    const sessionId = textField(line, "session");
    if (transport?.type !== "http" || outcome === undefined) {
      this.#counts.malformed++;
      return;
    }
    const { from, to, http } = transport;
    const session = sessionId === undefined ? stranger() : this.#world.session(sessionId);
    const channel = this.#connection(sessionId ?? "", transport);
    channel.writer = this.#world.end(session, from) ?? channel.writer;
    channel.reader = this.#world.end(session, to) ?? channel.reader;
    const exchange = this.#exchanges.meet(http, channel, timeNs);
    if (exchange === undefined) {
      this.#counts.malformed++;
      return;
    }
    const durationMs = millisField(line, "duration_ms");
    const startNs =
      durationMs === undefined ? undefined : timeNs - Math.round(durationMs * 1000) * 1000;
    completeExchange(exchange, textField(line, "content_type"), startNs);
    this.#flushBatch(out);
    this.#tick(timeNs, out);
    const recorded = { session: sessionId };
    const flags = frameFlags(line);
    out.push({ kind: "http-end", exchange, outcome, flags, recorded, timeNs } satisfies HttpEnd);
  }

  #connectionLine(line: Fields, timeNs: number, out: ReplayItem[]): void {
    const item = readConnection(line, timeNs, this.#clock, this.#world);
    if (item === undefined) this.#counts.malformed++;
    else out.push(item);
  }

  #effect(line: Fields, timeNs: number, out: ReplayItem[]): void {
    const effect = readEffect(fieldsField(line, "effect"), this.#clock);
    const id = textField(line, "session");
    const method = textField(line, "method");
    if (effect === undefined || id === undefined || method === undefined) {
      this.#counts.malformed++;
      return;
    }
    const session = this.#world.shownSession(id);
    const idText = memberText(line, "id") ?? "null";
    const target = textField(line, "target");
    out.push({ kind: "effect", session, idText, method, target, effect, timeNs });
  }

  #loss(line: Fields, timeNs: number, out: ReplayItem[]): void {
    const reason = textField(line, "reason");
    const bytes = countField(line, "bytes");
    if (reason === undefined || bytes === undefined || !isLossReason(reason)) {
      this.#counts.malformed++;
      return;
    }
    const channel = this.#lossChannel(line);
    const sinceNs = readTime(line, "since", this.#clock);
    out.push({ kind: "loss", channel, bytes, reason, timeNs, sinceNs } satisfies Loss);
  }

  #noise(line: Fields, timeNs: number, out: ReplayItem[]): void {
    const id = textField(line, "session");
    const session = id === undefined ? undefined : this.#world.shownSession(id);
    const noise = readNoise(line, timeNs, session, this.#lossChannel(line));
    if (noise === undefined) this.#counts.malformed++;
    else out.push(noise);
  }

  #coverage(line: Fields, timeNs: number): CoverageLine {
    return {
      kind: "coverage",
      reason: textField(line, "reason") ?? "unknown",
      channel: this.#lossChannel(line),
      process: this.#world.process(fieldsField(line, "process")),
      bytes: countField(line, "bytes") ?? 0,
      count: countField(line, "count") ?? 1,
      timeNs,
    };
  }

  /** The channel of a line that belongs to no session. */
  #lossChannel(line: Fields): Channel | undefined {
    const transport = readTransport(line);
    if (transport?.channel === undefined) return undefined;
    const channel =
      transport.type === "http"
        ? this.#connection("", transport)
        : this.#world.channel(transport.channel);
    const session = stranger(channel.writer, channel.reader);
    channel.writer ??= this.#world.end(session, transport.from);
    channel.reader ??= this.#world.end(session, transport.to);
    return channel;
  }

  #tick(timeNs: number, out: ReplayItem[], everyNs = TICK_NS): void {
    if (timeNs < this.#tickNs + everyNs) return;
    this.#tickNs = timeNs;
    out.push({ kind: "tick", timeNs });
  }
}

const TICK_NS = 250_000_000;
/** As long as the exchange waits for an exit that says why a session ended. */
const EXIT_WAIT_NS = 500_000_000;

/** Of a line that belongs to no session. */
function stranger(client?: Party, server?: Party): RecordedSession {
  return { id: "", client, server, lateAttach: undefined, channels: new Map() };
}

function readOutcome(line: Fields): HttpEnd["outcome"] | undefined {
  const outcome = textField(line, "outcome");
  return outcome === "complete" || outcome === "cut" || outcome === "lost" ? outcome : undefined;
}
