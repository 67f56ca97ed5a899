/** Bytes cut into the units of a transport; nothing here knows JSON-RPC. */
import type { Channel, LossReason, Party } from "../capture/types.ts";
import type { Blind, ChannelEnd, ProcessEnd, Tick } from "../stream/types.ts";

/** What was irregular about a frame or message; listed on its output line. */
export type Flag =
  /** not UTF-8: undecodable bytes are U+FFFD in the text */
  | "invalid_utf8"
  /** a byte order mark stood before the JSON text; it is not in `raw` */
  | "bom"
  /** the text is printed over several lines */
  | "multi_line"
  /** no line end is behind the text: its reader may wait for one */
  | "no_line_end"
  /** a head with its length stands before the text, as LSP has it */
  | "content_length"
  /** no JSON: read as far as it makes sense */
  | "invalid_json"
  /** a top-level array where the negotiated protocol version has no batches */
  | "illegal_batch"
  /** the method is in no dated version of the protocol, or not in this direction */
  | "unknown_method"
  /** an object key stands twice; the last one counts */
  | "duplicate_key"
  /** "jsonrpc" is missing or not "2.0" */
  | "not_jsonrpc_2"
  /** both result and error, or neither */
  | "malformed_response"
  /** an id that JSON-RPC forbids (object, array, boolean) */
  | "invalid_id"
  /** deeper than 512 levels, of which an object takes two: params and result are not looked into */
  | "deep_nesting"
  /** more than a million values: params and result are not looked into */
  | "too_many_values"
  /** some reader of JSON would refuse a member (its depth, a number, its size, its kind of id): it is given out as text */
  | "as_text"
  /** an escape is half of a surrogate pair without the other: U+FFFD is given out for it, and the member as text, too */
  | "lone_surrogate"
  /** several processes read a part of the line each: none of them has it whole */
  | "shared_line"
  /** an answer without a request in its session */
  | "unmatched_response"
  /** an answer whose id several calls had that waited: which of them it is for is not known */
  | "ambiguous_id"
  /** the session was running before the tool listened: roles are inferred */
  | "late_attach"
  /** HTTP: Mcp-Method or Mcp-Name say something else than the body (MCP 2026-07-28) */
  | "header_mismatch"
  /** HTTP: a head that two parsers may read differently (two lengths, folded or malformed fields): request smuggling */
  | "ambiguous_http"
  /** HTTP/2: not all of a head is known, since the connection was there before, or bytes of it were not heard */
  | "headers_unknown";

/** What is kept of the head of a request or an answer. Never credentials: Authorization and cookies are not even parsed. */
export interface HttpFields {
  /** Media type in lower case, without parameters. */
  readonly contentType: string | undefined;
  /**
   * Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID. Session id and name up to 8,192 characters (a
   * longer id ends in its hash, a longer name in "…"), the others up to 256.
   */
  readonly sessionId: string | undefined;
  readonly protocolVersion: string | undefined;
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
  readonly lastEventId: string | undefined;
}

export interface HttpRequest {
  /** "POST" */
  readonly method: string;
  /** Path and query, cut to 1,024 characters: "/mcp?x=1"; also of an absolute target. Never a user and password. */
  readonly target: string;
  /** Host, or an absolute target's, with its port where it has one; undefined: there is none (HTTP/1.0). */
  readonly authority: string | undefined;
  /** "1.1", "2" */
  readonly version: string;
  readonly fields: HttpFields;
}

export interface HttpResponse {
  /** The final one: 1xx are left out. */
  readonly status: number;
  readonly version: string;
  readonly fields: HttpFields;
}

/** One request and its answer: one object, filled as they are heard. */
export interface HttpExchange {
  /** Counts the exchanges of a run from 1. */
  readonly id: number;
  /** The direction of the request; its `reverse` brings the answer. undefined: only the answer was heard. */
  readonly requestChannel: Channel | undefined;
  readonly responseChannel: Channel | undefined;
  /** undefined: it went by unheard. */
  readonly request: HttpRequest | undefined;
  readonly response: HttpResponse | undefined;
  /** When the request's head was complete (the answer's, where the request was not heard), CLOCK_BOOTTIME ns. */
  readonly startNs: number;
}

/** Where in which exchange a JSON text stood. */
export interface HttpPlace {
  readonly exchange: HttpExchange;
  readonly side: "request" | "response";
  /** A whole body, or the data of one server-sent event. */
  readonly mode: "json" | "sse";
  /** The event's id; undefined: it has none. */
  readonly eventId: string | undefined;
  /** Of a replay: the session that the message was recorded in. */
  readonly session?: string | undefined;
}

