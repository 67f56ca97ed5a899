/** `overhear mcp` without a database: it hears the host itself, and never itself. */
import { describe, expect, test } from "bun:test";
import { at, numberAt, textAt } from "../json.ts";
import { Listener } from "../listener.ts";
import { clientCommand, missing, serverCommand, titled } from "../programs.ts";
import { runClient, Workspace } from "../run-client.ts";
import { type Connected, connectStdio, ERAS, type Era, HttpServed, until } from "./served.ts";

const lacking = missing("node", "bun");
const LIMIT_MS = 90_000;

/** Others talk on this host, too: this server has a name that nobody else has. */
async function hears(agent: Connected): Promise<void> {
  await using workspace = await Workspace.create();
  const name = `heard-${crypto.randomUUID()}`;
  const server = [...serverCommand("node", "v2"), "--name", name];
  await runClient(workspace.file("client.log"), clientCommand("bun", "v2"), server);
  const answer = await until(
    () => agent.ask("list_calls", { tool: "echo", server: name, limit: 100 }),
    (calls) => listAt(calls, "calls").length >= 23,
  );
  const calls = listAt(answer, "calls");
  expect(calls.map((call) => at(call, "status"))).toEqual(new Array(23).fill("ok"));
  const sessions = listAt(await agent.ask("list_sessions", { server: name }), "sessions");
  expect(sessions.map((session) => textAt(session, "client", "name"))).toEqual(["v2-client"]);
}

describe.each<[string, Era]>([
  ["stdio", "legacy"],
  ["stdio", "modern"],
  ["http", "legacy"],
  ["http", "modern"],
])("over %s, %s era", (transport, era) => {
  test.skipIf(lacking !== undefined)(
    titled(
      "it hears others, and shows nothing of what it is asked itself [server/not-itself]",
      lacking,
    ),
    async () => {
      await using served = transport === "http" ? await HttpServed.start() : undefined;
      await using agent = await (served?.connect(era) ?? connectStdio(era));
      // in the modern era a client connects by its first request
      await agent.ask("get_coverage");
      await hears(agent);
      for (const tool of ["list_calls", "list_sessions", "list_connections"]) {
        const text = JSON.stringify(await agent.ask(tool, { limit: 100 }));
        expect(text).not.toContain('"get_coverage"');
        expect(text).not.toContain(`"pid":${agent.pid}`);
        if (served !== undefined) expect(text).not.toContain(`:${served.port}"`);
      }
    },
    LIMIT_MS,
  );
});

function listAt(value: unknown, key: string): readonly unknown[] {
  const found = at(value, key);
  if (!Array.isArray(found)) throw new Error(`no list at ${key}: ${JSON.stringify(value)}`);
  return found;
}

test.skipIf(lacking !== undefined)(
  titled("what agents ask of a history is not in it, and counted", lacking),
  async () => {
    await using workspace = await Workspace.create();
    const database = workspace.file("history.db");
    await using listener = await Listener.start(workspace.file("heard.ndjson"), "--db", database);
    {
      await using served = await HttpServed.start("--db", database);
      for (const era of ERAS) {
        await using overHttp = await served.connect(era);
        await overHttp.ask("list_sessions");
        await using overStdio = await connectStdio(era, "--db", database);
        await overStdio.ask("list_sessions");
      }
      await using agent = await served.connect("modern");
      await until(
        () => agent.ask("get_coverage"),
        (coverage) => numberAt(coverage, "own_sessions") >= 4,
      );
      const sessions = await agent.ask("list_sessions", { server: "overhear", limit: 100 });
      expect(listAt(sessions, "sessions")).toEqual([]);
    }
    const { texts } = await listener.stop();
    // the same was heard, and is in what the other overhear writes besides
    expect(texts.join("")).toContain('"list_sessions"');
  },
  LIMIT_MS,
);

test.skipIf(lacking !== undefined)(
  titled(
    "a hundred clients at once are answered while the host is heard, and are not shown [server/not-itself]",
    lacking,
  ),
  async () => {
    await using served = await HttpServed.start();
    const clients = Array.from({ length: 100 }, async (_, index) => {
      await using agent = await served.connect(ERAS[index % ERAS.length] ?? "modern");
      await agent.ask("list_connections", { limit: 1 });
      return numberAt(await agent.ask("get_connection_summary", {}), "total_attempts");
    });
    await using agent = await served.connect("modern");
    const [counts] = await Promise.all([Promise.all(clients), hears(agent)]);
    expect(counts.length).toBe(100);
    const sessions = listAt(await agent.ask("list_sessions", { limit: 100 }), "sessions");
    expect(sessions.filter((each) => at(each, "client", "pid") === process.pid)).toEqual([]);
    for (const tool of ["list_calls", "list_connections"]) {
      const text = JSON.stringify(await agent.ask(tool, { limit: 100 }));
      expect(text).not.toContain(`:${served.port}"`);
      expect(text).not.toContain('"get_connection_summary"');
    }
  },
  LIMIT_MS,
);
