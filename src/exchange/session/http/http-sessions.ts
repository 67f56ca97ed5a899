/**
 * Finds the session over HTTP that a message belongs to: by its exchange, its Mcp-Session-Id, the URI that the old
 * transport's event stream gave, or its client. A connection carries many sessions, and a session uses many connections.
 * Source: MCP 2025-11-25, 2026-07-28 and 2024-11-05, transports.
 */
import type { Channel, Process } from "../../../capture/types.ts";
import type {
  HttpEnd,
  HttpEndpoint,
  HttpExchange,
  HttpPlace,
  Noise,
} from "../../../framing/types.ts";
import type { Message } from "../../../message/types.ts";
import { RecentMap } from "../../../recent-map.ts";
import { capText, copyText } from "../../../text.ts";
import { idKey as callKey } from "../../call/id-key.ts";
import type { EndCause } from "../exits.ts";
import { ProcessWatch } from "../process-watch.ts";
import { STATED } from "../roles.ts";
import { SessionState, type Side } from "../session-state.ts";
import type { TransportSessions } from "../transport-sessions.ts";
import { endCause, isClosing, isOver } from "./ending.ts";
import { HttpNoise } from "./http-noise.ts";
import { HttpTrack } from "./http-track.ts";
import { latestClient, latestServer } from "./latest.ts";
import {
  clientInfoOf,
  clientKey,
  endpointOf,
  idKey,
  SessionKeys,
  targetKey,
  uriKey,
} from "./session-keys.ts";

/** Sessions whose client may be any host are known for as long as there is room. */
const MAX_SESSIONS = 4_096;
const IDLE_NS = 86_400_000_000_000;
/** How many of the longest silent are looked at for one that waits for nothing. */
const MAX_SEARCHED = 16;
/** Ids of the last events of all sessions: those that a resumed stream may bring again. Longer ids are not kept. */
const MAX_EVENTS = 16_384;
const MAX_EVENT_ID_CHARS = 256;
const MAX_ID_CHARS = 1_024;

interface TakenEvent {
  /** Number of the exchange that brought it. */
  readonly exchange: number;
  readonly hash: number | bigint;
}

export class HttpSessions implements TransportSessions {
  readonly noise = new HttpNoise();
  /** The one that was heard longest ago first. */
  readonly #states = new Set<SessionState>();
  readonly #watch = new ProcessWatch();
  readonly #keys = new SessionKeys();
  readonly #byKey = new Map<string, SessionState>();
  readonly #keysOf = new Map<SessionState, string[]>();
  readonly #tracks = new WeakMap<HttpExchange, HttpTrack>();
  readonly #channels = new WeakMap<Channel, SessionState>();
  /** Where each session is served: the server's end, authority and path. */
  readonly #servers = new WeakMap<SessionState, { readonly server: string; readonly at: string }>();
  /** Session and id of an event → what it was. */
  readonly #events = new RecentMap<string, TakenEvent>(MAX_EVENTS);
  #count = 0;

  get states(): ReadonlySet<SessionState> {
    return this.#states;
  }

  get size(): number {
    return this.#states.size + this.#byKey.size + this.#keysOf.size + this.#watch.size;
  }

  stateOf(channel: Channel): SessionState | undefined {
    return this.#channels.get(channel);
  }

