/** Messages joined: calls with their answers, sessions with their ends, who is who. */
import type { Channel, LossReason, Party, Process } from "../capture/types.ts";
import type { ConnectionLine, Protocol } from "../connections/types.ts";
import type { Effect } from "../effects/types.ts";
import type { Flag, HttpExchange, Loss } from "../framing/types.ts";
import type { Unfit } from "../json-readers.ts";
import type { Message } from "../message/types.ts";

export type Transport = "stdio" | "http";

export interface PartyInfo {
  readonly name: string;
  readonly version: string | undefined;
}

/** One conversation between one client and one server. A message line's is live; a session line's is a copy. */
export interface Session {
  /** Unique in a run; stable over a replay of that run's output. */
  readonly id: string;
  readonly transport: Transport;
  /** undefined: no event has named it yet. */
  readonly client: Party | undefined;
  readonly server: Party | undefined;
  /** HTTP: Mcp-Session-Id of the legacy era; undefined where there is none. */
  readonly httpSessionId: string | undefined;
  /** HTTP: the authority that its first request named. */
  readonly authority: string | undefined;
  readonly clientInfo: PartyInfo | undefined;
  readonly serverInfo: PartyInfo | undefined;
  readonly protocolVersion: string | undefined;
  readonly era: "legacy" | "modern" | undefined;
  /** JSON text. */
  readonly clientCapabilities: string | undefined;
  readonly serverCapabilities: string | undefined;
  readonly startNs: number;
  readonly endNs: number | undefined;
  /** Why it ended, e.g. "server exited with code 0", "client was killed by SIGKILL", "channel closed". */
  readonly endReason: string | undefined;
  /** Its start was not seen: roles are inferred. */
  readonly lateAttach: boolean;
}

/** A request as its answer needs to show it. */
export interface RequestSummary {
  readonly method: string;
  readonly paramsText: string | undefined;
  /** params.name, params.uri or params.ref as text: the tool, prompt or resource. */
  readonly target: string | undefined;
  /** How its params are given out, and whether a line is known to carry them raw. */
  readonly unfit?: Unfit | undefined;
  readonly isLineSafe?: boolean | undefined;
}

/** A message in its place. */
export interface MessageLine {
  readonly kind: "message";
  readonly message: Message;
  readonly session: Session;
  /** Counts the session's messages from 1. */
  readonly seq: number;
  readonly from: Party | undefined;
  readonly to: Party;
  readonly direction: "client-to-server" | "server-to-client";
  /** On answers: the paired request. */
  readonly request: RequestSummary | undefined;
  /** On requests, and on answers, progress, logs, tasks: tool, prompt or resource. */
  readonly target: string | undefined;
  /** Id text of the call that a notification belongs to. */
  readonly callId: string | undefined;
  /** First id text of an input_required chain, on every message of the chain. */
  readonly chain: string | undefined;
  readonly durationMs: number | undefined;
  readonly serverMs: number | undefined;
  readonly queuedMs: number | undefined;
  readonly flags: readonly Flag[];
  /** On the answer to a call: what that caused, as on its call line. */
  readonly effects?: readonly Effect[] | undefined;
}

export interface SessionLine {
  readonly kind: "session";
  readonly event: "start" | "update" | "end";
  readonly session: Session;
  readonly timeNs: number;
  readonly messages: number;
  readonly openCalls: number;
  /** update: who was a party of it and has ended; another one is in its place now. */
  readonly left?: Party | undefined;
  /** At its end: the first of the calls that it left without an answer; undefined: there are none. */
  readonly unanswered?: readonly UnansweredCall[] | undefined;
}

/** A call whose session ended first. */
export interface UnansweredCall {
  readonly session: Session;
  readonly method: string;
  readonly target: string | undefined;
  /** undefined: too long to be kept. */
  readonly idText: string | undefined;
  readonly sinceNs: number;
  /** When nothing more could come. */
  readonly endNs: number;
}

/** Text on a session's channel that is no message, such as a server's log on its standard output. Told at once, then now and
 * then, and what is left at the session's end. */
export interface NoiseLine {
  readonly kind: "noise";
  readonly session: Session;
  readonly direction: "client-to-server" | "server-to-client";
  readonly channel: Channel;
  readonly from: Party | undefined;
  readonly to: Party | undefined;
  /** How it begins (NoiseText.head); "": of all that is told only blanks are left. */
  readonly text: string;
  /** Since the last such line of this direction. */
  readonly lines: number;
  readonly bytes: number;
  /** Among them is a message that shares its line with something else: nobody who reads lines takes it for one. */
  readonly holdsMessage: boolean;
  /** When the text was read. */
  readonly timeNs: number;
}

