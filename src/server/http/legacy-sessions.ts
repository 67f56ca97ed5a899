/** Requests of the legacy era in; each handed to the session that it names, or to a new one. */
import {
  isInitializeRequest,
  type McpServerFactory,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { KEEP_ALIVE_MS, MAX_SESSIONS, SESSION_IDLE_MS } from "../limits.ts";
import type { NowMs } from "../types.ts";
import { refusal } from "./guard.ts";

interface LegacySession {
  readonly transport: WebStandardStreamableHTTPServerTransport;
  usedMs: number;
}

export class LegacySessions {
  readonly #factory: McpServerFactory;
  readonly #nowMs: NowMs;
  /** In the order of their use: the first is the one unused longest. */
  readonly #sessions = new Map<string, LegacySession>();

  constructor(factory: McpServerFactory, nowMs: NowMs) {
    this.#factory = factory;
    this.#nowMs = nowMs;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** `body`: parsed; undefined where the method has none. */
  async handle(request: Request, body: unknown): Promise<Response> {
    await this.#endIdle();
    const id = request.headers.get("mcp-session-id");
    if (id !== null) {
      const session = this.#use(id);
      if (session === undefined) {
        return refusal(404, "Session not found: it ended, or there never was one; initialize anew");
      }
      return session.transport.handleRequest(request, { parsedBody: body });
    }
    const opens = request.method === "POST" && (isInitializeRequest(body) || isBatch(body));
    if (!opens) return refusal(400, "Bad Request: the header Mcp-Session-Id is needed");
    const transport = await this.#open(request);
    const response = await transport.handleRequest(request, { parsedBody: body });
    // refused before it became a session: nobody will ever name it
    if (transport.sessionId === undefined) await transport.close();
    return response;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ transport }) => transport.close()));
    this.#sessions.clear();
  }

  #use(id: string): LegacySession | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    session.usedMs = this.#nowMs();
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    return session;
  }

  async #open(requestInfo: Request): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      keepAliveMs: KEEP_ALIVE_MS,
      onsessioninitialized: (id) => {
        this.#sessions.set(id, { transport, usedMs: this.#nowMs() });
      },
    });
    const server = await this.#factory({ era: "legacy", requestInfo });
    await server.connect(transport);
    const { onclose } = transport;
    transport.onclose = () => {
      if (transport.sessionId !== undefined) this.#sessions.delete(transport.sessionId);
      onclose?.();
    };
    return transport;
  }

  async #endIdle(): Promise<void> {
    const before = this.#nowMs() - SESSION_IDLE_MS;
    for (const [id, { transport, usedMs }] of this.#sessions) {
      if (usedMs >= before && this.#sessions.size < MAX_SESSIONS) return;
      this.#sessions.delete(id);
      await transport.close();
    }
  }
}

/** The transport says itself what is wrong with it. */
function isBatch(body: unknown): boolean {
  return Array.isArray(body);
}
