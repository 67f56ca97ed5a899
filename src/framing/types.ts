/** Bytes cut into the units of a transport; nothing here knows JSON-RPC. */
import type { Channel, LossReason, Process } from "../capture/types.ts";
import type { ChannelEnd, ProcessEnd, Tick } from "../stream/types.ts";

/** What was irregular about a frame or message; listed on its output line. */
export type Flag =
  /** not UTF-8: undecodable bytes are U+FFFD in the text */
  | "invalid_utf8"
  /** a byte order mark stood before the JSON text; it is not in `raw` */
  | "bom"
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
  /** deeper than 512 levels: params and result are not looked into */
  | "deep_nesting"
  /** more than a million values: params and result are not looked into */
  | "too_many_values"
  /** an answer without a request in its session */
  | "unmatched_response"
  /** the session was running before the tool listened: roles are inferred */
  | "late_attach";

/** One line of a stdio transport that may be a message. Owned: `text` outlives the push. */
export interface Frame {
  readonly kind: "frame";
  readonly channel: Channel;
  /** The line without its end ("\n" or "\r\n"), decoded from UTF-8. */
  readonly text: string;
  /** Bytes on the wire, line end included. */
  readonly bytes: number;
  /** Position just behind the line's last byte, in the channel (see Chunk.position). */
  readonly endPosition: number;
  /** Return of the read that completed the line, CLOCK_BOOTTIME ns. */
  readonly timeNs: number;
  readonly reader: Process;
  /** Who wrote the line's last byte; undefined when its note was not heard. */
  sender: Process | undefined;
  /** Return of the write of the line's last byte when that was before `timeNs`; else undefined. */
  sentNs: number | undefined;
  readonly flags: readonly Flag[];
}

/** Bytes that are in no frame, and why. */
export interface Loss {
  readonly kind: "loss";
  /** undefined: no channel can be named */
  readonly channel: Channel | undefined;
  readonly bytes: number;
  readonly reason: LossReason;
  readonly timeNs: number;
}

/** Heard text that is no message (log lines, blank lines): counted, not kept. */
export interface Noise {
  readonly kind: "noise";
  readonly channel: Channel;
  readonly bytes: number;
}

/** The channel carries no MCP: the kernel is to stop copying it. */
export interface SetAside {
  readonly kind: "set-aside";
  readonly channel: Channel;
}

export type FramingItem = Frame | Loss | Noise | SetAside | ChannelEnd | ProcessEnd | Tick;
