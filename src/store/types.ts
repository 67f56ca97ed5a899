/**
 * Questions about what was heard in, plain values out: what HistoryReader (reader.ts) answers from a database.
 * Answers never hold secrets that were masked when they were stored, nor what an agent and a server
 * of overhear (`overhear mcp`) say to each other, nor the connections between them: how much that is, `coverage` says.
 * Nothing here throws for what a caller may ask; what does throw is a database that cannot be read (OutputError's kin).
 * Times are ms since the epoch by the wall clock, with fractions.
 */
import type { Outcome, Protocol } from "../connections/types.ts";
import type { CallOutcome, Transport } from "../exchange/types.ts";

/** Newest first; the row of the last item seen is where the next page begins. */
export interface PageAsked {
  /** Only rows below this one; undefined: from the newest. */
  readonly before: number | undefined;
  /** 1 to 1000. */
  readonly limit: number;
}

export interface Page<Item extends { readonly row: number }> {
  readonly items: readonly Item[];
  /** There are rows below the last item's. */
  readonly more: boolean;
}

/** A client or a server. */
export interface PartyRecord {
  /** By its own word, else by its command line, else its address; never empty. */
  readonly name: string;
  readonly version: string | undefined;
  /** undefined: it is on another host, or nobody knows it. */
  readonly pid: number | undefined;
  readonly comm: string | undefined;
  /** argv; empty: not known. */
  readonly commandLine: readonly string[];
  readonly containerId: string | undefined;
  /** Of a party on another host. */
  readonly address: string | undefined;
}

export interface SessionRecord {
  /** Ascends with time. */
  readonly row: number;
  /** Unique in the database, over all its runs; [A-Za-z0-9._:-]+ */
  readonly id: string;
  readonly transport: Transport;
  readonly client: PartyRecord;
  readonly server: PartyRecord;
  readonly protocolVersion: string | undefined;
  readonly era: "legacy" | "modern" | undefined;
  readonly startMs: number;
  /** undefined: it is open, as far as is known. */
  readonly endMs: number | undefined;
  readonly endReason: string | undefined;
  readonly messages: number;
  readonly calls: number;
  /** Calls that did not end well: error, tool_error, cancelled, unanswered. */
  readonly failedCalls: number;
}

export interface SessionFilter {
  /** Text within the server's name, its command line or its address; case is the same. */
  readonly server?: string | undefined;
  readonly client?: string | undefined;
  readonly transport?: Transport | undefined;
  readonly isOpen?: boolean | undefined;
  /** Sessions that were open at this time or began later. */
  readonly sinceMs?: number | undefined;
}

/** "open": no answer has come yet. */
export type CallStatus = CallOutcome | "open";

export interface CallRecord {
  readonly row: number;
  /** Unique in the database; [A-Za-z0-9._:-]+ */
  readonly id: string;
  readonly sessionId: string;
  readonly clientName: string;
  readonly serverName: string;
  readonly direction: "client-to-server" | "server-to-client";
  readonly method: string;
  /** The tool, prompt or resource. */
  readonly target: string | undefined;
  readonly status: CallStatus;
  /** When the request was sent, or first seen. */
  readonly startMs: number;
  /** Request sent to answer received; undefined: no answer, or not known. */
  readonly durationMs: number | undefined;
  /** Request received to answer sent. */
  readonly serverMs: number | undefined;
  /** JSON-RPC error code. */
  readonly errorCode: number | undefined;
  /** What the error says, or the first text of a tool's error; at most 1,000 characters. */
  readonly errorText: string | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** How many effects of each kind are joined to it. */
  readonly effects: Readonly<Record<"exec" | "fork" | "connect" | "file", number>>;
}

export interface CallFilter {
  readonly sessionId?: string | undefined;
  /** Exactly. */
  readonly method?: string | undefined;
  /** Tool, prompt or resource, exactly. */
  readonly target?: string | undefined;
  /** Text within the server's name. */
  readonly server?: string | undefined;
  /** Any of these; undefined or empty: all. */
  readonly statuses?: readonly CallStatus[] | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly minDurationMs?: number | undefined;
  /** Calls that reached a host of this name or address (an effect joined to them). */
  readonly reachedHost?: string | undefined;
}

