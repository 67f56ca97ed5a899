/** The content of a body that may be JSON in, one frame with its text out. */
import type { LossReason } from "../../capture/types.ts";
import { isJson } from "../../json-grammar.ts";
import { decodeLine } from "../decode-line.ts";
import { Pieces } from "../pieces.ts";
import type { Flag } from "../types.ts";
import {
  type Body,
  type BodyContext,
  type BodySubject,
  isMessage,
  mentionsJsonRpc,
  prove,
  readTextStart,
} from "./body.ts";
import { decodeContent } from "./content-coding.ts";
import type { ExchangeState } from "./exchange-state.ts";

/** Of a body of which nothing but its content could say that it is MCP's. */
const MAX_GUESS = 64 * 1024;

/** "held": it is gathered; "noise" and "lost": the rest is only counted. */
type BodyState = "held" | "noise" | "lost";

export class JsonBody implements Body {
  readonly #context: BodyContext;
  readonly #pieces: Pieces;
  #exchange: ExchangeState;
  #codings: readonly string[];
  #doubt: LossReason | undefined;
  #state: BodyState = "held";
  #hasStart = false;
  #reason: LossReason = "cut_by_gap";
  #endPosition = 0;

  constructor(context: BodyContext, subject: BodySubject) {
    this.#context = context;
    this.#pieces = new Pieces(context.held);
    this.#exchange = subject.state;
    this.#codings = subject.codings;
    this.#doubt = subject.doubt;
  }

  get heldBytes(): number {
    return this.#pieces.capacity;
  }

  /** One object serves all bodies of a direction, one after the other. */
  restart({ state, codings, doubt }: BodySubject): void {
    this.#pieces.clear();
    this.#exchange = state;
    this.#codings = codings;
    this.#doubt = doubt;
    this.#state = "held";
    this.#hasStart = false;
  }

  take(bytes: Buffer, from: number, to: number, position: number): void {
    if (this.#state === "noise") this.#context.items.noise(to - from);
    else if (this.#state === "lost") this.#context.items.lose(to - from, this.#reason);
    else {
      this.#endPosition = position + to;
      this.#pieces.append(bytes, from, to);
      this.#learnStart(bytes, from, to);
      this.#limit();
    }
  }

  keep(): void {
    this.#pieces.keep();
  }

  cut(reason: LossReason): void {
    if (this.#state === "noise") return;
    this.#release(reason);
    this.#state = "lost";
    this.#reason = reason;
    this.#exchange.isLost = true;
  }

  end(reason: LossReason | undefined): void {
    if (this.#state !== "held") return;
    if (reason !== undefined) this.#release(reason);
    else if (this.#pieces.length > 0) this.#giveText();
    this.#pieces.clear();
    this.#state = "noise";
  }

  #learnStart(bytes: Buffer, from: number, to: number): void {
    if (this.#hasStart || this.#codings.length > 0) return;
    const start = readTextStart(bytes, from, to);
    if (start === "other") this.#pass();
    else this.#hasStart = start === "json";
  }

  #limit(): void {
    if (this.#state !== "held") return;
    const { length } = this.#pieces;
    if (this.#exchange.interest === "guess" && length > MAX_GUESS) {
      // looked at up to here, however it was cut
      if (mentionsJsonRpc(this.#pieces.bytes().subarray(0, MAX_GUESS)))
        prove(this.#exchange, this.#context);
      else this.#pass();
    }
    if (length > this.#context.maxBytes) this.cut("line_too_long");
  }

  /** It is no message. */
  #pass(): void {
    this.#release(undefined);
    this.#state = "noise";
  }

  #release(reason: LossReason | undefined): void {
    this.#context.items.spend(this.#pieces.length, reason);
    this.#pieces.clear();
  }

  #giveText(): void {
    const { items, maxBytes, side } = this.#context;
    const { length } = this.#pieces;
    const sent = this.#pieces.bytes();
    const isCoded = this.#codings.length > 0;
    const decoded = isCoded ? decodeContent(sent, this.#codings, maxBytes, false) : sent;
    const plain = decoded === "bad" ? this.#asSent(sent) : decoded;
    if (typeof plain === "string") {
      // what cannot be decoded is no message of anybody's
      items.spend(length, plain === "too_long" ? "line_too_long" : undefined);
      this.#exchange.isLost = plain === "too_long" || this.#exchange.isLost;
    } else if (this.#doubt !== undefined && !isJson(plain.toString("utf8"))) {
      items.lose(length, this.#doubt);
      this.#exchange.isLost = true;
    } else if (isMessage(plain, this.#exchange, this.#context)) {
      const { text, flags } = decodeLine(plain, 0, plain.length);
      const place = this.#exchange.place(side, "json");
      const all = joinFlags(flags, this.#exchange.flags);
      items.frame({ text, bytes: length, endPosition: this.#endPosition, flags: all }, place);
    } else items.noise(length);
  }

  /** A server that knows no codings reads it as it is. */
  #asSent(sent: Buffer): Buffer | "bad" {
    if (readTextStart(sent, 0, sent.length) !== "json" || !mentionsJsonRpc(sent)) return "bad";
    this.#exchange.isAmbiguous = true;
    return sent;
  }
}

export function joinFlags(some: readonly Flag[], others: readonly Flag[]): readonly Flag[] {
  if (others.length === 0) return some;
  return some.length === 0 ? others : [...some, ...others];
}
