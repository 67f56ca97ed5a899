/** Starts `overhear mcp` as a client or a person would, and connects the official SDK's client to it, in either era. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { OVERHEAR } from "../programs.ts";

export type Era = "legacy" | "modern";
export const ERAS: readonly Era[] = ["legacy", "modern"];

const PATIENCE_MS = 20_000;

export function makeClient(era: Era): Client {
  return new Client(
    { name: "agent", version: "1.0.0" },
    { versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: "2026-07-28" } } },
  );
}

/** The binary as a child of the client, over stdio. */
export async function connectStdio(era: Era, ...args: readonly string[]): Promise<Connected> {
  const client = makeClient(era);
  const transport = new StdioClientTransport({
    command: OVERHEAR,
    args: ["mcp", ...args],
    stderr: "ignore",
  });
  await client.connect(transport);
  return new Connected(client, transport.pid ?? 0);
}

export class Connected implements AsyncDisposable {
  readonly client: Client;
  /** Of the server. */
  readonly pid: number;

  constructor(client: Client, pid: number) {
    this.client = client;
    this.pid = pid;
  }

  /** The structured answer; throws when the tool refuses. */
  async ask(name: string, args: Record<string, unknown> = {}): Promise<unknown> {
    const result = await this.client.callTool({ name, arguments: args });
    if (result.isError === true) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
    return result.structuredContent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

/** The binary over HTTP, on a port that was free. */
export class HttpServed implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", "ignore", "pipe">;
  url = "";
  stderr = "";

  static async start(...args: readonly string[]): Promise<HttpServed> {
    const served = new HttpServed(args);
    const deadline = Date.now() + PATIENCE_MS;
    while (served.url === "") {
      served.url = /http:\/\/\S+\/mcp/.exec(served.stderr)?.[0] ?? "";
      if (served.#process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`overhear mcp does not serve: ${served.stderr}`);
      }
      await Bun.sleep(5);
    }
    return served;
  }

  private constructor(args: readonly string[]) {
    this.#process = Bun.spawn([OVERHEAR, "mcp", "--listen", "127.0.0.1:0", ...args], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    void this.#collect();
  }

  get pid(): number {
    return this.#process.pid;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async #collect(): Promise<void> {
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.stderr += text;
    }
  }

  async connect(era: Era, token?: string): Promise<Connected> {
    const client = makeClient(era);
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const transport = new StreamableHTTPClientTransport(new URL(this.url), {
      requestInit: { headers },
    });
    await client.connect(transport);
    return new Connected(client, this.pid);
  }

  /** Its exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.#process.kill(signal);
    await this.#process.exited;
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null) this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}

/** Resolves with what `ask` gives once `isDone` says so; what is heard comes a moment later. */
export async function until<Answer>(
  ask: () => Promise<Answer>,
  isDone: (answer: Answer) => boolean,
): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isDone(answer)) return answer;
    if (Date.now() > deadline) {
      throw new Error(`not so in time: ${JSON.stringify(answer).slice(0, 2000)}`);
    }
    await Bun.sleep(50);
  }
}
