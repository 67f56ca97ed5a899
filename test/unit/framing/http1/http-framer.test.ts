import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import {
  answer,
  brief,
  CALL,
  ConnectionRun,
  chunked,
  client,
  ENDS,
  EVENTS_HEAD,
  heard,
  jsonAnswer,
  makeConnection,
  NOTE,
  post,
  RESULT,
  run,
  type Step,
  server,
} from "../http-script.ts";

test("FramingStage hears a POST and its JSON answer as one exchange", () => {
  const steps: Step[] = [["C", post(CALL)], ["S", jsonAnswer(RESULT)], ...ENDS];
  expect(heard({ steps })).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
  ]);
});

test("FramingStage says of an HTTP frame where it stood, who read it, and the bytes of its body alone", () => {
  const made = run({ steps: [["C", post(CALL, "Mcp-Session-Id: s1", "Authorization: Bearer x")]] });
  const frame = made.items.find((item) => item.kind === "frame");
  expect(frame).toMatchObject({
    channel: made.connection.request,
    text: CALL,
    bytes: 40,
    endPosition: made.moved.C,
    timeNs: 1,
    reader: server,
    http: { side: "request", mode: "json", eventId: undefined },
  });
  expect(frame?.http?.exchange).toMatchObject({
    id: 1,
    requestChannel: made.connection.request,
    responseChannel: made.connection.response,
    startNs: 1,
    request: {
      method: "POST",
      target: "/mcp",
      authority: "127.0.0.1:3001",
      version: "1.1",
      fields: { contentType: "application/json", sessionId: "s1" },
    },
    response: undefined,
  });
  expect(JSON.stringify(frame?.http?.exchange.request)).not.toContain("Bearer");
});

test("FramingStage names the sender that a chunk brings, on lines and on HTTP", () => {
  const framing = new FramingStage();
  const { request } = makeConnection();
  const lines = makeConnection().request;
  const bytes = Buffer.from(post(CALL));
  const about = { position: 0, timeNs: 1, reader: server, sender: client } as const;
  const items = [
    ...framing.push({ kind: "chunk", channel: request, bytes, ...about }),
    ...framing.push({ kind: "chunk", channel: lines, bytes: Buffer.from("[1]\n"), ...about }),
  ];
  const senders = items.flatMap((item) => (item.kind === "frame" ? [item.sender] : []));
  expect(senders).toEqual([client, client]);
});

test("FramingStage hears events as they come, with their ids, and the exchange's end behind them", () => {
  const made = new ConnectionRun(makeConnection(), new FramingStage());
  const told = (step: Step) => brief(made.step(step));
  expect(told(["C", post(CALL)])).toHaveLength(2);
  expect(told(["S", EVENTS_HEAD])).toEqual([]);
  expect(told(["S", chunked("id: 1\ndata: \n\n")])).toEqual([]);
  expect(told(["S", chunked(`id: 2\ndata: ${NOTE}\n\n`)])).toEqual([["response", "sse", 1, NOTE]]);
  expect(told(["S", chunked(": keep-alive\n\n")])).toEqual([]);
  expect(told(["S", chunked(`event: message\ndata: ${RESULT}\n`)])).toEqual([]);
  expect(told(["S", chunked("\n")])).toEqual([["response", "sse", 1, RESULT]]);
  expect(told(["S", "0\r\n\r\n"])).toEqual([["end", 1, "complete"]]);
  const ids = made.items.flatMap((item) => (item.kind === "frame" ? [item.http?.eventId] : []));
  expect(ids).toEqual([undefined, "2", undefined]);
  const noted = made.items.filter((item) => item.kind === "frame").at(1);
  expect(noted?.bytes).toBe(`data: ${NOTE}\n`.length);
});

test("FramingStage reads heads that come again, and the one that differs in a byte", () => {
  const steps = ["a", "a", "b", "b", "a"].flatMap((session): Step[] => [
    ["C", post(CALL, `Mcp-Session-Id: ${session}`, "Last-Event-ID: 7")],
    ["S", jsonAnswer(RESULT, `Mcp-Session-Id: ${session}`)],
  ]);
  const { items } = run({ steps });
  const ends = items.flatMap((item) => (item.kind === "http-end" ? [item.exchange] : []));
  const sessions = ends.map(({ id, request, response }) => [
    id,
    request?.fields.sessionId,
    request?.fields.lastEventId,
    response?.fields.sessionId,
  ]);
  expect(sessions).toEqual([
    [1, "a", "7", "a"],
    [2, "a", "7", "a"],
    [3, "b", "7", "b"],
    [4, "b", "7", "b"],
    [5, "a", "7", "a"],
  ]);
});

