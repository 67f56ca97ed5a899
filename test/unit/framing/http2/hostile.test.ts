import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import { growth } from "../growth.ts";
import {
  CALL,
  ConnectionRun,
  ENDS,
  heard,
  makeConnection,
  RESULT,
  run,
  type Step,
} from "../http-script.ts";
import {
  ASK,
  answer,
  ask,
  block,
  CONTINUATION,
  DATA,
  data,
  END_HEADERS,
  EVENTS,
  type Fields,
  frame,
  HEADERS,
  HELLO,
  head,
  indexed,
  literal,
  OK,
  PADDED,
  reset,
  WELCOME,
} from "./frames.ts";

const GREET: readonly Step[] = [
  ["C", HELLO],
  ["S", WELCOME],
];
const OTHER: Fields = [
  [":method", "POST"],
  [":path", "/pkg.Service/Method"],
  ["content-type", "application/grpc"],
];

function exchange(stream: number): readonly Step[] {
  return [
    ["C", Buffer.concat([head(stream, OTHER), data(stream, "x".repeat(50), true)])],
    ["S", Buffer.concat([head(stream, OK), data(stream, "y".repeat(50)), head(stream, [], true)])],
  ];
}

test("FramingStage sets aside a connection none of whose streams looks like MCP [http2/other]", () => {
  const steps = (count: number): Step[] => [
    ...GREET,
    ...Array.from({ length: count }, (_, index) => exchange(1 + 2 * index)).flat(),
  ];
  expect(heard({ steps: steps(15) })).toEqual([]);
  for (const kind of ["tcp", "tls", "unix-stream"] as const) {
    expect(heard({ steps: steps(16), kind })).toEqual([
      ["set-aside", "tcp:1<"],
      ["set-aside", "tcp:1>"],
    ]);
  }
  const call: Step[] = [
    ["C", ask(1, CALL)],
    ["S", answer(1, RESULT)],
  ];
  const mixed = [
    ...GREET,
    ...call,
    ...Array.from({ length: 99 }, (_, i) => exchange(3 + 2 * i)).flat(),
  ];
  expect(heard({ steps: mixed })).not.toContainEqual(["set-aside", "tcp:1<"]);
});

test("FramingStage sets aside one long download, and hears the connection when it is tried again", () => {
  const made = run({ steps: [...GREET, ["C", head(1, OTHER, true)], ["S", head(1, OK)]] });
  const piece = data(1, Buffer.alloc(16_000));
  let asides = 0;
  for (let i = 0; i < 70 && asides === 0; i++) {
    asides = made.step(["S", piece]).filter(({ kind }) => kind === "set-aside").length;
  }
  expect(asides).toBe(2);
  made.step(["S", piece.subarray(99)]);
  made.step(["C", ask(3, CALL)]);
  const answered = made.step(["S", answer(3, RESULT)]);
  expect(answered.map(({ kind }) => kind)).toEqual(["frame", "http-end", "noise"]);
});

test("FramingStage bounds what streams hold that are opened and never ended [http2/bounds]", () => {
  const options = { maxLineBytes: 4096, maxTotalBytes: 1 << 20 };
  const made = new ConnectionRun(makeConnection(), new FramingStage(options));
  for (const step of GREET) made.step(step);
  for (let stream = 1; stream < 20_000; stream += 2) {
    made.step(["C", Buffer.concat([head(stream, ASK), data(stream, `{"jsonrpc":"2.0"${stream}`)])]);
  }
  const closed = made.items.filter((item) => item.kind === "http-end" || item.kind === "loss");
  expect(closed.length).toBeGreaterThan(0);
  made.step(["C", ask(20_001, CALL)]);
  made.step(["S", answer(20_001, RESULT)]);
  const frames = made.items.filter((item) => item.kind === "frame");
  expect(frames.map(({ text }) => text)).toEqual([CALL, RESULT]);
});

test("FramingStage lives through a stream of heads that never end, and knows the next ones [http2/bounds]", () => {
  const made = run({ steps: [...GREET, ["C", frame(HEADERS, 0, 1, block(ASK))]] });
  const before = process.memoryUsage().rss;
  const flood = frame(CONTINUATION, 0, 1, Buffer.alloc(16_000, literal(["x", "y"])));
  const empty = Buffer.alloc(9 * 10_000, frame(CONTINUATION, 0, 1));
  for (let i = 0; i < 2000; i++) made.step(["C", flood]);
  for (let i = 0; i < 10; i++) made.step(["C", empty]);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
  made.step(["C", frame(CONTINUATION, END_HEADERS, 1)]);
  made.step(["C", data(1, CALL, true)]);
  const heardNext = made.step(["C", ask(3, CALL)]).filter(({ kind }) => kind === "frame");
  expect(heardNext).toHaveLength(1);
});

