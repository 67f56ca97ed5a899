import { describe, expect, test } from "bun:test";
import { LatencyHistogram } from "../../../src/exchange/latency-histogram.ts";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import { SummaryCollector } from "../../../src/exchange/summary.ts";
import type { MessageItem } from "../../../src/message/types.ts";
import { CAPTURE } from "../sinks/items.ts";
import {
  closed,
  exited,
  INITIALIZE,
  INITIALIZED,
  MS,
  message,
  notification,
  pair,
  process,
  request,
  result,
  run,
  SECOND,
  tick,
} from "./build.ts";
import { answer, ask, connect, over, received, sent } from "./http-build.ts";

function collect(items: readonly MessageItem[]) {
  const stage = new ExchangeStage({ allJsonrpc: false });
  const collector = new SummaryCollector(stage, { startNs: 1_000 * MS, replay: false });
  collector.observe(run(items, stage));
  return collector;
}

describe("SummaryCollector", () => {
  test("SummaryCollector.make adds up a run", () => {
    const p = pair();
    const call = (id: number, name: string) => request(id, "tools/call", { name });
    const at = (ms: number) => (1_000 + ms) * MS;
    const summary = collect([
      message(p.up, at(0), INITIALIZE),
      message(p.down, at(10), INITIALIZED),
      message(p.up, at(20), call(1, "echo")),
      message(p.down, at(50), result(1)),
      message(p.up, at(60), call(2, "echo")),
      message(p.down, at(160), result(2, { isError: true })),
      message(p.up, at(170), call(3, "echo")),
      { kind: "noise", channel: p.down, bytes: 12, of: "text" },
      { kind: "loss", channel: p.up, bytes: 5, reason: "ring_full", timeNs: at(180) },
      { kind: "loss", channel: undefined, bytes: 6, reason: "ring_full", timeNs: at(181) },
      { kind: "loss", channel: p.up, bytes: 7, reason: "unread", timeNs: at(182) },
      { kind: "loss", channel: p.down, bytes: 8, reason: "unfinished_line", timeNs: at(183) },
    ]).make(CAPTURE, "signal", at(2_000));
    expect(summary).toEqual({
      kind: "summary",
      startNs: 1_000_000_000,
      timeNs: 3_000_000_000,
      durationMs: 2_000,
      replay: false,
      capture: CAPTURE,
      messages: 7,
      messageBytes: 604,
      byType: { request: 4, notification: 0, response: 3, error: 0 },
      toolErrors: 1,
      sessions: 1,
      calls: [
        {
          server: "srv",
          transport: "stdio",
          method: "tools/call",
          target: "echo",
          calls: 2,
          errors: 1,
          cancelled: 0,
          unanswered: 0,
          open: 1,
          p50Ms: 30,
          p95Ms: 100,
        },
        {
          server: "srv",
          transport: "stdio",
          method: "initialize",
          target: undefined,
          calls: 1,
          errors: 0,
          cancelled: 0,
          unanswered: 0,
          open: 0,
          p50Ms: 10,
          p95Ms: 10,
        },
      ],
      callsFinished: 3,
      callsUnanswered: 0,
      callsUnheard: 0,
      callsCancelled: 0,
      unansweredCalls: [],
      openCalls: [
        {
          session: expect.objectContaining({ id: "pipe:100" }),
          method: "tools/call",
          target: "echo",
          idText: "3",
          sinceNs: at(170),
        },
      ],
      loss: {
        ring_full: 11,
        fault: 0,
        call_too_large: 0,
        cut_by_gap: 0,
        line_too_long: 0,
        started_before_attach: 0,
        unfinished_line: 8,
        unseen_read: 0,
        unread: 7,
        memory_limit: 0,
      },
      lossBytes: 11,
      // nobody read it, or nobody finished it
      peerLossBytes: 15,
      noiseBytes: 12,
      noise: [],
      httpBytes: 0,
      skippedBytes: 0,
      httpExchanges: 0,
      coverage: {},
      endedBy: "signal",
    });
  });

  test("SummaryCollector counts calls over HTTP apart, exchanges that failed, and what connections carried beside", () => {
    const connection = connect(process(1), process(2));
    const exchange = ask(connection);
    const failed = ask(connection);
    const asked = sent(exchange, MS, INITIALIZE);
    answer(exchange, 200);
    answer(failed, 401);
    const summary = collect([
      { kind: "noise", channel: connection.up, bytes: 90, of: "http" },
      asked,
      received(exchange, 2 * MS, INITIALIZED),
      { kind: "noise", channel: connection.down, bytes: 40, of: "skipped" },
      over(exchange, 3 * MS),
      over(failed, 4 * MS),
    ]).make(CAPTURE, "signal", SECOND);
    expect(summary).toMatchObject({
      httpBytes: 90,
      skippedBytes: 40,
      noiseBytes: 0,
      noise: [],
      httpExchanges: 1,
      calls: [{ server: "srv", transport: "http", method: "initialize", calls: 1 }],
    });
  });

  test("SummaryCollector counts a call without an answer, but not as finished", () => {
    const p = pair();
    const summary = collect([
      message(p.up, 1, request(1, "tools/call", { name: "t" })),
      exited(p.server, 2, 0),
      closed(p.up, 3),
      closed(p.down, 3),
      // a dead server may have left an answer: that is waited for
      tick(6_000 * MS),
    ]);
    const made = summary.make(undefined, "end_of_input", 1_000 * MS);
    expect([
      made.callsFinished,
      made.callsUnanswered,
      made.calls[0]?.calls,
      made.calls[0]?.p50Ms,
    ]).toEqual([0, 1, 1, undefined]);
    expect(made.calls[0]).toMatchObject({ unanswered: 1, cancelled: 0, open: 0 });
    expect(made.unansweredCalls).toMatchObject([
      { method: "tools/call", target: "t", idText: "1", sinceNs: 1 },
    ]);
    expect(made.unansweredCalls[0]?.session.endReason).toBe("server exited with code 0");
  });

  test("SummaryCollector names the first hundred calls without an answer, by ids of a bounded length", () => {
    const p = pair();
    const ids = ["x".repeat(1_000), ...Array.from({ length: 120 }, (_, at) => at)];
    const made = collect([
      ...ids.map((id, at) => message(p.up, at, request(id, "tools/call", { name: "t" }))),
      exited(p.server, 200, 0),
      closed(p.up, 201),
      closed(p.down, 201),
      tick(6_000 * MS),
    ]).make(undefined, "end_of_input", 6_000 * MS);
    expect([made.callsUnanswered, made.unansweredCalls.length]).toEqual([121, 100]);
    expect(made.unansweredCalls.slice(0, 2).map((call) => call.idText)).toEqual([undefined, "0"]);
  });

  test("SummaryCollector keeps a cancelled call out of the percentiles, answered or not", () => {
    const p = pair();
    const call = (id: number) => request(id, "tools/call", { name: "t" });
    const cancel = (requestId: number) => notification("notifications/cancelled", { requestId });
    const made = collect([
      message(p.up, 0, call(1)),
      message(p.down, 10 * MS, result(1)),
      message(p.up, 20 * MS, call(2)),
      message(p.up, 30 * MS, cancel(2)),
      message(p.down, 9_000 * MS, result(2)),
      message(p.up, 9_001 * MS, call(3)),
      message(p.up, 9_002 * MS, cancel(3)),
      exited(p.server, 9_003 * MS, 0),
      closed(p.up, 9_004 * MS),
      closed(p.down, 9_004 * MS),
      tick(20_000 * MS),
    ]).make(undefined, "signal", 20_000 * MS);
    expect(made.calls).toEqual([
      expect.objectContaining({ calls: 3, cancelled: 2, unanswered: 0, p50Ms: 10, p95Ms: 10 }),
    ]);
    expect(made).toMatchObject({ callsFinished: 1, callsUnanswered: 2, callsCancelled: 2 });
    expect(made.unansweredCalls).toEqual([]);
  });

  test("SummaryCollector has a row for a tool that was asked and never answered", () => {
    const p = pair();
    const made = collect([message(p.up, 1, request(1, "tools/call", { name: "hangs" }))]).make(
      undefined,
      "signal",
      SECOND,
    );
    expect(made.calls).toEqual([
      expect.objectContaining({ target: "hangs", calls: 0, open: 1, p50Ms: undefined }),
    ]);
  });

  test("SummaryCollector adds up coverage by reason", () => {
    const collector = collect([]);
    const line = { kind: "coverage", channel: undefined, process: undefined, bytes: 0 } as const;
    collector.observe([
      { ...line, reason: "datagram", timeNs: 1 },
      { ...line, reason: "jsonrpc_not_mcp", count: 40, timeNs: 1 },
      { ...line, reason: "jsonrpc_not_mcp", count: 2, timeNs: 2 },
    ]);
    expect(collector.make(undefined, "signal", 1_000 * MS).coverage).toEqual({
      datagram: 1,
      jsonrpc_not_mcp: 42,
    });
  });

  test("SummaryCollector keeps 10,000 rows and puts the rest under (other)", () => {
    const p = pair();
    const items = Array.from({ length: 10_500 }, (_, at) => [
      message(p.up, at, request(1, "tools/call", { name: `t${at}` })),
      message(p.down, at + 1, result(1)),
    ]).flat();
    const { calls } = collect(items).make(undefined, "signal", 1_000 * MS);
    expect(calls).toHaveLength(10_001);
    expect(calls.at(-1)).toMatchObject({ server: "(other)", method: "(other)", calls: 500 });
  });
});

describe("LatencyHistogram", () => {
  test("LatencyHistogram.percentile is at most 2.3 % off", () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 10_000; ms++) histogram.add(ms);
    for (const share of [0.01, 0.5, 0.9, 0.95, 0.99]) {
      const exact = share * 10_000;
      const found = histogram.percentile(share) ?? 0;
      expect(Math.abs(found - exact) / exact).toBeLessThan(0.023);
    }
    expect([histogram.percentile(0), histogram.percentile(1)]).toEqual([1, 10_000]);
  });

  test("LatencyHistogram takes zero and very long durations", () => {
    const histogram = new LatencyHistogram();
    for (const ms of [0, 0.0001, 3.6e9]) histogram.add(ms);
    expect([histogram.percentile(0.5), histogram.percentile(1)]).toEqual([0.001, 3.6e9]);
  });

  test("LatencyHistogram without values has no percentile", () => {
    expect(new LatencyHistogram().percentile(0.5)).toBeUndefined();
  });
});
