import { describe, expect, test } from "bun:test";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import {
  callsOf,
  closed,
  coverageOf,
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
  SECOND,
} from "./build.ts";

/** method or id of the request that each message answers, and its id. */
function pairsOf(items: readonly ExchangeItem[]) {
  return callsOf(items).map((call) => [call.request.idText, call.response?.idText, call.target]);
}

describe("ExchangeStage pairs requests and answers", () => {
  test("ExchangeStage keeps 1 and the string 1 apart [jsonrpc/id]", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(1, "tools/call", { name: "number" })),
      message(up, 2, request("1", "tools/call", { name: "string" })),
      message(down, 3, result("1")),
      message(down, 4, result(1)),
    ]);
    expect(pairsOf(out)).toEqual([
      ['"1"', '"1"', "string"],
      ["1", "1", "number"],
    ]);
  });

  test.each([
    ['"caf\\u00e9"', '"café"'],
    ["1.0", "1"],
    ["0", "0"],
    ["-1", "-1"],
    ["1.5", "1.5"],
    ["null", "null"],
    ["9007199254740993", "9007199254740992"],
  ])("ExchangeStage pairs id %s with an answer to %s", (asked, answered) => {
    const { up, down } = pair();
    const call = { ...message(up, 1, request(1, "ping")), idText: asked };
    const answer = { ...message(down, 2, result(1)), idText: answered };
    expect(pairsOf(run([call, answer]))).toEqual([[asked, answered, undefined]]);
  });

  test("ExchangeStage pairs an id that is used again after its answer", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(1, "tools/call", { name: "a" })),
      message(down, 2, result(1)),
      message(up, 3, request(1, "tools/call", { name: "b" })),
      message(down, 4, result(1)),
    ]);
    expect(pairsOf(out)).toEqual([
      ["1", "1", "a"],
      ["1", "1", "b"],
    ]);
  });

  test("ExchangeStage answers an id that waits three times in the order of its requests", () => {
    const { up, down } = pair();
    const names = ["a", "b", "c"];
    const out = run([
      ...names.map((name, at) => message(up, at, request(1, "tools/call", { name }))),
      ...names.map((_, at) => message(down, 10 + at, result(1))),
    ]);
    expect(callsOf(out).map((call) => [call.target, call.timeNs])).toEqual([
      ["a", 10],
      ["b", 11],
      ["c", 12],
    ]);
  });

  test("ExchangeStage states no duration of equal ids in flight, and flags every answer [mcp/equal-ids]", () => {
    const { up, down } = pair();
    const out = run([
      ...["a", "b", "c"].map((name, at) => message(up, at, request(1, "tools/call", { name }))),
      message(down, 10 * MS, result(1), { sentNs: 9 * MS }),
      message(down, 11 * MS, result(1)),
      message(down, 12 * MS, result(1)),
      message(up, 20 * MS, request(1, "tools/call", { name: "d" })),
      message(down, 21 * MS, result(1)),
    ]);
    const answers = messagesOf(out).filter((line) => line.message.method === undefined);
    expect(answers.map((line) => [line.flags, line.durationMs, line.serverMs])).toEqual([
      ...Array(3).fill([["ambiguous_id"], undefined, undefined]),
      [[], 1, undefined],
    ]);
    expect(callsOf(out).map((call) => [call.isAmbiguous, call.durationMs])).toEqual([
      ...Array(3).fill([true, undefined]),
      [undefined, 1],
    ]);
  });

  test("ExchangeStage gives an id that is used again to the call whose result it can be [mcp/equal-ids]", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1 * MS, request(1, "tools/call", { name: "slow" })),
      message(up, 2 * MS, request(1, "tools/list")),
      message(down, 5 * MS, result(1, { tools: [] })),
      message(down, 9 * MS, result(1, { content: [] })),
    ]);
    const answers = messagesOf(out).filter((line) => line.message.method === undefined);
    expect(answers.map((line) => [line.request?.method, line.durationMs, line.flags])).toEqual([
      ["tools/list", 3, []],
      ["tools/call", 8, []],
    ]);
  });

  test.each([
    ["an error", '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'],
    ["a result of both", result(1, { tools: [], content: [] })],
    ["a result of neither", result(1, {})],
  ])("ExchangeStage flags equal ids of different methods that are answered by %s", (_, answer) => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(1, "tools/call", { name: "t" })),
      message(up, 2, request(1, "tools/list")),
      message(down, 3, answer),
      message(down, 4, result(1, { tools: [] })),
    ]);
    const answers = messagesOf(out).filter((line) => line.message.method === undefined);
    expect(answers.map((line) => [line.request?.method, line.flags])).toEqual([
      ["tools/call", ["ambiguous_id"]],
      ["tools/list", ["ambiguous_id"]],
    ]);
  });

  test("ExchangeStage takes what was cancelled last of the calls with one id", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(1, "tools/call", { name: "given up" })),
      message(up, 2, notification("notifications/cancelled", { requestId: 1 })),
      message(up, 3, request(1, "tools/call", { name: "again" })),
      message(down, 4, result(1)),
    ]);
    expect(callsOf(out).map((call) => [call.target, call.outcome, call.isAmbiguous])).toEqual([
      ["again", "ok", true],
    ]);
  });

  test("ExchangeStage keeps both directions' ids apart", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, INITIALIZE),
      message(down, 2, INITIALIZED),
      message(up, 3, request(1, "tools/call", { name: "t" })),
      message(down, 4, request(1, "sampling/createMessage")),
      message(up, 5, result(1, { from: "client" })),
      message(down, 6, result(1, { from: "server" })),
    ]);
    const calls = callsOf(out).slice(1);
    expect(calls.map((call) => [call.method, call.direction, call.response?.resultText])).toEqual([
      ["sampling/createMessage", "server-to-client", '{"from":"client"}'],
      ["tools/call", "client-to-server", '{"from":"server"}'],
    ]);
  });

  test("ExchangeStage shows the request and its target on the answer", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(1, "resources/read", { uri: "file:///a" })),
      message(down, 2, result(1, { contents: [] })),
    ]);
    expect(messagesOf(out).map((line) => [line.request, line.target])).toEqual([
      [undefined, "file:///a"],
      [
        { method: "resources/read", paramsText: '{"uri":"file:///a"}', target: "file:///a" },
        "file:///a",
      ],
    ]);
  });

  test("ExchangeStage pairs an answer that comes after an hour", () => {
    const { up, down } = pair();
    const out = run([
      message(up, SECOND, request(1, "tools/call", { name: "slow" })),
      { kind: "tick", timeNs: 1_800 * SECOND },
      message(down, 3_601 * SECOND, result(1)),
    ]);
    expect(callsOf(out).map((call) => [call.outcome, call.durationMs])).toEqual([
      ["ok", 3_600_000],
    ]);
  });

  test("ExchangeStage flags an answer without a request", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, INITIALIZE),
      message(down, 2, INITIALIZED),
      message(down, 3, result(77)),
    ]);
    expect(messagesOf(out).map((line) => line.flags)).toEqual([[], [], ["unmatched_response"]]);
    expect(callsOf(out)).toHaveLength(1);
  });

  test.each([
    [result(1, { content: [] }), "ok"],
    [result(1, { content: [], isError: true }), "tool_error"],
    [result(1, { resultType: "input_required" }), "input_required"],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}', "error"],
  ])("ExchangeStage reads the outcome of %s as %s", (answer, outcome) => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(1, "tools/call", { name: "t" })),
      message(down, 2, answer),
    ]);
    expect(callsOf(out).map((call) => String(call.outcome))).toEqual([outcome]);
  });
});

