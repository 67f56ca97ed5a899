/** Adds up a run: every line that goes to the sinks comes in, one summary comes out. */
import type { LossReason } from "../capture/types.ts";
import { CallStatistics } from "./call-statistics.ts";
import { ConnectionCounts } from "./connection-statistics.ts";
import { asObject } from "./json.ts";
import { isMadeByPeers } from "./loss-maker.ts";
import { NoiseCounts } from "./noise-statistics.ts";
import type {
  CallLine,
  CaptureFacts,
  ExchangeItem,
  MessageLine,
  OpenCall,
  Summary,
  UnansweredCall,
} from "./types.ts";
import { MAX_UNANSWERED, unansweredOf } from "./unanswered.ts";

/** Rows of calls by server, method and target; the rest is one row "(other)". */
const MAX_ROWS = 10_000;
/** Reasons for coverage lines come from the tool itself; more of them than this would be a bug. */
const MAX_COVERAGE_REASONS = 1_000;

/** What is still open when the run ends: the exchange stage. */
export interface OpenEnds {
  readonly noiseBytes: number;
  readonly httpBytes: number;
  readonly skippedBytes: number;
  openCalls(): readonly OpenCall[];
}

export interface RunStart {
  /** When the tool began to listen, CLOCK_BOOTTIME ns. */
  readonly startNs: number;
  readonly replay: boolean;
  /** False: nobody asked for them, though what calls cause needs them. */
  readonly showsConnections?: boolean;
}

export class SummaryCollector {
  readonly #openEnds: OpenEnds;
  readonly #run: RunStart;
  readonly #calls = new CallStatistics(MAX_ROWS);
  readonly #connections = new ConnectionCounts();
  readonly #noise = new NoiseCounts();
  readonly #byType = { request: 0, notification: 0, response: 0, error: 0 };
  readonly #loss: Record<LossReason, number> = {
    ring_full: 0,
    fault: 0,
    call_too_large: 0,
    cut_by_gap: 0,
    line_too_long: 0,
    started_before_attach: 0,
    unfinished_line: 0,
    unseen_read: 0,
    unread: 0,
    memory_limit: 0,
  };
  readonly #coverage = new Map<string, number>();
  #messages = 0;
  #messageBytes = 0;
  #sessions = 0;
  #callsFinished = 0;
  #callsUnanswered = 0;
  #callsUnheard = 0;
  #callsCancelled = 0;
  readonly #unanswered: UnansweredCall[] = [];
  #toolErrors = 0;
  #lossBytes = 0;
  #peerLossBytes = 0;
  #httpExchanges = 0;

  constructor(openEnds: OpenEnds, run: RunStart) {
    this.#openEnds = openEnds;
    this.#run = run;
  }

  get messages(): number {
    return this.#messages;
  }

  observe(items: readonly ExchangeItem[]): void {
    for (const item of items) this.#observeOne(item);
  }

  /** `capture`: what only the capture knows; undefined in a replay. `endedBy`: see Summary. */
  make(capture: CaptureFacts | undefined, endedBy: string, timeNs: number): Summary {
    const openCalls = this.#openEnds.openCalls();
    return {
      kind: "summary",
      startNs: this.#run.startNs,
      timeNs,
      durationMs: (timeNs - this.#run.startNs) / 1e6,
      replay: this.#run.replay,
      // what was set aside in a conversation nobody heard, nor counted
      capture: capture && { ...capture, exact: capture.exact && !this.#coverage.has("set_aside") },
      messages: this.#messages,
      messageBytes: this.#messageBytes,
      byType: { ...this.#byType },
      toolErrors: this.#toolErrors,
      sessions: this.#sessions,
      calls: this.#calls.list(openCalls),
      callsFinished: this.#callsFinished,
      callsUnanswered: this.#callsUnanswered,
      callsUnheard: this.#callsUnheard,
      callsCancelled: this.#callsCancelled,
      unansweredCalls: [...this.#unanswered],
      openCalls,
      loss: { ...this.#loss },
      lossBytes: this.#lossBytes,
      peerLossBytes: this.#peerLossBytes,
      noiseBytes: this.#openEnds.noiseBytes,
      noise: this.#noise.list(),
      httpBytes: this.#openEnds.httpBytes,
      skippedBytes: this.#openEnds.skippedBytes,
      httpExchanges: this.#httpExchanges,
      connections: this.#run.showsConnections === false ? undefined : this.#connections.totals(),
      coverage: Object.fromEntries(this.#coverage),
      endedBy,
    };
  }

  #observeOne(item: ExchangeItem): void {
    switch (item.kind) {
      case "message":
        this.#message(item);
        return;
      case "session":
        if (item.event === "start") this.#sessions++;
        return;
      case "call":
        this.#call(item);
        return;
      case "waiting":
        // it is among the open ones, or is answered yet
        return;
      case "loss":
        this.#loss[item.reason] += item.bytes;
        if (isMadeByPeers(item.reason)) this.#peerLossBytes += item.bytes;
        else this.#lossBytes += item.bytes;
        return;
      case "noise":
        this.#noise.add(item);
        return;
      case "http":
        this.#httpExchanges++;
        return;
      case "effect":
        this.#calls.addEffect(item);
        return;
      case "connection":
        this.#connections.add(item);
        return;
      case "coverage":
        this.#cover(item.reason, item.count ?? 1);
        return;
    }
  }

  #call(line: CallLine): void {
    this.#calls.add(line);
    if (line.outcome === "cancelled") {
      this.#callsCancelled++;
      this.#callsUnanswered++;
    } else if (line.response !== undefined) this.#callsFinished++;
    else if (line.outcome === "unheard") this.#callsUnheard++;
    else {
      this.#callsUnanswered++;
      if (this.#unanswered.length < MAX_UNANSWERED) this.#unanswered.push(unansweredOf(line));
    }
  }

  #message(line: MessageLine): void {
    const { type, body } = line.message;
    if (type === "response" && asObject(body)?.isError === true) this.#toolErrors++;
    this.#messages++;
    this.#messageBytes += line.message.bytes;
    this.#byType[line.message.type]++;
  }

  #cover(reason: string, count: number): void {
    const known = this.#coverage.get(reason);
    if (known === undefined && this.#coverage.size >= MAX_COVERAGE_REASONS) return;
    this.#coverage.set(reason, (known ?? 0) + count);
  }
}
