/** Who is who over HTTP: bridges, a reverse proxy, many clients at once, clients that are gone at once, a late start. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { expectSameContent, expectSameTexts, hop, sessionsBetween } from "../compare.ts";
import { at, type JsonObject, numberAt, textAt } from "../json.ts";
import { type Heard, Listener } from "../listener.ts";
import { type Runtime, titled } from "../programs.ts";
import { fileSays, Workspace } from "../run-client.ts";
import { readTruth } from "../truth.ts";
import { expectSameExchanges, expectWholeHop } from "./compare.ts";
import { curl } from "./curl.ts";
import { missingNginx, startNginx } from "./nginx.ts";
import { type ClientKind, missingHttp, type ServerKind } from "./programs.ts";
import { runHttpClient } from "./run-client.ts";
import { HttpServer } from "./server.ts";
import { type HttpTruth, readHttpTruth } from "./truth.ts";

const LIMIT_MS = 60_000;
const CALLS = 23;

function callsIn(lines: readonly JsonObject[]): number {
  return lines.filter((line) => line["method"] === "tools/call").length;
}

const BRIDGES: readonly (readonly [ServerKind, Runtime])[] = [
  ["supergateway", "node"],
  ["mcp-proxy", "python"],
];

for (const [bridge, runtime] of BRIDGES) {
  const lacking = missingHttp([bridge], "node", runtime);
  test.skipIf(lacking !== undefined)(
    titled(`the bridge ${bridge} is two hops: HTTP before it, stdio behind it`, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
      const [record, log] = [files.file("server.jsonl"), files.file("stdio.jsonl")];
      await using server = await HttpServer.start(bridge, runtime, record, log);
      const run = await runHttpClient("fetch", "node", files.file("client.jsonl"), server.url);
      const heard = await listener.stop();

      const said = await server.truth();
      expectWholeHop(heard, run.truth, said);
      expect(callsIn(hop(heard, run.truth.self, said.self))).toBe(CALLS);

      const [behind, ...others] = await readTruth(log);
      if (behind === undefined) throw new Error("the stdio server recorded nothing");
      expect(others).toEqual([]);
      const lines = hop(heard, said.self, behind.self);
      // The server's own record, seen from the bridge's side.
      const seen = behind.lines.map((line) => ({ ...line, sent: !line.sent }));
      expectSameTexts(lines, said.self, behind.self, seen);
      expectSameContent(lines);
      expect(callsIn(lines)).toBe(CALLS);
      const transports = lines.map((line) => line["transport_type"]);
      expect(new Set(transports)).toEqual(new Set(["stdio"]));
    },
    LIMIT_MS,
  );
}

const noProxy = missingHttp([], "node") ?? missingNginx;
test.skipIf(noProxy !== undefined)(
  titled("nginx before a server is two hops that say the same", noProxy),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    await using server = await HttpServer.start("v1", "node", files.file("server.jsonl"));
    await using proxy = await startNginx(files.file("nginx"), server);
    const [, worker] = await proxy.family();
    if (worker === undefined) throw new Error("nginx has no worker");
    const run = await runHttpClient("v1", "node", files.file("client.jsonl"), proxy.url);
    const heard = await listener.stop();

    const said = await server.truth();
    const before = hop(heard, run.truth.self, worker);
    const behind = hop(heard, worker, said.self);
    expectSameExchanges(before, run.truth.self, run.truth.messages);
    expectSameExchanges(behind, said.self, said.messages);
    expectSameContent([...before, ...behind]);
    const ids = [before, behind].map((lines) => new Set(lines.map((line) => line["session"])));
    expect(ids.map((set) => set.size)).toEqual([1, 1]);
    expect(ids[0]).not.toEqual(ids[1]);
  },
  LIMIT_MS,
);

const lacking = missingHttp([], "node");
const when = test.skipIf(lacking !== undefined);

const CROWDS: readonly (readonly [ClientKind, ServerKind])[] = [
  ["fetch", "v1"],
  ["http", "v1-json"],
];

for (const [client, kind] of CROWDS) {
  when(
    titled(`50 connections at once by ${client} are 50 sessions of ${kind}, each whole`, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
      await using server = await HttpServer.start(kind, "node", files.file("server.jsonl"));
      const more = ["--connections", "50", "--calls", String(CALLS)];
      const record = files.file("client.jsonl");
      const run = await runHttpClient(client, "node", record, server.url, ...more);
      const heard = await listener.stop();

      const sessions = expectWholeHop(heard, run.truth, await server.truth());
      const given = run.truth.messages.map((message) => message.session);
      const known = sessions.map((session) => session["http_session_id"]);
      expect(new Set(known)).toEqual(new Set(given.filter((id) => id !== undefined)));
      expect(sessions.length).toBe(50);
      const lines = hop(heard, run.truth.self, server.pid);
      for (const session of sessions) {
        const own = lines.filter((line) => line["session"] === session["session"]);
        expect(callsIn(own)).toBe(CALLS);
        expect(session["messages"]).toBe(own.length);
      }
    },
    LIMIT_MS,
  );
}

const noCurl = lacking ?? (Bun.which("curl") === null ? "curl" : undefined);
test.skipIf(noCurl !== undefined)(
  titled("each curl is heard with its own pid, though it lives for milliseconds", noCurl),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    await using server = await HttpServer.start("v1", "node", files.file("server.jsonl"));
    const call = (id: number, method: string, params: unknown) =>
      JSON.stringify({ jsonrpc: "2.0", id, method, params });
    const clientInfo = { name: "curl", version: "1" };
    const hello = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
    const opened = await curl(server.url, call(0, "initialize", hello), undefined, 0);
    const answers = [opened];
    for (let n = 1; n <= CALLS; n++) {
      const params = { name: "echo", arguments: { message: `curl ${n}` } };
      answers.push(await curl(server.url, call(n, "tools/call", params), opened.session, n));
    }
    const heard = await listener.stop();

    for (const answer of answers) {
      expect(answer.status).toBe(200);
      const lines = hop(heard, answer.pid, server.pid);
      expectSameExchanges(lines, answer.pid, answer.messages);
      expectSameContent(lines);
    }
    const times = answers.map((answer) => answer.tookMs).sort((a, b) => a - b);
    expect(times[CALLS / 2 - 0.5]).toBeLessThan(50);
    // Other programs of this machine may speak MCP, too.
    const lines = answers.flatMap(({ pid }) => hop(heard, pid, server.pid));
    expect(lines.length).toBe(2 * (CALLS + 1));
    expect(new Set(lines.map((line) => line["session"])).size).toBe(1);
    const comms = lines
      .filter((line) => at(line, "http_transport", "is_request") === true)
      .map((line) => at(line, "http_transport", "from_comm"));
    expect(new Set(comms)).toEqual(new Set(["curl"]));
  },
  LIMIT_MS,
);

const LATE: readonly (readonly [Runtime, ClientKind, Runtime, ServerKind, string])[] = [
  ["node", "v1", "node", "v1", "legacy"],
  ["bun", "v2", "node", "v2", "modern"],
  ["python", "python", "python", "python", "legacy"],
];

async function untilWaiting(files: Workspace, running: Promise<unknown>): Promise<HttpTruth> {
  await Promise.race([fileSays(files.file("wait"), "waiting"), running]);
  const [before] = await readHttpTruth(files.file("client.jsonl"));
  if (before === undefined) throw new Error("the client recorded nothing before it waited");
  return before;
}

/** Texts of a hop, one sorted list per direction. */
function textsOfHop(heard: Heard, client: number, server: number) {
  const lines = hop(heard, client, server);
  const from = (pid: number) =>
    lines
      .filter((line) => numberAt(line, "http_transport", "from_pid") === pid)
      .map((line) => textAt(line, "raw"))
      .sort();
  return { sent: from(client), received: from(server) };
}

