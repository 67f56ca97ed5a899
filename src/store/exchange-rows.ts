/** Sessions, messages, calls and failed HTTP exchanges in, their rows out. */
import type { Channel, Party } from "../capture/types.ts";
import type {
  CallLine,
  EffectLine,
  HttpLine,
  MessageLine,
  NoiseLine,
  Session,
  SessionLine,
} from "../exchange/types.ts";
import type { HttpExchange } from "../framing/types.ts";
import type { Message } from "../message/types.ts";
import { clientName, serverName } from "../names.ts";
import { endsOf, isProcess } from "../party.ts";
import { RecentMap } from "../recent-map.ts";
import type { ConnectionRows } from "./connection-rows.ts";
import type { Dimensions, Place } from "./dimensions.ts";
import { errorOf } from "./error-of.ts";
import { bodyOf } from "./message-body.ts";
import type { OwnServers } from "./own-servers.ts";
import { jsonOrNull, plainOrNull, plainText } from "./plain-text.ts";
import { SessionRef } from "./session-ref.ts";

export interface ExchangeRowsOptions {
  readonly dimensions: Dimensions;
  readonly own: OwnServers;
  readonly connections: ConnectionRows;
  readonly runId: number;
  readonly maxBodyBytes: number;
  readonly bodyMargin: number;
}

/** Sessions that are open, or ended lately: a line that comes behind the end is still theirs. */
const MAX_SESSIONS = 65_536;

export class ExchangeRows {
  readonly #options: ExchangeRowsOptions;
  readonly #sessions = new RecentMap<string, SessionRef>(MAX_SESSIONS);
  /** Starts of sessions whose server is not known, until something is said in them. */
  readonly #begun = new RecentMap<string, SessionLine>(MAX_SESSIONS);
  /** Rows of answers, until their calls come. */
  readonly #answers = new WeakMap<Message, number>();

  constructor(options: ExchangeRowsOptions) {
    this.#options = options;
  }

  message(line: MessageLine, place: Place): void {
    const { message, session, direction } = line;
    const ref = this.#refOf(session, place, message.frame.channel);
    if (ref.isOwn) return;
    const { dimensions, maxBodyBytes, bodyMargin } = this.#options;
    const id = place.nextId();
    if (message.type === "request" && message.idText !== undefined)
      this.#open(line, ref, id, place);
    if (message.method === undefined) this.#answers.set(message, id);
    const call = line.callId === undefined ? undefined : ref.find(direction, line.callId);
    const body = bodyOf(message, maxBodyBytes, bodyMargin);
    const { http, channel, timeNs } = message.frame;
    place.out.plain("messages", [
      id,
      ref.id,
      place.micros(timeNs),
      line.seq,
      direction === "client-to-server" ? 1 : 0,
      message.type,
      jsonOrNull(message.idText),
      plainOrNull(message.method),
      plainOrNull(line.target),
      dimensions.party(line.from, place),
      dimensions.party(line.to, place),
      dimensions.channel(channel, place),
      http === undefined ? null : dimensions.exchange(http.exchange, place),
      http === undefined ? null : `${http.side} ${http.mode}`,
      plainOrNull(http?.eventId),
      inMicros(line.queuedMs),
      message.bytes,
      message.batch?.index ?? null,
      message.batch?.size ?? null,
      line.flags.length === 0 ? null : line.flags.join(","),
      call ?? null,
      body.isCut ? 1 : 0,
      body.text,
      readersOrNull(message.frame.otherReaders),
    ]);
    ref.messages++;
    place.segment.messages++;
    place.segment.messageBytes += message.bytes;
    count(ref, place);
  }

