/** What becomes of a body's bytes, and what all kinds of bodies need to know. */
import type { LossReason } from "../../capture/types.ts";
import { VERSION_KEY } from "../../json-grammar.ts";
import type { HeldBytes } from "../partial-line.ts";
import type { DirectionItems } from "./direction-items.ts";
import type { Endpoints } from "./endpoints.ts";
import type { ExchangeState } from "./exchange-state.ts";

/** One body, held as far as needed. Gives every byte of its content to `DirectionItems` once. */
export interface Body {
  readonly heldBytes: number;
  /** `bytes[from, to)` goes on the content; `position` is that of `bytes[0]` in the channel. */
  take(bytes: Buffer, from: number, to: number, position: number): void;
  /** The push is over: copies what was only looked at. */
  keep(): void;
  /** What is unfinished is lost, and what follows of it. `isHole`: because bytes are missing here. */
  cut(reason: LossReason, isHole: boolean): void;
  /** The content is over; `reason`: before its end, and why. */
  end(reason: LossReason | undefined): void;
}

export interface HttpLimits {
  /** A longer body, or event, is lost as `line_too_long`. */
  readonly maxBodyBytes: number;
  readonly held: HeldBytes;
}

/** What bodies tell their connection, of whatever version of HTTP. */
export interface BodyConnection {
  readonly memory: { readonly endpoints: Endpoints };
  /** The exchange is MCP's. */
  prove(state: ExchangeState, items: DirectionItems): void;
}

export interface BodyContext {
  readonly items: DirectionItems;
  readonly held: HeldBytes;
  readonly maxBytes: number;
  readonly side: "request" | "response";
  /** Changes when a connection's two directions are found to belong together. */
  readonly connection: () => BodyConnection;
}

export interface BodySubject {
  readonly state: ExchangeState;
  readonly codings: readonly string[];
  /** It may have begun unheard: it counts only if it is complete, and is lost for this otherwise. */
  readonly doubt?: LossReason | undefined;
}

const JSON_RPC = Buffer.from(VERSION_KEY);

export function mentionsJsonRpc(text: Buffer): boolean {
  return text.includes(JSON_RPC);
}

/** "json": the first character that is no white space opens an object or an array; "open": there is none yet. */
export function readTextStart(bytes: Buffer, from: number, to: number): "json" | "other" | "open" {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x7b || byte === 0x5b) return "json";
    const isSpace = byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
    // of a byte order mark
    const isMark = byte === 0xef || byte === 0xbb || byte === 0xbf;
    if (!isSpace && !isMark) return "other";
  }
  return "open";
}

/** Whether a whole body, or the data of an event, is JSON of an exchange that is MCP's; JSON-RPC proves that it is. */
export function isMessage(text: Buffer, state: ExchangeState, context: BodyContext): boolean {
  if (readTextStart(text, 0, text.length) !== "json") return false;
  if (state.isProven) return true;
  if (mentionsJsonRpc(text)) prove(state, context);
  return state.interest === "mcp";
}

export function prove(state: ExchangeState, { connection, items }: BodyContext): void {
  connection().prove(state, items);
}
