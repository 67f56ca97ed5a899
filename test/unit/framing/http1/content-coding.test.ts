import { expect, test } from "bun:test";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import { growth } from "../growth.ts";
import {
  brief,
  CALL,
  ConnectionRun,
  EVENTS_HEAD,
  heard,
  jsonAnswer,
  makeConnection,
  NOTE,
  post,
  RESULT,
  type Step,
} from "../http-script.ts";

const codings: readonly (readonly [string, (text: string) => Uint8Array])[] = [
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["deflate", deflateRawSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
];

test.each(codings)("FramingStage undoes %s on a body and on an event stream", (coding, encode) => {
  const body = encode(RESULT);
  const events = encode(`data: ${NOTE}\n\ndata: ${RESULT}\n\n`);
  const fields = `Content-Encoding: ${coding}\r\nContent-Length: `;
  const head = "HTTP/1.1 200 OK\r\nContent-Type:";
  const steps: Step[] = [
    ["C", post(CALL)],
    ["S", `${head} application/json\r\n${fields}${body.length}\r\n\r\n`],
    ["S", body],
    ["C", post(CALL)],
    ["S", `${head} text/event-stream\r\n${fields}${events.length}\r\n\r\n`],
    ["S", events],
  ];
  expect(heard({ steps }).filter((item) => Array.isArray(item) && item[0] === "response")).toEqual([
    ["response", "json", 1, RESULT],
    ["response", "sse", 2, NOTE],
    ["response", "sse", 2, RESULT],
  ]);
});

test.each([
  ["gzip", gzipSync],
  ["br", brotliCompressSync],
] as const)(
  "FramingStage hears an event of a %s stream before the stream ends",
  (coding, encode) => {
    const random = Array.from({ length: 600 }, (_, n) => Math.sin(n)).join(",");
    const stream = encode(`data: ${NOTE}\n\ndata: {"jsonrpc":"2.0","result":[${random}]}\n\n`);
    const made = new ConnectionRun(makeConnection(), new FramingStage());
    made.step(["C", post(CALL)]);
    made.step([
      "S",
      `${EVENTS_HEAD.replace("\r\n\r\n", "\r\n")}Content-Encoding: ${coding}\r\n\r\n`,
    ]);
    made.step(["S", `${stream.length.toString(16)}\r\n`]);
    const first = made.step(["S", stream.subarray(0, stream.length - 1000)]);
    expect(brief(first)).toEqual([["response", "sse", 1, NOTE]]);
    const rest = made.step(["S", stream.subarray(stream.length - 1000)]);
    expect(brief(rest)).toMatchObject([["response", "sse", 1, expect.stringContaining(random)]]);
  },
);

test("FramingStage bounds what a body may become [zip bomb]", () => {
  const bomb = gzipSync(Buffer.alloc(1_000_000, " "));
  const fields = `Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}`;
  const steps: Step[] = [
    ["C", post(CALL)],
    ["S", `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`],
    ["S", bomb],
  ];
  expect(heard({ steps, options: { maxLineBytes: 100_000 } }).slice(2)).toEqual([
    ["line_too_long", bomb.length],
    ["end", 1, "lost"],
  ]);
});

const bombs: readonly (readonly [string, string, Uint8Array])[] = [
  ["gzip", "gzip", gzipSync(Buffer.alloc(1_000_000, " "))],
  ["deflate", "deflate", deflateSync(Buffer.alloc(1_000_000, " "))],
  ["br", "br", brotliCompressSync(Buffer.alloc(1_000_000, " "))],
  ["zstd", "zstd", zstdCompressSync(Buffer.alloc(1_000_000, " "))],
  ["gzip in gzip", "gzip, gzip", gzipSync(gzipSync(Buffer.alloc(1_000_000, " ")))],
  ["br in deflate", "br, deflate", deflateSync(brotliCompressSync(Buffer.alloc(1_000_000, " ")))],
];

test.each(
  bombs.flatMap(([name, coding, bomb]) =>
    ["application/json", "text/event-stream"].map((type) => [name, type, coding, bomb] as const),
  ),
)(
  "FramingStage loses what %s would become over the limit, of %s, and hears the next exchange [http/bombs]",
  (_name, type, coding, bomb) => {
    const steps: Step[] = [
      ["C", post(CALL)],
      [
        "S",
        `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Encoding: ${coding}\r\nContent-Length: ${bomb.length}\r\n\r\n`,
      ],
      ["S", bomb],
      ["C", post(CALL)],
      ["S", jsonAnswer(RESULT)],
    ];
    expect(heard({ steps, options: { maxLineBytes: 100_000 } }).slice(2)).toEqual([
      ["line_too_long", bomb.length],
      ["end", 1, "lost"],
      ["request", "json", 2, CALL],
      ["response", "json", 2, RESULT],
      ["end", 2, "complete"],
    ]);
  },
);

test.each([
  ["bytes that are not gzip", "gzip", Buffer.from("{}")],
  ["more codings than anybody uses", "gzip, gzip, gzip, gzip", gzipSync(RESULT)],
  ["half of a gzip body", "gzip", gzipSync(RESULT).subarray(0, 20)],
])("FramingStage counts %s as noise, and hears the next exchange", (_name, coding, body) => {
  const steps: Step[] = [
    ["C", post(CALL)],
    [
      "S",
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`,
    ],
    ["S", body],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps }).slice(2)).toEqual([
    ["end", 1, "complete"],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage undoes codings in the reverse of the order in which they were applied, transfer codings first", () => {
  const body = gzipSync(brotliCompressSync(deflateSync(RESULT)));
  const head =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip, chunked\r\nContent-Encoding: deflate\r\nContent-Encoding: br\r\n\r\n";
  const made = new ConnectionRun(makeConnection(), new FramingStage());
  made.step(["C", post(CALL)]);
  made.step(["S", head]);
  made.step(["S", `${body.length.toString(16)}\r\n`]);
  made.step(["S", body]);
  expect(brief(made.step(["S", "\r\n0\r\n\r\n"]))).toEqual([
    ["response", "json", 1, RESULT],
    ["end", 1, "complete"],
  ]);
});

test("FramingStage undoes codings of a request's body, too", () => {
  const body = gzipSync(CALL);
  const steps: Step[] = [
    [
      "C",
      post(CALL).replace(
        /Content-Length: \d+\r\n\r\n.*/,
        `Content-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`,
      ),
    ],
    ["C", body],
  ];
  expect(heard({ steps })).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
  ]);
});

test("FramingStage decodes a compressed stream in time that grows with its length, not with its square", () => {
  const measure = (count: number) => {
    const stream = gzipSync(
      Array.from({ length: count }, (_, n) => `data: ${NOTE.replace("progress", `${n}`)}\n\n`).join(
        "",
      ),
      { level: 1 },
    );
    const made = new ConnectionRun(makeConnection(), new FramingStage());
    made.step(["C", post(CALL)]);
    made.step([
      "S",
      `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: ${stream.length}\r\n\r\n`,
    ]);
    const started = Bun.nanoseconds();
    const frames = () => made.items.filter((item) => item.kind === "frame").length;
    const late = Math.floor((stream.length * 9) / 10 / 200) * 200;
    for (let at = 0; at < stream.length; at += 200) {
      made.step(["S", stream.subarray(at, at + 200)]);
      // told when the stream has doubled, at the latest
      if (at === late) expect(frames()).toBeGreaterThan(count * 0.4);
    }
    expect(frames()).toBe(count + 1);
    return Bun.nanoseconds() - started;
  };
  // at first all is decoded at each read, up to 16 MiB in all
  expect(growth(measure, 20_000, 200_000)).toBeLessThan(40);
});

test("FramingStage flags a body of an unknown coding, counts it as noise, and hears the next exchange", () => {
  const steps: Step[] = [
    ["C", post(CALL)],
    [
      "S",
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: compress\r\nContent-Length: 3\r\n\r\n",
    ],
    ["S", Buffer.of(0x1f, 0x9d, 0x90)],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps }).slice(2)).toEqual([
    ["end", 1, "complete", "ambiguous_http"],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});