  call(line: CallLine, place: Place): void {
    const { request, response, outcome } = line;
    const ref = this.#refOf(line.session, place);
    if (ref.isOwn) return;
    const known = ref.close(line);
    if (known === undefined) {
      ref.calls++;
      place.segment.calls++;
    }
    if (outcome !== "ok" && outcome !== "input_required" && outcome !== "unheard") {
      ref.failedCalls++;
      place.segment.failedCalls++;
    }
    count(ref, place);
    const asked = askedOf(ref, line.session, request, line.direction, place);
    const of = { method: plainText(line.method), target: plainText(line.target ?? "") };
    const id = known ?? place.nextId();
    place.out.call({
      id,
      ...asked,
      ...of,
      outcome,
      endUs: place.micros(line.timeNs),
      durationUs: inMicros(line.durationMs),
      serverUs: inMicros(line.serverMs),
      ...errorOf(line),
      responseBytes: response?.bytes ?? 0,
      responseId: response === undefined ? null : (this.#answers.get(response) ?? null),
      progress: line.progressCount,
      logs: line.logCount,
      chain: jsonOrNull(line.chain),
    });
    const { effects = [] } = line;
    if (effects.length > 0) ref.remember(line, id);
    const by = { callId: id, server: asked.server, ...of, isLate: false };
    for (const effect of effects) this.#options.connections.effect(effect, by, place);
  }

  /** False: its call is not known any more. */
  lateEffect({ session, idText, method, target, effect }: EffectLine, place: Place): boolean {
    const ref = this.#refOf(session, place);
    const callId = ref.remembered(idText);
    if (ref.isOwn || callId === undefined) return ref.isOwn;
    const of = { method: plainText(method), target: plainText(target ?? "") };
    const by = { callId, server: plainText(serverName(session)), ...of, isLate: true };
    this.#options.connections.effect(effect, by, place);
    return true;
  }

  session(line: SessionLine, place: Place): void {
    const { session, event } = line;
    // its first message says where its server is, if nobody knows who that is
    if (event === "start" && !isProcess(session.server)) this.#begun.set(session.id, line);
    else this.#tell(line, place);
  }

  #tell(line: SessionLine, place: Place): void {
    const { session, event, messages, openCalls } = line;
    // of a recording of several runs: the same name, another session
    const isAgain = event === "start" && this.#sessions.get(session.id) !== undefined;
    const ref = isAgain ? this.#meet(session, place) : this.#refOf(session, place);
    if (ref.isOwn) return;
    const { client, server } = this.#write(ref, session, place);
    const time = place.micros(line.timeNs);
    const id = place.nextId();
    const left = this.#options.dimensions.party(line.left, place);
    const rest = [messages, openCalls, left];
    place.out.plain("session_events", [id, ref.id, event, time, client, server, ...rest]);
  }

  noise({ session, channel, from, to, timeNs, ...line }: NoiseLine, place: Place): void {
    const ref = this.#refOf(session, place);
    if (ref.isOwn) return;
    const { dimensions } = this.#options;
    place.out.plain("noise", [
      place.nextId(),
      ref.id,
      place.micros(timeNs),
      line.direction === "client-to-server" ? 1 : 0,
      dimensions.channel(channel, place),
      dimensions.party(from, place),
      dimensions.party(to, place),
      plainText(line.text),
      line.lines,
      line.bytes,
      line.holdsMessage ? 1 : 0,
    ]);
  }

  http({ exchange, session, outcome, flags, timeNs }: HttpLine, place: Place): void {
    const ref = session === undefined ? undefined : this.#refOf(session, place);
    if (ref?.isOwn === true) return;
    const { dimensions } = this.#options;
    const { from, to } = endsOf(channelOf(exchange));
    place.out.plain("http", [
      place.nextId(),
      place.micros(timeNs),
      ref?.id ?? null,
      dimensions.exchange(exchange, place),
      dimensions.party(from, place),
      dimensions.party(to, place),
      outcome,
      flags.length === 0 ? null : flags.join(","),
    ]);
  }

