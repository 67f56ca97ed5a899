/** What the two directions of an HTTP/1 connection know together: whose answer is next, and whether it speaks MCP. */
import type { Channel } from "../../capture/types.ts";
import { isConnection } from "../../party.ts";
import type { HeldBytes } from "../partial-line.ts";
import type { HttpRequest } from "../types.ts";
import type { DirectionItems } from "./direction-items.ts";
import type { Endpoints } from "./endpoints.ts";
import { ExchangeState } from "./exchange-state.ts";
import { sizeOf } from "./messages.ts";

export type HttpSide = "request" | "response";

/** What all connections of a run share. */
export interface HttpMemory {
  /** Exchanges so far. */
  exchanges: number;
  readonly endpoints: Endpoints;
  readonly held: HeldBytes;
}

/** Requests without an answer that are remembered; pipelines are shorter. */
const MAX_WAITING = 256;
/** Whole exchanges without MCP after which a connection is taken for another's. */
const ENOUGH_OTHERS = 2;
/** The same for bytes of bodies: one long answer is enough. */
const OTHER_BYTES = 1024 * 1024;
/** Answers without a request that are remembered in case that it turns up. */
const MAX_ORPHANS = 16;

/**
 * A request is read by the server before its answer is read by the client, so it is known when the answer comes, and
 * answers come in the order of the requests. Who does not pipeline sends a request when all before it are answered: that
 * is what puts requests and answers together again behind a hole.
 */
export class HttpConnection {
  readonly memory: HttpMemory;
  /** 101 or CONNECT: what follows is no HTTP. */
  isTunnel = false;
  verdict: "mcp" | "other" | undefined;
  requestChannel: Channel | undefined;
  /** Both directions are one channel's and its reverse's. */
  isJoined = false;
  #waiting: ExchangeState[] = [];
  /** Requests before these that are not remembered any more: their answers come first. */
  #forgotten = 0;
  /** Of the requests that wait; in the budget for all that is held. */
  #waitingBytes = 0;
  #lastAsked: HttpRequest | undefined;
  /** A request or an answer may have gone by unheard since the last request. */
  #isUnsure = false;
  /** The request that was last added to the endpoints. */
  #known: HttpRequest | undefined;
  #requestsEnded = false;
  #answersEnded = false;
  #others = 0;
  #otherBytes = 0;
  /** When answers whose request was not known began. */
  #orphanTimes: number[] = [];

  constructor(memory: HttpMemory) {
    this.memory = memory;
  }

  /** On Unix sockets and pipes; a TCP connection is left to its verdict. */
  get isHopeless(): boolean {
    return this.verdict === "other";
  }

  makeExchange(request: Channel | undefined, response: Channel | undefined, timeNs: number) {
    this.memory.exchanges += 1;
    return new ExchangeState(this.memory.exchanges, { request, response }, timeNs);
  }

