/** Finds the session over stdio that a message belongs to: by its channel, its socket's other direction, or its processes. */
import type { Channel, Party, Process } from "../../../capture/types.ts";
import type { Loss, Noise } from "../../../framing/types.ts";
import type { Message } from "../../../message/types.ts";
import { isProcess } from "../../../party.ts";
import { RecentMap } from "../../../recent-map.ts";
import type { ExchangeItem } from "../../types.ts";
import { type EndCause, isGone } from "../exits.ts";
import { ProcessWatch } from "../process-watch.ts";
import { SessionState, type Side } from "../session-state.ts";
import type { TransportSessions } from "../transport-sessions.ts";
import { endCause, isOver } from "./ending.ts";
import { Outlets } from "./outlets.ts";
import { type Fit, fitOf, isSure, UNFIT } from "./pairing.ts";
import { TextNoise } from "./text-noise.ts";

/** Channels remembered for having had a session: one that has another soon after is among them. */
const MAX_GENERATIONS = 16_384;

/** Bytes that had no reader, or none that could do with them more than we can. */
const FOR_NOBODY: ReadonlySet<Loss["reason"]> = new Set([
  "unread",
  "unfinished_line",
  "started_before_attach",
]);

/** Sessions that are looked through for one that a new channel may be a direction of. */
const MAX_CANDIDATES = 1024;

export class StdioSessions implements TransportSessions {
  readonly #sides = new Map<Channel, Side>();
  readonly #watch = new ProcessWatch();
  readonly #states = new Set<SessionState>();
  readonly #noise = new TextNoise();
  readonly #outlets = new Outlets();
  /** Channel id → how many sessions it has had; by id, since a replay rebuilds the objects. */
  readonly #generations = new RecentMap<string, number>(MAX_GENERATIONS);

  get states(): ReadonlySet<SessionState> {
    return this.#states;
  }

  get size(): number {
    return this.#states.size + this.#sides.size + this.#watch.size + this.#outlets.size;
  }

  /** Heard bytes on MCP channels that are no message. */
  get noiseBytes(): number {
    return this.#noise.bytes;
  }

  /** Returns the session that has something new to tell of it. */
  addNoise(noise: Noise): SessionState | undefined {
    const side = this.#sideOfText(noise.channel);
    if (side !== undefined) this.#noise.adoptChannel(noise.channel, side);
    return this.#noise.add(noise, side) ? side?.state : undefined;
  }

  tick(timeNs: number): void {
    this.#noise.tick(timeNs);
  }

  adopt(state: SessionState): void {
    this.#noise.tick(state.lastNs);
    this.#noise.adopt(state);
    for (const channel of this.#noise.channelsOf(state.first.reader)) {
      const side = this.#sideOfText(channel);
      if (side?.state === state) this.#noise.adoptChannel(channel, side);
    }
  }

  /** Answers may have been among what was read and not heard. */
  lose({ channel, reason, timeNs }: Loss): void {
    if (channel !== undefined && !FOR_NOBODY.has(reason)) this.deafen(channel, timeNs);
  }

  /** Something that was said on the channel, or by its writer, until then was not heard. */
  deafen(channel: Channel, untilNs: number): void {
    const known = this.#sides.get(channel);
    if (known !== undefined) known.peer.deafUntilNs = untilNs;
    for (const { first, second } of this.#watch.sessionsOf(channel.writer)) {
      for (const side of [first, second]) {
        if (side.reader === channel.writer) side.deafUntilNs = untilNs;
      }
    }
  }

