/** One request and its answer while they are heard: what others see of them, and how far they are. */
import type { Channel } from "../../capture/types.ts";
import type {
  Flag,
  HttpExchange,
  HttpItem,
  HttpPlace,
  HttpRequest,
  HttpResponse,
} from "../types.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * "none": no MCP, its bodies are counted only. "guess": its bodies may be JSON-RPC, looked for in their first 64 KiB;
 * "likely": its head looks like MCP's, bodies are held until it shows. "mcp": it is.
 */
export type Interest = "none" | "guess" | "likely" | "mcp";

const NO_FLAGS: readonly Flag[] = [];
const AMBIGUOUS: readonly Flag[] = ["ambiguous_http"];
const PARTLY: readonly Flag[] = ["headers_unknown"];
const BOTH: readonly Flag[] = [...AMBIGUOUS, ...PARTLY];

export class ExchangeState {
  readonly #exchange: Mutable<HttpExchange>;
  interest: Interest = "guess";
  /** It carried JSON-RPC or a header of MCP's: not only its path is known. */
  isProven = false;
  isAmbiguous = false;
  /** HTTP/2: of its heads not all is known. */
  isPartly = false;
  isLost = false;
  requestDone = false;
  responseDone = false;
  isOver = false;
  /** Of memory, while it waits for its answer. */
  waitingBytes = 0;

  constructor(
    id: number,
    channels: { readonly request: Channel | undefined; readonly response: Channel | undefined },
    startNs: number,
  ) {
    this.#exchange = {
      id,
      requestChannel: channels.request,
      responseChannel: channels.response,
      request: undefined,
      response: undefined,
      startNs,
    };
  }

  get exchange(): HttpExchange {
    return this.#exchange;
  }

  get method(): string | undefined {
    return this.#exchange.request?.method;
  }

  get flags(): readonly Flag[] {
    if (this.isPartly) return this.isAmbiguous ? BOTH : PARTLY;
    return this.isAmbiguous ? AMBIGUOUS : NO_FLAGS;
  }

  setRequest(request: HttpRequest, channel?: Channel): void {
    this.#exchange.request = request;
    if (channel !== undefined) this.#exchange.requestChannel = channel;
  }

  setResponse(response: HttpResponse | undefined, channel: Channel): void {
    this.#exchange.response = response;
    this.#exchange.responseChannel = channel;
  }

  place(side: "request" | "response", mode: "json" | "sse", eventId?: string): HttpPlace {
    return { exchange: this.#exchange, side, mode, eventId };
  }

  /** Nothing more of it will be heard; undefined when it looks like none of MCP's. */
  end(wasCut: boolean, timeNs: number): HttpItem | undefined {
    this.isOver = true;
    if (this.interest !== "mcp") return undefined;
    const ended = wasCut && !this.responseDone ? "cut" : "complete";
    const outcome = this.isLost ? "lost" : ended;
    return { kind: "http-end", exchange: this.#exchange, outcome, flags: this.flags, timeNs };
  }
}

/**
 * What follows in both directions is no HTTP/1. "http2": its stream 1 is the answer to this exchange's request; "stream": what
 * a process reads and writes.
 */
export interface Upgrade {
  readonly to: "http2" | "stream";
  readonly state: ExchangeState;
  /** Index in the read behind the last byte that is of HTTP/1. */
  readonly from: number;
}
