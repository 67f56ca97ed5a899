import { describe, expect, test } from "bun:test";
import { redactor } from "../../../src/sinks/redact.ts";
import { at } from "../../e2e/json.ts";
import { connect } from "./connect.ts";
import {
  call,
  connection,
  listAt,
  MemoryHistory,
  message,
  party,
  START_MS,
  session,
  textOf,
} from "./memory-history.ts";

describe("size", () => {
  /** Characters that JSON writes as six: the worst that a page can hold. */
  const LONG = '\\"\u0001'.repeat(400);

  test.each(["list_sessions", "list_calls", "list_connections", "get_call", "explain_failures"])(
    "%s never gives more than fits into a model's context, and loses nothing by that [server/bounded-answers]",
    async (name) => {
      const history = new MemoryHistory();
      const long = { ...party(LONG), commandLine: Array.from({ length: 50 }, () => LONG) };
      for (let row = 1; row <= 100; row++) {
        history.sessionRecords.push(session(row, { client: long, server: long, endReason: LONG }));
        history.callRecords.push(call(row, { target: LONG, errorText: LONG, serverName: LONG }));
        history.connectionRecords.push(
          connection(row, { commandLine: long.commandLine, hostName: LONG }),
        );
      }
      const many = Array.from({ length: 200 }, () => message("notification", LONG.repeat(20)));
      history.messages.set("c1", [
        message("request", LONG.repeat(50)),
        ...many,
        message("response", LONG.repeat(50)),
      ]);
      history.effects.set(
        "c1",
        Array.from({ length: 200 }, () => ({
          kind: "exec" as const,
          timeMs: START_MS,
          pid: 1,
          comm: LONG,
          candidates: Array.from({ length: 100 }, () => "c123456789"),
          argv: long.commandLine,
          exitCode: 0,
          exitSignal: undefined,
          durationMs: 1,
        })),
      );
      history.failuresFound = {
        ...history.failuresFound,
        callFailures: Array.from({ length: 15 }, () => ({
          serverName: LONG,
          method: LONG,
          target: LONG,
          status: "error",
          errorCode: -32603,
          errorText: LONG,
          count: 1,
          firstMs: 0,
          lastMs: 0,
          exampleId: "c1",
          connections: [],
        })),
        slowest: history.callRecords.slice(0, 5),
        waiting: history.callRecords.slice(0, 5),
      };
      await using connected = await connect(history, "modern");
      const arguments_ =
        name === "get_call"
          ? { id: "c1", max_chars: 20_000 }
          : name === "explain_failures"
            ? {}
            : { limit: 100 };
      const result = await connected.client.callTool({ name, arguments: arguments_ });
      const length = JSON.stringify(result.structuredContent).length;
      expect(length).toBeLessThan(34_000);
      expect(textOf(result).length).toBeLessThanOrEqual(6000);
      if (name.startsWith("list")) {
        expect(at(result.structuredContent, "next_cursor")).toBeString();
        expect(length).toBeGreaterThan(20_000);
      }
      if (name === "get_call") {
        const types = listAt(result.structuredContent, "messages").map((each) => at(each, "type"));
        expect(types).toContain("response");
        expect(types[0]).toBe("request");
      }
    },
  );
});

describe("what is shown", () => {
  const TOKEN = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;

  function secretive(): MemoryHistory {
    const history = new MemoryHistory();
    history.sessionRecords.push(
      session(1, {
        server: {
          ...party("weather"),
          commandLine: ["node", "server.js", "--api-key", "hunter2hunter2"],
        },
      }),
    );
    history.callRecords.push(call(7, { errorText: `bad token=${TOKEN}` }));
    history.messages.set("c7", [
      message("request", `{"arguments":{"password":"hunter2","city":"Oslo"}}`),
      { ...message("response", `{"content":[{"text":"x"}],"password":"hunt`), isCut: true },
    ]);
    return history;
  }

  test("secrets are masked wherever they stand [server/secrets]", async () => {
    await using connected = await connect(secretive(), "modern", redactor);
    const { client } = connected;
    const answers = [
      await client.callTool({ name: "list_sessions", arguments: {} }),
      await client.callTool({ name: "list_calls", arguments: {} }),
      await client.callTool({ name: "get_call", arguments: { id: "c7" } }),
      await client.readResource({ uri: "overhear://sessions/s1" }),
      await client.readResource({ uri: "overhear://calls/c7" }),
    ];
    const text = JSON.stringify(answers);
    expect(text).not.toContain("hunt");
    expect(text).not.toContain(TOKEN);
    expect(text).toContain("[redacted]");
    expect(text).toContain("Oslo");
  });

  test("secrets are shown when that is asked for", async () => {
    await using connected = await connect(secretive(), "modern");
    const result = await connected.client.callTool({ name: "get_call", arguments: { id: "c7" } });
    expect(JSON.stringify(result)).toContain("hunter2");
  });

  test("characters that hide or steer text are shown as what they are", async () => {
    const history = new MemoryHistory();
    history.callRecords.push(call(7));
    const hidden = "\u{e0049}\u{e0067}\u202e\u001b[2J";
    history.callRecords.push(call(8, { target: `fore${hidden}cast` }));
    history.messages.set("c7", [message("request", `{"note":"a${hidden}"}`)]);
    await using connected = await connect(history, "modern");
    const call7 = await connected.client.callTool({ name: "get_call", arguments: { id: "c7" } });
    const list = await connected.client.callTool({ name: "list_calls", arguments: {} });
    for (const text of [JSON.stringify(call7), JSON.stringify(list), textOf(call7)]) {
      expect(text).not.toMatch(/[\u202e\u{e0000}-\u{e0fff}]/u);
      expect(text).toContain("u{e0049}");
    }
  });
});