  /** A request: its call is open from now on, also when the tool is killed before there is an answer. */
  #open(line: MessageLine, ref: SessionRef, id: number, place: Place): void {
    const { message, session, direction } = line;
    ref.open(line, id);
    ref.calls++;
    place.segment.calls++;
    place.out.call({
      id,
      ...askedOf(ref, session, message, direction, place),
      method: plainText(message.method ?? ""),
      target: plainText(line.target ?? ""),
      outcome: "open",
      endUs: null,
      durationUs: null,
      serverUs: null,
      errorCode: null,
      errorText: null,
      responseBytes: 0,
      responseId: null,
      progress: 0,
      logs: 0,
      chain: jsonOrNull(line.chain),
    });
  }

  /** `channel`: of something that was said in it. */
  #refOf(session: Session, place: Place, channel?: Channel): SessionRef {
    const begun = this.#begun.get(session.id);
    if (begun !== undefined) {
      this.#begun.delete(session.id);
      if (!this.#isOwn(session, channel)) this.#tell(begun, place);
    }
    const ref = this.#sessions.get(session.id) ?? this.#meet(session, place, channel);
    if (!ref.isOwn && ref.segment !== place.segment.id) this.#write(ref, session, place);
    return ref;
  }

  #isOwn(session: Session, channel: Channel | undefined): boolean {
    const { own } = this.#options;
    if (isProcess(session.server) || channel === undefined) return own.has(session.server);
    return own.isAt(channel.from) || own.isAt(channel.to);
  }

  #meet(session: Session, place: Place, channel?: Channel): SessionRef {
    const { own } = this.#options;
    const isOwn = this.#isOwn(session, channel);
    const ref = new SessionRef(isOwn ? 0 : place.nextId(), isOwn);
    this.#sessions.set(session.id, ref);
    if (isOwn) own.sessions++;
    else place.segment.sessions++;
    return ref;
  }

  #write(ref: SessionRef, session: Session, place: Place) {
    ref.segment = place.segment.id;
    const client = this.#options.dimensions.party(session.client, place);
    const server = this.#options.dimensions.party(session.server, place);
    place.out.plain("sessions", [
      ref.id,
      place.segment.id,
      this.#options.runId,
      plainText(session.id),
      session.transport,
      client,
      server,
      plainText(clientName(session)),
      plainOrNull(session.clientInfo?.version),
      plainText(serverName(session)),
      plainOrNull(session.serverInfo?.version),
      plainOrNull(session.authority),
      plainOrNull(session.httpSessionId),
      plainOrNull(session.protocolVersion),
      session.era ?? null,
      jsonOrNull(session.clientCapabilities),
      jsonOrNull(session.serverCapabilities),
      session.lateAttach ? 1 : 0,
      place.micros(session.startNs),
      session.endNs === undefined ? null : place.micros(session.endNs),
      plainOrNull(session.endReason),
      ref.messages,
      ref.calls,
      ref.failedCalls,
    ]);
    return { client, server };
  }
}

/** What a call's row has from its request. */
function askedOf(
  ref: SessionRef,
  session: Session,
  request: Message,
  direction: CallLine["direction"],
  place: Place,
) {
  return {
    sessionId: ref.id,
    server: plainText(serverName(session)),
    fromClient: direction === "client-to-server",
    rpcId: jsonOrNull(request.idText),
    startUs: place.micros(request.frame.sentNs ?? request.frame.timeNs),
    requestBytes: request.bytes,
  };
}

function count(ref: SessionRef, place: Place): void {
  place.out.counts(ref.id, ref.messages, ref.calls, ref.failedCalls);
}

/** Those of this host. */
function readersOrNull(readers: readonly Party[] | undefined): string | null {
  const shown = readers?.filter(isProcess).map(({ pid, comm }) => ({ pid, comm }));
  return jsonOrNull(shown && JSON.stringify(shown));
}

/** Whole µs of ms; null where it is not known. */
function inMicros(ms: number | undefined): number | null {
  return ms === undefined || !Number.isFinite(ms) ? null : Math.round(ms * 1000);
}

/** The direction that a line about the whole exchange names: the request's, where it was heard. */
function channelOf({
  request,
  requestChannel,
  responseChannel,
}: HttpExchange): Channel | undefined {
  return request === undefined ? (responseChannel ?? requestChannel) : requestChannel;
}
