/** What the two directions of an HTTP/2 connection know together: whose answer is whose, and whether it speaks MCP. */
import type { Channel } from "../../capture/types.ts";
import type { BodyConnection } from "../http1/body.ts";
import type { HttpMemory, HttpSide } from "../http1/connection.ts";
import type { DirectionItems } from "../http1/direction-items.ts";
import { ExchangeState } from "../http1/exchange-state.ts";
import { sizeOf } from "../http1/messages.ts";
import type { HttpRequest } from "../types.ts";

/** Streams that are open at a time; servers allow 100 to 250. */
const MAX_STREAMS = 1024;
/** Whole exchanges without MCP after which a connection that never spoke it is left alone. */
const ENOUGH_OTHERS = 16;
/** The same for bytes of bodies. */
const OTHER_BYTES = 1024 * 1024;

interface Stream {
  readonly state: ExchangeState;
  /** Of memory; in the budget for all that is held. */
  readonly bytes: number;
}

/** Streams are numbered upwards by their client, and no number is used twice. Source: RFC 9113, 5.1.1. */
export class Http2Connection implements BodyConnection {
  readonly memory: HttpMemory;
  requestChannel: Channel | undefined;
  /** Both directions are one channel's and its reverse's. */
  isJoined = false;
  readonly #streams = new Map<number, Stream>();
  /** Directions that may hold something of streams that the other one gave up. */
  readonly #hasOver = new Set<HttpSide>();
  /** Between these, all requests were heard: a stream that is not open there is over. */
  #lowest = Number.POSITIVE_INFINITY;
  #highest = 0;
  #lastAsked: HttpRequest | undefined;
  /** The request that was last added to the endpoints. */
  #known: HttpRequest | undefined;
  #heldBytes = 0;
  #isMcp = false;
  #others = 0;
  #otherBytes = 0;
  #requestsEnded = false;
  #answersEnded = false;

  constructor(memory: HttpMemory) {
    this.memory = memory;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** No stream of it looks like MCP. */
  get isHopeless(): boolean {
    return !this.#isMcp && (this.#others >= ENOUGH_OTHERS || this.#otherBytes > OTHER_BYTES);
  }

  makeExchange(request: Channel | undefined, response: Channel | undefined, timeNs: number) {
    this.memory.exchanges += 1;
    return new ExchangeState(this.memory.exchanges, { request, response }, timeNs);
  }

  find(stream: number): ExchangeState | undefined {
    return this.#streams.get(stream)?.state;
  }

  /** Its exchange is over; what comes of it is nobody's. */
  isOver(stream: number): boolean {
    return stream >= this.#lowest && stream <= this.#highest && !this.#streams.has(stream);
  }

  /** A request's head has come. */
  ask(stream: number, state: ExchangeState, items: DirectionItems): void {
    this.#lowest = Math.min(this.#lowest, stream);
    this.#highest = Math.max(this.#highest, stream);
    this.open(stream, state, items);
  }

  /** Something of the stream has come. */
  open(stream: number, state: ExchangeState, items: DirectionItems): void {
    const { request } = state.exchange;
    const bytes = request === undefined ? 0 : sizeOf(request, this.#lastAsked);
    if (request !== undefined) this.#lastAsked = request;
    this.#forget(stream);
    this.#streams.set(stream, { state, bytes });
    this.#hold(bytes);
    if (this.#streams.size > MAX_STREAMS) this.#giveUpOldest(items);
  }

  prove(state: ExchangeState): void {
    if (state.isProven) return;
    state.isProven = true;
    this.believe(state);
    const { request } = state.exchange;
    if (request === undefined || request === this.#known) return;
    this.memory.endpoints.add(request);
    this.#known = request;
  }

  /** Its head has a field of MCP's. */
  believe(state: ExchangeState): void {
    state.interest = "mcp";
    this.#isMcp = true;
  }

  /** Bytes of a body that is nobody's. */
  passBody(bytes: number): void {
    this.#otherBytes += bytes;
  }

  /** One side of the exchange is over. */
  settle(stream: number, state: ExchangeState, items: DirectionItems): void {
    if (state.requestDone && state.responseDone) this.#close(stream, state, false, items);
  }

  /** `side` gives the stream up: neither end will go on with it. */
  reset(stream: number, side: HttpSide, items: DirectionItems): void {
    const state = this.find(stream);
    if (state === undefined) return;
    this.#close(stream, state, true, items);
    this.#hasOver.add(side === "request" ? "response" : "request");
  }

  /** True, once, when the other direction has given up streams of which this one may hold something. */
  mayHoldOver(side: HttpSide): boolean {
    return this.#hasOver.size > 0 && this.#hasOver.delete(side);
  }

  /** Requests may have gone by unheard. */
  missRequests(): void {
    this.#lowest = Number.POSITIVE_INFINITY;
  }

  /** There is no memory for them: they stay without what is to come. */
  forgetAll(items: DirectionItems): void {
    for (const [stream, { state }] of this.#streams) {
      state.isLost = true;
      this.#close(stream, state, false, items);
    }
  }

  /** A direction has ended. */
  end(side: HttpSide | undefined, items: DirectionItems): void {
    if (side === "request") this.#requestsEnded = true;
    else if (side === "response") this.#answersEnded = true;
    if (!this.#answersEnded && !(this.#requestsEnded && !this.isJoined)) return;
    for (const [stream, { state }] of this.#streams) this.#close(stream, state, true, items);
  }

  /** Nothing more will be heard of it. */
  abandon(): void {
    this.#streams.clear();
    this.#hold(-this.#heldBytes);
  }

  /** `other` has the requests of this connection's answers: they were not known to belong together. */
  absorb(other: Http2Connection): void {
    this.isJoined = true;
    for (const [id, stream] of other.#streams) {
      if (!this.#streams.has(id)) this.#streams.set(id, stream);
    }
    this.#heldBytes += other.#heldBytes;
    other.#heldBytes = 0;
    other.#streams.clear();
    this.#lowest = Math.min(this.#lowest, other.#lowest);
    this.#highest = Math.max(this.#highest, other.#highest);
    this.requestChannel ??= other.requestChannel;
    this.#requestsEnded ||= other.#requestsEnded;
    this.#isMcp ||= other.#isMcp;
  }

  #giveUpOldest(items: DirectionItems): void {
    const [oldest] = this.#streams;
    if (oldest === undefined) return;
    const [stream, { state }] = oldest;
    state.isLost = true;
    this.#close(stream, state, false, items);
    this.#hasOver.add("request");
    this.#hasOver.add("response");
  }

  #close(stream: number, state: ExchangeState, wasCut: boolean, items: DirectionItems): void {
    if (this.find(stream) === state) this.#forget(stream);
    if (state.isOver) return;
    const end = state.end(wasCut, items.timeNs);
    if (end !== undefined) items.end(end);
    else this.#others += 1;
  }

  #forget(stream: number): void {
    const known = this.#streams.get(stream);
    if (known === undefined) return;
    this.#streams.delete(stream);
    this.#hold(-known.bytes);
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    this.memory.held.total += bytes;
  }
}
