/** What the frames of one direction bring in; the bodies of its streams, and what becomes of their exchanges, out. */
import type { Channel, LossReason } from "../../capture/types.ts";
import type { BodyContext, HttpLimits } from "../http1/body.ts";
import type { HttpSide } from "../http1/connection.ts";
import type { DirectionItems } from "../http1/direction-items.ts";
import type { ExchangeState, Interest } from "../http1/exchange-state.ts";
import { codingsOf, contentOf, interestOf, isAmbiguous, Messages } from "../http1/messages.ts";
import type { Http2Connection } from "./connection.ts";
import type { FrameTaker } from "./frame-reader.ts";
import { type Content, Half, startsEvent } from "./half.ts";
import { type Http2Head, makeHttp2Head, takeField } from "./head.ts";
import { HeaderTable } from "./header-table.ts";

/** PUSH_PROMISE and what comes of it are passed over: MCP knows no push. */
export class Streams implements FrameTaker {
  readonly table: HeaderTable;
  connection: Http2Connection;
  /** Of the first byte of this read. */
  position = 0;
  /** Why data without its head may be a part of something. */
  doubt: LossReason = "started_before_attach";
  readonly #channel: Channel;
  readonly #items: DirectionItems;
  readonly #limits: HttpLimits;
  readonly #messages = new Messages();
  /** What is under way, by the number of its stream. */
  readonly #halves = new Map<number, Half>();
  /** Those that have looked at bytes of this read. */
  readonly #touched = new Set<Half>();
  /** undefined: which direction this is is not known. */
  #context: BodyContext | undefined;

  constructor(
    channel: Channel,
    connection: Http2Connection,
    items: DirectionItems,
    limits: HttpLimits,
  ) {
    this.#channel = channel;
    this.connection = connection;
    this.#items = items;
    this.#limits = limits;
    this.table = new HeaderTable(limits.held);
  }

  get side(): HttpSide | undefined {
    return this.#context?.side;
  }

  get heldBytes(): number {
    let bytes = this.table.heldBytes;
    for (const half of this.#halves.values()) bytes += half.heldBytes;
    return bytes;
  }

  learnSide(side: HttpSide): void {
    this.#context = {
      items: this.#items,
      held: this.#limits.held,
      maxBytes: this.#limits.maxBodyBytes,
      side,
      connection: () => this.connection,
    };
    const channel = this.#channel;
    this.connection.requestChannel ??= side === "request" ? channel : channel.reverse;
  }

