/** `overhear mcp --db`: an agent asks, without privilege to hear, about what another overhear recorded. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { at, numberAt, parseObject, textAt } from "../json.ts";
import { Listener } from "../listener.ts";
import { clientCommand, missing, serverCommand, titled } from "../programs.ts";
import { runClient, Workspace } from "../run-client.ts";
import type { Conversation } from "../truth.ts";
import { type Connected, connectStdio, ERAS, HttpServed } from "./served.ts";

const lacking = missing("node", "bun");
const LIMIT_MS = 60_000;
const NAME = `recorded-${crypto.randomUUID()}`;

let workspace: Workspace;
let database: string;
let truth: Conversation;

beforeAll(async () => {
  if (lacking !== undefined) return;
  workspace = await Workspace.create();
  database = workspace.file("history.db");
  // others talk on this host, too
  const only = ["--server", NAME, "--db", database];
  await using listener = await Listener.start(workspace.file("heard.ndjson"), ...only);
  const server = [...serverCommand("bun", "v2"), "--name", NAME];
  const run = await runClient(workspace.file("client.log"), clientCommand("node", "v2"), server);
  const [conversation] = run.conversations;
  if (conversation === undefined) throw new Error("the client kept no record");
  truth = conversation;
  await listener.stop();
}, LIMIT_MS);
afterAll(async () => workspace?.[Symbol.asyncDispose]());

/** Ids of the client's requests by tool, as its own record has them. */
function requestsOf(tool: string): unknown[] {
  return truth.lines
    .filter(({ sent }) => sent)
    .map(({ text }) => parseObject(text))
    .filter(
      (message) => at(message, "params", "name") === tool && message["method"] === "tools/call",
    );
}

async function allCalls(agent: Connected, filter: Record<string, unknown>): Promise<unknown[]> {
  const calls: unknown[] = [];
  let cursor: unknown;
  do {
    const more = cursor === undefined ? {} : { cursor };
    const page = await agent.ask("list_calls", { ...filter, ...more });
    calls.push(...listAt(page, "calls"));
    cursor = at(page, "next_cursor");
  } while (cursor !== undefined);
  return calls;
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const found = at(value, key);
  if (!Array.isArray(found)) throw new Error(`no list at ${key}: ${JSON.stringify(value)}`);
  return found;
}

describe.each(ERAS)("%s era", (era) => {
  describe.each(["stdio", "http"] as const)("over %s", (transport) => {
    async function withAgent(use: (agent: Connected) => Promise<void>): Promise<void> {
      if (transport === "stdio") {
        await using agent = await connectStdio(era, "--db", database);
        await use(agent);
        return;
      }
      await using served = await HttpServed.start("--db", database);
      await using agent = await served.connect(era);
      await use(agent);
    }

    test.skipIf(lacking !== undefined)(
      titled("every call that the client made is there, once, with its answer", lacking),
      () =>
        withAgent(async (agent) => {
          const [session] = listAt(await agent.ask("list_sessions"), "sessions");
          expect(at(session, "client", "name")).toBe("v2-client");
          expect(at(session, "server", "name")).toBe(NAME);
          expect(at(session, "client", "pid")).toBe(truth.self);
          const calls = await allCalls(agent, { tool: "echo", limit: 7 });
          expect(calls.length).toBe(requestsOf("echo").length);
          expect(new Set(calls.map((call) => textAt(call, "id"))).size).toBe(calls.length);
          for (const call of calls) expect(at(call, "status")).toBe("ok");
          const [largest] = calls.toSorted(
            (a, b) => numberAt(b, "request_bytes") - numberAt(a, "request_bytes"),
          );
          const detail = await agent.ask("get_call", { id: textAt(largest, "id") });
          const [request, answer] = listAt(detail, "messages");
          expect(textAt(request, "text")).toContain("large ä0123456789");
          expect(at(request, "cut")).toBe(true);
          expect(textAt(answer, "text")).toContain("Echo: large");
          expect(JSON.stringify(detail).length).toBeLessThan(34_000);
        }),
      LIMIT_MS,
    );

    test.skipIf(lacking !== undefined)(
      titled("what failed is found, with its words", lacking),
      () =>
        withAgent(async (agent) => {
          const failed = await allCalls(agent, { status: "failed" });
          const kinds = failed.map((call) => at(call, "status"));
          expect(kinds).toContain("error");
          expect(kinds).toContain("tool_error");
          const explained = await agent.ask("explain_failures", { duration: 86_400 });
          const causes = listAt(explained, "failing_calls").map((each) => textAt(each, "cause"));
          expect(causes.join("\n")).toContain("The server does not know the method (-32601)");
          expect(causes.join("\n")).toContain("The tool itself reported a failure");
        }),
      LIMIT_MS,
    );

    test.skipIf(lacking !== undefined)(
      titled("sessions and calls can be read as resources", lacking),
      () =>
        withAgent(async ({ client }) => {
          const { resources } = await client.listResources();
          const session = resources.find(({ uri }) => uri.startsWith("overhear://sessions/"));
          const read = await client.readResource({ uri: session?.uri ?? "" });
          const document = parseObject(textAt(read.contents[0], "text"));
          const [call] = listAt(document, "calls");
          const uri = `overhear://calls/${encodeURIComponent(textAt(call, "id"))}`;
          const { contents } = await client.readResource({ uri });
          expect(parseObject(textAt(contents[0], "text"))["call"]).toMatchObject({
            id: textAt(call, "id"),
          });
        }),
      LIMIT_MS,
    );
  });
});
