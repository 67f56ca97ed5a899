/**
 * Joins messages into sessions and calls.
 * In: messages, ends of channels and processes, losses, time. Out: lines for the sinks, in order:
 * a session's start before its first message, a call after its answer, a session's end last.
 */
import type { Channel, Process } from "../capture/types.ts";
import type { Message, MessageItem } from "../message/types.ts";
import type { Stage } from "../stage.ts";
import type { ChannelEnd } from "../stream/types.ts";
import { deliver, sessionLine, unansweredCall } from "./delivery.ts";
import { reportDropped, reportFirstDropped } from "./dropped.ts";
import { type EndCause, endCause, isGone, isOver } from "./ending.ts";
import { NoiseCount } from "./noise-count.ts";
import { noteProcesses } from "./parties.ts";
import type { SessionState, Side } from "./session-state.ts";
import { SessionTable } from "./session-table.ts";
import type { ExchangeItem, OpenCall } from "./types.ts";
import { isHeldTooLong, Verdicts } from "./verdicts.ts";
import { WaitingLimits } from "./waiting-limits.ts";

/** Sessions that wait for time to pass are looked at no more often than this. */
const SWEEP_NS = 250_000_000;
const MAX_WAITING_CALLS = 65_536;
const MAX_WAITING_BYTES = 67_108_864;

export interface ExchangeOptions {
  /** Shows JSON-RPC that is not MCP, too. */
  readonly allJsonrpc: boolean;
  /** When the tool began to listen to a channel, CLOCK_BOOTTIME ns: a process that began later was heard from its start. */
  readonly listenNs?: number | ((channel: Channel) => number) | undefined;
  /** Calls that may wait for an answer in one session (65,536). */
  readonly maxWaitingCalls?: number | undefined;
  /** Bytes that the waiting calls of all sessions may hold (64 MiB). */
  readonly maxWaitingBytes?: number | undefined;
}

const NOTHING: readonly ExchangeItem[] = [];

export class ExchangeStage implements Stage<MessageItem, ExchangeItem> {
  readonly #listenNs: (channel: Channel) => number | undefined;
  readonly #table = new SessionTable();
  readonly #verdicts: Verdicts;
  readonly #limits: WaitingLimits;
  readonly #noise = new NoiseCount();
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

  /** Heard bytes on MCP channels that are no message. */
  get noiseBytes(): number {
    return this.#noise.bytes;
  }

  /** Entries in all maps; 0 when every session has ended. */
  get residue(): number {
    return this.#table.size + this.#timed.size;
  }

  push(item: MessageItem): readonly ExchangeItem[] {
    switch (item.kind) {
      case "message":
        return this.#message(item);
      case "loss":
        return this.#isOther(item.channel) ? NOTHING : [item];
      case "noise":
        this.#noise.add(item, this.#table.sideOf(item.channel)?.state.verdict);
        return NOTHING;
      case "set-aside":
        return NOTHING;
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
    for (const state of this.#table.states) reportDropped(state, state.lastNs, out);
    return out;
  }

  /** Calls that wait for an answer, oldest session first. */
  openCalls(): readonly OpenCall[] {
    const open: OpenCall[] = [];
    for (const state of this.#table.states) {
      listOpen(state.first, open);
      listOpen(state.second, open);
    }
    return open;
  }

  #message(message: Message): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    this.#sweep(message.frame.timeNs, out);
    const side = this.#sideOf(message, out);
    const state = side.state;
    if (noteProcesses(side, message)) this.#watch(side);
    if (state.verdict === "mcp" || this.#isWanted(side, message, out)) {
      this.#deliver(side, message, out);
    }
    return out;
  }

  /** Its messages are left out, and so is what was lost of them. */
  #isOther(channel: Channel | undefined): boolean {
    return channel !== undefined && this.#table.sideOf(channel)?.state.verdict === "other";
  }