test("FramingStage pairs pipelined requests with their answers in order", () => {
  const second = CALL.replace('"id":1', '"id":2');
  const later = RESULT.replace('"id":1', '"id":2');
  const answers = jsonAnswer(RESULT) + jsonAnswer(later);
  const steps: Step[] = [
    ["C", post(CALL) + post(second)],
    ["S", answers],
  ];
  expect(heard({ steps })).toMatchObject([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["request", "json", 2, second],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
    ["response", "json", 2, later],
    ["end", 2, "complete"],
  ]);
});

test.each([
  ["an answer to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"],
  ["204", "DELETE", "HTTP/1.1 204 No Content\r\n\r\n"],
  ["304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"],
  [
    "100 Continue and 103",
    "GET",
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${answer("404 Not Found", "no")}`,
  ],
])("FramingStage knows where %s ends", (_name, method, first) => {
  const steps: Step[] = [
    ["C", `${method} /mcp HTTP/1.1\r\nHost: h\r\nMcp-Session-Id: s\r\n\r\n`],
    ["S", first],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps })).toEqual([
    ["verdict", "mcp"],
    ["end", 1, "complete"],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage takes an answer without a length up to the connection's end [HTTP/1.0]", () => {
  const steps: Step[] = [
    ["C", post(CALL).replace("HTTP/1.1", "HTTP/1.0")],
    ["S", "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"],
    ["S", RESULT],
    ["C", "end"],
    ["S", "end"],
  ];
  expect(heard({ steps }).slice(2)).toEqual([
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
  ]);
});

test("FramingStage reads chunks with extensions and trailers, in requests too", () => {
  const head = post(CALL)
    .split("\r\n\r\n")[0]
    ?.replace(/Content-Length.*/, "Transfer-Encoding: chunked");
  const body = `5;a="b"\r\n${CALL.slice(0, 5)}\r\n${(CALL.length - 5).toString(16)} ;x\r\n${CALL.slice(5)}\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n`;
  const steps: Step[] = [
    ["C", `${head}\r\n\r\n${body}`],
    ["S", answer("202 Accepted", "")],
  ];
  expect(heard({ steps })).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["end", 1, "complete"],
  ]);
});

test("FramingStage loses a body over the limit and hears the next exchange", () => {
  const long = `{"jsonrpc":"2.0","method":"${"x".repeat(5000)}"}`;
  const steps: Step[] = [
    ["C", post(long)],
    ["S", jsonAnswer(RESULT)],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  const items = heard({ steps, options: { maxLineBytes: 1000 } });
  expect(items).toContainEqual(["line_too_long", long.length]);
  expect(items).toContainEqual(["request", "json", 2, CALL]);
});

test("FramingStage counts other HTTP as noise and says so after two exchanges", () => {
  const get = "GET /index.html HTTP/1.1\r\nHost: h\r\n\r\n";
  const page = answer("200 OK", "<html>{}</html>", "Content-Type: text/html");
  const steps: Step[] = [
    ["C", get],
    ["S", page],
    ["C", get],
    ["S", page],
    ["C", get],
    ["S", page],
  ];
  expect(heard({ steps })).toEqual([["verdict", "other"]]);
  expect(heard({ steps: [...steps, ["C", post(CALL)]] }).slice(1, 2)).toEqual([["verdict", "mcp"]]);
});

test("FramingStage sets other HTTP on a Unix socket aside, both ways", () => {
  const get = "GET / HTTP/1.1\r\n\r\n";
  const page = answer("200 OK", "hello");
  const steps: Step[] = [
    ["C", get],
    ["S", page],
    ["C", get],
    ["S", page],
  ];
  expect(heard({ steps, kind: "unix-stream" })).toEqual([
    ["set-aside", "tcp:1<"],
    ["set-aside", "tcp:1>"],
  ]);
});

test("FramingStage takes what looks like HTTP on a pipe for a log, late or not", () => {
  const steps: Step[] = [
    ["C", "GET /health HTTP/1.1\r\n"],
    ["C", `${CALL}\n`],
    ["C", { lost: 9 }],
    ["C", "HTTP/1.1 200 OK\r\n"],
    ["C", `${CALL}\n`],
  ];
  for (const late of [false, true]) {
    const items = heard({ steps, kind: "pipe", late });
    expect(items.filter((item) => Array.isArray(item) && item[0] === "line")).toEqual([
      ["line", CALL],
      ["line", CALL],
    ]);
  }
});

test("FramingStage hears MCP over HTTP on a Unix socket, and JSON lines over TCP", () => {
  const steps: Step[] = [
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps, kind: "unix-stream" })).toHaveLength(3);
  expect(heard({ steps: [["C", `${CALL}\n`]], kind: "tcp" })).toEqual([["line", CALL]]);
});

test.each([
  ["JSON-RPC that nothing in the head tells of", post(CALL).replace(/Accept.*\r\n/, ""), 2],
  [
    "a GET whose stream turns out to be MCP's",
    "GET /sse HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n",
    0,
  ],
])("FramingStage finds %s", (_name, request, before) => {
  const steps: Step[] = [
    ["C", request],
    ["S", EVENTS_HEAD + chunked(`data: ${RESULT}\n\n`)],
  ];
  expect(heard({ steps }).slice(before)).toContainEqual(["response", "sse", 1, RESULT]);
});

test("FramingStage keeps no body of a POST that is no JSON-RPC, nor of its answer", () => {
  const steps: Step[] = [
    ["C", post('{"model":"m","stream":true}')],
    ["S", `${EVENTS_HEAD}${chunked('data: {"choices":[]}\n\n', "data: [DONE]\n\n")}0\r\n\r\n`],
  ];
  expect(heard({ steps })).toEqual([]);
});

test("FramingStage tells of a connection that ends before the answer, or inside it", () => {
  const cut = EVENTS_HEAD + chunked(`data: ${NOTE}\n\n`);
  expect(heard({ steps: [["C", post(CALL)], ...ENDS] }).at(-1)).toEqual(["end", 1, "cut"]);
  expect(heard({ steps: [["C", post(CALL)], ["S", cut], ...ENDS] }).at(-1)).toEqual([
    "end",
    1,
    "cut",
  ]);
  const half = jsonAnswer(RESULT).slice(0, -5);
  expect(heard({ steps: [["C", post(CALL)], ["S", half], ...ENDS] }).slice(-2)).toEqual([
    ["unfinished_line", RESULT.length - 5],
    ["end", 1, "cut"],
  ]);
});

test("FramingStage passes over what follows 101 and CONNECT", () => {
  const upgrade = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
  const steps: Step[] = [
    ["C", upgrade],
    ["S", `HTTP/1.1 101 Switching Protocols\r\n\r\n${RESULT}`],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps })).toEqual([["verdict", "other"]]);
  const connect: Step[] = [
    ["C", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"],
    ["S", "HTTP/1.1 200 OK\r\n\r\n"],
    ["C", post(CALL)],
  ];
  expect(heard({ steps: connect })).toEqual([["verdict", "other"]]);
});

test.each([
  ["64 KiB", `X: ${"y".repeat(70_000)}\r\n`],
  ["256 fields", "X: y\r\n".repeat(300)],
])(
  "FramingStage loses a request whose head has more than %s, and keeps its place in the order",
  (_name, fields) => {
    const long = post(CALL).replace("Accept:", `${fields}Accept:`);
    const steps: Step[] = [
      ["C", long],
      ["S", answer("431 Request Header Fields Too Large", "")],
      ["C", post(CALL)],
      ["S", jsonAnswer(RESULT)],
    ];
    expect(heard({ steps })).toEqual([
      ["line_too_long", Buffer.byteLength(long)],
      ["verdict", "mcp"],
      ["request", "json", 2, CALL],
      ["response", "json", 2, RESULT],
      ["end", 2, "complete"],
    ]);
  },
);

test("FramingStage drops the largest unfinished body when all of them take too much", () => {
  const framing = new FramingStage({ maxTotalBytes: 14_000 });
  const [small, large] = [1, 2].map(() => new ConnectionRun(makeConnection(), framing));
  const long = `{"jsonrpc":"2.0","method":"${"x".repeat(20_000)}"}`;
  small?.step(["C", post(long).slice(0, 1000)]);
  large?.step(["C", post(long).slice(0, 9000)]);
  const items = small?.step(["C", post(long).slice(1000, 3000)]) ?? [];
  expect(brief(items)).toMatchObject([["memory_limit", expect.any(Number)]]);
  large?.step(["C", post(long).slice(9000) + post(CALL)]);
  expect(brief(large?.items ?? [])).toContainEqual(["request", "json", expect.any(Number), CALL]);
});

test.each([
  ["SPDY", "Upgrade: SPDY/3.1", true],
  ["Kubernetes' channels", "Upgrade: websocket\r\nSec-WebSocket-Protocol: v5.channel.k8s.io", true],
  ["MCP in a WebSocket", "Upgrade: websocket\r\nSec-WebSocket-Protocol: mcp", true],
  ["any other WebSocket", "Upgrade: websocket\r\nSec-WebSocket-Protocol: chat", false],
])("FramingStage names who goes over to %s", (_name, fields, isNamed) => {
  const { items } = run({
    steps: [
      ["C", `GET /exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${fields}\r\n\r\n`],
      ["S", `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${fields}\r\n\r\n`],
    ],
  });
  const blind = items.flatMap((item) =>
    item.kind === "blind" ? [[item.reason, item.process]] : [],
  );
  expect(blind).toEqual(isNamed ? [["http_upgrade", client]] : []);
});
