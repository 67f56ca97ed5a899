import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import {
  answer,
  brief,
  CALL,
  ConnectionRun,
  chunked,
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
} from "../http-script.ts";

test("FramingStage hears one direction alone where its reverse is never known", () => {
  const steps: Step[] = [["C", post(CALL)], ["S", jsonAnswer(RESULT)], ["C", post(CALL)], ...ENDS];
  expect(heard({ steps, joined: false })).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
    ["request", "json", 3, CALL],
    ["end", 1, "cut"],
    ["end", 3, "cut"],
  ]);
});

test("FramingStage joins two directions when they are found to belong together", () => {
  const made = new ConnectionRun(makeConnection("tcp", false, false), new FramingStage());
  made.step(["C", post(CALL)]);
  made.step(["S", jsonAnswer(RESULT)]);
  const { request, response } = made.connection;
  request.reverse = response;
  response.reverse = request;
  // the first request was answered by the answer that was heard, so the next answer is the next request's
  expect(brief(made.step(["C", post(CALL)]))).toEqual([
    ["end", 1, "lost"],
    ["request", "json", 3, CALL],
  ]);
  expect(brief(made.step(["S", jsonAnswer(RESULT)]))).toEqual([
    ["response", "json", 3, RESULT],
    ["end", 3, "complete"],
  ]);
});

test("FramingStage takes garbage for an answer where the opposite direction, known later, is requests", () => {
  const made = new ConnectionRun(makeConnection("tcp", false, false), new FramingStage());
  made.step(["C", post(CALL)]);
  const { request, response } = made.connection;
  request.reverse = response;
  response.reverse = request;
  for (let n = 0; n < 3; n++) made.step(["S", Buffer.alloc(64 * 1024, 0x8f)]);
  made.step(["S", "end"]);
  made.step(["C", "end"]);
  expect(brief(made.items)).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["end", 1, "cut"],
  ]);
});

test("FramingStage goes on behind a hole inside a body of known length", () => {
  const request = post(CALL);
  const at = request.indexOf("jsonrpc");
  const steps: Step[] = [
    ["C", request.slice(0, at)],
    ["C", { lost: 10 }],
    ["C", request.slice(at + 10)],
    ["S", jsonAnswer(RESULT)],
    ["C", post(CALL) + post(CALL)],
    ["S", jsonAnswer(RESULT) + jsonAnswer(RESULT)],
  ];
  expect(heard({ steps })).toEqual([
    ["cut_by_gap", 2],
    ["ring_full", 10],
    ["cut_by_gap", CALL.length - 12],
    ["verdict", "mcp"],
    ["response", "json", 1, RESULT],
    ["end", 1, "lost"],
    ["request", "json", 2, CALL],
    ["request", "json", 3, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
    ["response", "json", 3, RESULT],
    ["end", 3, "complete"],
  ]);
});

test("FramingStage finds the next request and the next answer behind holes", () => {
  const steps: Step[] = [
    ["C", post(CALL)],
    ["S", { lost: 500 }],
    ["S", '"tail of an answer"}'],
    ["C", { lost: 400 }],
    ["S", { lost: 300 }],
    ["C", post(NOTE)],
    ["S", answer("202 Accepted", "")],
  ];
  expect(heard({ steps })).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["ring_full", 500],
    ["cut_by_gap", 20],
    ["ring_full", 400],
    ["ring_full", 300],
    ["end", 1, "lost"],
    ["request", "json", 2, NOTE],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage hears the events behind a hole in a stream", () => {
  const event = chunked(`data: ${NOTE}\n\n`);
  const steps: Step[] = [
    ["C", post(CALL)],
    ["S", EVENTS_HEAD + event],
    ["S", { lost: 3 * event.length }],
    ["S", event],
    ["S", `${event}0\r\n\r\n`],
  ];
  expect(heard({ steps }).slice(2)).toEqual([
    ["response", "sse", 1, NOTE],
    ["ring_full", 3 * event.length],
    ["response", "sse", 1, NOTE],
    ["response", "sse", 1, NOTE],
    ["end", 1, "lost"],
  ]);
});

test("FramingStage begins anew behind what the kernel skipped", () => {
  const steps: Step[] = [
    ["C", { skipped: 1000 }],
    ["C", post(CALL)],
    ["S", { skipped: 5000 }],
    ["S", jsonAnswer(RESULT)],
    ["C", { skipped: 100 }],
    ["S", { skipped: 100 }],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps })).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage gives the answer behind skipped ones to the newest request", () => {
  const steps: Step[] = [
    ["C", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"],
    ["C", post(CALL)],
    ["S", { skipped: 5000 }],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps }).slice(1)).toEqual([
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage hears a connection that was open before, from the next message on", () => {
  const steps: Step[] = [
    ["S", "0}}\r\n"],
    ["C", 'on","method":"x"}'],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps, late: true }).slice(-4)).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
  ]);
});

