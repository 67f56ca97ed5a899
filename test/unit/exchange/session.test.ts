import { describe, expect, test } from "bun:test";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import {
  callsOf,
  channel,
  INITIALIZE,
  INITIALIZED,
  MS,
  message,
  messagesOf,
  notification,
  pair,
  request,
  result,
  run,
  sessionsOf,
  tick,
} from "./build.ts";

const MODERN_META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "v2cli", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": { sampling: {} },
};

describe("ExchangeStage learns who is who", () => {
  test("ExchangeStage reads a legacy handshake [mcp/initialize]", () => {
    const { client, server, up, down } = pair();
    const out = run([message(up, 5, INITIALIZE), message(down, 6, INITIALIZED)]);
    expect(out.map((item) => item.kind)).toEqual([
      "session",
      "message",
      "session",
      "message",
      "call",
    ]);
    const lines = sessionsOf(out);
    expect(lines.map((line) => [line.event, line.messages, line.openCalls])).toEqual([
      ["start", 0, 0],
      ["update", 1, 0],
    ]);
    expect(lines[1]?.session).toEqual({
      id: "pipe:100",
      transport: "stdio",
      client,
      server,
      httpSessionId: undefined,
      authority: undefined,
      clientInfo: { name: "cli", version: "1.2" },
      serverInfo: { name: "srv", version: "3.4" },
      protocolVersion: "2025-06-18",
      era: "legacy",
      clientCapabilities: '{"roots":{}}',
      serverCapabilities: '{"tools":{}}',
      startNs: 5,
      endNs: undefined,
      endReason: undefined,
      lateAttach: false,
    });
  });

  test("ExchangeStage reads a modern discovery, and its version only once it is answered [mcp/discover]", () => {
    const { up, down } = pair();
    const stage = new ExchangeStage({ allJsonrpc: false });
    const discover = message(up, 1, request("probe", "server/discover", { _meta: MODERN_META }));
    const session = messagesOf(stage.push(discover))[0]?.session;
    expect(session).toMatchObject({
      era: undefined,
      protocolVersion: undefined,
      lateAttach: false,
    });
    const answer = {
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: {} },
      _meta: { "io.modelcontextprotocol/serverInfo": { name: "v2srv", version: "2.0.0" } },
    };
    run([message(down, 2, result("probe", answer))], stage);
    expect(session).toMatchObject({
      era: "modern",
      protocolVersion: "2026-07-28",
      clientInfo: { name: "v2cli", version: "1.0.0" },
      serverInfo: { name: "v2srv", version: "2.0.0" },
      clientCapabilities: '{"sampling":{}}',
      serverCapabilities: '{"tools":{}}',
    });
  });

  test("ExchangeStage falls back to legacy when discovery is ignored, though its id is used again [mcp/equal-ids]", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1 * MS, request(0, "server/discover", { _meta: MODERN_META })),
      message(up, 5_000 * MS, INITIALIZE),
      message(down, 5_010 * MS, INITIALIZED),
    ]);
    const answer = messagesOf(out).at(-1);
    expect(answer?.session).toMatchObject({
      era: "legacy",
      protocolVersion: "2025-06-18",
      serverInfo: { name: "srv", version: "3.4" },
    });
    expect([answer?.request?.method, answer?.durationMs, answer?.flags]).toEqual([
      "initialize",
      10,
      [],
    ]);
    expect(callsOf(out).map((call) => [call.method, call.durationMs])).toEqual([
      ["initialize", 10],
    ]);
  });

  test("ExchangeStage knows a legacy server by its answer, though the initialize that it is for was not heard", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(0, "server/discover", { _meta: MODERN_META })),
      message(down, 9, INITIALIZED),
    ]);
    expect(messagesOf(out)[0]?.session).toMatchObject({
      era: "legacy",
      protocolVersion: "2025-06-18",
    });
  });

  test("ExchangeStage falls back to legacy when discovery fails", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request("probe", "server/discover", { _meta: MODERN_META })),
      message(down, 2, '{"jsonrpc":"2.0","id":"probe","error":{"code":-32601,"message":"no"}}'),
      message(up, 3, INITIALIZE),
      message(down, 4, INITIALIZED),
    ]);
    expect(messagesOf(out)[0]?.session).toMatchObject({
      era: "legacy",
      protocolVersion: "2025-06-18",
      clientInfo: { name: "cli", version: "1.2" },
    });
  });

  test("ExchangeStage reads a modern session without discovery and announces it once", () => {
    const { up, down } = pair();
    const signed = {
      tools: [],
      _meta: { "io.modelcontextprotocol/serverInfo": { name: "s", version: "1" } },
    };
    const out = run(
      [1, 2, 3].flatMap((id) => [
        message(up, id * 10, request(id, "tools/list", { _meta: MODERN_META })),
        message(down, id * 10 + 5, result(id, signed)),
      ]),
    );
    expect(sessionsOf(out).map((line) => line.event)).toEqual(["start", "update"]);
    expect(messagesOf(out)[0]?.session).toMatchObject({
      era: "modern",
      protocolVersion: "2026-07-28",
      serverInfo: { name: "s", version: "1" },
    });
  });

  test("ExchangeStage infers roles from a method that one role sends", () => {
    const { client, server, up, down } = pair();
    const out = run([
      message(down, 1, request(7, "sampling/createMessage")),
      message(up, 2, result(7)),
    ]);
    expect(messagesOf(out)[0]).toMatchObject({ direction: "server-to-client", flags: [] });
    expect(messagesOf(out)[0]?.session).toMatchObject({ client, server, lateAttach: true });
  });

  test("ExchangeStage takes the sender of the first request for the client, and corrects itself", () => {
    const { client, server, up, down } = pair();
    const stage = new ExchangeStage({ allJsonrpc: false });
    const first = stage.push(message(down, 1, request(1, "ping")));
    expect(messagesOf(first)[0]).toMatchObject({
      direction: "client-to-server",
      flags: ["late_attach"],
      session: { client: server, server: client },
    });
    const second = run(
      [message(up, 2, request(1, "tools/list")), message(down, 3, result(1, { tools: [] }))],
      stage,
    );
    expect(sessionsOf(second).map((line) => line.event)).toEqual(["update"]);
    expect(messagesOf(second).map((line) => [line.direction, line.flags])).toEqual([
      ["client-to-server", []],
      ["server-to-client", []],
    ]);
    expect(messagesOf(second)[0]?.session).toMatchObject({ client, server, lateAttach: true });
  });

  test("ExchangeStage knows the start of a session whose server logs before it is asked", () => {
    const { up, down } = pair();
    const out = run([
      message(down, 1, notification("notifications/message", { level: "info", data: "up" })),
      message(up, 2, INITIALIZE),
    ]);
    expect(messagesOf(out)[0]?.session.lateAttach).toBe(false);
    expect(sessionsOf(out).map((line) => line.event)).toEqual(["start", "update"]);
  });

  test("ExchangeStage knows the start of a session whose server began after the tool", () => {
    const { up } = pair();
    const stage = new ExchangeStage({ allJsonrpc: false, listenNs: 101_000 });
    const out = run([message(up, 200_000, request(1, "tools/list"))], stage);
    expect(messagesOf(out)[0]?.session.lateAttach).toBe(false);
  });

  test("ExchangeStage stops announcing a client that changes its name each time", () => {
    const { up } = pair();
    const out = run(
      Array.from({ length: 500 }, (_, id) => {
        const info = { name: `n${id}`, version: "1" };
        const meta = { ...MODERN_META, "io.modelcontextprotocol/clientInfo": info };
        return message(up, id, request(id, "tools/list", { _meta: meta }));
      }),
    );
    expect(sessionsOf(out).length).toBeLessThan(40);
  });

  test("ExchangeStage cuts names of a megabyte and survives hostile bodies", () => {
    const { up, down } = pair();
    const name = "x".repeat(1_000_000);
    const hostile = [
      `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":{"name":"${name}"},"__proto__":{"name":1}}}`,
      '{"jsonrpc":"2.0","id":2,"method":"initialize","params":[1]}',
      '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":{"a":1},"ref":7,"_meta":[]}}',
      '{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"__proto__":{"name":"x"},"_meta":{"progressToken":{}}}}',
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{"a":1}}}',
      '{"jsonrpc":"2.0","method":"notifications/progress","params":null}',
    ];
    const answers = ["null", "[]", '"text"', '{"task":7,"_meta":3}'];
    const out = run([
      ...hostile.map((json, at) => message(up, at, json)),
      ...answers.map((value, at) =>
        message(down, 100 + at, `{"jsonrpc":"2.0","id":${at + 1},"result":${value}}`),
      ),
    ]);
    expect(messagesOf(out)).toHaveLength(10);
    expect(messagesOf(out)[0]?.session.clientInfo?.name).toHaveLength(256);
    expect(callsOf(out).map((call) => call.target)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("ExchangeStage flags", () => {
  test.each([
    ["2025-03-26", []],
    ["2025-06-18", ["illegal_batch"]],
  ])("ExchangeStage judges a batch under %s [jsonrpc/batch]", (version, flags) => {
    const { up, down } = pair();
    const batch = { index: 0, size: 1 };
    const out = run([
      message(up, 1, INITIALIZE),
      message(down, 2, INITIALIZED.replace("2025-06-18", version)),
      message(up, 3, request(1, "tools/list"), { batch }),
    ]);
    expect(messagesOf(out)[2]?.flags.map(String)).toEqual(flags);
  });

  test("ExchangeStage does not judge a batch while the version is not known", () => {
    const { up } = pair();
    const out = run([message(up, 1, request(1, "tools/list"), { batch: { index: 0, size: 1 } })]);
    expect(messagesOf(out)[0]?.flags).toEqual([]);
  });

  test("ExchangeStage flags a method that MCP does not have, and one of the other direction", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, INITIALIZE),
      message(down, 2, INITIALIZED),
      message(up, 3, request(1, "acme/do")),
      message(down, 4, request(1, "tools/call", { name: "x" })),
    ]);
    expect(messagesOf(out).map((line) => line.flags)).toEqual([
      [],
      [],
      ["unknown_method"],
      ["unknown_method"],
    ]);
  });
});

describe("ExchangeStage passes on", () => {
  test("ExchangeStage passes losses through, counts noise of MCP channels and drops the rest", () => {
    const { up } = pair();
    const stranger = channel("x", undefined, undefined);
    const stage = new ExchangeStage({ allJsonrpc: false });
    const loss = {
      kind: "loss",
      channel: up,
      bytes: 7,
      reason: "ring_full",
      timeNs: 1,
    } as const;
    expect(stage.push(loss)).toEqual([loss]);
    expect(stage.push({ kind: "set-aside", channel: up, timeNs: 0 })).toEqual([]);
    expect(stage.push(tick(1))).toEqual([]);
    expect(stage.push({ kind: "noise", channel: up, bytes: 10, of: "text" })).toEqual([]);
    expect(stage.push({ kind: "noise", channel: stranger, bytes: 1000, of: "text" })).toEqual([]);
    stage.push(message(up, 2, INITIALIZE));
    stage.push({ kind: "noise", channel: up, bytes: 5, of: "text" });
    expect(stage.noiseBytes).toBe(15);
  });
});
