/** `overhear mcp --listen` and those who mean no good, or are many: whoever asks properly is answered all the same. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import fc from "fast-check";
import { numberAt } from "../json.ts";
import { OVERHEAR } from "../programs.ts";
import { Workspace } from "../run-client.ts";
import { connectStdio, type Era, HttpServed } from "./served.ts";
import { makeSmallHistory } from "./small-history.ts";

const LIMIT_MS = 60_000;
let workspace: Workspace;
let database: string;
let served: HttpServed;

beforeAll(async () => {
  workspace = await Workspace.create();
  database = makeSmallHistory(workspace);
  served = await HttpServed.start("--db", database);
}, LIMIT_MS);
afterAll(async () => {
  await served?.[Symbol.asyncDispose]();
  await workspace[Symbol.asyncDispose]();
});

async function isWell(): Promise<void> {
  await using agent = await served.connect("modern");
  expect(numberAt(await agent.ask("get_coverage"), "own_sessions")).toBe(0);
}

function post(body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(served.url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
}

const LIST = '{"method":"list_connections","params":{}}';
const MCP = { accept: "application/json, text/event-stream" };

test("a page of another site is refused, whatever name it used to come here", async () => {
  const foreign = await post(LIST, { origin: "https://evil.example.com" });
  expect(foreign.status).toBe(403);
  const rebound = await post(LIST, { host: "evil.example.com" });
  expect(rebound.status).toBe(403);
  const own = await post(LIST, { origin: `http://localhost:${served.port}` });
  expect([own.status, await own.json()]).toEqual([200, { result: {} }]);
});

test("an oversized request is refused before it is read", async () => {
  const body = `{"method":"list_connections","params":{"x":"${"x".repeat(3 << 20)}"}}`;
  expect((await post(body)).status).toBe(413);
  expect((await post(body, MCP)).status).toBe(413);
  await isWell();
});

test(
  "malformed requests get an answer of their own fault, and nothing else happens",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ maxLength: 300 }),
          fc.json(),
          fc.string({ unit: "binary", maxLength: 300 }),
        ),
        fc.boolean(),
        async (body, speaksMcp) => {
          const response = await post(body, speaksMcp ? MCP : {});
          expect(response.status).toBeGreaterThanOrEqual(200);
          expect(response.status).toBeLessThan(500);
          await response.text();
        },
      ),
      { numRuns: 300 },
    );
    await isWell();
  },
  LIMIT_MS,
);

test("bytes that are no HTTP at all end only their own connection", async () => {
  for (const bytes of [
    "\0\0\0\0",
    "GET",
    "POST /mcp HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    "\x16\x03\x01",
  ]) {
    const socket = connect(served.port, "127.0.0.1");
    socket.on("error", () => undefined);
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
    await isWell();
    socket.destroy();
  }
  await isWell();
});

test(
  "a hundred clients at once are all answered",
  async () => {
    const eras: readonly Era[] = ["legacy", "modern"];
    const clients = Array.from({ length: 100 }, async (_, index) => {
      await using agent = await served.connect(eras[index % 2] ?? "modern");
      const { tools } = await agent.client.listTools();
      await agent.ask("list_calls", { limit: 1 });
      await agent.ask("get_connection_summary", {});
      return tools.length;
    });
    expect(new Set(await Promise.all(clients))).toEqual(new Set([7]));
  },
  LIMIT_MS,
);

test(
  "clients that never read take bounded memory, and hold up nobody",
  async () => {
    const before = residentMegabytes(served.pid);
    const request = `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${LIST.length}\r\n\r\n${LIST}`;
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => silent(request.repeat(2000))),
    );
    await isWell();
    expect(residentMegabytes(served.pid) - before).toBeLessThan(150);
    for (const socket of sockets) socket.destroy();
    await isWell();
  },
  LIMIT_MS,
);

/** Sends what is taken of it, and reads nothing, ever. */
async function silent(text: string): Promise<ReturnType<typeof connect>> {
  const socket = connect(served.port, "127.0.0.1");
  socket.pause();
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.on("connect", resolve));
  socket.write(text);
  await Bun.sleep(500);
  return socket;
}

function residentMegabytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]) / 1024;
}

describe("how it ends", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s: in order, with clients connected",
    async (signal) => {
      await using other = await HttpServed.start("--db", database);
      await using agent = await other.connect("legacy");
      await agent.ask("get_coverage");
      expect(await other.stop(signal)).toBe(0);
    },
  );

  test("over stdio: when its client closes its input", async () => {
    const child = Bun.spawn([OVERHEAR, "mcp", "--db", database], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "pipe",
    });
    await Bun.sleep(200);
    expect(child.exitCode).toBeNull();
    await child.stdin.end();
    expect(await child.exited).toBe(0);
    expect(await new Response(child.stderr).text()).toBe("");
  });

  test("over stdio: when its client has gone", async () => {
    const agent = await connectStdio("modern", "--db", database);
    const { pid } = agent;
    await agent[Symbol.asyncDispose]();
    await Bun.sleep(300);
    expect(() => process.kill(pid, 0)).toThrow();
  });

  test.each([
    [["--db", "/nowhere/history.db"], 6, "Cannot read"],
    [["--db", "/etc/passwd"], 6, "Cannot"],
    [["--listen", "0.0.0.0:8080"], 2, "without a token"],
  ])("%p: with a message and a hint", (args, code, words) => {
    const ended = Bun.spawnSync([OVERHEAR, "mcp", ...args], { stdin: "ignore" });
    expect([ended.exitCode, ended.stderr.toString()]).toEqual([
      code,
      expect.stringContaining(words),
    ]);
  });

  test("a port that is taken: with a message and a hint", () => {
    const args = ["mcp", "--db", database, "--listen", `127.0.0.1:${served.port}`];
    const ended = Bun.spawnSync([OVERHEAR, ...args], { stdin: "ignore", timeout: 10_000 });
    expect(ended.exitCode).toBe(6);
    expect(ended.stderr.toString()).toContain("somebody else does");
  });
});

test("a token keeps out who does not have it", async () => {
  const path = workspace.file("token");
  writeFileSync(path, "0123456789abcdef0123456789abcdef\n", { mode: 0o600 });
  await using guarded = await HttpServed.start("--db", database, "--token-file", path);
  await expect(guarded.connect("modern")).rejects.toThrow();
  await expect(guarded.connect("legacy", "wrong")).rejects.toThrow();
  await using agent = await guarded.connect("modern", "0123456789abcdef0123456789abcdef");
  expect(numberAt(await agent.ask("get_coverage"), "own_sessions")).toBe(0);
});