/** `unheard`: no answer was heard, and what it would have come by was not heard as a whole since. */
export type CallOutcome =
  | "ok"
  | "error"
  | "tool_error"
  | "cancelled"
  | "input_required"
  | "unanswered"
  | "unheard";

export interface CallLine {
  readonly kind: "call";
  readonly session: Session;
  readonly direction: "client-to-server" | "server-to-client";
  readonly request: Message;
  readonly response: Message | undefined;
  readonly method: string;
  readonly target: string | undefined;
  readonly outcome: CallOutcome;
  readonly chain: string | undefined;
  readonly progressCount: number;
  readonly logCount: number;
  readonly timeNs: number;
  readonly durationMs: number | undefined;
  readonly serverMs: number | undefined;
  /** Several calls with its id waited, and which of them the answer is for is not known. */
  readonly isAmbiguous?: boolean;
  /** What its server did for it, where that was listened to; undefined: nothing. */
  readonly effects?: readonly Effect[] | undefined;
}

/** A call that has waited for an answer for longer than most; said once, while it waits. */
export interface WaitingLine {
  readonly kind: "waiting";
  readonly session: Session;
  readonly direction: "client-to-server" | "server-to-client";
  readonly request: Message;
  readonly method: string;
  readonly target: string | undefined;
  /** So far: what reports progress works still. */
  readonly progressCount: number;
  readonly sinceNs: number;
  readonly timeNs: number;
}

/** What a process that outlives the call that it was started for did after the call's line. */
export interface EffectLine {
  readonly kind: "effect";
  readonly session: Session;
  /** Of the call. */
  readonly idText: string;
  readonly method: string;
  readonly target: string | undefined;
  readonly effect: Effect;
  readonly timeNs: number;
}

/** An exchange on an MCP endpoint that did not carry what it should: an error status, a wrong content type, a cut connection;
 * or one without JSON-RPC of its own, such as DELETE. `session`: where one is known. */
export interface HttpLine {
  readonly kind: "http";
  readonly exchange: HttpExchange;
  readonly session: Session | undefined;
  readonly outcome: "complete" | "cut" | "lost";
  readonly flags: readonly Flag[];
  readonly timeNs: number;
}

export interface CoverageLine {
  readonly kind: "coverage";
  readonly reason: string;
  readonly channel: Channel | undefined;
  readonly process: Process | undefined;
  readonly bytes: number;
  /** How many messages, calls or processes the line stands for; 1 when absent. */
  readonly count?: number | undefined;
  readonly timeNs: number;
}

export type ExchangeItem =
  | MessageLine
  | SessionLine
  | CallLine
  | WaitingLine
  | EffectLine
  | NoiseLine
  | HttpLine
  | ConnectionLine
  | CoverageLine
  | Loss;

/** Where an exchange stands when the tool ends. */
export interface OpenCall {
  readonly session: Session;
  readonly method: string;
  readonly target: string | undefined;
  readonly idText: string;
  readonly sinceNs: number;
}

/** What only the capture knows about a run; `listen` fills it in, replay leaves it undefined. */
export interface CaptureFacts {
  /** "fexit" or "tracepoint" */
  readonly frontEnd: string;
  /** Kernel release, as uname -r. */
  readonly kernel: string;
  /** False when program runs were skipped by the kernel, or a channel with messages was set aside for a while: bytes may be
   * missing from the accounts. */
  readonly exact: boolean;
  /** Program runs that the kernel skipped and no twin took over (upper bound). */
  readonly skippedRuns: number;
  /** Bytes that the write notes say were read and no read was heard of (lower bound of what skipped runs cost). */
  readonly missedBytes: number;
  /** Notes about writes that found no room: their senders and send times are not known. */
  readonly notesLost: number;
  /** Forks, execs and exits that found no room. */
  readonly processEventsLost: number;
  readonly channelsSeen: number;
  /** Bytes lost that no channel can be named for. */
  readonly unattributedBytes: number;
  /** undefined: connections were not listened to. */
  readonly connections?: ConnectionLosses | undefined;
}

export interface ToolStatistics {
  readonly server: string;
  readonly transport: Transport;
  readonly method: string;
  readonly target: string | undefined;
  /** That ended: answered, cancelled, or their session ended. */
  readonly calls: number;
  readonly errors: number;
  /** Of `calls`, those that were cancelled, answered or not; their durations are in no percentile. */
  readonly cancelled: number;
  /** Of `calls`, those whose session ended first. */
  readonly unanswered: number;
  /** More, that wait still. */
  readonly open: number;
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  /** Programs that its calls ran, and destinations that they reached or tried to: how often. What may be of another call,
   * too, is not counted. */
  readonly programs?: Readonly<Record<string, number>> | undefined;
  readonly reached?: Readonly<Record<string, number>> | undefined;
}

