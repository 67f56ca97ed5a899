import { describe, expect, test } from "bun:test";
import {
  callsOf,
  coverageOf,
  exited,
  INITIALIZE,
  INITIALIZED,
  MS,
  message,
  messagesOf,
  notification,
  pair,
  process,
  request,
  result,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";
import {
  answer,
  ask,
  type Connection,
  connect,
  httpOf,
  initialize,
  over,
  push,
  received,
  sent,
  stage,
} from "./http-build.ts";

describe("an exchange", () => {
  test.each([401, 404, 406, 500])(
    "with status %d is told, and its call is over [http/failure]",
    (status) => {
      const to = stage();
      const exchange = ask(connect(process(1), process(2)));
      push(to, sent(exchange, 0, INITIALIZE));
      answer(exchange, status, { contentType: "text/html" });
      const lines = push(to, over(exchange, 5));
      expect(httpOf(lines)).toMatchObject([
        { outcome: "complete", exchange: { response: { status } }, session: { id: "http:1" } },
      ]);
      expect(callsOf(lines)).toMatchObject([{ outcome: "unanswered" }]);
      expect(sessionsOf(lines)[0]?.session.endReason).toBe(
        `server refused the session (${status})`,
      );
      expect(to.residue).toBe(0);
    },
  );

  test.each([
    ["a request without an answer", 200, true, true],
    ["a notification that is accepted", 202, false, false],
    ["a request that is accepted", 202, true, false],
  ])("%s is told: %#", (_, status, isRequest, isTold) => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, "abc");
    const exchange = ask(connection, { fields: { sessionId: "abc" } });
    const json = isRequest ? request(1, "tools/list") : notification("notifications/initialized");
    push(to, sent(exchange, 5, json));
    answer(exchange, status, { contentType: "text/html" });
    expect(httpOf(push(to, over(exchange, 10)))).toHaveLength(isTold ? 1 : 0);
  });

  test("answers a batch in whatever order", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    const exchange = ask(connection);
    const size = 100;
    const batch = (index: number) => ({ batch: { index, size } });
    for (let i = 0; i < size; i++) {
      push(to, { ...sent(exchange, 0, request(i, "ping")), ...batch(i) });
    }
    answer(exchange, 200);
    const ids = Array.from({ length: size }, (_, i) => size - 1 - i);
    const lines = ids.flatMap((id, i) =>
      push(to, { ...received(exchange, MS, result(id)), ...batch(i) }),
    );
    expect(callsOf(lines).map(({ request: asked }) => asked.idText)).toEqual(ids.map(String));
  });

  test("that was cut is told, without a session where none is known", () => {
    const exchange = ask(connect(process(1), process(2)), { fields: { sessionId: "unknown" } });
    expect(push(stage(), over(exchange, 5, "cut"))).toMatchObject([
      { kind: "http", outcome: "cut", session: undefined },
    ]);
  });

  test.each([
    ["tools/call", "add", false],
    ["tools/list", "add", true],
    ["tools/call", "subtract", true],
    ["tools/call", "=?base64?YWRk?=", false],
    ["tools/call", "=?base64?YWRkYQ==?=", true],
  ])("whose headers say %s %s is flagged: %p [http/headers]", (mcpMethod, mcpName, isFlagged) => {
    const exchange = ask(connect(process(1), process(2)), { fields: { mcpMethod, mcpName } });
    const lines = push(stage(), sent(exchange, 0, request(1, "tools/call", { name: "add" })));
    expect(messagesOf(lines)[0]?.flags.includes("header_mismatch")).toBe(isFlagged);
  });

  test.each([
    ["whole", 300],
    ["cut", 5000],
  ])("whose header names a long resource in base64, %s, is not flagged", (_name, length) => {
    const uri = "é".repeat(length);
    const whole = `=?base64?${Buffer.from(uri).toString("base64")}?=`;
    const mcpName = whole.length <= 8192 ? whole : `${whole.slice(0, 8191)}…`;
    const fields = { mcpMethod: "resources/read", mcpName };
    const exchange = ask(connect(process(1), process(2)), { fields });
    const lines = push(stage(), sent(exchange, 0, request(1, "resources/read", { uri })));
    expect(messagesOf(lines)[0]?.flags).not.toContain("header_mismatch");
  });
});

describe("bytes beside messages", () => {
  const noise = (connection: Connection, bytes: number, of: "http" | "skipped") =>
    ({ kind: "noise", channel: connection.up, bytes, of }) as const;

  test("count for connections that carry MCP, from their start", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    push(to, noise(connection, 100, "http"), noise(connection, 7, "skipped"));
    expect([to.httpBytes, to.skippedBytes]).toEqual([0, 0]);
    initialize(to, connection, undefined);
    expect([to.httpBytes, to.skippedBytes]).toEqual([100, 7]);
    push(to, noise(connection, 11, "http"), noise(connect(process(3), process(4)), 50, "http"));
    expect([to.httpBytes, to.skippedBytes, to.noiseBytes]).toEqual([111, 7, 0]);
  });
});

test("JSON-RPC over HTTP that is not MCP is left out, and said", () => {
  const to = stage();
  const exchange = ask(connect(process(1), process(2)));
  const eth = sent(exchange, 0, request(1, "eth_blockNumber"));
  const lines = [...to.push({ ...eth, mcp: false }), ...push(to, tick(3 * SECOND))];
  expect(messagesOf(lines)).toEqual([]);
  expect(coverageOf(lines)).toMatchObject([{ reason: "jsonrpc_not_mcp" }]);
});

test("stdio and HTTP sessions of one process do not mix", () => {
  const to = stage();
  const { client, server, up, down } = pair();
  const lines = push(to, message(up, 0, INITIALIZE), message(down, 1, INITIALIZED));
  const http = initialize(to, connect(client, server), "abc");
  expect(messagesOf(lines)[0]?.session.transport).toBe("stdio");
  expect(messagesOf(http)[0]?.session.transport).toBe("http");
  const ends = push(to, exited(server, 10, 0), tick(3 * SECOND));
  expect(sessionsOf(ends).filter(({ event }) => event === "end")).toHaveLength(2);
});

describe("a replay", () => {
  test("takes sessions as they were recorded, and ends them when that was", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    const one = ask(connection, { fields: { sessionId: "abc" } });
    const lines = push(
      to,
      sent(one, 0, request(1, "tools/list"), { session: "http:9" }),
      sent(ask(connection), 1, request(1, "tools/list"), { session: "http:12" }),
    );
    expect(messagesOf(lines).map(({ session }) => session.id)).toEqual(["http:9", "http:12"]);
    answer(one, 200);
    const told = push(to, { ...over(one, 5), recorded: { session: "http:9" } });
    expect(httpOf(told)).toMatchObject([{ session: { id: "http:9" } }]);
    const reason = "event stream closed";
    const ends = push(to, { kind: "recorded-end", session: "http:12", reason, timeNs: 9 });
    expect(sessionsOf(ends)).toMatchObject([
      { event: "end", timeNs: 9, session: { id: "http:12", endReason: reason } },
    ]);
  });
});