  /** A read begins. Learns of the other direction which one this is, and lets go of what that one has given up. */
  begin(position: number): void {
    this.position = position;
    const { requestChannel } = this.connection;
    if (this.side === undefined && requestChannel !== undefined) {
      this.learnSide(requestChannel === this.#channel ? "request" : "response");
    }
    if (this.side === undefined || !this.connection.mayHoldOver(this.side)) return;
    for (const [stream, half] of this.#halves) {
      if (!half.state.isOver) continue;
      half.end("unfinished_line");
      this.#halves.delete(stream);
    }
  }

  /** The read is over. */
  keep(): void {
    for (const half of this.#touched) half.keep();
    this.#touched.clear();
  }

  /** Bytes of the stream's data are missing here; without a stream frames may be. */
  miss(stream?: number): void {
    if (stream !== undefined) {
      this.#halves.get(stream)?.miss();
      return;
    }
    this.table.forget();
    for (const half of this.#halves.values()) half.miss();
    if (this.side !== "response") this.connection.missRequests();
  }

  /** Gives up what is unfinished, to free its memory. */
  drop(reason: LossReason): void {
    this.table.forget();
    for (const half of this.#halves.values()) half.drop(reason);
  }

  /** Nothing more comes. */
  end(): void {
    this.table.forget();
    for (const half of this.#halves.values()) half.end("unfinished_line");
    this.#halves.clear();
  }

  data(stream: number, bytes: Buffer, from: number, to: number): void {
    if (this.side === undefined && startsEvent(bytes, from, to)) this.learnSide("response");
    const half = this.#halves.get(stream) ?? this.#meetData(stream);
    if (half?.take(bytes, from, to, this.position) === true) this.#touched.add(half);
    else {
      this.#items.spend(to - from, this.side === undefined ? this.doubt : undefined);
      this.connection.passBody(to - from);
    }
  }

  block(stream: number, block: Buffer, isPush: boolean): void {
    const head = makeHttp2Head();
    const reading = this.table.read(block, (name, value) => takeField(name, value, head));
    if (reading !== "whole") head.isPartly = true;
    if (reading === "bad") head.isAmbiguous = true;
    if (this.side === undefined && head.side !== undefined) this.learnSide(head.side);
    if (!isPush) this.#open(stream, head);
  }

  lostBlock(stream: number): void {
    this.table.forget();
    const head = makeHttp2Head();
    head.isPartly = true;
    const state = this.#open(stream, head);
    if (state !== undefined) state.isLost = true;
  }

  endOfStream(stream: number): void {
    const half = this.#halves.get(stream);
    if (half === undefined) return;
    half.end(undefined);
    this.#halves.delete(stream);
    const { state } = half;
    if (this.side === "response") state.responseDone = true;
    else {
      state.requestDone = true;
      const isKnown = !state.isLost && !state.isPartly;
      // its body would have told
      if (isKnown && state.method !== "GET" && state.interest !== "mcp") state.interest = "none";
    }
    this.connection.settle(stream, state, this.#items);
  }

  reset(stream: number): void {
    this.#halves.get(stream)?.end("unfinished_line");
    this.#halves.delete(stream);
    if (this.side !== undefined) this.connection.reset(stream, this.side, this.#items);
  }

  framing(bytes: number): void {
    this.#items.noise(bytes);
  }

  lose(bytes: number, reason: LossReason): void {
    this.#items.lose(bytes, reason);
  }

  /** A head has come, or the trailers of one. */
  #open(stream: number, head: Http2Head): ExchangeState | undefined {
    const context = this.#context;
    // what a server pushes has even numbers
    if (context === undefined || stream % 2 === 0 || this.#halves.has(stream)) return undefined;
    // an answer to what was given up, or trailers behind a body that was
    if (this.connection.isOver(stream)) return undefined;
    if (context.side === "request") return this.#openRequest(stream, head, context);
    // 100 Continue, 103 Early Hints: the answer is yet to come
    if (head.status > 0 && head.status < 200) return undefined;
    return this.#openResponse(stream, head, context);
  }

  #openRequest(stream: number, head: Http2Head, context: BodyContext): ExchangeState {
    const { connection } = this;
    const state = connection.find(stream) ?? this.#makeExchange();
    state.requestDone = false;
    if (head.method === "" || head.target === "") head.isPartly = true;
    else {
      const request = this.#messages.request(head);
      state.setRequest(request, this.#channel);
      state.interest = interestOf(head, request, connection.memory.endpoints);
    }
    this.#mark(state, head);
    if (head.isPartly) state.interest = atLeastGuess(state.interest);
    connection.ask(stream, state, this.#items);
    if (head.hasMcpField) connection.believe(state);
    this.#openBody(stream, state, head, context, state.interest === "none" ? undefined : "json");
    return state;
  }

  #openResponse(stream: number, head: Http2Head, context: BodyContext): ExchangeState {
    const state = this.connection.find(stream) ?? this.#makeOrphan(stream);
    const isKnown = head.status > 0;
    state.setResponse(isKnown ? this.#messages.response(head) : undefined, this.#channel);
    this.#mark(state, head);
    if (head.hasMcpField) this.connection.believe(state);
    const isUnknown = head.isPartly && head.contentType === undefined && state.interest !== "none";
    this.#openBody(stream, state, head, context, isUnknown ? "unknown" : contentOf(state, head));
    return state;
  }

  #openBody(
    stream: number,
    state: ExchangeState,
    head: Http2Head,
    context: BodyContext,
    content: Content,
  ): void {
    const length = typeof head.length === "number" ? head.length : undefined;
    const subject = { state, codings: codingsOf(head, state) };
    this.#halves.set(stream, new Half(context, content, subject, length));
  }

  /** Data of a stream whose head was not heard. */
  #meetData(stream: number): Half | undefined {
    const context = this.#context;
    if (context === undefined || stream % 2 === 0) return undefined;
    if (this.connection.isOver(stream)) return undefined;
    const state = this.connection.find(stream) ?? this.#makeOrphan(stream);
    state.isPartly = true;
    const subject = { state, codings: [], doubt: this.doubt };
    const half = new Half(context, "unknown", subject, undefined);
    this.#halves.set(stream, half);
    return half;
  }

  #mark(state: ExchangeState, head: Http2Head): void {
    if (head.isPartly) state.isPartly = true;
    if (isAmbiguous(head)) state.isAmbiguous = true;
  }

  #makeExchange(): ExchangeState {
    const channel = this.#channel;
    const [request, response] =
      this.side === "request" ? [channel, channel.reverse] : [channel.reverse, channel];
    return this.connection.makeExchange(request, response, this.#items.timeNs);
  }

  /** An exchange whose request went by unheard, or is yet to be heard. */
  #makeOrphan(stream: number): ExchangeState {
    const state = this.#makeExchange();
    state.requestDone = this.side !== "request";
    this.connection.open(stream, state, this.#items);
    return state;
  }
}

function atLeastGuess(interest: Interest): Interest {
  return interest === "none" ? "guess" : interest;
}