  #sideOf(message: Message, out: ExchangeItem[]): Side {
    const frame = message.frame;
    const side = this.#table.sideOf(frame.channel);
    if (side === undefined) return this.#table.place(message);
    const restarted =
      message.method === "initialize" &&
      isGone(side.writer, frame.timeNs) &&
      frame.sender !== undefined &&
      frame.sender !== side.writer;
    if (!restarted) return side;
    // a named pipe outlives its client: the next one's handshake is a session of its own
    this.#finish(side.state, endCause(side.state), out);
    return this.#table.place(message);
  }

  #watch(side: Side): void {
    this.#table.watch(side.state, side.writer);
    this.#table.watch(side.state, side.reader);
    const gone = side.writer?.exit !== undefined || side.reader?.exit !== undefined;
    if (gone) this.#timed.add(side.state);
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
    this.#noise.adopt(state);
    for (const held of this.#verdicts.release(state)) this.#deliver(held.side, held.message, out);
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
    const state = side.state;
    const before = state.waitingBytes;
    deliver(side, message, this.#listenNs(message.frame.channel), out);
    this.#limits.change(state.waitingBytes - before);
    this.#limits.enforce(state, this.#table.states, message.frame.timeNs, out);
  }

  #tick(timeNs: number): readonly ExchangeItem[] {
    if (this.#timed.size === 0) return NOTHING;
    const out: ExchangeItem[] = [];
    this.#sweep(timeNs, out);
    return out;
  }

  #sweep(nowNs: number, out: ExchangeItem[]): void {
    if (nowNs < this.#nextSweepNs || this.#timed.size === 0) return;
    this.#nextSweepNs = nowNs + SWEEP_NS;
    for (const state of this.#timed) this.#review(state, nowNs, out);
  }

  #channelEnd(end: ChannelEnd): readonly ExchangeItem[] {
    const side = this.#table.close(end.channel);
    if (side === undefined) return NOTHING;
    const state = side.state;
    if (side.openChannels === 0) {
      state.firstClosed ??= side;
      state.closedNs = end.timeNs;
    }
    const out: ExchangeItem[] = [];
    this.#timed.add(state);
    this.#review(state, end.timeNs, out);
    return out;
  }

  #processEnd(process: Process, timeNs: number): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    for (const state of this.#table.sessionsOf(process)) {
      this.#timed.add(state);
      this.#review(state, timeNs, out);
    }
    return out;
  }

  /** Decides what has waited long enough. `nowNs` Infinity: nothing more will come. */
  #review(state: SessionState, nowNs: number, out: ExchangeItem[]): void {
    const over = isOver(state, nowNs);
    if (over || isHeldTooLong(state, nowNs)) {
      this.#settle(state, Number.isFinite(nowNs) ? nowNs : state.lastNs, out);
    }
    if (!this.#table.states.has(state)) return;
    if (over) this.#finish(state, endCause(state), out);
    else if (state.held.length === 0 && !isClosing(state)) this.#timed.delete(state);
  }

  #finish(state: SessionState, cause: EndCause, out: ExchangeItem[]): void {
    this.#table.remove(state);
    this.#timed.delete(state);
    this.#limits.change(-state.waitingBytes);
    const endNs = Math.max(cause.timeNs, state.lastNs);
    if (state.started) {
      state.session.endNs = endNs;
      state.session.endReason = cause.reason;
      const openCalls = state.openCalls;
      giveUpAll(state.first, endNs, out);
      giveUpAll(state.second, endNs, out);
      out.push(sessionLine(state, "end", endNs, openCalls));
    }
    reportDropped(state, endNs, out);
  }
}

/** Something of the session is gone, and its end is to be expected. */
function isClosing(state: SessionState): boolean {
  if (state.firstClosed !== undefined) return true;
  return state.processes.some((process) => process.exit !== undefined);
}

function giveUpAll(side: Side, timeNs: number, out: ExchangeItem[]): void {
  for (const call of side.calls.all()) out.push(unansweredCall(side, call, timeNs));
}

function listOpen(side: Side, open: OpenCall[]): void {
  for (const call of side.calls.all()) {
    if (call.cancelled) continue;
    open.push({
      session: side.state.session,
      method: call.method,
      target: call.target,
      idText: call.idText,
      sinceNs: call.message.frame.sentNs ?? call.message.frame.timeNs,
    });
  }
}
