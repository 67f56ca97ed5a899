/** Finds the session over stdio that a message belongs to: by its channel, its socket's other direction, or its processes. */
import type { Channel, Party, Process } from "../../../capture/types.ts";
import type { Loss, Noise } from "../../../framing/types.ts";
import type { Message } from "../../../message/types.ts";
import { RecentMap } from "../../../recent-map.ts";
import { idKey } from "../../call/id-key.ts";
import { isSentBack } from "../echoes.ts";
import { type EndCause, isGone } from "../exits.ts";
import { ProcessWatch } from "../process-watch.ts";
import { STATED, statesClient } from "../roles.ts";
import { SessionState, type Side } from "../session-state.ts";
import type { TransportSessions } from "../transport-sessions.ts";
import { endCause, isOver } from "./ending.ts";
import { TextNoise } from "./text-noise.ts";

/** Channels remembered for having had a session: one that has another soon after is among them. */
const MAX_GENERATIONS = 16_384;

/** Bytes that had no reader, or none that could do with them more than we can. */
const FOR_NOBODY: ReadonlySet<Loss["reason"]> = new Set([
  "unread",
  "unfinished_line",
  "started_before_attach",
]);

/** How well a waiting direction fits a new channel; the best and oldest one is taken. */
const UNFIT = 0;
/** One end is not known, or someone else reads what only a server says: good enough for the only one. */
const LOOSE = 1;
/** The answer fits, but someone else reads it (`echo … | server | jq`). */
const ANSWERS = 2;
const SAME_PROCESSES = 3;
const SAME_PROCESSES_AND_ANSWERS = 4;

export class StdioSessions implements TransportSessions {
  readonly #sides = new Map<Channel, Side>();
  readonly #watch = new ProcessWatch();
  readonly #states = new Set<SessionState>();
  readonly #noise = new TextNoise();
  /** Channel id → how many sessions it has had; by id, since a replay rebuilds the objects. */
  readonly #generations = new RecentMap<string, number>(MAX_GENERATIONS);

  get states(): ReadonlySet<SessionState> {
    return this.#states;
  }

  get size(): number {
    return this.#states.size + this.#sides.size + this.#watch.size;
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
    let bestFit = UNFIT;
    let looseFits = 0;
    for (const state of this.#candidates(writer, frame.reader)) {
      const heard = state.first;
      if (heard.channels.length === 0 || heard.peer.channels.length !== 0) continue;
      const fit = fitOf(heard, writer, frame.reader, message);
      if (fit === LOOSE) looseFits++;
      if (fit <= bestFit) continue;
      best = heard.peer;
      bestFit = fit;
    }
    return bestFit === LOOSE && looseFits > 1 ? undefined : best;
  }

  /** Both ends of the heard direction are watched, and its reader is the new one's writer, where known. */
  #candidates(writer: Party | undefined, reader: Party): Iterable<SessionState> {
    return this.#watch.sessionsOf(writer ?? reader);
  }
}

/** Standard error is what people read, not clients. */
function isOutput(channel: Channel): boolean {
  const as = channel.writtenAs?.();
  return as?.isOutput === true && !as.isError;
}

/** How well the channel writer → reader answers the direction `heard`. */
function fitOf(heard: Side, writer: Party | undefined, reader: Party, message: Message): number {
  if (contradictsRoles(heard, message)) return UNFIT;
  const readerFits = heard.writer === reader || heard.party === reader;
  const writerFits = heard.reader === writer;
  const answers =
    message.method === undefined &&
    message.idText !== undefined &&
    heard.calls.has(idKey(message.idText));
  if (readerFits && writerFits) return answers ? SAME_PROCESSES_AND_ANSWERS : SAME_PROCESSES;
  if (writerFits && answers) return ANSWERS;
  const oneUnknown =
    (writer === undefined && readerFits) || (heard.writer === undefined && writerFits);
  const fromServer = writerFits && message.senderRoles === "server" && heard.state.client === heard;
  return oneUnknown || fromServer ? LOOSE : UNFIT;
}

/** Both ends say that they are the client: these are two sessions, unless a terminal only sends back what one says. */
function contradictsRoles(heard: Side, message: Message): boolean {
  const state = heard.state;
  const isTwice = state.certainty === STATED && state.client === heard && statesClient(message);
  return isTwice && !isSentBack(heard, message);
}
