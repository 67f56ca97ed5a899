import { describe, expect, test } from "bun:test";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import {
  callsOf,
  closed,
  coverageOf,
  message,
  messagesOf,
  pair,
  request,
  result,
  run,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";

describe("ExchangeStage leaves other JSON-RPC out", () => {
  const hover = (id: number) => request(id, "textDocument/hover");

  test("ExchangeStage counts a session of methods that are not MCP's, once 2 s have passed", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, hover(1), { mcp: false }),
      message(down, 2, result(1)),
      tick(3 * SECOND),
      message(up, 4 * SECOND, hover(2), { mcp: false }),
      closed(up, 5 * SECOND),
      closed(down, 5 * SECOND),
      tick(6 * SECOND),
    ]);
    expect(out.map((item) => item.kind)).toEqual(["coverage", "coverage"]);
    expect(coverageOf(out).map((line) => [line.reason, line.count])).toEqual([
      ["jsonrpc_not_mcp", 2],
      ["jsonrpc_not_mcp", 1],
    ]);
    expect(coverageOf(out)[0]?.bytes).toBe(
      hover(1).length + 1 + '{"jsonrpc":"2.0","id":1,"result":{}}'.length + 1,
    );
  });

  test("ExchangeStage takes a ping among foreign methods for no sign of MCP", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, hover(1), { mcp: false }),
      message(down, 2, result(1)),
      tick(3 * SECOND),
      message(up, 4 * SECOND, request(2, "ping"), { mcp: undefined }),
      message(down, 5 * SECOND, result(2)),
      closed(up, 6 * SECOND),
      closed(down, 6 * SECOND),
      tick(7 * SECOND),
    ]);
    expect(messagesOf(out)).toEqual([]);
  });

  test("ExchangeStage takes an initialize of another protocol for no sign of MCP, however late its answer", () => {
    const { up, down } = pair();
    const initialize = message(up, 1, request(1, "initialize", { processId: 1 }), { mcp: false });
    const out = run([
      { ...initialize, knownMethod: true },
      tick(3 * SECOND),
      message(down, 4 * SECOND, result(1)),
      closed(up, 6 * SECOND),
      closed(down, 6 * SECOND),
      tick(7 * SECOND),
    ]);
    expect([...messagesOf(out), ...sessionsOf(out)]).toEqual([]);
  });

  test("ExchangeStage presumes MCP where there are pings and answers only", () => {
    const { up, down } = pair();
    const ping = message(up, 1, request(1, "ping"), { mcp: undefined });
    const stage = new ExchangeStage({ allJsonrpc: false });
    const first = [{ ...ping, knownMethod: true }, message(down, 2, result(1)), tick(3 * SECOND)];
    expect(messagesOf(run(first, stage)).map((line) => line.message.type)).toEqual([
      "request",
      "response",
    ]);
    // once presumed, at once
    const again = message(up, 4 * SECOND, request(2, "ping"), { mcp: undefined });
    expect(messagesOf(run([{ ...again, knownMethod: true }], stage))).toHaveLength(1);
  });

  test("ExchangeStage tells no losses of a session that is not MCP", () => {
    const { up } = pair();
    const loss = { kind: "loss", channel: up, bytes: 7, reason: "ring_full", timeNs: 4 } as const;
    const foreign = [message(up, 1, hover(1), { mcp: false }), tick(3 * SECOND), loss];
    expect(run(foreign).filter((item) => item.kind === "loss")).toEqual([]);
    const all = run(foreign, new ExchangeStage({ allJsonrpc: true }));
    expect(all.filter((item) => item.kind === "loss")).toEqual([loss]);
  });

  test("ExchangeStage gives held messages out in order when one of them is MCP's", () => {
    const { up, down } = pair();
    const stage = new ExchangeStage({ allJsonrpc: false });
    expect(stage.push(message(up, 1, request(1, "acme/do")))).toEqual([]);
    expect(stage.push(message(down, 2, result(1)))).toEqual([]);
    const out = stage.push(message(up, 3, request(2, "tools/list")));
    expect(messagesOf(out).map((line) => [line.seq, line.message.frame.timeNs])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(out[0]).toMatchObject({ kind: "session", event: "start" });
    expect(callsOf(out).map((call) => call.method)).toEqual(["acme/do"]);
    expect(messagesOf(out)[0]?.session.startNs).toBe(1);
  });

  test("ExchangeStage gives bare answers out after 2 s: their requests may have been before it listened", () => {
    const { down } = pair();
    const out = run([message(down, 1, result(5)), tick(1 * SECOND), tick(3 * SECOND)]);
    expect(messagesOf(out).map((line) => [line.direction, line.flags])).toEqual([
      ["server-to-client", ["unmatched_response", "late_attach"]],
    ]);
  });

  test("ExchangeStage ends a session that looked like MCP by its answers only", () => {
    const { up, down } = pair();
    const out = run([
      message(down, 1, result(5)),
      tick(3 * SECOND),
      message(up, 4 * SECOND, hover(1), { mcp: false }),
      tick(7 * SECOND),
      message(up, 8 * SECOND, hover(2), { mcp: false }),
    ]);
    expect(sessionsOf(out).map((line) => [line.event, line.session.endReason])).toEqual([
      ["start", undefined],
      ["end", "not MCP"],
    ]);
    expect(messagesOf(out)).toHaveLength(1);
    expect(coverageOf(out).map((line) => line.count)).toEqual([1]);
  });

  test("ExchangeStage does not hold more than 64 messages", () => {
    const { up } = pair();
    const out = run(
      Array.from({ length: 64 }, (_, id) => message(up, id, hover(id), { mcp: false })),
    );
    expect(coverageOf(out).map((line) => line.count)).toEqual([64]);
  });

  test("ExchangeStage does not hold more than 1 MiB", () => {
    const { up } = pair();
    const text = "x".repeat(600_000);
    const out = run([1, 2].map((id) => message(up, id, request(id, "acme/do", { text }))));
    expect(coverageOf(out).map((line) => line.count)).toEqual([2]);
  });

  test("ExchangeStage shows everything at once with allJsonrpc", () => {
    const { up, down } = pair();
    const stage = new ExchangeStage({ allJsonrpc: true });
    const out = run([message(up, 1, hover(1), { mcp: false }), message(down, 2, result(1))], stage);
    expect(messagesOf(out).map((line) => line.flags)).toEqual([["late_attach"], ["late_attach"]]);
    expect(callsOf(out)).toHaveLength(1);
  });

  test("ExchangeStage.end gives out what is held", () => {
    const { down } = pair();
    const stage = new ExchangeStage({ allJsonrpc: false });
    stage.push(message(down, 1, result(5)));
    expect(messagesOf(stage.end())).toHaveLength(1);
  });
});