describe("ExchangeStage measures", () => {
  test("ExchangeStage gives duration, server time and queue time from both notes", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 12 * MS, request(1, "tools/list"), { sentNs: 10 * MS }),
      message(down, 40 * MS, result(1, { tools: [] }), { sentNs: 35 * MS }),
    ]);
    const [asked, answered] = messagesOf(out);
    expect([asked?.durationMs, asked?.serverMs, asked?.queuedMs]).toEqual([
      undefined,
      undefined,
      2,
    ]);
    expect([answered?.durationMs, answered?.serverMs, answered?.queuedMs]).toEqual([30, 23, 5]);
  });

  test("ExchangeStage leaves server and queue time out where the note is missing", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 12 * MS, request(1, "tools/list")),
      message(down, 40 * MS, result(1, { tools: [] })),
    ]);
    const answered = messagesOf(out)[1];
    expect([answered?.durationMs, answered?.serverMs, answered?.queuedMs]).toEqual([
      28,
      undefined,
      undefined,
    ]);
  });

  test("ExchangeStage leaves a time out that an inconsistent note would make negative", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 12 * MS, request(1, "tools/list"), { sentNs: 50 * MS }),
      message(down, 40 * MS, result(1, { tools: [] }), { sentNs: 5 * MS }),
    ]);
    const answered = messagesOf(out)[1];
    expect(messagesOf(out)[0]?.queuedMs).toBeUndefined();
    expect([answered?.durationMs, answered?.serverMs, answered?.queuedMs]).toEqual([
      undefined,
      undefined,
      35,
    ]);
  });
});

