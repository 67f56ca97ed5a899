/** The DATA of one direction of a stream in; what is in its body out. */
import type { LossReason } from "../../capture/types.ts";
import { type Body, type BodyContext, type BodySubject, readTextStart } from "../http1/body.ts";
import { CodedEventBody } from "../http1/coded-event-body.ts";
import { EventBody } from "../http1/event-body.ts";
import type { ExchangeState } from "../http1/exchange-state.ts";
import { JsonBody } from "../http1/json-body.ts";

/** What a body may contain; "unknown": its head does not say, its first bytes will. undefined: nothing is looked for. */
export type Content = "json" | "events" | "unknown" | undefined;

const EVENT_START = /^(?:(?:event|data|id|retry):|:)/;
const LONGEST_START = 6;

export class Half {
  readonly state: ExchangeState;
  readonly #context: BodyContext;
  readonly #subject: BodySubject;
  #content: Content;
  #body: Body | undefined;
  /** Bytes of the body to come, where its head says how many. */
  #left: number;

  /** `length`: of the body; undefined: its end alone will tell. */
  constructor(
    context: BodyContext,
    content: Content,
    subject: BodySubject,
    length: number | undefined,
  ) {
    this.state = subject.state;
    this.#context = context;
    this.#subject = subject;
    this.#content = content;
    this.#left = length ?? Number.POSITIVE_INFINITY;
  }

  get heldBytes(): number {
    return this.#body?.heldBytes ?? 0;
  }

  /** False: they are nobody's. `position` is that of `bytes[0]` in the channel. */
  take(bytes: Buffer, from: number, to: number, position: number): boolean {
    if (this.#body === undefined) this.#open(bytes, from, to);
    this.#left -= to - from;
    if (this.#body === undefined) return false;
    this.#body.take(bytes, from, to, position);
    // a server may answer before it has read the empty frame that ends the stream
    if (this.#left <= 0) this.end(undefined);
    return true;
  }

  keep(): void {
    this.#body?.keep();
  }

  /** Bytes of it are missing here. */
  miss(): void {
    this.state.isLost = true;
    this.#left = Number.POSITIVE_INFINITY;
    this.#body?.cut("cut_by_gap", true);
  }

  /** What is unfinished is lost, to free its memory. */
  drop(reason: LossReason): void {
    this.#body?.cut(reason, false);
  }

  /** `reason`: before its end, and why. */
  end(reason: LossReason | undefined): void {
    this.#body?.end(reason);
    this.#body = undefined;
    this.#content = undefined;
  }

  #open(bytes: Buffer, from: number, to: number): void {
    if (this.#content === undefined) return;
    const content = this.#content === "unknown" ? this.#guess(bytes, from, to) : this.#content;
    if (content === "unknown") return;
    this.#content = undefined;
    if (content === "json") this.#body = new JsonBody(this.#context, this.#subject);
    else if (content === "events") this.#body = this.#openEvents();
  }

  #openEvents(): Body {
    const isCoded = this.#subject.codings.length > 0;
    const Events = isCoded ? CodedEventBody : EventBody;
    return new Events(this.#context, this.#subject);
  }

  #guess(bytes: Buffer, from: number, to: number): Content {
    const start = readTextStart(bytes, from, to);
    if (start === "json") return "json";
    if (start === "open") return "unknown";
    return this.#context.side === "response" && startsEvent(bytes, from, to) ? "events" : undefined;
  }
}

/** Only answers hold events. */
export function startsEvent(bytes: Buffer, from: number, to: number): boolean {
  return EVENT_START.test(bytes.toString("latin1", from, Math.min(to, from + LONGEST_START)));
}
