import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import {
  brief,
  CALL,
  client,
  heard,
  makeConnection,
  NOTE,
  RESULT,
  run,
  type Step,
  server,
} from "../http-script.ts";
import { chunk } from "../items.ts";
import {
  ASK,
  answer,
  ask,
  block,
  data,
  EVENTS,
  HELLO,
  head,
  indexed,
  literal,
  OK,
  PING,
  WELCOME,
  WINDOW_UPDATE,
} from "./frames.ts";

const FLAG = "headers_unknown";
/** POST by the static table, a path and a type of which nobody knows. */
const UNKNOWN_ASK = Buffer.concat([indexed(3), indexed(6), indexed(70), indexed(71), indexed(72)]);
const UNKNOWN_OK = Buffer.concat([indexed(8), indexed(66)]);

test("FramingStage takes up a connection that was there before, without its header tables [http2/late]", () => {
  const steps: Step[] = [
    ["C", Buffer.concat([head(41, UNKNOWN_ASK), data(41, CALL, true)])],
    ["S", Buffer.concat([WINDOW_UPDATE, head(41, UNKNOWN_OK), data(41, RESULT, true)])],
    ["C", Buffer.concat([head(43, UNKNOWN_ASK), data(43, CALL, true)])],
    ["S", Buffer.concat([head(43, UNKNOWN_OK), data(43, `data: ${RESULT}\n\n`, true)])],
  ];
  for (const kind of ["tcp", "tls"] as const) {
    expect(heard({ steps, kind, late: true })).toEqual([
      ["request", "json", 1, CALL, FLAG],
      ["response", "json", 1, RESULT, FLAG],
      ["end", 1, "complete", FLAG],
      ["request", "json", 2, CALL, FLAG],
      ["response", "sse", 2, RESULT, FLAG],
      ["end", 2, "complete", FLAG],
    ]);
  }
});

test("FramingStage says of a late exchange what its head tells, and no more", () => {
  const known = Buffer.concat([indexed(3), literal([":path", "/mcp?x"]), indexed(80)]);
  const steps: Step[] = [
    ["C", Buffer.concat([head(5, UNKNOWN_ASK), data(5, CALL, true)])],
    ["S", Buffer.concat([head(5, UNKNOWN_OK), data(5, RESULT, true)])],
    ["C", Buffer.concat([head(7, known), data(7, CALL, true)])],
    ["S", Buffer.concat([head(7, block(OK)), data(7, RESULT, true)])],
    ["C", Buffer.concat([head(9, block(ASK)), data(9, CALL, true)])],
    ["S", Buffer.concat([head(9, block(OK)), data(9, RESULT, true)])],
  ];
  const { items } = run({ steps, late: true });
  const ends = items.flatMap((item) => (item.kind === "http-end" ? [item] : []));
  expect(
    ends.map(({ exchange: { request, response }, flags }) => [
      request?.method,
      request?.target,
      request?.authority,
      response?.status,
      response?.fields.contentType,
      flags,
    ]),
  ).toEqual([
    [undefined, undefined, undefined, 200, undefined, [FLAG]],
    ["POST", "/mcp?x", undefined, 200, "application/json", [FLAG]],
    ["POST", "/mcp", "127.0.0.1:3001", 200, "application/json", []],
  ]);
});

test("FramingStage hears the events of a stream that began before", () => {
  const steps: Step[] = [
    ["S", data(9, `id: 3\ndata: ${NOTE}\n\n`)],
    ["S", data(9, `data: ${NOTE}\n\n`)],
  ];
  expect(heard({ steps, late: true })).toEqual([
    ["response", "sse", 1, NOTE, FLAG],
    ["response", "sse", 1, NOTE, FLAG],
  ]);
});

