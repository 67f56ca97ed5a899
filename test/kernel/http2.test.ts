/** MCP over HTTP/2, in the clear and inside TLS, between real programs: each message is told once, with both ends. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at, type Json, numberAt, textAt } from "./json.ts";
import { ANY_FRONT_END, CALLS, missing, PATIENCE_MS, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);

const NODE = Bun.which("node");
const GO = Bun.which("go");
const CURL = Bun.which("curl");
const PROGRAMS = join(import.meta.dir, "http2");
const CERTIFICATES = join(import.meta.dir, "tls");

type Program = "node" | "go";
type Layer = "PLAIN" | "TLS";

let directory = "";
let goProgram = "";

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "overhear-http2."));
  if (GO === null || missing() !== undefined) return;
  goProgram = join(directory, "go-http2");
  const build = Bun.spawn([GO, "build", "-o", goProgram, "."], {
    cwd: PROGRAMS,
    stderr: "inherit",
  });
  expect(await build.exited).toBe(0);
}, 300_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function lacks(...programs: readonly (Program | "curl")[]): string | undefined {
  const there = { node: NODE, go: GO, curl: CURL };
  return missing() ?? programs.find((each) => there[each] === null);
}

function pathOf(program: Program): string {
  return program === "node" ? (NODE ?? "") : goProgram;
}

function command(program: Program, role: "server" | "client", ...args: readonly string[]) {
  if (program === "go")
    return [goProgram, role, ...args, ...(role === "server" ? [CERTIFICATES] : [])];
  return [NODE ?? "", join(PROGRAMS, `${role}.mjs`), ...args];
}

class Server implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  #port = 0;

  private constructor(program: Program, layer: Layer) {
    this.#process = Bun.spawn(command(program, "server", layer), { stdout: "pipe" });
  }

  static async start(program: Program, layer: Layer): Promise<Server> {
    const server = new Server(program, layer);
    for await (const text of server.#process.stdout.pipeThrough(new TextDecoderStream())) {
      server.#port = Number(text);
      break;
    }
    return server;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get port(): number {
    return this.#port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }
}

interface Calls {
  readonly calls: number;
  /** Streams at a time, all of one connection. */
  readonly together: number;
  readonly bytes: number;
}

const FEW: Calls = { calls: CALLS, together: 5, bytes: 10 };

/** Returns the client's pid. */
async function call(program: Program, layer: Layer, port: number, calls = FEW): Promise<number> {
  const args = [port, calls.calls, calls.together, calls.bytes].map(String);
  const client = Bun.spawn(command(program, "client", layer, ...args), { stderr: "inherit" });
  expect(await client.exited).toBe(0);
  return client.pid;
}

/** Listens, and waits until it has found what these programs encrypt with. */
async function listen(layer: Layer, ...programs: readonly Program[]): Promise<Tool> {
  const tool = await Tool.start("--attach", ANY_FRONT_END, "-v", "--ring", "64M");
  if (layer === "TLS") for (const program of programs) await tool.says(`"${pathOf(program)}"`);
  return tool;
}

function isOf(line: Json, ...pids: readonly number[]): boolean {
  const http = at(line, "http_transport");
  return http !== undefined && pids.includes(numberAt(http, "pid"));
}

function messagesOf(heard: Heard, ...pids: readonly number[]): readonly Json[] {
  return heard.lines.filter((line) => textAt(line, "kind") === "message" && isOf(line, ...pids));
}

/** `id type from>to version`, once for each time it was told, in order of ids. */
function told(heard: Heard, ...pids: readonly number[]): string[] {
  return messagesOf(heard, ...pids)
    .map((line) => {
      const http = at(line, "http_transport");
      const ends = `${numberAt(http, "from_pid")}>${numberAt(http, "to_pid")}`;
      return `${numberAt(line, "id")} ${textAt(line, "type")} ${ends} ${textAt(http, "version")}`;
    })
    .sort(byNumber);
}

