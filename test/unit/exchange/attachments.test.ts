import { describe, expect, test } from "bun:test";
import { callsOf, message, messagesOf, notification, pair, request, result, run } from "./build.ts";

/** A call with a progress token, or none. */
function call(id: number | string, name: string, meta?: unknown) {
  return request(id, "tools/call", meta === undefined ? { name } : { name, _meta: meta });
}

describe("ExchangeStage attaches progress", () => {
  test("ExchangeStage attaches progress to the call that gave the token, typed [mcp/progress]", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, call(10, "number", { progressToken: 1 })),
      message(up, 2, call(11, "string", { progressToken: "1" })),
      message(down, 3, notification("notifications/progress", { progressToken: "1", progress: 1 })),
      message(down, 4, notification("notifications/progress", { progressToken: 1, progress: 1 })),
      message(down, 5, notification("notifications/progress", { progressToken: 1, progress: 2 })),
      message(down, 6, notification("notifications/progress", { progressToken: 9, progress: 2 })),
      message(down, 7, result(10)),
      message(down, 8, result(11)),
    ]);
    const progress = messagesOf(out).slice(2, 6);
    expect(progress.map((line) => [line.callId, line.target])).toEqual([
      ["11", "string"],
      ["10", "number"],
      ["10", "number"],
      [undefined, undefined],
    ]);
    expect(callsOf(out).map((line) => [line.target, line.progressCount])).toEqual([
      ["number", 2],
      ["string", 1],
    ]);
  });

  test("ExchangeStage does not attach progress to a call of the same sender", () => {
    const { up } = pair();
    const out = run([
      message(up, 1, call(1, "t", { progressToken: 1 })),
      message(up, 2, notification("notifications/progress", { progressToken: 1, progress: 1 })),
    ]);
    expect(messagesOf(out)[1]?.callId).toBeUndefined();
  });
});

describe("ExchangeStage attaches cancellations", () => {
  test("ExchangeStage pairs an answer that comes after the cancellation, and the call stays cancelled [mcp/cancelled]", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, call("a", "t")),
      message(up, 2, notification("notifications/cancelled", { requestId: "a" })),
      message(down, 3, result("a")),
    ]);
    expect(messagesOf(out).map((line) => [line.callId, line.target])).toEqual([
      [undefined, "t"],
      ['"a"', "t"],
      [undefined, "t"],
    ]);
    expect(callsOf(out).map((line) => line.outcome)).toEqual(["cancelled"]);
  });

  test("ExchangeStage takes a cancellation that comes too late for none of the peer's calls with that id", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(1, "tools/call", { name: "slow" })),
      message(down, 2, request(1, "sampling/createMessage")),
      message(up, 3, result(1)),
      message(down, 4, notification("notifications/cancelled", { requestId: 1 })),
      message(down, 5, result(1, { content: [] })),
    ]);
    expect(messagesOf(out).map((line) => line.callId)).toEqual(new Array(5).fill(undefined));
    expect(callsOf(out).map((line) => line.outcome)).toEqual(["ok", "ok"]);
  });

  test("ExchangeStage attaches a modern server's cancellation to the client's listen", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(5, "subscriptions/listen")),
      message(down, 2, notification("notifications/cancelled", { requestId: 5 })),
    ]);
    expect(messagesOf(out)[1]?.callId).toBe("5");
  });

  test("ExchangeStage does not mistake 1 for the string 1", () => {
    const { up } = pair();
    const out = run([
      message(up, 1, call(1, "t")),
      message(up, 2, notification("notifications/cancelled", { requestId: "1" })),
    ]);
    expect(messagesOf(out)[1]?.callId).toBeUndefined();
  });
});

describe("ExchangeStage attaches log lines", () => {
  const log = notification("notifications/message", { level: "info", data: "x" });

  test("ExchangeStage attaches a log line to the only open call [mcp/message]", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, call(1, "a")),
      message(down, 2, log),
      message(up, 3, call(2, "b")),
      message(down, 4, log),
      message(down, 5, result(1)),
      message(down, 6, log),
      message(down, 7, result(2)),
      message(down, 8, log),
    ]);
    const logs = messagesOf(out).filter((line) => line.message.method === "notifications/message");
    expect(logs.map((line) => line.callId)).toEqual(["1", undefined, "2", undefined]);
    expect(callsOf(out).map((line) => line.logCount)).toEqual([1, 1]);
  });

  test("ExchangeStage attaches a log line by its reference where it has one", () => {
    const { up, down } = pair();
    const related = notification("notifications/message", {
      level: "info",
      data: "x",
      _meta: { "io.modelcontextprotocol/subscriptionId": 2 },
    });
    const out = run([
      message(up, 1, call(1, "a")),
      message(up, 2, request(2, "subscriptions/listen")),
      message(down, 3, related),
    ]);
    expect(messagesOf(out)[2]?.callId).toBe("2");
  });

  test("ExchangeStage attaches what a subscription delivers to its listen [mcp/listen]", () => {
    const { up, down } = pair();
    const updated = notification("notifications/resources/updated", {
      uri: "file:///a",
      _meta: { "io.modelcontextprotocol/subscriptionId": "sub" },
    });
    const out = run([
      message(up, 1, request("sub", "subscriptions/listen")),
      message(down, 2, updated),
    ]);
    expect(messagesOf(out)[1]).toMatchObject({ callId: '"sub"', target: "file:///a" });
  });
});

