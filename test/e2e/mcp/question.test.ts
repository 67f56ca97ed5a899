/**
 * What overhear is for, asked by an agent: which tool call opened a connection to X, what did it send, and why was it slow?
 * The traffic is real, and heard by the very server that is asked; the answers are compared with what the others recorded.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { at, type JsonObject, numberAt, parseObject, textAt } from "../json.ts";
import { INTERPRETERS, missing, titled } from "../programs.ts";
import { type Connected, connectStdio, ERAS, type Era, HttpServed, until } from "./served.ts";
import { SLOW_MS, SlowHost } from "./slow-host.ts";

const lacking = missing("node");
const LIMIT_MS = 90_000;
const SERVER = join(import.meta.dir, "../servers/causes.mjs");

/** What was done, as those who did it saw it. */
interface Done {
  readonly server: string;
  readonly serverPid: number;
  /** The name that X was reached by, and the one of a host that answers at once. */
  readonly slowName: string;
  readonly fastName: string;
  /** How long the client waited for the slow one, ms. */
  readonly waitedMs: number;
  readonly slowUrl: string;
}

/** Calls of a real server by a real client, one of them to X; and somebody who goes there without MCP. */
async function act(host: SlowHost): Promise<Done> {
  const id = crypto.randomUUID();
  const [server, slowName, fastName] = [`asked-${id}`, `slow-${id}.example`, `fast-${id}.example`];
  const slowUrl = host.url("/slow/report?year=2026");
  const transport = new StdioClientTransport({
    command: INTERPRETERS.node,
    args: [SERVER, "--name", server],
  });
  const client = new Client({ name: "worker", version: "1.0.0" });
  await client.connect(transport);
  const getBy = (url: string, name: string) =>
    client.callTool({ name: "get", arguments: { url, host: name } });
  const { pid } = transport;
  await getBy(host.url("/fast"), fastName);
  await client.callTool({ name: "nothing", arguments: {} });
  const begun = performance.now();
  const { isError } = await getBy(slowUrl, slowName);
  const waitedMs = performance.now() - begun;
  expect(isError).not.toBe(true);
  await getBy(host.url("/fast"), fastName);
  const headers = { host: slowName, connection: "close" };
  expect(await (await fetch(host.url("/fast/stranger"), { headers })).text()).not.toBe("");
  await client.close();
  return { server, serverPid: pid ?? 0, slowName, fastName, waitedMs, slowUrl };
}

function objectsAt(value: unknown, key: string): readonly JsonObject[] {
  const found = at(value, key);
  if (!Array.isArray(found)) throw new Error(`no list at ${key}: ${JSON.stringify(value)}`);
  return found.map((each) => parseObject(JSON.stringify(each)));
}

/** The one call that reached the host, and it is over. */
async function theCallTo(agent: Connected, host: string): Promise<JsonObject> {
  const answer = await until(
    () => agent.ask("list_calls", { host }),
    (found) => objectsAt(found, "calls").some((call) => call["status"] === "ok"),
  );
  const [call, ...others] = objectsAt(answer, "calls");
  expect(others).toEqual([]);
  return call ?? {};
}

/** Both who went there, and they have gone. */
async function connectionsTo(agent: Connected, host: string): Promise<readonly JsonObject[]> {
  const answer = await until(
    () => agent.ask("list_connections", { host, direction: "outgoing" }),
    (found) =>
      objectsAt(found, "connections").filter((each) => each["outcome"] === "closed").length === 2,
  );
  return objectsAt(answer, "connections");
}