/** One JSON text as a transport delivered it: a line, an HTTP body, an event. Owned: `text` outlives the push. */
export interface Frame {
  readonly kind: "frame";
  readonly channel: Channel;
  /** Decoded from UTF-8; a line without its end ("\n" or "\r\n"), a body without its codings. */
  readonly text: string;
  /** Bytes on the wire that carried it: a line with its end; of HTTP only the body's or event's own, as sent. */
  readonly bytes: number;
  /** Position just behind its last byte, in the channel (see Chunk.position). */
  readonly endPosition: number;
  /** Return of the read that completed it, CLOCK_BOOTTIME ns. */
  readonly timeNs: number;
  readonly reader: Party;
  /** Who read parts of it besides `reader`, which read its last byte (flag `shared_line`). */
  readonly otherReaders?: readonly Party[] | undefined;
  /** Who wrote its last byte; undefined when its note was not heard. */
  sender: Party | undefined;
  /** Return of the write of its last byte when that was before `timeNs`; else undefined. */
  sentNs: number | undefined;
  /** undefined: a line. */
  readonly http?: HttpPlace | undefined;
  readonly flags: readonly Flag[];
  /** Of a replay: what was wrong with the text that was heard, where this is what it was read as. */
  readonly jsonError?: string | undefined;
}

/** Bytes that are in no frame, and why. */
export interface Loss {
  readonly kind: "loss";
  /** undefined: no channel can be named */
  readonly channel: Channel | undefined;
  readonly bytes: number;
  readonly reason: LossReason;
  readonly timeNs: number;
  /** Of what lies unread: when the first of it was written; undefined: not known. */
  readonly sinceNs?: number | undefined;
}

/** Heard bytes that are no message: counted, not kept. `text`: log lines, blank lines. `http`: heads, chunk lines, SSE
 * fields and comments, bodies that are no JSON. `skipped`: what the kernel left out by our own verdict. */
export interface Noise {
  readonly kind: "noise";
  readonly channel: Channel;
  readonly bytes: number;
  readonly of: "text" | "http" | "skipped";
  /** Of text that is more than blank: what it says. */
  readonly text?: NoiseText | undefined;
}

/** What text that is no message says, as far as a person needs to know it. Owned. */
export interface NoiseText {
  /** What its first line begins with, or the first one that holds a message: some 200 characters. */
  readonly head: string;
  /** Lines that began in it. */
  readonly lines: number;
  /** A line is a message and something else: no reader of lines can take it for one. */
  readonly holdsMessage: boolean;
  /** When it was read, CLOCK_BOOTTIME ns. */
  readonly timeNs: number;
}

/** The channel carries no MCP: the kernel is to stop copying it, for a while. */
export interface SetAside {
  readonly kind: "set-aside";
  readonly channel: Channel;
  /** Of the read that showed it. */
  readonly timeNs: number;
}

/** What a TCP connection carries, for the kernel: `mcp`, copy all of it; `other`, only requests whose heads speak of MCP.
 * `channel` is the direction of its requests. */
export interface HttpVerdict {
  readonly kind: "http-verdict";
  readonly channel: Channel;
  readonly verdict: "mcp" | "other";
}

/** The old HTTP+SSE transport: the event that says where the client is to POST. Source: MCP 2024-11-05, transports. */
export interface HttpEndpoint {
  readonly kind: "http-endpoint";
  readonly exchange: HttpExchange;
  /** As sent, mostly relative: "/messages?sessionId=…". */
  readonly uri: string;
  readonly timeNs: number;
}

/** An exchange is over. Comes behind its frames, for exchanges that look like MCP's only. */
export interface HttpEnd {
  readonly kind: "http-end";
  readonly exchange: HttpExchange;
  /** `complete`; `cut`: the connection ended before the answer did; `lost`: a part of it was not heard. */
  readonly outcome: "complete" | "cut" | "lost";
  /** Whether its head was ambiguous. */
  readonly flags: readonly Flag[];
  /** Of a replay: a line told of it, with this session. */
  readonly recorded?: { readonly session: string | undefined } | undefined;
  readonly timeNs: number;
}

/** Of a replay: the recorded end of a session over HTTP, which no end of a channel tells. */
export interface RecordedEnd {
  readonly kind: "recorded-end";
  readonly session: string;
  readonly reason: string;
  readonly timeNs: number;
}

export type HttpItem = HttpVerdict | HttpEndpoint | HttpEnd | RecordedEnd;

export type FramingItem =
  | Frame
  | Loss
  | Noise
  | SetAside
  | HttpItem
  | Blind
  | ChannelEnd
  | ProcessEnd
  | Tick;
