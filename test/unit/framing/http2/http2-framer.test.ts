import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { CALL, ENDS, heard, NOTE, RESULT, run, type Step } from "../http-script.ts";
import {
  ASK,
  answer,
  ask,
  block,
  CONTINUATION,
  DATA,
  data,
  END_HEADERS,
  END_STREAM,
  EVENTS,
  frame,
  HEADERS,
  HELLO,
  head,
  indexed,
  literal,
  OK,
  PADDED,
  PING,
  PREFACE,
  PRIORITY,
  PUSH_PROMISE,
  reset,
  SETTINGS,
  WELCOME,
} from "./frames.ts";

const GREET: readonly Step[] = [
  ["C", HELLO],
  ["S", WELCOME],
];
const HEARD = [
  ["request", "json", 1, CALL],
  ["response", "json", 1, RESULT],
  ["end", 1, "complete"],
];

test("FramingStage hears a call and its answer over HTTP/2 [http2/framing]", () => {
  const made = run({ steps: [...GREET, ["C", ask(1, CALL)], ["S", answer(1, RESULT)], ...ENDS] });
  const [exchange] = made.items.flatMap((item) =>
    item.kind === "http-end" ? [item.exchange] : [],
  );
  expect(exchange).toMatchObject({
    requestChannel: made.connection.request,
    responseChannel: made.connection.response,
    request: { method: "POST", target: "/mcp", authority: "127.0.0.1:3001", version: "2" },
    response: { status: 200, version: "2", fields: { contentType: "application/json" } },
  });
  expect(
    heard({ steps: [...GREET, ["C", ask(1, CALL)], ["S", answer(1, RESULT)], ...ENDS] }),
  ).toEqual(HEARD);
});