async function answers(agent: Connected): Promise<void> {
  await using host = await SlowHost.start();
  const done = await act(host);
  const visit = host.visits.find(({ path }) => done.slowUrl.endsWith(path));
  if (visit === undefined) throw new Error("nobody came");

  // which tool call opened a connection to X
  const call = await theCallTo(agent, done.slowName);
  expect(call).toMatchObject({ server: done.server, client: "worker", target: "get" });
  const connections = await connectionsTo(agent, done.slowName);
  const [own, ...more] = connections.filter((each) => each["call"] !== undefined);
  expect([at(own, "call"), more]).toEqual([call["id"], []]);
  expect(connections.find((each) => each !== own)).toMatchObject({ pid: process.pid });

  // what did it send
  const detail = await agent.ask("get_call", { id: textAt(call, "id") });
  const [request, answer] = objectsAt(detail, "messages");
  const sent = parseObject(textAt(request, "text"));
  expect(at(sent, "params", "arguments")).toEqual({ url: done.slowUrl, host: done.slowName });
  expect(textAt(answer, "text")).toContain('\\"status\\":200');
  const [effect, ...effects] = objectsAt(detail, "effects");
  expect(effects).toEqual([]);
  expect(effect).toMatchObject({ kind: "connect", pid: done.serverPid });
  expect(at(effect, "may_be_of")).toBeUndefined();
  expect(at(effect, "connection")).toMatchObject({
    host: done.slowName,
    host_source: "http",
    local: `127.0.0.1:${visit.port}`,
    remote: `127.0.0.1:${host.port}`,
    outcome: "closed",
    sent_bytes: visit.receivedBytes,
    received_bytes: visit.sentBytes,
  });

  // why was it slow: it waited for the host, which was there at once and took its time to answer
  const [durationMs, serverMs] = [numberAt(call, "duration_ms"), numberAt(call, "server_ms")];
  expect(durationMs).toBeLessThanOrEqual(done.waitedMs);
  expect(serverMs).toBeLessThanOrEqual(durationMs);
  const openMs = numberAt(effect, "connection", "duration_ms");
  expect(openMs).toBeGreaterThanOrEqual(visit.tookMs - 1);
  expect(serverMs).toBeGreaterThanOrEqual(visit.tookMs - 1);
  expect(numberAt(effect, "connection", "latency_ms")).toBeLessThan(SLOW_MS / 10);
  await isOnlySlowOne(agent, done, call);

  // and to a model that reads the text alone
  const { content } = await agent.client.callTool({
    name: "get_call",
    arguments: { id: call["id"] },
  });
  const text = textAt(objectsAt({ content }, "content")[0], "text");
  expect(text).toContain(`connect tcp ${done.slowName}:${host.port} closed, handshake `);
  expect(text).toMatch(/, open \d+(\.\d+)? s, \d+ bytes out/);
  expect(text).toMatch(/tools\/call get: ok in \d+(\.\d+)? s/);
}

async function isOnlySlowOne(agent: Connected, done: Done, call: JsonObject): Promise<void> {
  const ownMs = numberAt(call, "duration_ms");
  // what a client waits for at first is the start of its server
  const tools = { server: done.server, method: "tools/call" };
  const slow = await agent.ask("list_calls", { ...tools, min_duration: SLOW_MS });
  expect(objectsAt(slow, "calls").map(({ id }) => id)).toEqual([call["id"]]);
  const explained = await agent.ask("explain_failures", { duration: 300 });
  const slowest = objectsAt(explained, "slowest");
  // others on this host may have had to wait longer
  const longer = slowest.filter((each) => numberAt(each, "duration_ms") > ownMs);
  if (longer.length < slowest.length) expect(slowest.map(({ id }) => id)).toContain(call["id"]);
  const fast = await agent.ask("list_calls", { host: done.fastName });
  expect(objectsAt(fast, "calls").map(({ server, target }) => [server, target])).toEqual([
    [done.server, "get"],
    [done.server, "get"],
  ]);
}

describe.each<["stdio" | "http", Era]>(
  (["stdio", "http"] as const).flatMap((transport) =>
    ERAS.map((era): ["stdio" | "http", Era] => [transport, era]),
  ),
)("over %s, %s era", (transport, era) => {
  test.skipIf(lacking !== undefined)(
    titled(
      "an agent learns which tool call opened a connection to X, what it sent, and why it was slow [server/question]",
      lacking,
    ),
    async () => {
      await using served = transport === "http" ? await HttpServed.start() : undefined;
      await using agent = await (served?.connect(era) ?? connectStdio(era));
      await agent.ask("get_coverage");
      await answers(agent);
    },
    LIMIT_MS,
  );
});