  sessionsOf(process: Process): readonly SessionState[] {
    return [...this.#watch.sessionsOf(process)];
  }

  place(message: Message): Side {
    const { frame } = message;
    const place = frame.http;
    if (place === undefined) throw new Error("a line was taken for a message over HTTP");
    const track = this.#trackOf(place.exchange);
    let state = track.state;
    if (state === undefined || !this.#states.has(state)) {
      state = this.#find(message, place) ?? this.#open(message, place);
      track.state = state;
    }
    this.#touch(state);
    if (state.messages === 0 && state.held.length === 0) state.session.startNs = frame.timeNs;
    this.#learnAuthority(state, place.exchange);
    track.note(message);
    track.isInitialize ||= message.method === "initialize" && place.side === "request";
    if (place.side === "response") this.#learnId(state, place.exchange);
    const side = place.side === "request" ? state.first : state.second;
    if (side.channels.length === 0) side.channels.push(frame.channel);
    if (this.#channels.get(frame.channel) !== state) this.#channels.set(frame.channel, state);
    if (state.verdict === "mcp") this.noise.adopt(place.exchange);
    return side;
  }

  /** The session without an id that the message's client leaves: what it says from now on is taken for the new one's. */
  replacedBy(message: Message): SessionState | undefined {
    const place = message.frame.http;
    if (message.method !== "initialize" || place?.side !== "request") return undefined;
    if (place.session !== undefined || this.#tracks.has(place.exchange)) return undefined;
    const server = this.#serverOf(message, place);
    const client = this.#keys.partyOf(clientOf(message, place));
    const before = this.#byKey.get(clientKey(client, server, "", place.exchange.request));
    if (before === undefined || before.session.httpSessionId !== undefined) return undefined;
    return before.answersOnStream || before.openCalls > 0 ? undefined : before;
  }

  /** An event that another stream has brought before: a client that resumes is sent what it may have missed. */
  isRepeated({ frame, raw }: Message, { state }: Side): boolean {
    const place = frame.http;
    const id = place?.eventId;
    if (place === undefined || id === undefined || id === "" || id.length > MAX_EVENT_ID_CHARS) {
      return false;
    }
    const { exchange } = place;
    const key = copyText(`${state.session.id} ${id}`);
    const event = { exchange: exchange.id, hash: Bun.hash(raw) };
    const before = this.#events.get(key);
    this.#events.set(key, event);
    if (before === undefined || !isResumed(exchange)) return false;
    // a server that gives an id twice means another event
    return before.exchange !== event.exchange && before.hash === event.hash;
  }

  watch(side: Side): void {
    this.#watch.add(side.state, side.writer);
    this.#watch.add(side.state, side.reader);
  }

  addNoise(noise: Noise): void {
    this.noise.add(noise);
  }

  adopt(state: SessionState): void {
    for (const channel of [...state.first.channels, ...state.second.channels]) {
      this.noise.adopt({ requestChannel: channel, responseChannel: channel.reverse });
    }
  }

  /** The old transport says where its client is to POST: its session begins. */
  openStream({ exchange, uri, timeNs }: HttpEndpoint): void {
    const track = this.#trackOf(exchange);
    // a stream names one, and it is the server's answer to a GET that does
    if (track.isSessionStream || !mayNameUri(exchange)) return;
    const server = this.#keys.serverOf(exchange, exchange.requestChannel?.reader);
    const state = track.state ?? this.#newState(undefined, timeNs);
    track.state = state;
    track.isSessionStream = true;
    state.answersOnStream = true;
    const key = uriKey(server, uri, exchange.request?.target ?? "/");
    if (key !== undefined) this.#name(state, key);
  }

  /** The exchange is over. */
  close({ exchange, recorded }: HttpEnd): HttpTrack {
    const track = this.#trackOf(exchange);
    if (track.state !== undefined && !this.#states.has(track.state)) track.state = undefined;
    track.state ??= this.#byId(exchange);
    if (recorded?.session !== undefined) track.state ??= this.recorded(recorded.session);
    return track;
  }

  /** Another path of the same server may know nothing of the session's id. */
  isServedAt(state: SessionState, { request }: HttpExchange): boolean {
    const at = this.#servers.get(state)?.at;
    return at === undefined || at === "?" || at === endpointOf(request);
  }

  recorded(session: string): SessionState | undefined {
    return this.#byKey.get(recordedKey(session));
  }

  /** A session that has to make room, or has said nothing for a day. */
  forgotten(nowNs: number): SessionState | undefined {
    const isFull = this.#states.size > MAX_SESSIONS;
    let searched = 0;
    for (const state of this.#states) {
      const isIdle = nowNs - Math.max(state.lastNs, state.session.startNs) >= IDLE_NS;
      if (!isFull && !isIdle) return undefined;
      if (state.openCalls === 0 || ++searched === MAX_SEARCHED) return state;
    }
    return undefined;
  }

  remove(state: SessionState): void {
    this.#states.delete(state);
    this.#watch.remove(state);
    for (const key of this.#keysOf.get(state) ?? []) {
      if (this.#byKey.get(key) === state) this.#byKey.delete(key);
    }
    this.#keysOf.delete(state);
  }

  isOver(state: SessionState, nowNs: number): boolean {
    return isOver(state, nowNs);
  }

  isClosing(state: SessionState): boolean {
    return isClosing(state);
  }

  endCause(state: SessionState): EndCause {
    return endCause(state);
  }

  #trackOf(exchange: HttpExchange): HttpTrack {
    let track = this.#tracks.get(exchange);
    if (track === undefined) {
      track = new HttpTrack();
      this.#tracks.set(exchange, track);
    }
    return track;
  }

  #find(message: Message, place: HttpPlace): SessionState | undefined {
    const { exchange, side, session } = place;
    if (session !== undefined) return this.recorded(session);
    const isRequest = side === "request";
    const isInitialize = isRequest && message.method === "initialize";
    const { request } = exchange;
    const server = this.#serverOf(message, place);
    if (sessionIdOf(exchange) !== undefined && !isInitialize) return this.#byId(exchange, message);
    const byTarget =
      request === undefined ? undefined : this.#byKey.get(targetKey(server, request.target));
    if (byTarget !== undefined || isInitialize) return byTarget;
    const client = this.#keys.partyOf(clientOf(message, place));
    const info = isRequest ? clientInfoOf(message) : "";
    const known = this.#byKey.get(clientKey(client, server, info, exchange.request));
    if (known !== undefined || isRequest) return known;
    return this.#asked(message) ?? this.#only(message, server);
  }

  /** What a stream brings that was open before the tool came: of the one session between these two. */
  #only({ frame }: Message, server: string): SessionState | undefined {
    if (frame.http?.exchange.request !== undefined) return undefined;
    let only: SessionState | undefined;
    for (const state of this.#watch.sessionsOf(frame.reader)) {
      if (latestClient(state) !== frame.reader || this.#servers.get(state)?.server !== server)
        continue;
      if (only !== undefined) return undefined;
      only = state;
    }
    return only;
  }

  #byId(exchange: HttpExchange, message?: Message): SessionState | undefined {
    const sessionId = sessionIdOf(exchange);
    if (sessionId === undefined) return undefined;
    const channel = exchange.requestChannel;
    const party = message === undefined ? channel?.reader : serverOf(message);
    const byEnd = this.#byKey.get(idKey(this.#keys.serverOf(exchange, party), sessionId));
    // one server, reached at another of its addresses
    return byEnd ?? this.#byKey.get(idKey(this.#keys.partyOf(party), sessionId));
  }

  /** An answer whose request's exchange is not known: of a session of its reader's that waits for it. */
  #asked({ frame, idText }: Message): SessionState | undefined {
    if (idText === undefined) return undefined;
    const key = callKey(idText);
    for (const state of this.#watch.sessionsOf(frame.reader)) {
      if (state.first.calls.has(key)) return state;
    }
    return undefined;
  }

  #open(message: Message, place: HttpPlace): SessionState {
    const { exchange, side, session } = place;
    const state = this.#newState(session, message.frame.timeNs);
    if (session !== undefined) {
      this.#name(state, recordedKey(session));
      this.#setId(state, sessionIdOf(exchange));
      return state;
    }
    const server = this.#serverOf(message, place);
    this.#servers.set(state, { server, at: copyText(endpointOf(exchange.request)) });
    const client = this.#keys.partyOf(clientOf(message, place));
    const info = side === "request" ? clientInfoOf(message) : "";
    const isInitialize = message.method === "initialize";
    const sessionId = isInitialize ? undefined : sessionIdOf(exchange);
    if (sessionId === undefined)
      this.#name(state, clientKey(client, server, info, exchange.request));
    else this.#learnId(state, exchange, message);
    return state;
  }

