import { expect, test } from "bun:test";
import { PassThrough, Readable, Writable } from "node:stream";
import { Changes } from "../../../src/server/changes.ts";
import { serverFactory } from "../../../src/server/mcp-server.ts";
import { serveOnStdio } from "../../../src/server/stdio.ts";
import { MemoryHistory } from "./memory-history.ts";

function serve(stdin: Readable, stdout: Writable) {
  const history = new MemoryHistory();
  const parts = { history, changes: new Changes(history), nowMs: () => 0, version: "1.2.3" };
  return serveOnStdio(serverFactory(parts), stdin, stdout, () => undefined);
}

function line(message: object): string {
  return `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
}

const INITIALIZE = line({
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "t", version: "1" },
  },
});
const INITIALIZED = line({ method: "notifications/initialized" });

test("a client that does not read its answers is read no further", async () => {
  let taken = 0;
  const eager = Readable.from(
    (async function* () {
      yield Buffer.from(INITIALIZE + INITIALIZED);
      for (let id = 1; id < 2000; id++) {
        await Bun.sleep(1);
        taken += 1;
        yield Buffer.from(line({ id, method: "tools/list" }));
      }
    })(),
    { highWaterMark: 1 },
  );
  let written = 0;
  const stuck = new Writable({
    highWaterMark: 16_384,
    write: (chunk: Buffer) => {
      written += chunk.length;
    },
  });
  const server = serve(eager, stuck);
  for (let before = -1; taken !== before; await Bun.sleep(50)) before = taken;
  expect(taken).toBeLessThan(100);
  expect(stuck.writableLength + written).toBeLessThan(4 << 20);
  await server.stop();
});

test("however much a client that does not read asks at once, little is made of it", async () => {
  let taken = 0;
  const asked = Buffer.from(line({ id: 1, method: "tools/list" }).repeat(1000));
  const eager = Readable.from(
    (async function* () {
      yield Buffer.from(INITIALIZE + INITIALIZED);
      for (taken = 1; taken <= 100; taken++) yield asked;
    })(),
    { highWaterMark: 1 },
  );
  const stuck = new Writable({ highWaterMark: 16_384, write: () => undefined });
  const server = serve(eager, stuck);
  for (let before = -1; taken !== before; await Bun.sleep(100)) before = taken;
  expect(taken).toBeLessThan(10);
  expect(stuck.writableLength).toBeLessThan(1 << 20);
  expect(stuck.listenerCount("drain")).toBeLessThan(5);
  await server.stop();
});

test("a line that never ends closes the server, and its memory is bounded", async () => {
  const stdin = new PassThrough();
  const server = serve(stdin, new PassThrough());
  const part = Buffer.alloc(65_536, "x");
  for (let sent = 0; sent < 40; sent++) stdin.write(part);
  await server.closed;
  expect(stdin.readableLength + stdin.writableLength).toBeGreaterThan(0);
});

test("lines that are no messages are passed over", async () => {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const server = serve(stdin, stdout);
  stdin.write(`nonsense\n{"jsonrpc":"2.0"}\n[]\n\n${INITIALIZE}`);
  const { value } = await stdout[Symbol.asyncIterator]().next();
  expect(String(value)).toContain('"serverInfo":{"name":"overhear"');
  stdin.end();
  await server.closed;
});
