/** Frames read as JSON-RPC 2.0 and MCP, both protocol eras. */
import type { Flag, Frame, HttpItem, Loss, Noise, SetAside } from "../framing/types.ts";
import type { Unfit } from "../json-readers.ts";
import type { ChannelEnd, ProcessEnd, Tick } from "../stream/types.ts";

type OutlineMember = "jsonrpc" | "id" | "method" | "params" | "result" | "error";

/** What finds the members of a long message in a fraction of the time that `Envelope.read` takes (ffi/outline.ts). */
export interface OutlineReader {
  /** True: every reader of JSON takes the text, and what follows is of it. False: it is to be read otherwise. */
  read(text: string): boolean;
  /** Where the member's value begins, in UTF-16 units; −1: there is none. */
  start(member: OutlineMember): number;
  end(member: OutlineMember): number;
  /** Members that JSON-RPC does not know. */
  readonly others: number;
  /** An output line may carry the text raw. */
  readonly isLineSafe: boolean;
  /** Start and end of each part of `[from, to)` that need not be parsed: of a string, or, from a comma on, of the rest of a list or object. */
  cuts(from: number, to: number): number[];
}

/** How members are given out of which some reader of JSON would refuse what stands in the text. */
export type UnfitMembers = Readonly<
  Record<"id" | "method" | "params" | "result" | "error", Unfit | undefined>
>;

export type MessageType = "request" | "notification" | "response" | "error";

/**
 * One JSON-RPC message. The `…Text` fields are spans of the wire text, valid JSON, unparsed,
 * so numbers beyond 2^53, key order and odd strings survive.
 */
export interface Message {
  readonly kind: "message";
  readonly frame: Frame;
  readonly type: MessageType;
  /** The id's JSON text (`7`, `"7"`, `1.5`, `null`), undefined when there is none. Typed: 1 and "1" differ. */
  readonly idText: string | undefined;
  readonly method: string | undefined;
  readonly paramsText: string | undefined;
  readonly resultText: string | undefined;
  readonly errorText: string | undefined;
  /**
   * The parsed value of params, result or error; undefined where absent or too deep. Strings of more than 4 Mi
   * characters are cut to what they begin with, and their length. Treat as hostile.
   */
  readonly body: unknown;
  /** Wire bytes, line end included; in a batch the first message carries the frame's, the others 0. */
  readonly bytes: number;
  /** Exact text of this message (of its element, in a batch). */
  readonly raw: string;
  /** What was wrong with the frame's text, which is no JSON: `raw` is what it was read as. */
  readonly jsonError?: string | undefined;
  /** Place in its batch, or undefined. */
  readonly batch: { readonly index: number; readonly size: number } | undefined;
  /** True when method or shape is MCP's, false for other JSON-RPC (LSP and the like), undefined when undecided (a bare response). */
  readonly mcp: boolean | undefined;
  /**
   * Who may send this method in some dated version of the protocol;
   * undefined on responses and on unknown methods. The exchange room infers roles from it.
   */
  readonly senderRoles: "client" | "server" | "both" | undefined;
  /** The method is in some dated version of the protocol; false on responses. */
  readonly knownMethod: boolean;
  readonly flags: readonly Flag[];
  /** undefined: none is. */
  readonly unfit?: UnfitMembers | undefined;
  /** Known to hold no character that a line may not carry raw. */
  readonly isLineSafe?: boolean | undefined;
}

export type MessageItem =
  | Message
  | Loss
  | Noise
  | SetAside
  | HttpItem
  | ChannelEnd
  | ProcessEnd
  | Tick;
