/**
 * Joins messages into sessions and calls.
 * In: messages, ends of channels, processes and HTTP exchanges, losses, time. Out: lines for the sinks, in order:
 * a session's start before its first message, a call after its answer, a session's end last.
 */
import type { Channel, Process } from "../capture/types.ts";
import type { HttpEnd, Noise, RecordedEnd } from "../framing/types.ts";
import type { Message, MessageItem } from "../message/types.ts";
import type { Stage } from "../stage.ts";
import type { ChannelEnd } from "../stream/types.ts";
import { deliver, sessionLine, tellNoise, unansweredCall } from "./session/delivery.ts";
import { reportDropped, reportFirstDropped } from "./session/dropped.ts";
import { Echoes, echoLine } from "./session/echoes.ts";
import type { EndCause } from "./session/exits.ts";
import { lastWord } from "./session/http/ending.ts";
import { HttpSessions } from "./session/http/http-sessions.ts";
import { giveUpCalls, httpLine, isMcpExchange } from "./session/http/outcome.ts";
import { LongWaits } from "./session/long-waits.ts";
import { noteParties } from "./session/parties.ts";
import type { SessionState, Side } from "./session/session-state.ts";
import { StdioSessions } from "./session/stdio/stdio-sessions.ts";
import { endCallsOfDead, noteDeath } from "./session/stdio/succession.ts";
import type { TransportSessions } from "./session/transport-sessions.ts";
import { isHeldTooLong, Verdicts } from "./session/verdicts.ts";
import { WaitingLimits } from "./session/waiting-limits.ts";
import type { ExchangeItem, OpenCall, UnansweredCall } from "./types.ts";
import { MAX_UNANSWERED, unansweredOf } from "./unanswered.ts";

/** Sessions that wait for time to pass are looked at no more often than this. */
const SWEEP_NS = 250_000_000;
const MAX_WAITING_CALLS = 65_536;
const MAX_WAITING_BYTES = 67_108_864;

export interface ExchangeOptions {
  /** Shows JSON-RPC that is not MCP, too. */
  readonly allJsonrpc: boolean;
  /** When the tool began to listen to a channel, CLOCK_BOOTTIME ns: a process that began later was heard from its start. */
  readonly listenNs?: number | ((channel: Channel, session: string) => number) | undefined;
  /** Calls that may wait for an answer in one session (65,536). */
  readonly maxWaitingCalls?: number | undefined;
  /** Bytes that the waiting calls of all sessions may hold (64 MiB). */
  readonly maxWaitingBytes?: number | undefined;
}

const NOTHING: readonly ExchangeItem[] = [];

export class ExchangeStage implements Stage<MessageItem, ExchangeItem> {
  readonly #listenNs: (channel: Channel, session: string) => number | undefined;
  readonly #stdio = new StdioSessions();
  readonly #http = new HttpSessions();
  readonly #verdicts: Verdicts;
  readonly #limits: WaitingLimits;
  readonly #waits = new LongWaits(() => this.#states());
  readonly #echoes = new Echoes();
  /** Sessions that wait for time to pass: undecided, or closing. */
  readonly #timed = new Set<SessionState>();
  #nextSweepNs = 0;