  /** A request's head has come: it waits for its answer. */
  ask(state: ExchangeState, items: DirectionItems): void {
    if (this.#isUnsure) this.#resync(0, items);
    this.#isUnsure = false;
    if (this.#answersEnded) {
      this.#close(state, true, items);
      return;
    }
    const { request } = state.exchange;
    if (request !== undefined) state.waitingBytes = sizeOf(request, this.#lastAsked);
    this.#lastAsked = request;
    this.#hold(state.waitingBytes);
    this.#waiting.push(state);
    if (this.#waiting.length > MAX_WAITING) this.#forget(MAX_WAITING, items);
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The exchange whose final answer begins; undefined: its request was not heard, or is forgotten. */
  answer(): ExchangeState | undefined {
    if (this.#forgotten > 0) {
      this.#forgotten -= 1;
      return undefined;
    }
    const state = this.#waiting.shift();
    if (state !== undefined) this.#hold(-state.waitingBytes);
    if (this.#waiting.length === 0) this.#lastAsked = undefined;
    return state;
  }

  /** There is no memory for them: their answers will be nobody's. */
  forgetWaiting(items: DirectionItems): void {
    this.#forget(0, items);
  }

  /** Nothing more will be heard of it. */
  abandon(): void {
    this.#waiting = [];
    this.#hold(-this.#waitingBytes);
  }

  noteOrphan(timeNs: number): void {
    if (!this.isJoined && this.#orphanTimes.length < MAX_ORPHANS) this.#orphanTimes.push(timeNs);
  }

  /** Requests may have gone by unheard. */
  missRequests(): void {
    this.#isUnsure = true;
  }

  /** Answers may have gone by unheard: all but the last request's, unless requests were pipelined. */
  missAnswers(items: DirectionItems): void {
    this.#resync(1, items);
    this.#isUnsure = true;
  }

  /** It speaks MCP: a JSON-RPC body, or a header of MCP's. */
  prove(state: ExchangeState, items: DirectionItems): void {
    if (state.isProven) return;
    state.isProven = true;
    this.believe(state, items);
    const { request } = state.exchange;
    if (request !== undefined && request !== this.#known) {
      this.memory.endpoints.add(request);
      this.#known = request;
    }
  }

  /** Its head has a field of MCP's, which anybody may send to any path. */
  believe(state: ExchangeState, items: DirectionItems): void {
    state.interest = "mcp";
    this.#judge("mcp", items);
  }

  /** Bytes of a body that is nobody's. While a request to where MCP is spoken waits, its answer is wanted. */
  passBody(bytes: number, items: DirectionItems): void {
    if (this.verdict === "mcp" || this.#waiting.at(-1)?.interest === "mcp") return;
    this.#otherBytes += bytes;
    if (this.#otherBytes <= OTHER_BYTES) return;
    // said again of a later one that looked like MCP's, and is not
    this.#otherBytes = 0;
    this.#judge("other", items, true);
  }

  /** One side of an exchange is over. */
  settle(state: ExchangeState, items: DirectionItems): void {
    if (state.responseDone && state.requestDone) this.#close(state, false, items);
  }

  /** A direction has ended; `state`: what of it was under way. */
  end(side: HttpSide | undefined, state: ExchangeState | undefined, items: DirectionItems): void {
    if (side === "request") this.#requestsEnded = true;
    else if (side === "response") this.#answersEnded = true;
    if (state !== undefined) {
      if (side === "request") state.requestDone = true;
      else this.#close(state, true, items);
    }
    if (!this.#answersEnded && !(this.#requestsEnded && !this.isJoined)) return;
    for (const waiting of this.#waiting) this.#close(waiting, true, items);
    this.abandon();
  }

  /** HTTP that is no HTTP any more. */
  openTunnel(items: DirectionItems): void {
    this.isTunnel = true;
    this.#judge("other", items, true);
  }

  /** Another protocol is spoken from here on, which is heard: all of it is wanted. */
  openOther(items: DirectionItems): void {
    this.#judge("mcp", items, true);
  }

  /** `other` has the requests of this connection's answers: they were not known to belong together. */
  absorb(other: HttpConnection, items: DirectionItems): void {
    this.isJoined = true;
    this.#waiting.push(...other.#waiting);
    this.#waitingBytes += other.#waitingBytes;
    this.#forgotten += other.#forgotten;
    other.#waiting = [];
    other.#waitingBytes = 0;
    for (const timeNs of this.#orphanTimes) {
      const [first] = this.#waiting;
      if (first === undefined || first.exchange.startNs > timeNs) break;
      this.#resync(this.#waiting.length - 1, items);
    }
    this.#orphanTimes = [];
    this.requestChannel ??= other.requestChannel;
    this.#requestsEnded ||= other.#requestsEnded;
    this.verdict = other.verdict === "mcp" ? "mcp" : (this.verdict ?? other.verdict);
  }

  /** The answers of all requests but the last `keep` went by unheard. */
  #resync(keep: number, items: DirectionItems): void {
    this.#giveUp(keep, items);
    this.#forgotten = 0;
  }

  /** The answers of all requests but the last `keep` are yet to come, and will belong to none. */
  #forget(keep: number, items: DirectionItems): void {
    this.#forgotten += this.#giveUp(keep, items);
  }

  /** Says how many. */
  #giveUp(keep: number, items: DirectionItems): number {
    const given = this.#waiting.splice(0, Math.max(0, this.#waiting.length - keep));
    for (const state of given) {
      this.#hold(-state.waitingBytes);
      state.isLost = true;
      this.#close(state, false, items);
    }
    if (this.#waiting.length === 0) this.#lastAsked = undefined;
    return given.length;
  }

  #hold(bytes: number): void {
    this.#waitingBytes += bytes;
    this.memory.held.total += bytes;
  }

  #close(state: ExchangeState, wasCut: boolean, items: DirectionItems): void {
    if (state.isOver) return;
    const end = state.end(wasCut, items.timeNs);
    if (end !== undefined) {
      items.end(end);
      return;
    }
    this.#others += 1;
    if (this.#others >= ENOUGH_OTHERS && this.verdict === undefined) this.#judge("other", items);
  }

  #judge(verdict: "mcp" | "other", items: DirectionItems, again = false): void {
    if (this.verdict === verdict && !again) return;
    const { requestChannel: channel } = this;
    // an answer alone tells no direction of requests: its next one is asked again
    if (channel === undefined) return;
    this.verdict = verdict;
    if (!isConnection(channel)) return;
    items.push({ kind: "http-verdict", channel, verdict });
  }
}