test("FramingStage hears HTTP/2 whose server speaks first", () => {
  const steps: Step[] = [
    ["S", WELCOME],
    ["C", HELLO],
    ["C", ask(1, CALL)],
    ["S", answer(1, RESULT)],
  ];
  expect(heard({ steps })).toEqual(HEARD);
  expect(heard({ steps, kind: "tls" })).toEqual(HEARD);
  expect(heard({ steps, kind: "unix-stream" })).toEqual(HEARD);
  expect(heard({ steps, joined: false })).toEqual([
    ["request", "json", 1, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage tells 50 streams apart, whatever order their frames come in [http2/streams]", () => {
  const ids = Array.from({ length: 50 }, (_, index) => 1 + 2 * index);
  const call = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
  const result = (id: number) => `{"jsonrpc":"2.0","id":${id},"result":{"of":${id}}}`;
  const half = (text: string, at: 0 | 1) => (at === 0 ? text.slice(0, 20) : text.slice(20));
  const steps: Step[] = [
    ...GREET,
    ...ids.map((id): Step => ["C", head(id, ASK)]),
    ...ids.map((id): Step => ["C", data(id, half(call(id), 0))]),
    ...ids.toReversed().map((id): Step => ["C", data(id, half(call(id), 1), true)]),
    ...ids.map((id): Step => ["S", head(id, OK)]),
    ...ids.toReversed().map((id): Step => ["S", data(id, half(result(id), 0))]),
    ...ids.map((id): Step => ["S", data(id, half(result(id), 1), true)]),
  ];
  const number = (id: number) => (id + 1) / 2;
  const told = heard({ steps });
  expect(told.slice(0, 50)).toEqual(
    ids.toReversed().map((id) => ["request", "json", number(id), call(id)]),
  );
  expect(told.slice(50)).toEqual(
    ids.flatMap((id) => [
      ["response", "json", number(id), result(id)],
      ["end", number(id), "complete"],
    ]),
  );
});

test("FramingStage reads padding, priority, CONTINUATION, trailers, interim answers and frames of other types", () => {
  const fields = block(ASK);
  const padded = Buffer.concat([
    Buffer.of(3, 0, 0, 0, 0, 16),
    fields.subarray(0, 9),
    Buffer.alloc(3),
  ]);
  const body = Buffer.concat([Buffer.of(200), Buffer.from(CALL), Buffer.alloc(200)]);
  const steps: Step[] = [
    ["C", PREFACE],
    ["C", frame(4, 0, 0)],
    ["S", SETTINGS],
    ["C", frame(HEADERS, PADDED | PRIORITY, 1, padded)],
    ["C", frame(CONTINUATION, 0, 1, fields.subarray(9, 20))],
    ["C", frame(CONTINUATION, 0, 1)],
    ["C", frame(CONTINUATION, END_HEADERS, 1, fields.subarray(20))],
    ["C", frame(0xbe, 0xff, 0x7fffffff, "grease")],
    ["C", frame(2, 0, 1, Buffer.alloc(5))],
    ["C", frame(DATA, PADDED, 1, body)],
    ["C", frame(DATA, PADDED, 1, Buffer.of(0))],
    ["C", frame(DATA, PADDED | END_STREAM, 1, Buffer.of(1, 0))],
    ["S", head(1, [[":status", "103"]])],
    ["S", head(1, OK)],
    ["S", PING],
    ["S", data(1, RESULT)],
    ["S", head(1, [["grpc-status", "0"]], true)],
  ];
  expect(heard({ steps })).toEqual(HEARD);
});

test("FramingStage hears events as they come, on streams that stay open beside others", () => {
  const get = ASK.map(([name, value]) => [name, name === ":method" ? "GET" : value] as const);
  const steps: Step[] = [
    ...GREET,
    ["C", head(1, get, true)],
    ["S", head(1, EVENTS)],
    ["S", data(1, `id: 7\ndata: ${NOTE}\n\n: ping`)],
    ["C", ask(3, CALL)],
    ["S", head(3, EVENTS)],
    ["S", data(3, `data: ${NOTE.slice(0, 9)}`)],
    ["S", data(1, `\n\ndata: ${NOTE}\n`)],
    ["S", data(3, `${NOTE.slice(9)}\n\ndata: ${RESULT}\n\n`, true)],
    ["S", data(1, "\n")],
  ];
  expect(heard({ steps: [...steps, ...ENDS] })).toEqual([
    ["response", "sse", 1, NOTE],
    ["request", "json", 2, CALL],
    ["response", "sse", 2, NOTE],
    ["response", "sse", 2, RESULT],
    ["end", 2, "complete"],
    ["response", "sse", 1, NOTE],
    ["end", 1, "cut"],
  ]);
});

test("FramingStage undoes content codings of HTTP/2", () => {
  const coding = [["content-encoding", "gzip"]] as const;
  const events = gzipSync(`data: ${NOTE}\n\ndata: ${RESULT}\n\n`);
  const steps: Step[] = [
    ...GREET,
    ["C", head(1, [...ASK, ...coding])],
    ["C", data(1, gzipSync(CALL), true)],
    ["S", head(1, [...EVENTS, ...coding])],
    ["S", data(1, events.subarray(0, 30))],
    ["S", data(1, events.subarray(30), true)],
  ];
  expect(heard({ steps })).toEqual([
    ["request", "json", 1, CALL],
    ["response", "sse", 1, NOTE],
    ["response", "sse", 1, RESULT],
    ["end", 1, "complete"],
  ]);
});

test("FramingStage gives a body out that is as long as its head says, before its stream ends", () => {
  const length = [["content-length", String(CALL.length)]] as const;
  const steps: Step[] = [
    ...GREET,
    ["C", head(1, [...ASK, ...length])],
    ["C", data(1, CALL)],
    ["S", answer(1, RESULT)],
    ["C", data(1, "", true)],
  ];
  expect(heard({ steps })).toEqual(HEARD);
});

test("FramingStage knows streams that are given up, by either end", () => {
  const steps: Step[] = [
    ...GREET,
    ["C", ask(1, CALL)],
    ["S", head(1, EVENTS)],
    ["S", data(1, `data: ${NOTE}\n\ndata: {`)],
    ["C", reset(1)],
    ["S", data(1, `}\n\ndata: ${RESULT}\n\n`, true)],
    ["C", ask(3, CALL)],
    ["S", reset(3, 7)],
    // a whole answer before the request is whole: RFC 9113, 8.1
    ["C", head(5, ASK)],
    ["C", data(5, CALL)],
    ["S", answer(5, RESULT)],
    ["S", reset(5, 0)],
  ];
  expect(heard({ steps })).toEqual([
    ["request", "json", 1, CALL],
    ["response", "sse", 1, NOTE],
    ["end", 1, "cut"],
    ["unfinished_line", 7],
    ["request", "json", 2, CALL],
    ["end", 2, "cut"],
    ["response", "json", 3, RESULT],
    ["end", 3, "complete"],
    ["unfinished_line", CALL.length],
  ]);
});

test("FramingStage passes over what a server pushes, and knows the table behind it", () => {
  const promised = Buffer.concat([
    Buffer.of(0, 0, 0, 2),
    block(ASK),
    literal(["mcp-name", "n"], true),
  ]);
  const steps: Step[] = [
    ...GREET,
    ["C", ask(1, CALL)],
    ["S", frame(PUSH_PROMISE, END_HEADERS, 1, promised)],
    ["S", head(2, OK)],
    ["S", data(2, RESULT, true)],
    ["S", head(1, Buffer.concat([block(OK), indexed(62)]))],
    ["S", data(1, RESULT, true)],
  ];
  const made = run({ steps });
  const [exchange] = made.items.flatMap((item) =>
    item.kind === "http-end" ? [item.exchange] : [],
  );
  expect(exchange?.response?.fields.mcpName).toBe("n");
  expect(heard({ steps })).toEqual(HEARD);
});

test("FramingStage goes on with HTTP/2 behind an upgrade, whose request is stream 1", () => {
  const upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n";
  const post = `POST /mcp HTTP/1.1\r\nHost: h\r\n${upgrade}HTTP2-Settings: AAMAAABk\r\nContent-Type: application/json\r\nContent-Length: ${CALL.length}\r\n\r\n${CALL}`;
  const switched = `HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\n`;
  const steps: Step[] = [
    ["C", post],
    ["S", Buffer.concat([Buffer.from(switched), SETTINGS])],
    ["C", HELLO],
    ["S", answer(1, RESULT)],
    ["C", ask(3, CALL)],
    ["S", answer(3, RESULT)],
  ];
  expect(heard({ steps: [...steps, ...ENDS] })).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["verdict", "mcp"],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});

test.each([
  ["a transfer coding", [["transfer-encoding", "chunked"]]],
  [
    "two lengths",
    [
      ["content-length", "5"],
      ["content-length", "6"],
    ],
  ],
  ["a Host that differs", [["host", "elsewhere"]]],
  ["a line end in a value", [["mcp-name", "a\r\nb: c"]]],
  ["a second path", [[":path", "/other"]]],
] as const)("FramingStage flags a head with %s", (_, more) => {
  const steps: Step[] = [...GREET, ["C", ask(1, CALL, more)], ["S", answer(1, RESULT)]];
  expect(heard({ steps }).at(-1)).toEqual(["end", 1, "complete", "ambiguous_http"]);
});