  constructor(options: ExchangeOptions) {
    const { listenNs } = options;
    this.#listenNs = typeof listenNs === "function" ? listenNs : () => listenNs;
    this.#verdicts = new Verdicts(options.allJsonrpc);
    this.#limits = new WaitingLimits(
      options.maxWaitingCalls ?? MAX_WAITING_CALLS,
      options.maxWaitingBytes ?? MAX_WAITING_BYTES,
    );
  }

  /** Heard bytes on MCP channels that are no message: lines. */
  get noiseBytes(): number {
    return this.#stdio.noiseBytes;
  }

  /** The same of connections that carry MCP: heads, chunk lines, other bodies. */
  get httpBytes(): number {
    return this.#http.noise.bytes;
  }

  /** What the kernel left out of these. */
  get skippedBytes(): number {
    return this.#http.noise.skipped;
  }

  /** Entries in all maps; 0 when every session has ended. */
  get residue(): number {
    return this.#stdio.size + this.#http.size + this.#timed.size;
  }

  push(item: MessageItem): readonly ExchangeItem[] {
    switch (item.kind) {
      case "message":
        return this.#message(item);
      case "loss":
        if (this.#isOther(item.channel)) return NOTHING;
        this.#stdio.lose(item);
        return [item];
      case "noise":
        return this.#noise(item);
      case "set-aside":
      case "http-verdict":
        return NOTHING;
      case "http-endpoint":
        this.#http.openStream(item);
        return NOTHING;
      case "http-end":
        return this.#httpEnd(item);
      case "recorded-end":
        return this.#recordedEnd(item);
      case "tick":
        return this.#tick(item.timeNs);
      case "end":
        return this.#channelEnd(item);
      case "process-end":
        return this.#processEnd(item.process, item.timeNs);
    }
  }

  /** Gives out what is held and ends the sessions whose end is only waited for; the others live on. */
  end(): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    for (const state of [...this.#timed]) this.#review(state, Number.POSITIVE_INFINITY, out);
    for (const state of this.#states()) {
      this.#stdio.explain(state, state.lastNs, out);
      tellNoise(state, Number.POSITIVE_INFINITY, out);
      reportDropped(state, state.lastNs, out);
    }
    this.#stdio.endStrays(undefined, out);
    return out;
  }

  /** It carries a conversation of MCP, over stdio. */
  isConversing(channel: Channel): boolean {
    return this.#stdio.isConversing(channel);
  }

  /** What was said on the channel, or by its writer, until then was not heard: answers may have been among it. */
  deafen(channel: Channel, untilNs: number): void {
    this.#stdio.deafen(channel, untilNs);
  }

  /** Calls that wait for an answer, oldest session first. */
  openCalls(): readonly OpenCall[] {
    const open: OpenCall[] = [];
    for (const state of this.#states()) {
      listOpen(state.first, open);
      listOpen(state.second, open);
    }
    return open;
  }

  *#states(): Generator<SessionState> {
    yield* this.#stdio.states;
    yield* this.#http.states;
  }

  #sessionsFor(state: SessionState): TransportSessions {
    return state.session.transport === "http" ? this.#http : this.#stdio;
  }

  #message(message: Message): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    this.#sweep(message.frame.timeNs, out);
    if (message.frame.http === undefined) {
      if (this.#stdio.takeStray(message, out)) return out;
      const replaced = this.#stdio.replacedBy(message);
      if (replaced !== undefined) this.#finish(replaced, this.#stdio.endCause(replaced), out);
      this.#hear(this.#stdio.place(message), message, out);
      return out;
    }
    const left = this.#http.replacedBy(message);
    if (left !== undefined) this.#finish(left, leftCause(message.frame.timeNs), out);
    const side = this.#http.place(message);
    if (this.#http.isRepeated(message, side)) {
      this.#noise({
        kind: "noise",
        channel: message.frame.channel,
        bytes: message.bytes,
        of: "http",
      });
      return out;
    }
    if (side.state.verdict !== "mcp" && isMcpExchange(message.frame.http.exchange)) {
      side.state.verdict = "mcp";
      this.#release(side.state, out);
    }
    this.#hear(side, message, out);
    this.#forget(message.frame.timeNs, out);
    return out;
  }

  #hear(side: Side, message: Message, out: ExchangeItem[]): void {
    if (noteParties(side, message)) {
      this.#watch(side);
      this.#endCallsOfDead(side.state, undefined, out);
    }
    if (side.state.verdict === "mcp" || this.#isWanted(side, message, out)) {
      this.#deliver(side, message, out);
    }
  }

  #noise(noise: Noise): readonly ExchangeItem[] {
    if (noise.of !== "text") {
      this.#http.addNoise(noise);
      return NOTHING;
    }
    const state = this.#stdio.addNoise(noise);
    if (state === undefined) return NOTHING;
    const out: ExchangeItem[] = [];
    tellNoise(state, noise.text?.timeNs ?? state.lastNs, out);
    return out;
  }

  /** Its messages are left out, and so is what was lost of them. */
  #isOther(channel: Channel | undefined): boolean {
    if (channel === undefined) return false;
    const state = this.#stdio.stateOf(channel) ?? this.#http.stateOf(channel);
    return state?.verdict === "other";
  }

  #watch(side: Side): void {
    const sessions = this.#sessionsFor(side.state);
    sessions.watch(side);
    if (sessions.isClosing(side.state)) this.#timed.add(side.state);
  }

  /** Of a session that is not known to be MCP: true when the message is to be delivered now. */
  #isWanted(side: Side, message: Message, out: ExchangeItem[]): boolean {
    const state = side.state;
    switch (this.#verdicts.judge(side, message)) {
      case "deliver":
        this.#release(state, out);
        return true;
      case "held":
        this.#timed.add(state);
        return false;
      case "settle":
        this.#settle(state, message.frame.timeNs, out);
        return false;
      case "dropped":
        reportFirstDropped(state, message.frame.timeNs, out);
        return false;
    }
  }

  #release(state: SessionState, out: ExchangeItem[]): void {
    this.#sessionsFor(state).adopt(state);
    if (state.session.transport === "stdio") this.#adoptHttp(state);
    for (const held of this.#verdicts.release(state)) this.#deliver(held.side, held.message, out);
  }

  /** What a connection that was HTTP's carried before it was a session's (Upgrade), and beside that. */
  #adoptHttp({ first, second }: SessionState): void {
    for (const channel of [...first.channels, ...second.channels]) {
      this.#http.noise.adopt({ requestChannel: channel, responseChannel: channel.reverse });
    }
  }

  #settle(state: SessionState, timeNs: number, out: ExchangeItem[]): void {
    if (state.held.length === 0) return;
    this.#verdicts.settle(state);
    if (state.verdict === "presumed") {
      this.#release(state, out);
      return;
    }
    // answers that came before made it look like MCP
    if (state.started) this.#finish(state, { reason: "not MCP", timeNs }, out);
    else reportFirstDropped(state, timeNs, out);
  }

  #deliver(side: Side, message: Message, out: ExchangeItem[]): void {
    const { state } = side;
    const { channel, timeNs } = message.frame;
    if (message.frame.http === undefined && this.#isEcho(side, message, out)) return;
    const before = state.waitingBytes;
    deliver(side, message, this.#listenNs(channel, state.session.id), out);
    tellNoise(state, timeNs, out);
    // it is heard again
    if (side.peer.deafUntilNs === Number.POSITIVE_INFINITY) side.peer.deafUntilNs = timeNs;
    this.#limits.change(state.waitingBytes - before);
    this.#limits.enforce(state, () => this.#states(), timeNs, out);
  }

  #isEcho(side: Side, message: Message, out: ExchangeItem[]): boolean {
    const echo = this.#echoes.take(side, message);
    if (echo === undefined) return false;
    if (echo === "first") out.push(echoLine(message));
    const { channel } = message.frame;
    this.#noise({ kind: "noise", channel, bytes: message.bytes, of: "text" });
    return true;
  }

  #tick(timeNs: number): readonly ExchangeItem[] {
    this.#stdio.tick(timeNs);
    const out: ExchangeItem[] = [];
    this.#sweep(timeNs, out);
    return out;
  }

  #sweep(nowNs: number, out: ExchangeItem[]): void {
    this.#waits.look(nowNs, out);
    if (nowNs < this.#nextSweepNs || this.#timed.size + this.#http.states.size === 0) return;
    this.#nextSweepNs = nowNs + SWEEP_NS;
    for (const state of this.#timed) this.#review(state, nowNs, out);
    this.#forget(nowNs, out);
  }

  #forget(nowNs: number, out: ExchangeItem[]): void {
    const forgotten = this.#http.forgotten(nowNs);
    if (forgotten !== undefined) this.#finish(forgotten, forgottenCause(forgotten), out);
  }

  #channelEnd(end: ChannelEnd): readonly ExchangeItem[] {
    const side = this.#stdio.close(end.channel);
    if (side === undefined) {
      const out: ExchangeItem[] = [];
      this.#stdio.endStrays(end.channel, out);
      return out;
    }
    const state = side.state;
    if (side.openChannels === 0) {
      state.firstClosed ??= side;
      state.closedNs = end.timeNs;
    }
    return this.#expectEnd(state, end.timeNs);
  }

  #expectEnd(state: SessionState, timeNs: number): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    this.#timed.add(state);
    this.#review(state, timeNs, out);
    return out;
  }

  #processEnd(process: Process, timeNs: number): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    for (const sessions of [this.#stdio, this.#http]) {
      for (const state of sessions.sessionsOf(process)) {
        if (sessions === this.#stdio) noteDeath(state, process);
        this.#timed.add(state);
        this.#review(state, timeNs, out);
      }
    }
    return out;
  }

  /** An exchange that failed is told, and what was asked in it will not be answered. */
  #httpEnd(end: HttpEnd): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    const track = this.#http.close(end);
    const { state } = track;
    if (isMcpExchange(end.exchange)) this.#http.noise.adopt(end.exchange);
    if (track.isTelling(end)) out.push(httpLine(end, state));
    if (state === undefined) return out;
    const before = state.waitingBytes;
    giveUpCalls(state, end, out);
    this.#limits.change(state.waitingBytes - before);
    const cause = lastWord(end, track);
    if (cause !== undefined && this.#http.isServedAt(state, end.exchange))
      this.#finish(state, cause, out);
    else if (track.isSessionStream) {
      state.closedNs = end.timeNs;
      out.push(...this.#expectEnd(state, end.timeNs));
    }
    return out;
  }

  #recordedEnd({ session, reason, timeNs }: RecordedEnd): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    const state = this.#http.recorded(session);
    if (state !== undefined) this.#finish(state, { reason, timeNs }, out);
    return out;
  }

  /** Decides what has waited long enough. `nowNs` Infinity: nothing more will come. */
  #review(state: SessionState, nowNs: number, out: ExchangeItem[]): void {
    const sessions = this.#sessionsFor(state);
    const over = sessions.isOver(state, nowNs);
    if (over || isHeldTooLong(state, nowNs)) {
      this.#settle(state, Number.isFinite(nowNs) ? nowNs : state.lastNs, out);
    }
    if (!sessions.states.has(state)) return;
    if (!over) this.#endCallsOfDead(state, nowNs, out);
    if (over) this.#finish(state, sessions.endCause(state), out);
    else if (state.held.length === 0 && !sessions.isClosing(state)) this.#timed.delete(state);
  }

  /** `nowNs` as `endCallsOfDead` has it. */
  #endCallsOfDead(state: SessionState, nowNs: number | undefined, out: ExchangeItem[]): void {
    const before = state.waitingBytes;
    endCallsOfDead(state, nowNs, out);
    this.#limits.change(state.waitingBytes - before);
  }

  #finish(state: SessionState, cause: EndCause, out: ExchangeItem[]): void {
    const endNs = Math.max(cause.timeNs, state.lastNs);
    if (state.started) this.#stdio.explain(state, endNs, out);
    this.#sessionsFor(state).remove(state);
    this.#timed.delete(state);
    this.#limits.change(-state.waitingBytes);
    if (state.started) {
      state.session.endNs = endNs;
      state.session.endReason = cause.reason;
      const openCalls = state.openCalls;
      const given: UnansweredCall[] = [];
      giveUpAll(state.first, endNs, given, out);
      giveUpAll(state.second, endNs, given, out);
      tellNoise(state, Number.POSITIVE_INFINITY, out);
      const unanswered = given.length > 0 ? { unanswered: given } : {};
      out.push({ ...sessionLine(state, "end", endNs, openCalls), ...unanswered });
    }
    reportDropped(state, endNs, out);
  }
}

function leftCause(timeNs: number): EndCause {
  return { reason: "client began another session", timeNs };
}

function forgottenCause(state: SessionState): EndCause {
  return { reason: "nothing was heard of it for too long", timeNs: state.lastNs };
}

/** `given`: the first that were not cancelled. */
function giveUpAll(side: Side, timeNs: number, given: UnansweredCall[], out: ExchangeItem[]): void {
  for (const call of side.calls.all()) {
    const line = unansweredCall(side, call, timeNs);
    if (line.outcome === "unanswered" && given.length < MAX_UNANSWERED) {
      given.push(unansweredOf(line));
    }
    out.push(line);
  }
}

function listOpen(side: Side, open: OpenCall[]): void {
  for (const call of side.calls.all()) {
    if (call.cancelled) continue;
    open.push({
      session: side.state.session,
      method: call.method,
      target: call.target,
      idText: call.idText,
      sinceNs: call.sinceNs,
    });
  }
}
