/** Starts an HTTP server of these tests on a free port, waits until it listens, and ends it with all that it started. */
import { readFile } from "node:fs/promises";
import type { Runtime } from "../programs.ts";
import { SERVERS, type ServerKind } from "./programs.ts";
import { type HttpTruth, readHttpTruth } from "./truth.ts";

const PATIENCE_MS = 30_000;
/** State of a listening socket in /proc/net/tcp. */
const TCP_LISTEN = "0A";

/** A port that was free a moment ago: most of these servers cannot be told to choose one and say which. */
export function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

/** Whether something listens on the port, without a connection of our own for the tool to hear. */
async function isListening(port: number): Promise<boolean> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const listening = new RegExp(`^ *\\d+: [0-9A-F]+:${hex} [0-9A-F:]+ ${TCP_LISTEN} `, "m");
  const tables = await Promise.all(["tcp", "tcp6"].map((t) => readFile(`/proc/net/${t}`, "utf8")));
  return tables.some((table) => listening.test(table));
}

/** The process and all below it. */
async function family(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const pids = children.trim() === "" ? [] : children.trim().split(" ").map(Number);
  return [pid, ...(await Promise.all(pids.map(family))).flat()];
}

export class HttpServer implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly #record: string;
  readonly #process: Bun.Subprocess<"ignore", Bun.BunFile, Bun.BunFile>;

  /** `record` gets what it saw; `record.said` its own output. */
  static async start(
    kind: ServerKind,
    runtime: Runtime,
    record: string,
    stdioLog = "",
  ): Promise<HttpServer> {
    const port = freePort();
    const { command, path } = SERVERS[kind];
    return await HttpServer.run(command(runtime, port, stdioLog), port, path, record);
  }

  static async run(
    command: readonly string[],
    port: number,
    path: string,
    record: string,
    scheme: "http" | "https" = "http",
  ): Promise<HttpServer> {
    const server = new HttpServer(command, port, `${scheme}://127.0.0.1:${port}${path}`, record);
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await isListening(port))) {
      if (server.#process.exitCode !== null || Date.now() > deadline) {
        const said = await readFile(`${record}.said`, "utf8");
        await server[Symbol.asyncDispose]();
        throw new Error(`${command.join(" ")} does not listen: ${said}`);
      }
      await Bun.sleep(10);
    }
    return server;
  }

  private constructor(command: readonly string[], port: number, url: string, record: string) {
    this.port = port;
    this.url = url;
    this.#record = record;
    const said = Bun.file(`${record}.said`);
    this.#process = Bun.spawn([...command], {
      cwd: import.meta.dir,
      stdin: "ignore",
      stdout: said,
      stderr: said,
      env: {
        ...process.env,
        PORT: String(port),
        OVERHEAR_RECORD: record,
        PYTHONDONTWRITEBYTECODE: "1",
      },
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  async family(): Promise<number[]> {
    return await family(this.pid);
  }

  /** What it has recorded so far. */
  async truth(): Promise<HttpTruth> {
    const truths = await readHttpTruth(this.#record);
    const [only, ...others] = truths.filter((truth) => truth.messages.length > 0);
    if (only === undefined || others.length > 0) {
      throw new Error(`${truths.length} processes of the server recorded messages, 1 was expected`);
    }
    return only;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pids = await family(this.pid);
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // gone meanwhile
      }
    }
    await this.#process.exited;
  }
}