function byNumber(one: string, other: string): number {
  return Number.parseInt(one, 10) - Number.parseInt(other, 10) || (one < other ? -1 : 1);
}

function expected(client: number, server: number, calls: number, first = 0): string[] {
  return Array.from({ length: calls - first }, (_, index) => [
    `${first + index} request ${client}>${server} 2`,
    `${first + index} response ${server}>${client} 2`,
  ])
    .flat()
    .sort(byNumber);
}

/** Each exchange carries one request and the answer to it. */
function expectPaired(lines: readonly Json[], calls: number): void {
  const ids = new Map<number, Set<number>>();
  for (const line of lines) {
    const exchange = numberAt(at(line, "http_transport"), "exchange");
    ids.set(exchange, (ids.get(exchange) ?? new Set()).add(numberAt(line, "id")));
  }
  expect([ids.size, [...ids.values()].filter(({ size }) => size !== 1)]).toEqual([calls, []]);
}

const PAIRS: readonly (readonly [Layer, Program, Program])[] = [
  ["PLAIN", "node", "node"],
  ["PLAIN", "node", "go"],
  ["PLAIN", "go", "node"],
  ["PLAIN", "go", "go"],
  ["TLS", "node", "node"],
  ["TLS", "node", "go"],
  ["TLS", "go", "node"],
  ["TLS", "go", "go"],
];

for (const [layer, client, server] of PAIRS) {
  const lack = lacks(client, server);
  const where = layer === "TLS" ? "inside TLS" : "in the clear";
  test.skipIf(lack !== undefined)(
    titled(`${client} calls ${server} over HTTP/2 ${where} [capture/http2]`, lack),
    async () => {
      await using running = await Server.start(server, layer);
      await using tool = await listen(layer, server);
      const pid = await call(client, layer, running.port);
      const heard = await tool.stop();
      expect(told(heard, pid, running.pid)).toEqual(expected(pid, running.pid, CALLS));
      const lines = messagesOf(heard, pid, running.pid);
      expectPaired(lines, CALLS);
      expect(JSON.stringify(heard.lines)).not.toContain("secret-of-the-test");
      expect(new Set(lines.map((line) => textAt(at(line, "http_transport"), "path")))).toEqual(
        new Set(["/mcp"]),
      );
    },
  );

  test.skipIf(lack !== undefined)(
    titled(`50 streams of one connection at a time, ${client} to ${server} ${where}`, lack),
    async () => {
      await using running = await Server.start(server, layer);
      await using tool = await listen(layer, server);
      const calls = { calls: 200, together: 50, bytes: 3000 };
      const pid = await call(client, layer, running.port, calls);
      const heard = await tool.stop();
      expect(told(heard, pid, running.pid)).toEqual(expected(pid, running.pid, 200));
      expectPaired(messagesOf(heard, pid, running.pid), 200);
    },
  );

  test.skipIf(lack !== undefined)(
    titled(`${client} calls ${server} ${where} on a connection that was open before`, lack),
    async () => {
      await using running = await Server.start(server, layer);
      const args = [running.port, CALLS, 3, 10, 2].map(String);
      const caller = Bun.spawn(command(client, "client", layer, ...args), {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
      });
      for await (const _ of caller.stdout) break;
      await using tool = await listen(layer, client, server);
      await caller.stdin.end();
      expect(await caller.exited).toBe(0);
      const heard = await tool.stop();
      const lines = messagesOf(heard, caller.pid, running.pid);
      const all = lines.map((line) => `${numberAt(line, "id")} ${textAt(line, "type")}`);
      const wanted = expected(1, 2, CALLS, 2).map((each) => each.split(" ", 2).join(" "));
      // Go waits inside of a read all the time: where the one under way puts its bytes nobody saw
      const reads = [client === "go" ? "response" : "", server === "go" ? "request" : ""];
      const isUnseen = (each: string) => {
        const [id = "", type = ""] = each.split(" ");
        return layer === "TLS" && Number(id) < 5 && reads.includes(type);
      };
      expect(all.filter((each) => !isUnseen(each)).sort(byNumber)).toEqual(
        wanted.filter((each) => !isUnseen(each)),
      );
      const isGo = layer === "TLS" && (client === "go" || server === "go");
      expectPaired(
        isGo ? lines.filter((line) => numberAt(line, "id") > 4) : lines,
        isGo ? CALLS - 5 : CALLS - 2,
      );
    },
  );
}

