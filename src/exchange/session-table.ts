/** Finds the session that a message belongs to: by its channel, its socket's other direction, or its processes. */
import type { Channel, Process } from "../capture/types.ts";
import type { Message } from "../message/types.ts";
import { RecentMap } from "../recent-map.ts";
import { idKey } from "./id-key.ts";
import { STATED, statesClient } from "./roles.ts";
import { SessionState, type Side } from "./session-state.ts";

/** Channels remembered for having had a session: one that has another soon after is among them. */
const MAX_GENERATIONS = 16_384;

/** How well a waiting direction fits a new channel; the best and oldest one is taken. */
const UNFIT = 0;
/** One end is not known, or someone else reads what only a server says: good enough for the only one. */
const LOOSE = 1;
/** The answer fits, but someone else reads it (`echo … | server | jq`). */
const ANSWERS = 2;
const SAME_PROCESSES = 3;
const SAME_PROCESSES_AND_ANSWERS = 4;

export class SessionTable {
  readonly #sides = new Map<Channel, Side>();
  readonly #byProcess = new Map<Process, Set<SessionState>>();
  readonly #states = new Set<SessionState>();
  /** Channel id → how many sessions it has had; by id, since a replay rebuilds the objects. */
  readonly #generations = new RecentMap<string, number>(MAX_GENERATIONS);

  get states(): ReadonlySet<SessionState> {
    return this.#states;
  }

  /** Entries in all maps: 0 when every session is gone. */
  get size(): number {
    return this.#states.size + this.#sides.size + this.#byProcess.size;
  }

  sideOf(channel: Channel): Side | undefined {
    return this.#sides.get(channel);
  }

  sessionsOf(process: Process): readonly SessionState[] {
    const states = this.#byProcess.get(process);
    return states === undefined ? [] : [...states];
  }

  /** The direction of an existing session that the message's new channel can be, or a new session's. */
  place(message: Message): Side {
    const channel = message.frame.channel;
    const reverse = channel.reverse === undefined ? undefined : this.#sides.get(channel.reverse);
    const side = reverse?.peer ?? this.#waitingSide(message) ?? this.#newSession(message);
    side.channels.push(channel);
    side.openChannels++;
    this.#sides.set(channel, side);
    return side;
  }

  watch(state: SessionState, process: Process | undefined): void {
    if (process === undefined || state.isWatching(process)) return;
    state.processes.push(process);
    const states = this.#byProcess.get(process);
    if (states === undefined) this.#byProcess.set(process, new Set([state]));
    else states.add(state);
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
    for (const process of state.processes) {
      const states = this.#byProcess.get(process);
      if (states?.delete(state) && states.size === 0) this.#byProcess.delete(process);
    }
  }

  #newSession(message: Message): Side {
    const channel = message.frame.channel;
    const generation = (this.#generations.get(channel.id) ?? 0) + 1;
    this.#generations.set(channel.id, generation);
    const id = generation === 1 ? channel.id : `${channel.id}~${generation}`;
    const state = new SessionState(id, message.frame.timeNs);
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
  #candidates(writer: Process | undefined, reader: Process): Iterable<SessionState> {
    return this.#byProcess.get(writer ?? reader) ?? [];
  }
}

/** How well the channel writer → reader answers the direction `heard`. */
function fitOf(
  heard: Side,
  writer: Process | undefined,
  reader: Process,
  message: Message,
): number {
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

/** Both ends say that they are the client: these are two sessions. */
function contradictsRoles(heard: Side, message: Message): boolean {
  const state = heard.state;
  return state.certainty === STATED && state.client === heard && statesClient(message);
}