  /** Takes a message that is of no session, since it left by standard error. False: it is of one. */
  takeStray(message: Message, out: ExchangeItem[]): boolean {
    const { frame } = message;
    if (this.#sides.has(frame.channel)) return false;
    const partners = () =>
      [...this.#watch.sessionsOf(frame.reader)].flatMap(({ processes }) => processes);
    const writer = this.#outlets.strayWriter(message, partners);
    if (writer === undefined) return false;
    const sessions = [...this.#watch.sessionsOf(writer)];
    this.#noise.count(this.#outlets.add(message, writer, sessions, out));
    return true;
  }

  /** The last word on what left by standard error through this channel; undefined: through any. */
  endStrays(channel: Channel | undefined, out: ExchangeItem[]): void {
    this.#noise.count(
      channel === undefined ? this.#outlets.end(out) : this.#outlets.close(channel, out),
    );
  }

  /** Says why calls of the session are not answered, where that is known. */
  explain(state: SessionState, timeNs: number, out: ExchangeItem[]): void {
    if (this.#states.has(state)) this.#outlets.explain(state, timeNs, out);
  }

  stateOf(channel: Channel): SessionState | undefined {
    return this.#sides.get(channel)?.state;
  }

  isConversing(channel: Channel): boolean {
    const verdict = this.stateOf(channel)?.verdict;
    return verdict === "mcp" || verdict === "presumed";
  }

  sessionsOf(process: Process): readonly SessionState[] {
    return [...this.#watch.sessionsOf(process)];
  }

  /** The session that the message is the end of: a named pipe outlives its client, the next one's handshake is a session
   * of its own. */
  replacedBy({ frame, method }: Message): SessionState | undefined {
    if (method !== "initialize") return undefined;
    const side = this.#sides.get(frame.channel);
    if (side === undefined || !isGone(side.writer, frame.timeNs)) return undefined;
    const isOther = frame.sender !== undefined && frame.sender !== side.writer;
    return isOther ? side.state : undefined;
  }

  /** By its channel; of a new channel the direction of a session that it can be, or a new session's. */
  place(message: Message): Side {
    const channel = message.frame.channel;
    const known = this.#sides.get(channel);
    if (known !== undefined) return known;
    const reverse = channel.reverse === undefined ? undefined : this.#sides.get(channel.reverse);
    const side = reverse?.peer ?? this.#waitingSide(message) ?? this.#newSession(message);
    side.channels.push(channel);
    side.openChannels++;
    this.#sides.set(channel, side);
    this.#noise.adoptChannel(channel, side);
    return side;
  }

  watch(side: Side): void {
    this.#watch.add(side.state, side.writer);
    this.#watch.add(side.state, side.reader);
  }

  close(channel: Channel): Side | undefined {
    const side = this.#sides.get(channel);
    if (side === undefined) return undefined;
    this.#sides.delete(channel);
    side.openChannels--;
    return side;
  }

  remove(state: SessionState): void {
    this.#states.delete(state);
    for (const channel of state.first.channels) this.#sides.delete(channel);
    for (const channel of state.second.channels) this.#sides.delete(channel);
    this.#watch.remove(state);
  }

  isOver(state: SessionState, nowNs: number): boolean {
    return isOver(state, nowNs);
  }

  isClosing(state: SessionState): boolean {
    if (state.firstClosed !== undefined) return true;
    return state.processes.some((process) => process.exit !== undefined);
  }

  endCause(state: SessionState): EndCause {
    return endCause(state);
  }

  /** Of a channel without a message it is the direction back of what its writer is asked, if it is that's standard output. */
  #sideOfText(channel: Channel): Side | undefined {
    const { reverse, writer, reader } = channel;
    const known = this.#sides.get(channel) ?? (reverse && this.#sides.get(reverse)?.peer);
    if (known !== undefined) return known;
    for (const { first, second } of this.#watch.sessionsOf(writer)) {
      const isBack = first.reader === writer && first.writer === reader;
      if (second.channels.length === 0 && isBack && isOutput(channel)) return second;
    }
    return undefined;
  }

  #newSession(message: Message): Side {
    const channel = message.frame.channel;
    const generation = (this.#generations.get(channel.id) ?? 0) + 1;
    this.#generations.set(channel.id, generation);
    const id = generation === 1 ? channel.id : `${channel.id}~${generation}`;
    const state = new SessionState(id, "stdio", message.frame.timeNs);
    this.#states.add(state);
    return state.first;
  }

  #waitingSide(message: Message): Side | undefined {
    const frame = message.frame;
    const writer = frame.sender ?? frame.channel.writer;
    let best: Side | undefined;
    let bestFit: Fit = UNFIT;
    let equals = 0;
    for (const state of this.#candidates(writer, frame.reader)) {
      const heard = state.first;
      if (heard.channels.length === 0 || heard.peer.channels.length !== 0) continue;
      const fit = fitOf(heard, writer, message, this.#areJoined);
      if (fit === bestFit) equals++;
      if (fit <= bestFit) continue;
      best = heard.peer;
      bestFit = fit;
      equals = 1;
    }
    return equals > 1 && !isSure(bestFit) ? undefined : best;
  }

  /** Both ends of a heard direction are watched: one of them is an end of the new one, or what is asked at one comes back
   * from the other. */
  #candidates(writer: Party | undefined, reader: Party): ReadonlySet<SessionState> {
    const found = new Set<SessionState>();
    const ofWriter = [...this.#watch.sessionsOf(writer)];
    const partners = ofWriter.flatMap(({ processes }) => processes);
    for (const party of new Set([writer, reader, ...partners])) {
      for (const state of this.#watch.sessionsOf(party)) {
        if (found.size >= MAX_CANDIDATES) return found;
        found.add(state);
      }
    }
    return found;
  }

  readonly #areJoined = (one: Party | undefined, other: Party | undefined): boolean => {
    for (const state of this.#watch.sessionsOf(one)) {
      if (isProcess(other) && state.processes.includes(other)) return true;
    }
    return false;
  };
}

/** Standard error is what people read, not clients. */
function isOutput(channel: Channel): boolean {
  const as = channel.writtenAs?.();
  return as?.isOutput === true && !as.isError;
}