for (const [runtime, client, serverRuntime, kind, mode] of LATE) {
  const lacking = missingHttp([kind], runtime, serverRuntime);
  test.skipIf(lacking !== undefined)(
    titled(
      `overhear started amid a session of ${client} under ${runtime} with ${kind} over HTTP hears all from then on`,
      lacking,
    ),
    async () => {
      await using files = await Workspace.create();
      await using server = await HttpServer.start(kind, serverRuntime, files.file("server.jsonl"));
      const more = ["--mode", mode, "--wait", files.file("wait")];
      const record = files.file("client.jsonl");
      const running = runHttpClient(client, runtime, record, server.url, ...more);
      const before = await untilWaiting(files, running);
      await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
      await writeFile(files.file("wait"), "go");
      const { truth } = await running;
      const heard = await listener.stop();

      const after = truth.messages.slice(before.messages.length);
      const texts = (sent: boolean) =>
        after
          .filter((message) => message.sent === sent)
          .map((message) => message.text)
          .sort();
      expect(textsOfHop(heard, truth.self, server.pid)).toEqual({
        sent: texts(true),
        received: texts(false),
      });
      expect(callsIn(hop(heard, truth.self, server.pid))).toBeGreaterThanOrEqual(CALLS);
      const lines = hop(heard, truth.self, server.pid);
      const [session] = sessionsBetween(heard, truth.self, server.pid);
      // Whose session a stream is in that was open before, only its head has said.
      const isWithoutHead = (line: JsonObject) =>
        at(line, "http_transport", "method") === undefined;
      const elsewhere = lines.filter((line) => line["session"] !== session?.["session"]);
      expect(elsewhere.filter((line) => !isWithoutHead(line))).toEqual([]);
      // Without a handshake, nothing says that a modern session is older.
      expect(session?.["late_attach"]).toBe(mode === "legacy");
    },
    LIMIT_MS,
  );
}

const LARGE_BYTES = 1024 * 1024;

for (const kind of ["v1", "v1-json"] as const) {
  when(
    titled(`answers of 1 MB by ${kind} are heard whole`, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
      await using server = await HttpServer.start(kind, "node", files.file("server.jsonl"));
      const more = ["--size", String(LARGE_BYTES)];
      const record = files.file("client.jsonl");
      const run = await runHttpClient("http", "node", record, server.url, ...more);
      const heard = await listener.stop();

      expectWholeHop(heard, run.truth, await server.truth());
      const answers = hop(heard, run.truth.self, server.pid).filter(
        (line) => textAt(line, "raw").length > LARGE_BYTES / 2,
      );
      expect(answers.length).toBe(CALLS);
      // What --gzip made of them: heard as text, counted as it went over the wire.
      const bytes = answers.map((line) => numberAt(line, "bytes"));
      if (kind === "v1-json") expect(Math.max(...bytes)).toBeLessThan(LARGE_BYTES / 100);
      else expect(Math.min(...bytes)).toBeGreaterThan(LARGE_BYTES);
    },
    LIMIT_MS,
  );
}