/** A message of a call: its request, its answer, and the notifications between them that belong to it. */
export interface CallMessage {
  readonly timeMs: number;
  readonly type: "request" | "notification" | "response" | "error";
  readonly method: string | undefined;
  readonly from: string;
  readonly to: string;
  /** JSON text of the message, or its beginning. */
  readonly text: string;
  /** Of the whole message, UTF-8. */
  readonly bytes: number;
  /** Less was stored than was heard. */
  readonly isCut: boolean;
}

export interface EffectBase {
  readonly timeMs: number;
  /** Who did it. */
  readonly pid: number;
  readonly comm: string;
  /** Ids of the calls that were open then when it may be of any of several; empty: it is this call's. */
  readonly candidates: readonly string[];
}

export type EffectRecord = EffectBase &
  (
    | {
        readonly kind: "exec";
        readonly argv: readonly string[];
        /** undefined: runs still, a signal ended it, or not known. */
        readonly exitCode: number | undefined;
        readonly exitSignal: number | undefined;
        /** From exec to exit. */
        readonly durationMs: number | undefined;
      }
    | { readonly kind: "fork"; readonly childPid: number }
    | { readonly kind: "connect"; readonly connection: ConnectionRecord }
    | {
        readonly kind: "file";
        readonly change: "create" | "write" | "rename" | "unlink";
        readonly path: string;
        readonly to: string | undefined;
      }
  );

export interface CallDetail {
  readonly call: CallRecord;
  readonly session: SessionRecord | undefined;
  /** In order; at most as many as were asked for, the request and its answer always among them. */
  readonly messages: readonly CallMessage[];
  readonly moreMessages: number;
  readonly effects: readonly EffectRecord[];
  readonly moreEffects: number;
}

export interface CallDetailAsked {
  readonly maxMessages: number;
  readonly maxEffects: number;
  /** Of one message's text, characters. */
  readonly maxChars: number;
}

export interface ConnectionRecord {
  readonly row: number;
  /** Unique in the database. */
  readonly id: string;
  /** undefined: accepted by nobody that is known. */
  readonly pid: number | undefined;
  readonly comm: string | undefined;
  readonly commandLine: readonly string[];
  readonly containerId: string | undefined;
  readonly direction: "outgoing" | "accepted";
  readonly protocol: Protocol;
  readonly family: "inet" | "inet6" | "unix";
  readonly socketType: "stream" | "dgram" | "seqpacket";
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** undefined for Unix sockets. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Unix; an abstract one begins with "@". */
  readonly path: string | undefined;
  /** The name it was reached by, and where that was seen. */
  readonly hostName: string | undefined;
  readonly hostNameSource: "dns" | "sni" | "http" | undefined;
  readonly startMs: number;
  /** CLOCK_BOOTTIME of the start, as the kernel told it. */
  readonly startNs: number;
  readonly openBefore: boolean;
  readonly outcome: Outcome;
  readonly errno: string | undefined;
  /** It succeeded, whatever came then. */
  readonly wasEstablished: boolean;
  readonly latencyMs: number | undefined;
  readonly endMs: number | undefined;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly closedBy: "local" | "remote" | undefined;
  /** The call that caused it, where exactly one is known. */
  readonly callId: string | undefined;
}

export interface ConnectionFilter {
  readonly pid?: number | undefined;
  /** Exactly. */
  readonly comm?: string | undefined;
  /** Beginning of its id. */
  readonly container?: string | undefined;
  /** Address, host name or Unix path; exactly, case is the same. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly protocol?: Protocol | undefined;
  /** Any of these; undefined or empty: all. */
  readonly outcomes?: readonly Outcome[] | undefined;
  readonly direction?: "outgoing" | "accepted" | undefined;
  /** Started at this time or later. */
  readonly sinceMs?: number | undefined;
}