test("FramingStage takes data without its head for a message only if it is complete", () => {
  const first = [
    ["C", head(11, ASK)],
    ["S", PING],
  ] as const;
  const steps = (text: string): Step[] => [...first, ["S", data(9, text, true)]];
  expect(heard({ steps: steps(RESULT), late: true })).toEqual([
    ["response", "json", 2, RESULT, FLAG],
    ["end", 2, "complete", FLAG],
  ]);
  expect(heard({ steps: steps(`{"params":${RESULT}`), late: true })).toEqual([
    ["started_before_attach", RESULT.length + 10],
  ]);
  expect(heard({ steps: steps(`"x":${RESULT}}`), late: true })).toEqual([]);
});

test("FramingStage passes over the rest of a frame up to the next read that begins with one", () => {
  const cut = data(1, "x".repeat(500)).subarray(100);
  const steps: Step[] = [
    ["C", cut],
    ["S", cut],
    ["C", ask(3, CALL)],
    ["S", answer(3, RESULT)],
  ];
  expect(heard({ steps, late: true })).toEqual([
    ["started_before_attach", cut.length],
    ["started_before_attach", cut.length],
    ["request", "json", 1, CALL],
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
  ]);
});

test("FramingStage goes on behind a hole: within data, and where frames are unknown [http2/resync]", () => {
  const long = `{"jsonrpc":"2.0","method":"x","params":"${"x".repeat(200)}"}`;
  const body = data(1, long, true);
  const hello: Step[] = [
    ["C", HELLO],
    ["S", WELCOME],
    ["C", head(1, block(ASK, true))],
    ["C", body.subarray(0, 50)],
  ];
  const inside = heard({
    steps: [
      ...hello,
      ["C", { lost: 60 }],
      ["C", body.subarray(110)],
      [
        "C",
        Buffer.concat([
          head(3, Buffer.concat([indexed(67), indexed(64), indexed(63), indexed(62), indexed(65)])),
          data(3, CALL, true),
        ]),
      ],
      ["S", answer(3, RESULT)],
    ],
  });
  expect(inside).toEqual([
    ["cut_by_gap", 41],
    ["ring_full", 60],
    ["cut_by_gap", body.length - 110],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
  const beyond = heard({
    steps: [
      ...hello,
      ["C", { lost: body.length - 50 + 33 }],
      ["C", "the rest of some frame"],
      ["C", ask(5, CALL)],
      ["S", answer(5, RESULT)],
      ["S", head(1, EVENTS, true)],
    ],
  });
  expect(beyond).toEqual([
    ["cut_by_gap", 41],
    ["ring_full", body.length - 50 + 33],
    ["cut_by_gap", 22],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage begins anew with a connection that was left alone for a while", () => {
  const { request, response } = makeConnection();
  const framing = new FramingStage();
  const download = data(1, Buffer.alloc(16_000));
  let [asked, answered] = [0, 0];
  const push = (side: "C" | "S", bytes: Buffer, timeNs: number) => {
    const [channel, position, reader] =
      side === "C" ? [request, asked, server] : [response, answered, client];
    if (side === "C") asked += bytes.length;
    else answered += bytes.length;
    return brief(framing.push(chunk(channel, Buffer.from(bytes), position, reader, timeNs)));
  };
  push("C", HELLO, 1);
  push("S", WELCOME, 1);
  push(
    "C",
    head(
      1,
      [
        [":method", "GET"],
        [":path", "/"],
      ],
      true,
    ),
    2,
  );
  push("S", head(1, OK), 3);
  let told: unknown[] = [];
  for (let timeNs = 4; told.length === 0; timeNs++) told = push("S", download, timeNs);
  expect(told).toEqual([
    ["set-aside", "tcp:1<"],
    ["set-aside", "tcp:1>"],
  ]);
  // what was on its way: it ends inside of a frame
  push("S", download, 1000);
  push("S", download.subarray(0, 99), 1001);
  const later = 20_000_000_000;
  expect(push("C", ask(3, CALL), later)).toEqual([["request", "json", 2, CALL]]);
  expect(push("S", answer(3, RESULT), later + 1)).toEqual([
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});
