import { describe, expect, test } from "bun:test";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import type { MessageItem } from "../../../src/message/types.ts";
import {
  callsOf,
  channel,
  closed,
  coverageOf,
  exited,
  INITIALIZE,
  INITIALIZED,
  killed,
  MS,
  message,
  notification,
  pair,
  process,
  request,
  result,
  run,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";

describe("ExchangeStage ends sessions", () => {
  const talk = (p: ReturnType<typeof pair>) => [
    message(p.up, 1, INITIALIZE),
    message(p.down, 2, INITIALIZED),
  ];

  test("ExchangeStage gives the server's exit code, after its last answer was read [stdio/shutdown]", () => {
    const p = pair();
    const out = run([
      ...talk(p),
      message(p.up, 3, request(1, "tools/list")),
      exited(p.server, 10, 0),
      message(p.down, 11, result(1, { tools: [] })),
      closed(p.up, 12),
      closed(p.down, 13),
      tick(10 * SECOND),
    ]);
    expect(callsOf(out).map((call) => call.outcome)).toEqual(["ok", "ok"]);
    expect(sessionsOf(out).at(-1)).toMatchObject({
      event: "end",
      messages: 4,
      openCalls: 0,
      session: { endReason: "server exited with code 0", endNs: 11 },
    });
    expect(sessionsOf(out).filter((line) => line.event === "end")).toHaveLength(1);
  });

  test("ExchangeStage names the signal of the end that went first, and its open calls [stdio/shutdown]", () => {
    const p = pair();
    const out = run([
      ...talk(p),
      message(p.up, 3, request(1, "tools/call", { name: "a" })),
      message(p.up, 4, request(2, "tools/call", { name: "b" })),
      message(p.up, 5, notification("notifications/cancelled", { requestId: 2 })),
      killed(p.client, 10, 9),
      exited(p.server, 20, 1),
    ]);
    expect(out.slice(-3)).toMatchObject([
      { kind: "call", target: "a", outcome: "unanswered", timeNs: 10 },
      { kind: "call", target: "b", outcome: "cancelled" },
      {
        kind: "session",
        event: "end",
        openCalls: 1,
        session: { endReason: "client was killed by SIGKILL" },
      },
    ]);
  });

  test("ExchangeStage ends a session 2 s after a process that is gone, without its channels' ends", () => {
    const p = pair();
    const stage = new ExchangeStage({ allJsonrpc: false });
    const before = run([...talk(p), killed(p.server, SECOND, 15), tick(2 * SECOND)], stage);
    expect(sessionsOf(before).map((line) => line.event)).toEqual(["start", "update"]);
    const after = run([tick(4 * SECOND)], stage);
    expect(sessionsOf(after).map((line) => line.session.endReason)).toEqual([
      "server was killed by SIGTERM",
    ]);
    expect(stage.residue).toBe(0);
  });

  test.each([
    ["up", "client closed its end"],
    ["down", "server closed its output"],
  ] as const)("ExchangeStage says who closed first when nobody exits: %s", (first, reason) => {
    const p = pair();
    const second = first === "up" ? "down" : "up";
    const out = run([
      ...talk(p),
      closed(p[first], 10),
      closed(p[second], 11),
      tick(100 * MS),
      tick(SECOND),
    ]);
    expect(sessionsOf(out).at(-1)?.session).toMatchObject({ endReason: reason, endNs: 11 });
  });

  test("ExchangeStage waits for an exit that comes shortly after the channels closed", () => {
    const p = pair();
    const out = run([
      ...talk(p),
      closed(p.up, 10),
      closed(p.down, 11),
      exited(p.server, 12, 3),
      tick(SECOND),
    ]);
    expect(sessionsOf(out).at(-1)?.session.endReason).toBe("server exited with code 3");
  });

  test("ExchangeStage keeps a session whose client closed its end and waits for an answer", () => {
    const p = pair();
    const out = run([
      ...talk(p),
      message(p.up, 3, request(1, "tools/call", { name: "slow" })),
      closed(p.up, 4),
      tick(100 * SECOND),
      message(p.down, 101 * SECOND, result(1)),
    ]);
    expect(callsOf(out).map((call) => call.outcome)).toEqual(["ok", "ok"]);
    expect(sessionsOf(out).map((line) => line.event)).toEqual(["start", "update"]);
  });

  test("ExchangeStage hears a message that is read after its writer has long gone", () => {
    const writer = process(1);
    const server = process(2);
    const up = channel("up", writer, server);
    const stage = new ExchangeStage({ allJsonrpc: false });
    const out = run(
      [
        exited(writer, 1, 0),
        message(up, 60 * SECOND, INITIALIZE),
        closed(up, 61 * SECOND),
        exited(server, 62 * SECOND, 0),
      ],
      stage,
    );
    expect(sessionsOf(out).map((line) => line.event)).toEqual(["start", "end"]);
    expect(callsOf(out).map((call) => call.outcome)).toEqual(["unanswered"]);
    expect(stage.residue).toBe(0);
  });

  test("ExchangeStage.end ends what is closing and lists the open calls of what lives on", () => {
    const live = pair(10);
    const dying = pair(20);
    const stage = new ExchangeStage({ allJsonrpc: false });
    run(
      [
        ...talk(live),
        ...talk(dying),
        message(live.up, 3, request("x", "tools/call", { name: "t" }), { sentNs: 2 }),
        exited(dying.server, 5, 0),
      ],
      stage,
    );
    const ended = sessionsOf(stage.end());
    expect(ended.map((line) => [line.event, line.session.id])).toEqual([["end", "pipe:20"]]);
    expect(stage.openCalls()).toMatchObject([
      {
        session: { id: "pipe:10" },
        method: "tools/call",
        target: "t",
        idText: '"x"',
        sinceNs: 2,
      },
    ]);
  });

  test.each(["exits", "channel ends", "both"])(
    "ExchangeStage keeps nothing of 20,000 short sessions that end by %s",
    (how) => {
      const stage = new ExchangeStage({ allJsonrpc: false });
      let ends = 0;
      const feed = (items: readonly MessageItem[]) => {
        for (const item of items) {
          for (const line of stage.push(item)) {
            if (line.kind === "session" && line.event === "end") ends++;
          }
        }
      };
      for (let at = 0; at < 20_000; at++) {
        const p = pair(at * 2);
        const now = at * MS;
        feed([message(p.up, now, INITIALIZE), message(p.down, now + 1, INITIALIZED)]);
        feed([message(p.up, now + 2, request(1, "tools/call", { name: "t" }))]);
        if (how !== "channel ends")
          feed([exited(p.client, now + 3, 0), exited(p.server, now + 4, 0)]);
        if (how !== "exits") feed([closed(p.up, now + 5), closed(p.down, now + 6)]);
      }
      feed([tick(1_000 * SECOND)]);
      expect([ends, stage.residue, stage.openCalls().length]).toEqual([20_000, 0, 0]);
    },
  );

  test("ExchangeStage keeps nothing of JSON-RPC sessions that are not MCP [jsonrpc/others]", () => {
    const stage = new ExchangeStage({ allJsonrpc: false });
    for (let at = 0; at < 1_000; at++) {
      const p = pair(at * 2);
      const out = run(
        [
          message(p.up, at * SECOND, request(1, "textDocument/hover"), { mcp: false }),
          closed(p.up, at * SECOND + 1),
          exited(p.client, at * SECOND + 2, 0),
        ],
        stage,
      );
      expect(coverageOf(out).map((line) => line.count)).toEqual([1]);
    }
    expect(stage.residue).toBe(0);
  });
});
