/** Requests to /mcp in, in either era of MCP or in mcp-ebpf's plain form; answers out, by one server of Bun. */
import {
  createMcpHandler,
  InMemoryServerEventBus,
  isLegacyRequest,
  type McpServerFactory,
  readRequestBody,
  type ServerEventBus,
} from "@modelcontextprotocol/server";
import type { Changes } from "../changes.ts";
import {
  IDLE_SECONDS,
  KEEP_ALIVE_MS,
  MAX_IN_FLIGHT,
  MAX_REQUEST_BYTES,
  MAX_STREAMS,
} from "../limits.ts";
import type { NowMs } from "../types.ts";
import { boundStream } from "./bounded-stream.ts";
import { makeGuard, refusal } from "./guard.ts";
import { LegacySessions } from "./legacy-sessions.ts";
import { answerPlain, type PlainParts, refusePlain } from "./plain.ts";

export interface HttpOptions {
  readonly hostname: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly token: string | undefined;
  readonly factory: McpServerFactory;
  readonly plain: PlainParts;
  readonly changes: Changes;
  readonly nowMs: NowMs;
  /** What went wrong with a request; it has its answer all the same. */
  readonly onError: (error: Error) => void;
}

export interface HttpServer {
  readonly hostname: string;
  readonly port: number;
  stop(): Promise<void>;
}

export const PATH = "/mcp";

/** @throws Error with `code`, e.g. EADDRINUSE */
export function serveHttp(options: HttpOptions): HttpServer {
  const handle = new HttpHandler(options);
  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    idleTimeout: IDLE_SECONDS,
    // what is longer than we read is refused by us, in the caller's form; this bounds what we would have to skip
    maxRequestBodySize: 4 * MAX_REQUEST_BYTES,
    fetch: (request) => handle.fetch(request),
    error: () => refusal(500, "Internal error"),
  });
  return {
    hostname: server.hostname ?? options.hostname,
    port: server.port ?? options.port,
    stop: async () => {
      await handle.close();
      await server.stop(true);
    },
  };
}

/** Separate from Bun's server, so that tests can ask it without one. */
export class HttpHandler {
  readonly #options: HttpOptions;
  readonly #guard: (request: Request) => Response | undefined;
  readonly #modern: ReturnType<typeof createMcpHandler>;
  readonly #legacy: LegacySessions;
  #inFlight = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
    const { factory, nowMs, token, hostname, changes, onError } = options;
    const isAnywhere = hostname === "0.0.0.0" || hostname === "::";
    const hostnames = token !== undefined && isAnywhere ? undefined : [bracketed(hostname)];
    this.#guard = makeGuard({ hostnames, token });
    this.#modern = createMcpHandler(factory, {
      legacy: "reject",
      bus: busOf(changes),
      maxSubscriptions: MAX_STREAMS,
      keepAliveMs: KEEP_ALIVE_MS,
      maxRequestBodySize: MAX_REQUEST_BYTES,
      onerror: onError,
    });
    this.#legacy = new LegacySessions(factory, nowMs);
  }

  async fetch(request: Request): Promise<Response> {
    const refused = this.#guard(request);
    if (refused !== undefined) return refused;
    if (new URL(request.url).pathname !== PATH) {
      return refusal(404, `Not found: the server is at ${PATH}`);
    }
    if (this.#inFlight >= MAX_IN_FLIGHT) {
      return refusal(503, "Too many requests are being answered", { "Retry-After": "1" });
    }
    this.#inFlight += 1;
    try {
      return boundStream(await this.#route(request));
    } finally {
      this.#inFlight -= 1;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#modern.close(), this.#legacy.close()]);
  }

  async #route(request: Request): Promise<Response> {
    if (request.method !== "POST") return this.#legacy.handle(request, undefined);
    const read = await readRequestBody(request, MAX_REQUEST_BYTES);
    if (read.tooLarge) {
      return refuse(request, 413, `the request is longer than ${MAX_REQUEST_BYTES} bytes`, -32600);
    }
    const body = parseJson(read.text);
    if (body === undefined) return refuse(request, 400, "the body is not valid JSON", -32700);
    if (isPlain(request, body)) return answerPlain(body, this.#options.plain);
    if (await isLegacyRequest(request, body)) return this.#legacy.handle(request, body);
    return this.#modern.fetch(request, { parsedBody: body });
  }
}

/** Who listens to it listens to the history; while nobody does, nobody asks that for news. */
function busOf(changes: Changes): ServerEventBus {
  const others = new InMemoryServerEventBus();
  return {
    publish: (event) => others.publish(event),
    subscribe: (listener) => {
      const stops = [
        others.subscribe(listener),
        changes.listen({
          resourcesChanged: () => listener({ kind: "resources_list_changed" }),
          resourceUpdated: (uri) => listener({ kind: "resource_updated", uri }),
        }),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

/** undefined: it is none; JSON itself has no undefined. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object that is no JSON-RPC, of a caller that does not speak MCP. */
function isPlain(request: Request, body: unknown): body is Record<string, unknown> {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  return isObject && !("jsonrpc" in body) && !speaksMcp(request);
}

/** Clients of MCP accept event streams, as its transport demands, or name their version or session. */
function speaksMcp({ headers }: Request): boolean {
  return (
    headers.has("mcp-protocol-version") ||
    headers.has("mcp-session-id") ||
    headers.get("accept")?.includes("text/event-stream") === true
  );
}

/** In the form that the caller speaks, as far as that can be told without its body. */
function refuse(request: Request, status: number, reason: string, code: number): Response {
  if (!speaksMcp(request)) return refusePlain(`bad request: ${reason}`, status);
  const error = {
    code,
    message: `${code === -32700 ? "Parse error" : "Invalid request"}: ${reason}`,
  };
  return Response.json({ jsonrpc: "2.0", error, id: null }, { status });
}

/** As it stands in Host and Origin. */
function bracketed(hostname: string): string {
  return hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
}