  #newState(id: string | undefined, timeNs: number): SessionState {
    const state = new SessionState(id ?? `http:${++this.#count}`, "http", timeNs);
    // a request's body comes from the client, whatever it says
    state.certainty = STATED;
    this.#states.add(state);
    return state;
  }

  /** The answer to `initialize` gives the session its id; others repeat it. */
  #learnId(state: SessionState, exchange: HttpExchange, message?: Message): void {
    if (state.session.httpSessionId !== undefined) return;
    const sessionId =
      message === undefined ? exchange.response?.fields.sessionId : sessionIdOf(exchange);
    if (sessionId === undefined) return;
    this.#setId(state, sessionId);
    const server = latestServer(state) ?? exchange.requestChannel?.reader;
    this.#name(state, idKey(this.#keys.serverOf(exchange, server), sessionId));
    this.#name(state, idKey(this.#keys.partyOf(server), sessionId));
  }

  #learnAuthority({ session }: SessionState, { request }: HttpExchange): void {
    if (session.authority !== undefined || request?.authority === undefined) return;
    session.authority = copyText(capText(request.authority));
  }

  #setId(state: SessionState, sessionId: string | undefined): void {
    if (sessionId !== undefined) {
      state.session.httpSessionId = copyText(capText(sessionId, MAX_ID_CHARS));
    }
  }

  #name(state: SessionState, key: string): void {
    this.#byKey.set(key, state);
    const keys = this.#keysOf.get(state);
    if (keys === undefined) this.#keysOf.set(state, [key]);
    else keys.push(key);
  }

  #touch(state: SessionState): void {
    if (this.#states.size === 1) return;
    this.#states.delete(state);
    this.#states.add(state);
  }

  #serverOf(message: Message, { exchange }: HttpPlace): string {
    return this.#keys.serverOf(exchange, serverOf(message));
  }
}

function clientOf({ frame }: Message, { side }: HttpPlace) {
  return side === "request" ? (frame.sender ?? frame.channel.writer) : frame.reader;
}

function serverOf({ frame }: Message) {
  return frame.http?.side === "request" ? frame.reader : (frame.sender ?? frame.channel.writer);
}

function sessionIdOf({ request, response }: HttpExchange): string | undefined {
  return request?.fields.sessionId ?? response?.fields.sessionId;
}

function mayNameUri({ request, response }: HttpExchange): boolean {
  return response !== undefined && (request === undefined || request.method === "GET");
}

function isResumed({ request }: HttpExchange): boolean {
  return request?.method === "GET" && request.fields.lastEventId !== undefined;
}

function recordedKey(session: string): string {
  return `recorded ${session}`;
}