test("FramingStage takes an answer that comes first for one whose request went by unheard", () => {
  const steps: Step[] = [
    ["S", jsonAnswer(RESULT)],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  const made = run({ steps, late: true });
  expect(brief(made.items)).toMatchObject([
    ["verdict", "mcp"],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
  const [first] = made.items.flatMap((item) => (item.kind === "http-end" ? [item.exchange] : []));
  expect(first).toMatchObject({
    request: undefined,
    requestChannel: made.connection.request,
    response: { status: 200 },
  });
});

test("FramingStage hears the events of a stream that was open before", () => {
  const steps: Step[] = [
    ["S", chunked(`id: 4\ndata: ${NOTE}\n\n`)],
    ["S", chunked(`data: ${NOTE}\n\n`)],
  ];
  expect(heard({ steps, late: true })).toEqual([
    ["verdict", "mcp"],
    ["response", "sse", 1, NOTE],
    ["response", "sse", 1, NOTE],
  ]);
});

test("FramingStage takes no chunk of a body behind a hole for a line, nor the rest of a head for one", () => {
  const head = post(CALL).replace(
    /Content-Length: \d+\r\n\r\n.*/,
    "Transfer-Encoding: chunked\r\n\r\n",
  );
  for (const lost of [3, 4, 9]) {
    const steps: Step[] = [
      ["C", { lost }],
      ["C", `${head}${chunked(CALL)}0\r\n\r\n`.slice(lost)],
      ["S", answer("202 Accepted", "")],
      ["C", post(CALL)],
      ["S", jsonAnswer(RESULT)],
    ];
    expect(heard({ steps }).slice(2)).toEqual([
      ["verdict", "mcp"],
      ["request", "json", 2, CALL],
      ["response", "json", 2, RESULT],
      ["end", 2, "complete"],
    ]);
  }
});

test("FramingStage hears HTTP on a connection whose first read held a JSON text and a line end", () => {
  const steps: Step[] = [
    ["C", `${RESULT}\r\n`],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  const items = heard({ steps, late: true });
  expect(items.slice(-3)).toMatchObject([
    ["request", "json", 1, CALL],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
  ]);
  expect(heard({ steps, late: true, kind: "unix-stream" })[0]).toEqual(["line", RESULT]);
});

test("FramingStage sets a connection aside that began unheard and brings no head for 64 KiB", () => {
  const part = "x".repeat(30_000);
  const made = new ConnectionRun(makeConnection("tcp", true), new FramingStage());
  for (let n = 0; n < 3; n++) made.step(["S", part]);
  expect(brief(made.items)).toEqual([
    ["started_before_attach", 30_000],
    ["started_before_attach", 30_000],
    ["started_before_attach", 30_000],
    ["set-aside", "tcp:1<"],
    ["set-aside", "tcp:1>"],
  ]);
  made.step(["S", jsonAnswer(RESULT)]);
  expect(brief(made.items).at(-2)).toEqual(["response", "json", 1, RESULT]);
});

test("FramingStage leaves a long answer behind a hole to the kernel's verdict", () => {
  const steps: Step[] = [
    ["C", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"],
    ["S", { lost: 100 }],
    ...Array.from({ length: 40 }, (): Step => ["S", "y".repeat(32_768)]),
  ];
  expect(heard({ steps })).toContainEqual(["verdict", "other"]);
});

test("FramingStage hears lines on a connection whose beginning was lost in mid-line, in both directions", () => {
  const line = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}\n`;
  const steps: Step[] = [
    ["C", { lost: 100 }],
    ["C", `thod":"ping"}\n${line(2)}{"jsonr`],
    ["S", { lost: 100 }],
    ["S", "2."],
    ["S", "0"],
    ["S", `"}\n${line(3)}`],
    ["C", `pc":"2.0"}\n`],
  ];
  expect(heard({ steps })).toEqual([
    ["ring_full", 100],
    ["cut_by_gap", 14],
    ["line", line(2).trim()],
    ["ring_full", 100],
    ["cut_by_gap", 6],
    ["line", line(3).trim()],
    ["line", '{"jsonrpc":"2.0"}'],
  ]);
});

test("FramingStage takes no body of a connection that was there before for lines", () => {
  const steps: Step[] = [
    ["S", `ontent-Length: ${RESULT.length + 1}\r\n\r\n${RESULT}\n`],
    ["S", `e\r\n\r\n${RESULT.length + 1}\r\n${RESULT}\n\r\n0\r\n\r\n`],
    ["S", `data: ${RESULT}\n\n`],
  ];
  expect(heard({ steps, late: true }).flat()).not.toContain("line");
});