describe("ExchangeStage attaches tasks", () => {
  test.each([
    ["2025-11-25", { task: { taskId: "t-1", status: "working" } }],
    ["ext-tasks", { resultType: "task", taskId: "t-1", status: "working" }],
  ])("ExchangeStage finds the call that made a task: %s", (_, created) => {
    const { up, down } = pair();
    const related = { "io.modelcontextprotocol/related-task": { taskId: "t-1" } };
    const out = run([
      message(up, 1, call(1, "slow", { progressToken: "p" })),
      message(down, 2, result(1, created)),
      message(down, 3, notification("notifications/tasks/status", { taskId: "t-1" })),
      message(down, 4, notification("notifications/progress", { progressToken: "p" })),
      message(up, 5, request(2, "tasks/get", { taskId: "t-1" })),
      message(down, 6, notification("notifications/message", { data: 1, _meta: related })),
      message(down, 7, request(1, "elicitation/create", { _meta: related })),
      message(down, 8, notification("notifications/tasks/status", { taskId: "t-2" })),
    ]);
    expect(
      messagesOf(out)
        .slice(2)
        .map((line) => [line.callId, line.target]),
    ).toEqual([
      ["1", "slow"],
      ["1", "slow"],
      ["1", "slow"],
      ["1", "slow"],
      ["1", "slow"],
      [undefined, undefined],
    ]);
  });
});

describe("ExchangeStage chains input_required answers", () => {
  const ask = (id: number, state?: string) =>
    result(id, { resultType: "input_required", inputRequests: {}, requestState: state });
  const retry = (id: number, name: string, extra: unknown) =>
    request(id, "tools/call", Object.assign({ name }, extra));

  test("ExchangeStage joins a chain by its state, over several rounds [mcp/input-required]", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, call(1, "a")),
      message(up, 2, call(2, "a")),
      message(down, 3, ask(1, "one")),
      message(down, 4, ask(2, "two")),
      message(up, 5, retry(3, "a", { inputResponses: {}, requestState: "one" })),
      message(down, 6, ask(3, "one-b")),
      message(up, 7, retry(4, "a", { requestState: "one-b" })),
      message(up, 8, retry(5, "a", { requestState: "two" })),
      message(down, 9, result(4)),
      message(down, 10, result(5)),
    ]);
    expect(messagesOf(out).map((line) => line.chain)).toEqual([
      undefined,
      undefined,
      "1",
      "2",
      "1",
      "1",
      "1",
      "2",
      "1",
      "2",
    ]);
    expect(callsOf(out).map((line) => [line.outcome, line.chain])).toEqual([
      ["input_required", "1"],
      ["input_required", "2"],
      ["input_required", "1"],
      ["ok", "1"],
      ["ok", "2"],
    ]);
  });

  test("ExchangeStage joins a chain without a state by method and name", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, call(1, "a")),
      message(down, 2, ask(1)),
      message(up, 3, call(2, "a")),
      message(up, 4, retry(3, "b", { inputResponses: {} })),
      message(up, 5, retry(4, "a", { inputResponses: {} })),
      message(up, 6, retry(5, "a", { inputResponses: {} })),
    ]);
    expect(messagesOf(out).map((line) => line.chain)).toEqual([
      undefined,
      "1",
      undefined,
      undefined,
      "1",
      undefined,
    ]);
  });

  test("ExchangeStage puts progress of a chained call on the chain", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, call(1, "a")),
      message(down, 2, ask(1, "s")),
      message(up, 3, retry(2, "a", { requestState: "s", _meta: { progressToken: 5 } })),
      message(down, 4, notification("notifications/progress", { progressToken: 5 })),
    ]);
    expect(messagesOf(out)[3]).toMatchObject({ callId: "2", chain: "1" });
  });
});