/** Text beside the messages of one server, or of its clients. */
export interface NoiseStatistics {
  readonly server: string;
  readonly direction: "client-to-server" | "server-to-client";
  readonly lines: number;
  readonly bytes: number;
  /** What came first; one that holds a message before all others. */
  readonly text: string;
  readonly holdsMessage: boolean;
}

/** Connections of one program to one destination. */
export interface ConnectionStatistics {
  readonly process: string;
  readonly direction: "outgoing" | "accepted";
  readonly protocol: Protocol;
  /** A name where one is known, with the port; the path of a Unix socket. Accepted: the own port. */
  readonly destination: string;
  readonly attempts: number;
  /** By outcome, those that occurred. */
  readonly failures: Readonly<Record<string, number>>;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Of TCP handshakes. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
}

export interface ConnectionTotals {
  /** Attempts, connections that were accepted, and those that were open before. */
  readonly attempts: number;
  /** By outcome, those that occurred. */
  readonly failures: Readonly<Record<string, number>>;
  /** At the end of the run. */
  readonly open: number;
  /** Most attempts first. */
  readonly rows: readonly ConnectionStatistics[];
}

/** What of connections was not told. */
export interface ConnectionLosses {
  /** Records that found no room in the ring. */
  readonly eventsLost: number;
  /** Connections for which there was no entry. */
  readonly unseen: number;
  /** Runs that the kernel skipped (upper bound): attempts that failed at once, owners of what was accepted. */
  readonly skippedRuns: number;
}

/** What filters let pass, of what a summary counts. */
export interface ShownTotals {
  readonly messages: number;
  readonly messageBytes: number;
  readonly calls: readonly ToolStatistics[];
  readonly callsFinished: number;
  readonly callsUnanswered: number;
  readonly openCalls: readonly OpenCall[];
  /** undefined: there was none, or they were not asked for. */
  readonly connections: ConnectionTotals | undefined;
}

export interface Summary {
  readonly kind: "summary";
  readonly startNs: number;
  readonly timeNs: number;
  readonly durationMs: number;
  readonly replay: boolean;
  readonly capture: CaptureFacts | undefined;
  readonly messages: number;
  readonly messageBytes: number;
  readonly byType: Readonly<Record<"request" | "notification" | "response" | "error", number>>;
  /** Of the responses, those with a tool's own error (`isError`). */
  readonly toolErrors: number;
  readonly sessions: number;
  readonly calls: readonly ToolStatistics[];
  readonly callsFinished: number;
  /** Cancelled, or their session ended first. */
  readonly callsUnanswered: number;
  /** No answer was heard, and nobody listened all the time (CallOutcome). */
  readonly callsUnheard: number;
  /** Of these, those that were cancelled, answered afterwards or not. */
  readonly callsCancelled: number;
  /** The first of those whose session ended first. */
  readonly unansweredCalls: readonly UnansweredCall[];
  readonly openCalls: readonly OpenCall[];
  /** Every reason, zeros included. */
  readonly loss: Readonly<Record<LossReason, number>>;
  /** Their sum without what the peers made (loss-maker.ts): what this tool lost. */
  readonly lossBytes: number;
  /** What they left unread or unfinished. */
  readonly peerLossBytes: number;
  /** Heard lines that are no message, on MCP channels. */
  readonly noiseBytes: number;
  /** By who said it, most bytes first; lines of blanks alone are in no row. */
  readonly noise: readonly NoiseStatistics[];
  /** Heads, chunk lines, event fields and other bodies, on connections that carried MCP. */
  readonly httpBytes: number;
  /** Of connections that carried MCP, what the kernel left out as other HTTP. */
  readonly skippedBytes: number;
  /** Exchanges that a line of kind `http` tells of. */
  readonly httpExchanges: number;
  /** undefined: there was none, or they were not asked for. */
  readonly connections?: ConnectionTotals | undefined;
  /** undefined: nothing was left out by filters; the sums above are of all that was heard. */
  readonly shown?: ShownTotals | undefined;
  /** What is there and cannot be heard: reason → how often. */
  readonly coverage: Readonly<Record<string, number>>;
  /** Why the tool ended: "signal", "duration", "max_messages", "command_exited", "reader_gone", "client_gone",
   * "end_of_input", "output_failed". */
  readonly endedBy: string;
}
