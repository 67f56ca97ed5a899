/** `overhear mcp` over stdio and clients that mean no good, each with a server of its own: the binary itself. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { at, parseObject } from "../json.ts";
import { OVERHEAR } from "../programs.ts";
import { Workspace } from "../run-client.ts";
import { makeSmallHistory } from "./small-history.ts";

const LIMIT_MS = 60_000;
const PATIENCE_MS = 20_000;
let workspace: Workspace;
let database: string;

beforeAll(async () => {
  workspace = await Workspace.create();
  database = makeSmallHistory(workspace);
}, LIMIT_MS);
afterAll(() => workspace[Symbol.asyncDispose]());

/** The server, by bare lines. */
class Bare implements AsyncDisposable {
  readonly child: Bun.Subprocess<"pipe", "pipe" | number, "ignore">;
  /** Answers that came, by their ids. */
  readonly answers = new Map<unknown, unknown>();

  /** `stdout`: a descriptor, for who reads by other means or not at all. */
  constructor(stdout: "pipe" | number = "pipe") {
    const command = [OVERHEAR, "mcp", "--db", database];
    this.child = Bun.spawn(command, { stdin: "pipe", stdout, stderr: "ignore" });
  }

  async write(bytes: string | Uint8Array): Promise<void> {
    this.child.stdin.write(bytes);
    await this.child.stdin.flush();
  }

  /** Reads what comes from now on. */
  listen(): void {
    void this.#read();
  }

  async #read(): Promise<void> {
    const { stdout } = this.child;
    if (!(stdout instanceof ReadableStream)) return;
    let text = "";
    for await (const piece of stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + piece).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const message = parseObject(line);
        this.answers.set(message["id"], message);
      }
    }
  }

  async answered(id: number): Promise<unknown> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.answers.has(id)) {
      if (this.child.exitCode !== null) throw new Error(`it has ended: ${this.child.exitCode}`);
      if (Date.now() > deadline) throw new Error(`no answer to ${id}`);
      await Bun.sleep(5);
    }
    return this.answers.get(id);
  }

  get residentMegabytes(): number {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"));
    return Number(line?.[1] ?? 0) / 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }
}

function line(message: object): string {
  return `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
}

const HELLO =
  line({
    id: 0,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "hostile", version: "1" },
    },
  }) + line({ method: "notifications/initialized" });

function listCalls(id: number): string {
  return line({ id, method: "tools/call", params: { name: "list_calls", arguments: {} } });
}

test(
  "lines that are no messages, and messages that make no sense, leave it answering",
  async () => {
    await using server = new Bare();
    server.listen();
    await server.write(HELLO);
    await server.answered(0);
    const ids = fc.oneof(
      fc.integer({ max: 1000 }),
      fc.string({ maxLength: 10 }),
      fc.constant(null),
    );
    const method = fc.constantFrom("tools/call", "tools/list", "resources/read", "nonsense");
    const message = fc
      .record({ jsonrpc: fc.constant("2.0"), id: ids, method, params: fc.jsonValue() })
      .map((each) => JSON.stringify(each));
    const garbage = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.json(),
      message,
    );
    // ids that are asked for stand apart
    let id = 1e9;
    for (const text of fc.sample(garbage, 300)) await server.write(`${text}\n`);
    for (const bytes of fc.sample(fc.uint8Array({ maxLength: 300 }), 100)) {
      id += 1;
      await server.write(bytes);
      await server.write(`\n${listCalls(id)}`);
    }
    const answer = await server.answered(id);
    expect(at(answer, "result", "structuredContent", "calls")).toBeArray();
    expect([...server.answers.keys()].filter((each) => Number(each) > 1e9).length).toBe(100);
  },
  LIMIT_MS,
);

test(
  "a line that never ends ends its server, whose memory is bounded",
  async () => {
    await using server = new Bare();
    server.listen();
    await server.write(HELLO);
    await server.answered(0);
    const before = server.residentMegabytes;
    const part = "x".repeat(65_536);
    let peak = 0;
    try {
      for (let sent = 0; sent < 3000 && server.child.exitCode === null; sent++) {
        await server.write(part);
        if (sent % 20 === 0) peak = Math.max(peak, server.residentMegabytes);
      }
    } catch {
      // it has ended, and its pipe is closed
    }
    const deadline = Date.now() + PATIENCE_MS;
    while (server.child.exitCode === null && Date.now() < deadline) await Bun.sleep(5);
    expect(server.child.exitCode).toBe(0);
    expect(peak - before).toBeLessThan(100);
  },
  LIMIT_MS,
);

test(
  "a client that asks and never reads takes bounded memory, and its server goes when it does",
  async () => {
    const pipe = workspace.file("unread");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(pipe, constants.O_WRONLY);
    await using server = new Bare(writer);
    closeSync(writer);
    await server.write(HELLO);
    const before = await settled(server);
    // more than the pipes hold; what is not taken waits here
    const asked = listCalls(1).repeat(500);
    const gone = () => undefined;
    for (let n = 0; n < 40; n++) void server.write(asked).catch(gone);
    expect((await settled(server)) - before).toBeLessThan(100);
    closeSync(reader);
    void Promise.resolve(server.child.stdin.end()).catch(gone);
    expect(await Promise.race([server.child.exited, Bun.sleep(PATIENCE_MS)])).toBe(0);
  },
  LIMIT_MS,
);

/** Its memory, once that stays as it is. */
async function settled(server: Bare): Promise<number> {
  let last = -1;
  for (let quiet = 0; quiet < 5; await Bun.sleep(100)) {
    const now = server.residentMegabytes;
    quiet = Math.abs(now - last) < 0.5 ? quiet + 1 : 0;
    last = now;
  }
  return last;
}