test("FramingStage takes a rapid reset of streams as so many exchanges, none of which it keeps", () => {
  const made = run({ steps: GREET });
  for (let stream = 1; stream < 40_000; stream += 2) {
    made.step(["C", Buffer.concat([head(stream, [...ASK, ["mcp-name", "x"]]), reset(stream)])]);
  }
  const ends = made.items.filter(({ kind }) => kind === "http-end");
  expect(ends).toHaveLength(20_000);
  made.step(["C", ask(40_001, CALL)]);
  expect(made.step(["S", answer(40_001, RESULT)]).map(({ kind }) => kind)).toEqual([
    "frame",
    "http-end",
    "noise",
  ]);
});

test.each([
  ["a frame of the wrong length", frame(6, 0, 0, "short")],
  ["a frame on no stream", frame(DATA, 0, 0, "x")],
  ["a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, "x")],
  ["more padding than frame", frame(DATA, PADDED, 1, Buffer.of(9, 1, 2))],
  ["a head that ends in its padding", frame(HEADERS, PADDED | END_HEADERS, 1, Buffer.of(9, 1))],
  ["data inside of a head", Buffer.concat([frame(HEADERS, 0, 1, block(ASK)), data(1, "x")])],
  ["text", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["nothing but zeros", Buffer.alloc(5000)],
])("FramingStage hears the next call behind %s [http2/hostile]", (_, bytes) => {
  const steps: Step[] = [
    ...GREET,
    ["C", bytes],
    ["C", ask(3, CALL)],
    ["S", answer(3, RESULT)],
    ...ENDS,
  ];
  const told = heard({ steps });
  expect(told).toContainEqual(expect.arrayContaining(["request", "json", CALL]));
  expect(told).toContainEqual(expect.arrayContaining(["response", "json", RESULT]));
});

test("FramingStage hears a call whose head is malformed by its body, and flags it", () => {
  const steps: Step[] = [
    ...GREET,
    ["C", head(1, Buffer.concat([block(ASK), Buffer.of(0xff)]))],
    ["C", data(1, CALL, true)],
    ["S", answer(1, RESULT)],
  ];
  expect(heard({ steps })).toEqual([
    ["request", "json", 1, CALL, "ambiguous_http", "headers_unknown"],
    ["response", "json", 1, RESULT, "ambiguous_http", "headers_unknown"],
    ["end", 1, "complete", "ambiguous_http", "headers_unknown"],
  ]);
});

test("FramingStage loses a body over the limit alone, not the others beside it", () => {
  const steps: Step[] = [
    ...GREET,
    ["C", head(1, ASK)],
    ["C", head(3, ASK)],
    ["C", data(1, `{"jsonrpc":"2.0","x":"${"x".repeat(300)}`)],
    ["C", data(3, CALL, true)],
    ["C", data(1, '"}', true)],
  ];
  expect(heard({ steps, options: { maxLineBytes: 200 } })).toEqual([
    ["line_too_long", 322],
    ["request", "json", 2, CALL],
    ["line_too_long", 2],
  ]);
});

test("FramingStage takes time that grows with what is sent, however it is framed [http2/linear]", () => {
  const shapes: Readonly<Record<string, (count: number) => Buffer>> = {
    "data of a byte each": (count) =>
      Buffer.concat([head(1, EVENTS), Buffer.alloc(10 * count, data(1, "x"))]),
    "streams that stay open": (count) =>
      Buffer.concat(Array.from({ length: count }, (_, i) => head(1 + 2 * i, ASK))),
    "fields by their place": (count) =>
      Buffer.concat([
        head(1, Buffer.concat([literal(["accept", "x".repeat(3000)], true)]), true),
        ...Array.from({ length: Math.ceil(count / 10_000) }, (_, i) =>
          head(3 + 2 * i, Buffer.alloc(10_000, indexed(62)), true),
        ),
      ]),
    "a head in small pieces": (count) =>
      Buffer.concat([
        frame(HEADERS, 0, 1),
        Buffer.alloc(10 * count, frame(CONTINUATION, 0, 1, "\x82")),
      ]),
  };
  for (const [shape, make] of Object.entries(shapes)) {
    const measure = (count: number) => {
      const made = run({ steps: GREET });
      const bytes = make(count);
      const start = Bun.nanoseconds();
      for (let at = 0; at < bytes.length; at += 65_536)
        made.step(["C", bytes.subarray(at, at + 65_536)]);
      return Bun.nanoseconds() - start;
    };
    expect([shape, growth(measure, 2000, 20_000) < 30]).toEqual([shape, true]);
  }
});
