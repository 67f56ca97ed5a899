/** Peers that want to cost the tool its memory or its time: bounded, reported, and the next connection is heard. */
import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import { growth } from "../growth.ts";
import {
  brief,
  bytesOf,
  CALL,
  ConnectionRun,
  chunked,
  EVENTS_HEAD,
  heard,
  jsonAnswer,
  makeConnection,
  NOTE,
  post,
  RESULT,
  type Step,
} from "../http-script.ts";

const MEBIBYTE = 1024 * 1024;

function hearsNext(framing: FramingStage): void {
  const next = new ConnectionRun(makeConnection(), framing);
  next.step(["C", post(CALL)]);
  next.step(["S", jsonAnswer(RESULT)]);
  expect(brief(next.items)).toMatchObject([
    ["verdict", "mcp"],
    ["request", "json", expect.any(Number), CALL],
    ["response", "json", expect.any(Number), RESULT],
    ["end", expect.any(Number), "complete"],
  ]);
}

/** Reasons of losses, with their bytes. */
function losses(run: ConnectionRun): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const item of run.items) {
    if (item.kind === "loss") sums[item.reason] = (sums[item.reason] ?? 0) + item.bytes;
  }
  return sums;
}

test("FramingStage loses a body of 100 MB, in bounded memory, and hears the next exchange [http/hostile]", () => {
  const made = new ConnectionRun(makeConnection(), new FramingStage());
  const start = `{"jsonrpc":"2.0","method":"`;
  const length = 100 * MEBIBYTE;
  made.step(["C", post("").replace("Content-Length: 0", `Content-Length: ${length}`) + start]);
  const part = Buffer.alloc(MEBIBYTE, "x");
  for (let sent = start.length; sent < length; sent += part.length) {
    made.step(["C", part.subarray(0, Math.min(part.length, length - sent))]);
  }
  expect(losses(made)).toEqual({ line_too_long: length });
  made.step(["S", jsonAnswer(RESULT)]);
  made.step(["C", post(CALL)]);
  expect(brief(made.items).at(-1)).toEqual(["request", "json", 2, CALL]);
});

test("FramingStage bounds what many slow heads take, and hears the next connection [http/hostile]", () => {
  const framing = new FramingStage({ maxTotalBytes: MEBIBYTE });
  const slow = Array.from({ length: 200 }, () => new ConnectionRun(makeConnection(), framing));
  for (let n = 0; n < 10; n++) {
    for (const run of slow)
      run.step(["C", n === 0 ? "POST /mcp HTTP/1.1\r\n" : `X: ${"y".repeat(2000)}\r\n`]);
  }
  const lost = slow.map((run) => losses(run)["memory_limit"] ?? 0).filter((bytes) => bytes > 0);
  expect(lost.length).toBeGreaterThan(50);
  hearsNext(framing);
});

test("FramingStage waits for no more than 1,024 channels to say what they are [http/hostile]", () => {
  const framing = new FramingStage({ maxTotalBytes: MEBIBYTE });
  const slow = Array.from({ length: 1100 }, () => new ConnectionRun(makeConnection(), framing));
  for (const run of slow) run.step(["C", `POST /${"y".repeat(1000)}`]);
  const told = slow.filter(({ items }) => items.length > 0);
  const items = slow.flatMap((run) => run.step(["C", "end"]));
  expect(told).toHaveLength(76);
  expect(items.filter((item) => item.kind === "noise")).toHaveLength(1100 - 76);
  hearsNext(framing);
});

test.each([
  ["fields", "X: y\r\n"],
  ["folded lines", " y\r\n"],
  ["empty lines", "\r\n"],
  ["bytes without a line end", "yyyy"],
])("FramingStage gets over a million %s in linear time [http/hostile]", (_what, part) => {
  const framing = new FramingStage();
  const made = new ConnectionRun(makeConnection(), framing);
  const started = Bun.nanoseconds();
  if (part !== "\r\n") made.step(["C", "POST /mcp HTTP/1.1\r\nX: y\r\n"]);
  for (let n = 0; n < 1000; n++) made.step(["C", part.repeat(1000)]);
  made.step(["C", "\r\n"]);
  expect(Bun.nanoseconds() - started).toBeLessThan(10e9);
  expect(bytesOf(made.items, made.connection.request)).toBe(made.moved.C);
  hearsNext(framing);
});

test("FramingStage holds nothing of what follows 101, whatever it is [http/hostile]", () => {
  const framing = new FramingStage();
  const made = new ConnectionRun(makeConnection(), framing);
  made.step([
    "C",
    "GET /mcp HTTP/1.1\r\nMcp-Session-Id: s\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
  ]);
  made.step(["S", "HTTP/1.1 101 Switching Protocols\r\n\r\n"]);
  for (const garbage of [post(CALL), jsonAnswer(RESULT), "\0\xff".repeat(9), `${CALL}\n`]) {
    made.step(["C", garbage]);
    made.step(["S", garbage]);
  }
  expect(made.items.filter((item) => item.kind === "frame")).toEqual([]);
  expect(bytesOf(made.items, made.connection.request)).toBe(made.moved.C);
  expect(bytesOf(made.items, made.connection.response)).toBe(made.moved.S);
  hearsNext(framing);
});

test("FramingStage remembers no more than 256 requests that nobody answers", () => {
  const made = new ConnectionRun(makeConnection(), new FramingStage());
  for (let n = 0; n < 300; n++) made.step(["C", post(CALL)]);
  const lost = made.items.filter((item) => item.kind === "http-end" && item.outcome === "lost");
  expect(lost).toHaveLength(300 - 256);
});

test("FramingStage hears 10,000 events of one stream in ten times the time of 1,000 [http/linear]", () => {
  const event = chunked(`id: 1\nevent: message\ndata: ${NOTE}\n\n`);
  const measure = (count: number) => {
    const made = new ConnectionRun(makeConnection(), new FramingStage());
    made.step(["C", post(CALL)]);
    made.step(["S", EVENTS_HEAD]);
    const started = Bun.nanoseconds();
    for (let n = 0; n < count; n++) made.step(["S", event]);
    const frames = made.items.filter((item) => item.kind === "frame");
    expect(frames).toHaveLength(count + 1);
    return Bun.nanoseconds() - started;
  };
  expect(growth(measure, 1000, 10_000)).toBeLessThan(40);
});

test("FramingStage takes a text that looks like HTTP inside a body for what it is", () => {
  const inner = JSON.stringify({ jsonrpc: "2.0", method: post(CALL) + jsonAnswer(RESULT) });
  const steps: Step[] = [
    ["C", post(inner).slice(0, -inner.length)],
    ["C", inner],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps }).slice(1)).toEqual([
    ["request", "json", 1, inner],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
  ]);
});

test("FramingStage keeps no credential of any head", () => {
  const secret = "s3cr3t";
  const fields = [
    `Authorization: Bearer ${secret}`,
    `authorization : Basic ${secret}`,
    `Cookie: a=${secret}`,
    `Proxy-Authorization: x ${secret}`,
    `X-Api-Key: ${secret}`,
  ];
  const made = new ConnectionRun(makeConnection(), new FramingStage());
  made.step(["C", post(CALL, ...fields)]);
  made.step(["S", jsonAnswer(RESULT, `Set-Cookie: b=${secret}`)]);
  const seen = Bun.inspect(made.items, { depth: 20 });
  expect(seen).toContain("tcp:1>");
  expect(seen).not.toContain(secret);
});
