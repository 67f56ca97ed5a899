import { describe, expect, test } from "bun:test";
import { at, textAt } from "../../e2e/json.ts";
import { connect, type Era, NOW_MS } from "./connect.ts";
import {
  call,
  connection,
  listAt,
  MemoryHistory,
  message,
  START_MS,
  session,
  textOf,
} from "./memory-history.ts";

const ERAS: readonly Era[] = ["legacy", "modern"];

const TOOLS = [
  "explain_failures",
  "get_call",
  "get_connection_summary",
  "get_coverage",
  "list_calls",
  "list_connections",
  "list_sessions",
];

describe.each(ERAS)("in the %s era", (era) => {
  test("every tool has schemas for what goes in and out, and says that it only reads", async () => {
    await using connected = await connect(new MemoryHistory(), era);
    const { tools } = await connected.client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual(TOOLS);
    for (const tool of tools) {
      expect(tool.inputSchema.type).toBe("object");
      expect(at(tool, "outputSchema", "type")).toBe("object");
      expect(tool.annotations).toEqual({
        readOnlyHint: true,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: false,
      });
      expect(tool.description?.length).toBeGreaterThan(80);
    }
  });

  test("list_sessions tells who talks to whom, newest first, in structure and in a line each", async () => {
    const history = new MemoryHistory();
    history.sessionRecords.push(
      session(1),
      session(2, {
        transport: "http",
        endMs: START_MS + 9000,
        endReason: "server exited with code 0",
        failedCalls: 1,
      }),
    );
    await using connected = await connect(history, era);
    const result = await connected.client.callTool({ name: "list_sessions", arguments: {} });
    expect(at(result.structuredContent, "sessions")).toEqual([
      {
        id: "s2",
        transport: "http",
        client: { name: "agent", version: "1.0.0", pid: 100, command_line: "node agent.js" },
        server: { name: "weather", version: "1.0.0", pid: 200, command_line: "node weather.js" },
        protocol_version: "2025-11-25",
        started_at: "2026-11-20T12:00:02.000Z",
        ended_at: "2026-11-20T12:00:09.000Z",
        end_reason: "server exited with code 0",
        messages: 4,
        calls: 2,
        failed_calls: 1,
      },
      expect.objectContaining({ id: "s1" }),
    ]);
    expect(textOf(result)).toBe(
      "s2  agent[100] → weather[200] http, since 2026-11-20T12:00:02.000Z, ended 12:00:09.000 server exited with code 0: 2 calls, 1 failed\n" +
        "s1  agent[100] → weather[200] stdio, since 2026-11-20T12:00:01.000Z, open: 2 calls",
    );
  });

  test("list_calls goes on where its cursor says, without a gap and without one twice", async () => {
    const history = new MemoryHistory();
    for (let row = 1; row <= 23; row++) history.callRecords.push(call(row));
    await using connected = await connect(history, era);
    const ids: string[] = [];
    let cursor: unknown;
    let pages = 0;
    do {
      const args = { limit: 5, ...(cursor === undefined ? {} : { cursor }) };
      const result = await connected.client.callTool({ name: "list_calls", arguments: args });
      ids.push(...idsOf(result.structuredContent, "calls"));
      cursor = at(result.structuredContent, "next_cursor");
      pages += 1;
    } while (cursor !== undefined);
    expect(pages).toBe(5);
    expect(ids).toEqual(Array.from({ length: 23 }, (_, index) => `c${23 - index}`));
  });

  test("get_call tells what was sent and answered, and what it caused", async () => {
    const history = new MemoryHistory();
    history.sessionRecords.push(session(1));
    history.callRecords.push(call(7, { effects: { exec: 1, fork: 0, connect: 1, file: 0 } }));
    history.messages.set("c7", [
      message("request", '{"city":"Oslo"}'),
      message("response", '{"content":[]}'),
    ]);
    const doer = { timeMs: START_MS, pid: 300, comm: "curl", candidates: [] };
    history.effects.set("c7", [
      {
        ...doer,
        kind: "exec",
        argv: ["curl", "https://api.example.com"],
        exitCode: 0,
        exitSignal: undefined,
        durationMs: 300,
      },
      { ...doer, candidates: ["c8", "c7"], kind: "connect", connection: connection(9) },
    ]);
    await using connected = await connect(history, era);
    const result = await connected.client.callTool({ name: "get_call", arguments: { id: "c7" } });
    expect(at(result.structuredContent, "call", "duration_ms")).toBe(12.346);
    expect(at(result.structuredContent, "messages")).toEqual([
      expect.objectContaining({ type: "request", text: '{"city":"Oslo"}', from: "agent" }),
      expect.objectContaining({ type: "response", text: '{"content":[]}', from: "weather" }),
    ]);
    expect(at(result.structuredContent, "effects")).toEqual([
      expect.objectContaining({ kind: "exec", command_line: "curl https://api.example.com" }),
      expect.objectContaining({
        kind: "connect",
        may_be_of: ["c8", "c7"],
        connection: expect.objectContaining({ remote: "93.184.216.34:443", latency_ms: 20 }),
      }),
    ]);
    expect(textOf(result)).toContain("↳ 12:00:00.000 curl[300] exec curl https://api.example.com");
    expect(textOf(result)).toContain(
      "connect tcp api.example.com:443 closed, handshake 20.0 ms, open 250 ms, 517 bytes out, 4.1 kB in (may be of any of 2 calls",
    );
  });

  test("get_connection_summary counts the window of its duration", async () => {
    const history = new MemoryHistory();
    history.connectionRecords.push(
      connection(1, { startMs: NOW_MS - 61_000 }),
      connection(2, { startMs: NOW_MS - 59_000, latencyMs: 10 }),
      connection(3, { startMs: NOW_MS - 1000, latencyMs: 30 }),
      connection(4, {
        startMs: NOW_MS - 1000,
        latencyMs: undefined,
        outcome: "refused",
        errno: "ECONNREFUSED",
        wasEstablished: false,
        sentBytes: 0,
        receivedBytes: 0,
      }),
    );
    await using connected = await connect(history, era);
    const result = await connected.client.callTool({
      name: "get_connection_summary",
      arguments: { command: "curl", duration: 60 },
    });
    expect(result.structuredContent).toEqual({
      total_attempts: 3,
      successes: 2,
      in_progress: 0,
      failures: 1,
      failures_by_reason: { "refused (ECONNREFUSED)": 1 },
      avg_latency_ms: 20,
      p50_latency_ms: 10,
      p95_latency_ms: 10,
      sent_bytes: 1034,
      received_bytes: 8192,
    });
  });

  test("explain_failures says the cause in plain words, with the connection that failed meanwhile", async () => {
    const history = new MemoryHistory();
    const refused = {
      comm: "node",
      host: "db.internal",
      port: 5432,
      protocol: "tcp",
      outcome: "refused",
      errno: "ECONNREFUSED",
      count: 3,
      firstMs: START_MS,
      lastMs: START_MS + 5000,
      exampleId: "n4",
    } as const;
    history.failuresFound = {
      ...history.failuresFound,
      calls: 12,
      connections: 8,
      callFailures: [
        {
          serverName: "weather",
          method: "tools/call",
          target: "forecast",
          status: "tool_error",
          errorCode: undefined,
          errorText: "no database",
          count: 3,
          firstMs: START_MS,
          lastMs: START_MS + 5000,
          exampleId: "c9",
          connections: [refused],
        },
      ],
      connectionFailures: [refused],
    };
    await using connected = await connect(history, era);
    const result = await connected.client.callTool({ name: "explain_failures", arguments: {} });
    expect(at(result.structuredContent, "failing_calls")).toEqual([
      expect.objectContaining({
        cause:
          'The tool itself reported a failure: "no database". While it worked, a connection failed (node): Nothing listens at db.internal:5432: the connection was refused.',
        count: 3,
        example_call: "c9",
      }),
    ]);
    expect(at(result.structuredContent, "failing_connections")).toEqual([
      expect.objectContaining({ destination: "db.internal:5432", outcome: "refused" }),
    ]);
    expect(textOf(result)).toContain("3 × weather forecast: The tool itself reported a failure");
  });

  test("get_coverage says what is missing, and only then that nothing is", async () => {
    const history = new MemoryHistory();
    await using connected = await connect(history, era);
    const whole = await connected.client.callTool({ name: "get_coverage", arguments: {} });
    expect(at(whole.structuredContent, "complete")).toBe(true);
    history.coverageFound = {
      ...history.coverageFound,
      losses: [{ reason: "ring_full", bytes: 4096, count: 2 }],
      notHeard: [{ reason: "tls_library_unknown", count: 1, example: "myagent[77]" }],
    };
    const holed = await connected.client.callTool({ name: "get_coverage", arguments: {} });
    expect(at(holed.structuredContent, "complete")).toBe(false);
    expect(textOf(holed)).toContain("Lost: ring_full, 4.1 kB, 2 times.");
    expect(textOf(holed)).toContain("Not heard: tls_library_unknown, 1 times, e.g. myagent[77].");
  });

  test("get_coverage tells what servers print beside their messages, without what would steer a terminal", async () => {
    const history = new MemoryHistory();
    const said = { serverName: "weather", lines: 3, bytes: 49, example: "started\u001b[2K" };
    history.coverageFound = {
      ...history.coverageFound,
      noise: [
        { ...said, holdsMessage: false },
        { ...said, serverName: "git", holdsMessage: true },
      ],
    };
    await using connected = await connect(history, era);
    const result = await connected.client.callTool({ name: "get_coverage", arguments: {} });
    const shown = { server: "weather", lines: 3, bytes: 49, example: "started\\x1b[2K" };
    expect(at(result.structuredContent, "noise")).toEqual([
      { ...shown, message_in_text: false },
      { ...shown, server: "git", message_in_text: true },
    ]);
    // it is heard: nothing is missing for it
    expect(at(result.structuredContent, "complete")).toBe(true);
    expect(textOf(result)).toContain("Beside its messages weather says 3 lines of text, 49 bytes:");
    expect(textOf(result)).toContain("a message and text on one line");
  });

  test.each([
    ["list_calls", { cursor: "bm9uc2Vuc2U" }, "cursor is none that was given out"],
    ["list_calls", { since: "yesterday" }, 'since is no time: "yesterday"'],
    ["get_call", { id: "nowhere" }, 'There is no call "nowhere"'],
  ])("%s %p is refused in words that the model can act on", async (name, args, words) => {
    await using connected = await connect(new MemoryHistory(), era);
    const result = await connected.client.callTool({ name, arguments: args });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain(words);
  });
});

function idsOf(value: unknown, key: string): string[] {
  return listAt(value, key).map((each) => textAt(each, "id"));
}
