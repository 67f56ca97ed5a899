/** Many connections of one process with many threads, to several servers at once: no message is told of a wrong one. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { ends, hop } from "../compare.ts";
import { expectSameExchanges } from "../http/compare.ts";
import type { HttpServer } from "../http/server.ts";
import { readHttpTruth } from "../http/truth.ts";
import { at, type JsonObject, numberAt, textAt } from "../json.ts";
import type { Heard } from "../listener.ts";
import { titled } from "../programs.ts";
import { fileSays, Workspace } from "../run-client.ts";
import { callsIn, expectNothingElse } from "./compare.ts";
import { CLIENTS, type ClientKind, missingTls, SERVERS, type ServerKind } from "./programs.ts";
import { hearsRunning, listen, runClient, startDeaf, startServer } from "./run.ts";

const LIMIT_MS = 90_000;
const CONNECTIONS = 50;
const CALLS = 23;

const KINDS: readonly ServerKind[] = ["node", "node-json", "uvicorn", "go-server", "bun"];
const CROWDS: readonly ClientKind[] = ["threads", "node-fetch", "tasks"];
/** Of 50 connections of node-fetch that were open before some first messages are told twice: docs/limits.md. */
const LATE_CROWDS: readonly ClientKind[] = ["threads", "tasks"];

async function startAll(files: Workspace, stack: AsyncDisposableStack): Promise<HttpServer[]> {
  const servers: HttpServer[] = [];
  for (const kind of KINDS) servers.push(stack.use(await startServer(kind, files, kind)));
  return servers;
}

/** Each server's hop says what that server recorded from its `from`th message on, and all hops together what the client did. */
for (const client of CROWDS) {
  const lacking = missingTls(CLIENTS[client], ...KINDS.map((kind) => SERVERS[kind]));
  test.skipIf(lacking !== undefined)(
    titled(
      `50 TLS connections at once by ${client} to five servers: each message is its own's`,
      lacking,
    ),
    async () => {
      await using files = await Workspace.create();
      await using stack = new AsyncDisposableStack();
      await using listener = await listen(
        files,
        CLIENTS[client],
        ...KINDS.map((kind) => SERVERS[kind]),
      );
      const servers = await startAll(files, stack);
      for (const kind of KINDS) await hearsRunning(listener, SERVERS[kind]);
      const urls = servers.map(({ url }) => url);
      const more = ["--connections", String(CONNECTIONS), "--calls", String(CALLS)];
      const { truth } = await runClient(client, files, urls, ...more);
      const heard = await listener.stop();

      const all: JsonObject[] = [];
      for (const server of servers) {
        const said = await server.truth();
        const lines = hop(heard, truth.self, said.self);
        expectSameExchanges(lines, said.self, said.messages);
        all.push(...lines);
      }
      expectSameExchanges(all, truth.self, truth.messages);
      expect(callsIn(all)).toBe(CONNECTIONS * CALLS);
      const ports = servers.map(({ port }) => port);
      expectNothingElse(heard, [truth.self], ports, all);
    },
    LIMIT_MS,
  );
}

for (const client of LATE_CROWDS) {
  const lacking = missingTls(CLIENTS[client], ...KINDS.map((kind) => SERVERS[kind]));
  test.skipIf(lacking !== undefined)(
    titled(
      `50 TLS connections of ${client} that were open before: each message is its own's`,
      lacking,
    ),
    async () => {
      await using files = await Workspace.create();
      await using stack = new AsyncDisposableStack();
      const servers = await startAll(files, stack);
      const urls = servers.map(({ url }) => url);
      const more = ["--connections", String(CONNECTIONS), "--calls", String(CALLS)];
      const wait = files.file("wait");
      const running = runClient(client, files, urls, ...more, "--wait", wait);
      await Promise.race([fileSays(wait, "waiting"), running]);
      const before = await Promise.all(servers.map((server) => server.truth()));
      await using listener = await listen(
        files,
        CLIENTS[client],
        ...KINDS.map((kind) => SERVERS[kind]),
      );
      await writeFile(wait, "go");
      const { truth } = await running;
      const heard = await listener.stop();

      const all: JsonObject[] = [];
      for (const [index, server] of servers.entries()) {
        const said = await server.truth();
        const lines = hop(heard, truth.self, said.self);
        const from = before[index]?.messages.length;
        expectSameExchanges(lines, said.self, said.messages.slice(from));
        all.push(...lines);
      }
      expect(callsIn(all)).toBe(CONNECTIONS * CALLS);
      const ports = servers.map(({ port }) => port);
      expectNothingElse(heard, [truth.self], ports, all);
    },
    LIMIT_MS,
  );
}

/** The client's message lines, wherever they are said to go. */
function linesOf(heard: Heard, self: number): JsonObject[] {
  return heard.lines.filter((line) => {
    const { from, to } = ends(line);
    return line["kind"] === "message" && (from === self || to === self);
  });
}

/** How many lines name the right server's process, and which name a wrong one, or a wrong address. */
function judge(lines: readonly JsonObject[], client: number, servers: readonly HttpServer[]) {
  const wrong: string[] = [];
  let known = 0;
  for (const line of lines) {
    // Names are given in turn to the URLs: name-17 is a client of the third of five.
    const text = textAt(line, "raw");
    const number = Number(/-(\d+) \d+ /.exec(text)?.[1]);
    const { from, to } = ends(line);
    const pid = from === client ? to : from;
    const address = at(line, "http_transport", from === client ? "to_address" : "from_address");
    const right = servers[number % servers.length];
    const other = pid ?? address;
    if (other === right?.pid) known++;
    else if (other !== undefined && other !== "?" && other !== `127.0.0.1:${right?.port}`) {
      wrong.push(`${text}: ${String(other)}`);
    }
  }
  return { known, wrong };
}

const DEAF = 5;

for (const client of CROWDS) {
  const lacking = missingTls(CLIENTS[client]);
  test.skipIf(lacking !== undefined)(
    titled(
      `50 TLS connections of ${client} to servers that cannot be heard: never a wrong server, sooner or later the right one`,
      lacking,
    ),
    async () => {
      await using files = await Workspace.create();
      await using stack = new AsyncDisposableStack();
      const servers: HttpServer[] = [];
      for (let n = 0; n < DEAF; n++) servers.push(stack.use(await startDeaf(files, `deaf-${n}`)));
      const urls = servers.map(({ url }) => url);
      const more = ["--connections", String(CONNECTIONS), "--calls", String(CALLS)];
      const wait = files.file("wait");
      const running = runClient(client, files, urls, ...more, "--wait", wait);
      await Promise.race([fileSays(wait, "waiting"), running]);
      const [before] = await readHttpTruth(files.file("client.jsonl"));
      await using listener = await listen(files, CLIENTS[client]);
      await writeFile(wait, "go");
      const { truth } = await running;
      const heard = await listener.stop();

      const after = truth.messages.slice(before?.messages.length);
      const lines = linesOf(heard, truth.self);
      expect(lines.map((line) => textAt(line, "raw")).sort()).toEqual(
        after.map(({ text }) => text).sort(),
      );
      const { known, wrong } = judge(lines, truth.self, servers);
      expect(wrong).toEqual([]);
      // On each connection at most the first call is told before it is known where it goes.
      expect(known).toBeGreaterThanOrEqual(CONNECTIONS * 2 * (CALLS - 1));
      expect(numberAt(heard.summary, "loss_bytes")).toBe(0);
    },
    LIMIT_MS,
  );
}