describe("ExchangeStage bounds what waits", () => {
  test("ExchangeStage gives up the oldest call over the limit and says so", () => {
    const { up, down } = pair();
    const stage = new ExchangeStage({ allJsonrpc: false, maxWaitingCalls: 2 });
    const out = run(
      [
        ...[1, 2, 3, 4].map((id) => message(up, id, request(id, "tools/call", { name: `t${id}` }))),
        ...[1, 2, 3, 4].map((id) => message(down, 10 + id, result(id))),
        closed(up, 20),
        closed(down, 21),
        { kind: "tick", timeNs: 2 * SECOND },
      ],
      stage,
    );
    expect(pairsOf(out).map((call) => call[0])).toEqual(["3", "4"]);
    const unmatched = messagesOf(out).filter((line) => line.flags.includes("unmatched_response"));
    expect(unmatched.map((line) => line.message.idText)).toEqual(["1", "2"]);
    expect(coverageOf(out).map((line) => [line.reason, line.count])).toEqual([
      ["pending_limit", 1],
      ["pending_limit", 1],
    ]);
  });

  test("ExchangeStage keeps no parsed params of a call that waits: they would escape its bound", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 1, request(1, "tools/call", { name: "t", arguments: { a: [[], []] } })),
      message(down, 2, result(1)),
    ]);
    expect(callsOf(out).map((line) => [line.request.body, line.request.paramsText])).toEqual([
      [undefined, '{"name":"t","arguments":{"a":[[],[]]}}'],
    ]);
  });

  test("ExchangeStage takes bytes over the limit from the session that holds most", () => {
    const small = pair(10);
    const large = pair(20);
    const stage = new ExchangeStage({ allJsonrpc: false, maxWaitingBytes: 100_000 });
    const padding = "x".repeat(9_000);
    const out = run(
      [
        message(small.up, 1, request(1, "tools/call", { name: "small" })),
        ...Array.from({ length: 20 }, (_, at) =>
          message(large.up, 2 + at, request(at, "tools/call", { name: "large", padding })),
        ),
        message(small.down, 90, result(1)),
        message(large.down, 91, result(19)),
        message(large.down, 92, result(0)),
      ],
      stage,
    );
    expect(pairsOf(out)).toEqual([
      ["1", "1", "small"],
      ["19", "19", "large"],
    ]);
    expect(coverageOf(out)[0]?.reason).toBe("pending_limit");
  });

  test("ExchangeStage ends a cancelled call that is given up as cancelled, without coverage", () => {
    const { up } = pair();
    const stage = new ExchangeStage({ allJsonrpc: false, maxWaitingCalls: 1 });
    const out = run(
      [
        message(up, 1, request(1, "tools/call", { name: "a" })),
        message(
          up,
          2,
          '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
        ),
        message(up, 3, request(2, "tools/call", { name: "b" })),
      ],
      stage,
    );
    expect(callsOf(out).map((call) => [call.target, call.outcome])).toEqual([["a", "cancelled"]]);
    expect(coverageOf(out)).toEqual([]);
  });
});
