import { describe, expect, test } from "bun:test";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import type { ExchangeItem, WaitingLine } from "../../../src/exchange/types.ts";
import type { MessageItem } from "../../../src/message/types.ts";
import {
  closed,
  exited,
  INITIALIZE,
  INITIALIZED,
  message,
  notification,
  pair,
  request,
  result,
  run,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";

function waitingOf(items: readonly ExchangeItem[]): readonly WaitingLine[] {
  return items.filter((item) => item.kind === "waiting");
}

/** Each second of time, as the live run has them. */
function seconds(from: number, to: number): MessageItem[] {
  return Array.from({ length: to - from + 1 }, (_, at) => tick((from + at) * SECOND));
}

describe("ExchangeStage says of a call that waits", () => {
  test("once, when it has waited for 10 s since it was sent [mcp/waits]", () => {
    const { up, down } = pair();
    const out = run([
      message(up, 2 * SECOND, request(1, "tools/call", { name: "slow" }), { sentNs: SECOND }),
      message(up, 3 * SECOND, request(2, "tools/call", { name: "quick" })),
      message(down, 4 * SECOND, result(2)),
      ...seconds(5, 40),
      message(down, 41 * SECOND, result(1)),
      ...seconds(42, 60),
    ]);
    expect(waitingOf(out)).toMatchObject([
      {
        method: "tools/call",
        target: "slow",
        direction: "client-to-server",
        sinceNs: SECOND,
        timeNs: 11 * SECOND,
        progressCount: 0,
      },
    ]);
  });

  test("in the order of time, before a later message", () => {
    const { up, down } = pair();
    const out = run([
      message(up, SECOND, request(1, "tools/call", { name: "slow" })),
      message(down, 30 * SECOND, result(1)),
    ]);
    expect(out.map((item) => item.kind)).toEqual([
      "session",
      "message",
      "waiting",
      "message",
      "call",
    ]);
  });

  test("of a server's request to its client, and how much progress a call has reported", () => {
    const { up, down } = pair();
    const progress = notification("notifications/progress", { progressToken: "p", progress: 1 });
    const asked = request(1, "tools/call", { name: "slow", _meta: { progressToken: "p" } });
    const out = run([
      message(up, 0, INITIALIZE),
      message(down, 1, INITIALIZED),
      message(up, SECOND, asked),
      message(down, 2 * SECOND, progress),
      message(down, 2 * SECOND, progress),
      message(down, 3 * SECOND, request(1, "elicitation/create")),
      ...seconds(4, 20),
    ]);
    expect(waitingOf(out).map((line) => [line.method, line.direction, line.progressCount])).toEqual(
      [
        ["tools/call", "client-to-server", 2],
        ["elicitation/create", "server-to-client", 0],
      ],
    );
  });

  test("but not of one that was cancelled, nor of a subscription", () => {
    const { up } = pair();
    const out = run([
      message(up, 0, request(1, "tools/call", { name: "slow" })),
      message(up, 1, notification("notifications/cancelled", { requestId: 1 })),
      message(up, 2, request(2, "subscriptions/listen")),
      ...seconds(1, 30),
    ]);
    expect(waitingOf(out)).toEqual([]);
  });
});

describe("ExchangeStage names", () => {
  test("the calls that a session leaves without an answer, at its end [mcp/unanswered]", () => {
    const { up, down, server } = pair();
    const out = run([
      message(up, SECOND, request(1, "tools/call", { name: "dead" })),
      message(up, SECOND, request("b", "tools/list")),
      message(up, SECOND, request(3, "tools/call", { name: "given up" })),
      message(up, SECOND, notification("notifications/cancelled", { requestId: 3 })),
      exited(server, 3 * SECOND, 1),
      closed(up, 3 * SECOND),
      closed(down, 3 * SECOND),
      tick(10 * SECOND),
    ]);
    const end = sessionsOf(out).find((line) => line.event === "end");
    expect(end?.openCalls).toBe(2);
    expect(end?.unanswered).toMatchObject([
      { method: "tools/call", target: "dead", idText: "1", sinceNs: SECOND, endNs: 3 * SECOND },
      { method: "tools/list", target: undefined, idText: '"b"' },
    ]);
  });

  test("none at the end of a session that answered everything", () => {
    const { up, down, server } = pair();
    const stage = new ExchangeStage({ allJsonrpc: false });
    const items = [
      message(up, 1, request(1, "tools/list")),
      message(down, 2, result(1, { tools: [] })),
      exited(server, 3, 0),
      closed(up, 4),
      closed(down, 4),
      tick(10 * SECOND),
    ];
    const end = sessionsOf(run(items, stage)).at(-1);
    expect(end).toMatchObject({ event: "end", openCalls: 0 });
    expect(end).not.toHaveProperty("unanswered");
  });
});
