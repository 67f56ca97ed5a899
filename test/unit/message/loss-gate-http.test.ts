import { expect, test } from "bun:test";
import type { Channel, LossReason } from "../../../src/capture/types.ts";
import { FramingStage } from "../../../src/framing/framing-stage.ts";
import { LossGate } from "../../../src/message/loss-gate.ts";
import { MessageStage } from "../../../src/message/message-stage.ts";
import type { MessageItem } from "../../../src/message/types.ts";
import {
  answer,
  ConnectionRun,
  jsonAnswer,
  makeConnection,
  post,
  type Step,
} from "../framing/http-script.ts";
import { channelEnd, makeChannel } from "../framing/items.ts";

const CALL = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}';
const OTHER: readonly Step[] = [
  ["C", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["S", answer("200 OK", "<html>", "Content-Type: text/html")],
];
const LOST: readonly Step[] = [
  ["C", { lost: 300 }],
  ["S", { lost: 500 }],
];
const ENDS: readonly Step[] = [
  ["C", "end"],
  ["S", "end"],
];

/** The losses that come out of framing, message and gate, as [channel, reason, bytes]. */
function told(steps: readonly Step[], joined = true): unknown[] {
  const framing = new FramingStage();
  const connection = new ConnectionRun(makeConnection("tcp", false, joined), framing);
  const message = new MessageStage();
  const gate = new LossGate();
  const out: MessageItem[] = [];
  for (const step of steps) {
    for (const item of connection.step(step)) {
      for (const read of message.push(item)) out.push(...gate.push(read));
    }
  }
  return lossesOf([...out, ...gate.end()]);
}

function lossesOf(items: readonly MessageItem[]): unknown[] {
  return items.flatMap((item) =>
    item.kind === "loss" ? [[item.channel?.id, item.reason, item.bytes]] : [],
  );
}

test("LossGate tells nothing of losses on connections with other HTTP", () => {
  expect(told([...OTHER, ...LOST, ...ENDS])).toEqual([]);
  expect(told([...OTHER, ...OTHER, ["S", { skipped: 9 }], ...LOST, ...OTHER, ...ENDS])).toEqual([]);
});

test("LossGate tells of losses of both directions once a message was heard in one of them", () => {
  const expected = [
    ["tcp:1>", "ring_full", 300],
    ["tcp:1<", "ring_full", 500],
  ];
  expect(told([["C", post(CALL)], ...LOST, ...ENDS])).toEqual(expected);
  expect(told([...LOST, ["C", post(CALL)]])).toEqual(expected);
  expect(told([...OTHER, ...LOST, ["C", post(CALL)]])).toEqual(expected);
  expect(told([...LOST, ["S", jsonAnswer(RESULT)]])).toEqual(expected);
});

test("LossGate knows an MCP connection by a header alone, without any JSON-RPC", () => {
  const request = "DELETE /mcp HTTP/1.1\r\nHost: h\r\nMcp-Session-Id: s\r\n\r\n";
  expect(told([["C", request], ["S", { lost: 500 }], ...ENDS])).toEqual([
    ["tcp:1<", "ring_full", 500],
  ]);
});

test("LossGate tells of what is lost in HTTP on a channel whose opposite is not known", () => {
  const steps: readonly Step[] = [
    ["C", post(CALL)],
    ["C", { lost: 300 }],
  ];
  expect(told(steps, false)).toEqual([["tcp:1>", "ring_full", 300]]);
  expect(told([["C", OTHER[0]?.[1] ?? ""], ["C", { lost: 300 }], ...ENDS], false)).toEqual([]);
});

test("LossGate tells, at its end, of a connection of which nothing else was heard", () => {
  expect(told([...LOST, ...ENDS])).toEqual([
    ["tcp:1>", "ring_full", 300],
    ["tcp:1<", "ring_full", 500],
  ]);
});

test("LossGate does not take heads and skipped bytes for lines that are no message", () => {
  const channel: Channel = { ...makeChannel("tcp:9"), opening: '{"jsonrpc":"2.0","id":1' };
  const noise = (of: "text" | "http" | "skipped"): MessageItem => ({
    kind: "noise",
    channel,
    bytes: 5,
    of,
  });
  const loss = (reason: LossReason): MessageItem => ({
    kind: "loss",
    channel,
    bytes: 7,
    reason,
    timeNs: 1,
  });
  const heard = (...items: readonly MessageItem[]) => {
    const gate = new LossGate();
    return lossesOf([...items.flatMap((item) => [...gate.push(item)]), ...gate.end()]);
  };
  expect(heard(noise("text"), loss("unfinished_line"), channelEnd(channel))).toEqual([]);
  expect(heard(loss("unfinished_line"), channelEnd(channel))).toHaveLength(1);
  const connection = makeConnection();
  const verdict = { kind: "http-verdict", channel: connection.request, verdict: "mcp" } as const;
  const lost = { ...loss("fault"), channel: connection.response };
  const http = { kind: "noise", channel: connection.response, bytes: 5, of: "http" } as const;
  expect(heard(verdict, http, lost)).toEqual([["tcp:1<", "fault", 7]]);
  expect(heard(lost, http, verdict)).toEqual([["tcp:1<", "fault", 7]]);
  expect(heard({ ...verdict, verdict: "other" }, http, lost)).toEqual([]);
});

test("LossGate forgets no MCP connection when one of its directions ends first", () => {
  const steps: readonly Step[] = [
    ["C", post(CALL)],
    ["C", "end"],
    ["S", { lost: 500 }],
    ["S", "end"],
  ];
  expect(told(steps)).toEqual([["tcp:1<", "ring_full", 500]]);
});

test("LossGate tells no losses of other HTTP for want of room", () => {
  const gate = new LossGate();
  const out: MessageItem[] = [];
  for (let n = 0; n < 11_000; n++) {
    const channel = { ...makeChannel(`tcp:${n}`), kind: "tcp" } as const;
    out.push(...gate.push({ kind: "noise", channel, bytes: 5, of: "http" }));
    out.push(...gate.push({ kind: "loss", channel, bytes: 5, reason: "ring_full", timeNs: 1 }));
  }
  expect(lossesOf(out)).toEqual([]);
});