for (const [layer, scheme] of [
  ["PLAIN", "http"],
  ["TLS", "https"],
] as const) {
  const lack = lacks("curl", "go");
  test.skipIf(lack !== undefined)(
    titled(`curl calls a server over HTTP/2, ${scheme}`, lack),
    async () => {
      await using running = await Server.start("go", layer);
      await using tool = await listen(layer, "go");
      if (layer === "TLS") await tool.says("libssl");
      const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}';
      const flags = layer === "TLS" ? ["--http2", "-k"] : ["--http2-prior-knowledge"];
      const url = `${scheme}://127.0.0.1:${running.port}/mcp`;
      const headers = ["-H", "content-type: application/json", "-H", "accept: text/event-stream"];
      const curl = Bun.spawn([CURL ?? "", "-sS", ...flags, ...headers, "-d", body, url], {
        stdout: "pipe",
        stderr: "inherit",
      });
      expect(JSON.parse(await curl.stdout.text())).toMatchObject({ id: 1 });
      expect(await curl.exited).toBe(0);
      const heard = await tool.stop();
      expect(told(heard, curl.pid, running.pid)).toEqual(expected(curl.pid, running.pid, 2, 1));
    },
  );
}

test.skipIf(lacks("node") !== undefined)(
  titled("a megabyte in each direction of HTTP/2 is heard whole", lacks("node")),
  async () => {
    await using running = await Server.start("node", "PLAIN");
    await using tool = await listen("PLAIN");
    const calls = { calls: 4, together: 2, bytes: 1 << 20 };
    const pid = await call("node", "PLAIN", running.port, calls);
    const heard = await tool.stop();
    expect(told(heard, pid, running.pid)).toEqual(expected(pid, running.pid, 4));
    const sizes = messagesOf(heard, pid, running.pid).map((line) => numberAt(line, "bytes"));
    expect(Math.min(...sizes)).toBeGreaterThan(1 << 20);
  },
);

for (const layer of ["PLAIN", "TLS"] as const) {
  const where = layer === "TLS" ? "inside TLS" : "in the clear";
  test.skipIf(lacks("node") !== undefined)(
    titled(
      `HTTP/2 ${where} that is none of MCP's is left alone, and heard again later`,
      lacks("node"),
    ),
    async () => {
      await using running = await Server.start("node", layer);
      await using tool = await listen(layer, "node");
      const bytes = 32 << 20;
      const args = [join(PROGRAMS, "other.mjs"), layer, running.port, bytes].map(String);
      const caller = Bun.spawn([NODE ?? "", ...args], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
      });
      for await (const _ of caller.stdout) break;
      // all that came out of the kernel is heard, and nothing more comes
      await tool.caughtUp();
      caller.stdin.write("go on\n");
      await tool.writes((text) => text.includes('"set_aside"') && count(text, caller.pid) > 3);
      await caller.stdin.end();
      expect(await caller.exited).toBe(0);
      const heard = await tool.stop();
      const lines = messagesOf(heard, caller.pid, running.pid);
      // the first calls came while it was left alone
      expect(Math.min(...lines.map((line) => numberAt(line, "id")))).toBeGreaterThan(2);
      expectPaired(lines, Math.ceil(lines.length / 2));
      // so much came out of the kernel before user space said that it is enough
      const heardBytes = numberAt(heard.summary, "http_bytes");
      expect([heardBytes > 1 << 20, heardBytes < bytes / 2]).toEqual([true, true]);
    },
  );
}

/** Lines that name the process as an end. */
function count(text: string, pid: number): number {
  return text.split(`"from_pid":${pid},`).length - 1;
}