/** Of the outgoing attempts that began in a window. An attempt is a success once it was established, whatever came then. */
export interface ConnectionSummary {
  readonly attempts: number;
  readonly successes: number;
  /** No outcome yet. */
  readonly inProgress: number;
  /** By outcome: refused, timed_out, unreachable, abandoned, failed; those that occurred. */
  readonly failures: readonly {
    readonly outcome: Outcome;
    readonly errno: string | undefined;
    readonly count: number;
  }[];
  /** Of those whose latency is known; undefined: of none. */
  readonly avgLatencyMs: number | undefined;
  readonly p50LatencyMs: number | undefined;
  readonly p95LatencyMs: number | undefined;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** One run of overhear that wrote into the database. */
export interface RunRecord {
  readonly startMs: number;
  /** undefined: it writes still, or was killed. */
  readonly endMs: number | undefined;
  /** "fexit" or "tracepoint"; undefined: not known yet, or a replay. */
  readonly frontEnd: string | undefined;
  readonly kernel: string | undefined;
  /** False: program runs were skipped and bytes may be missing from the accounts. undefined: not known yet. */
  readonly exact: boolean | undefined;
  readonly version: string | undefined;
}

export interface CoverageRecord {
  /** Newest first, at most 20. */
  readonly runs: readonly RunRecord[];
  /** When the last of what is stored was heard; undefined: nothing was. */
  readonly lastHeardMs: number | undefined;
  readonly sessions: number;
  readonly calls: number;
  readonly messages: number;
  readonly connections: number;
  /** What was there and was lost, by reason. */
  readonly losses: readonly {
    readonly reason: string;
    readonly bytes: number;
    readonly count: number;
  }[];
  /** What cannot be heard, by reason: most frequent first, at most 50. `example`: a process or channel, in words. */
  readonly notHeard: readonly {
    readonly reason: string;
    readonly count: number;
    readonly example: string | undefined;
  }[];
  /** Text beside the messages, by server: most bytes first, at most 50. `example`: how it begins. */
  readonly noise: readonly {
    readonly serverName: string;
    readonly lines: number;
    readonly bytes: number;
    readonly example: string;
    /** A message shares its line with something else. */
    readonly holdsMessage: boolean;
  }[];
  /** Rows that found no room before they could be stored. */
  readonly droppedRows: number;
  /** Older rows that retention has removed. */
  readonly removedRows: number;
  /** Sessions with a server of overhear that no answer shows. */
  readonly ownSessions: number;
  /** Message bodies are cut at so many bytes. */
  readonly bodyLimitBytes: number;
  /** Secrets were masked before they were stored. */
  readonly isRedacted: boolean;
  /** Opt-in: files that a call changed are recorded. */
  readonly recordsFiles: boolean;
}

/** Calls that failed alike. */
export interface CallFailures {
  readonly serverName: string;
  readonly method: string;
  readonly target: string | undefined;
  readonly status: CallStatus;
  readonly errorCode: number | undefined;
  readonly errorText: string | undefined;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** The newest of them. */
  readonly exampleId: string;
  /** Connections joined to these calls that failed alike; at most 10. */
  readonly connections: readonly ConnectionFailures[];
}

/** Connections that failed alike. */
export interface ConnectionFailures {
  readonly comm: string | undefined;
  /** Host name where one is known, else the address or path. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly protocol: Protocol;
  readonly outcome: Outcome;
  readonly errno: string | undefined;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly exampleId: string;
}

export interface Failures {
  /** Calls of the window, failed or not. */
  readonly calls: number;
  readonly connections: number;
  /** Most frequent first, at most as many as were asked for. */
  readonly callFailures: readonly CallFailures[];
  readonly moreCallFailures: number;
  /** Refused, timed out, unreachable, reset, failed; not those that were abandoned. */
  readonly connectionFailures: readonly ConnectionFailures[];
  readonly moreConnectionFailures: number;
  /** The slowest calls of the window that ended well, slowest first, at most 5. */
  readonly slowest: readonly CallRecord[];
  /** Calls without an answer yet, oldest first, at most 5. */
  readonly waiting: readonly CallRecord[];
}

export interface FailuresAsked {
  readonly sinceMs: number;
  readonly untilMs: number | undefined;
  /** Groups of each kind. */
  readonly limit: number;
}

/** Cheap to ask once a second: whether anything is new. */
export interface Latest {
  readonly sessionRow: number;
  readonly callRow: number;
  readonly connectionRow: number;
  /** Changes with any write. */
  readonly revision: number;
}

export interface History {
  sessions(filter: SessionFilter, page: PageAsked): Page<SessionRecord>;
  session(id: string): SessionRecord | undefined;
  calls(filter: CallFilter, page: PageAsked): Page<CallRecord>;
  call(id: string, asked: CallDetailAsked): CallDetail | undefined;
  connections(filter: ConnectionFilter, page: PageAsked): Page<ConnectionRecord>;
  /** `pid`, `comm` and `sinceMs` of the filter count, and all others. */
  connectionSummary(filter: ConnectionFilter): ConnectionSummary;
  coverage(): CoverageRecord;
  failures(asked: FailuresAsked): Failures;
  latest(): Latest;
}
