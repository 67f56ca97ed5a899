/** The content of an event stream in, a frame per event with JSON out, as it comes. */
import type { LossReason } from "../../capture/types.ts";
import { decodeLine } from "../decode-line.ts";
import { EventParser, type EventTaker, type ServerEvent } from "../sse/event-parser.ts";
import {
  type Body,
  type BodyContext,
  type BodySubject,
  isMessage,
  prove,
  readTextStart,
} from "./body.ts";
import type { ExchangeState } from "./exchange-state.ts";
import { joinFlags } from "./json-body.ts";

const MAX_URI = 2048;

/** Frames out of events; shared by plain and coded streams. */
export class EventFrames {
  readonly #context: BodyContext;
  #exchange: ExchangeState;

  constructor(context: BodyContext, state: ExchangeState) {
    this.#context = context;
    this.#exchange = state;
  }

  /** The events that follow are another exchange's. */
  restart(state: ExchangeState): void {
    this.#exchange = state;
  }

  /** False: the event is no message. */
  give({ name, id, data, endPosition }: ServerEvent, bytes: number): boolean {
    const { items, side } = this.#context;
    if (name === "endpoint") this.#giveEndpoint(data);
    if (name !== "" && name !== "message") return false;
    if (!isMessage(data, this.#exchange, this.#context)) return false;
    const { text, flags } = decodeLine(data, 0, data.length);
    const all = joinFlags(flags, this.#exchange.flags);
    items.frame({ text, bytes, endPosition, flags: all }, this.#exchange.place(side, "sse", id));
    return true;
  }

  /** Source: MCP 2024-11-05, basic/transports#http-with-sse. */
  #giveEndpoint(data: Buffer): void {
    if (data.length > MAX_URI || readTextStart(data, 0, data.length) !== "other") return;
    const { items } = this.#context;
    const { exchange } = this.#exchange;
    const uri = data.toString("utf8").trim();
    prove(this.#exchange, this.#context);
    this.#context.connection().memory.endpoints.addUri(exchange.request, uri);
    items.push({ kind: "http-endpoint", exchange, uri, timeNs: items.timeNs });
  }
}

/** A stream without content coding: a frame carries its event's data lines, all else is noise. */
export class EventBody implements Body, EventTaker {
  readonly #context: BodyContext;
  #exchange: ExchangeState;
  readonly #frames: EventFrames;
  readonly #parser: EventParser;

  constructor(context: BodyContext, { state, doubt }: BodySubject) {
    this.#context = context;
    this.#exchange = state;
    this.#frames = new EventFrames(context, state);
    this.#parser = new EventParser(context.maxBytes, context.held, this);
    if (doubt !== undefined) this.#parser.cut(doubt, true);
  }

  get heldBytes(): number {
    return this.#parser.heldBytes;
  }

  /** The stream before has ended. */
  restart({ state }: BodySubject): void {
    this.#exchange = state;
    this.#frames.restart(state);
  }

  take(bytes: Buffer, from: number, to: number, position: number): void {
    this.#parser.take(bytes, from, to, position);
  }

  keep(): void {
    this.#parser.keep();
  }

  cut(reason: LossReason, isHole: boolean): void {
    this.#exchange.isLost = true;
    this.#parser.cut(reason, isHole);
  }

  end(reason: LossReason | undefined): void {
    this.#parser.end(reason ?? "unfinished_line");
  }

  event(event: ServerEvent): void {
    if (!this.#frames.give(event, event.bytes)) this.noise(event.bytes);
  }

  noise(bytes: number): void {
    this.#context.items.noise(bytes);
  }

  lost(bytes: number, reason: LossReason): void {
    if (reason === "line_too_long" && bytes > 0) this.#exchange.isLost = true;
    this.#context.items.lose(bytes, reason);
  }
}
