/** Random exchanges over HTTP, good ones, and the ways in which their bytes may come. */
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import type { Step } from "./http-script.ts";

/** What a client and a server write: the first `head` bytes of the request precede the answer, the rest may be read later. */
export interface Exchange {
  readonly request: Buffer;
  readonly head: number;
  readonly answer: Buffer;
}

const rpc = fc
  .tuple(fc.nat(99), fc.string({ unit: "grapheme", maxLength: 30 }))
  .map(([id, text]) => JSON.stringify({ jsonrpc: "2.0", id, method: text }));

const eventLine = fc.oneof(
  rpc.map((text) => `data: ${text}`),
  fc.constantFrom(
    'data:{"jsonrpc":"2.0",',
    'data: "id":7,"result":{}}',
    "data",
    "data:",
    "id: 7",
    "id",
    "event: message",
    "event:other",
    "retry: 10",
    ": comment",
    "",
    "",
    "",
    "dat",
    "data: no JSON",
  ),
);
const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
const eventStream = fc
  .tuple(fc.boolean(), fc.array(fc.tuple(eventLine, lineEnd), { maxLength: 12 }))
  .map(
    ([hasMark, lines]) => (hasMark ? "\ufeff" : "") + lines.map((line) => line.join("")).join(""),
  );

/** `text` in chunks of these sizes. */
function chunkedBytes(text: Buffer, sizes: readonly number[], extra: string): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (let n = 0; at < text.length; n++) {
    const part = text.subarray(at, at + (sizes[n % sizes.length] ?? 8));
    parts.push(Buffer.from(`${part.length.toString(16)}${extra}\r\n`), part, Buffer.from("\r\n"));
    at += part.length;
  }
  const trailer = extra === "" ? "" : "X-Sum: 1\r\n";
  return Buffer.concat([...parts, Buffer.from(`0\r\n${trailer}\r\n`)]);
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });
const extension = fc.constantFrom("", ";a=b", '; q="x y"');
const json = "Content-Type: application/json";

/** A body with the fields that say how it is sent. */
const framed = (content: fc.Arbitrary<Buffer>, fields: string) =>
  fc.tuple(content, sizes, extension, fc.boolean()).map(([body, parts, extra, isChunked]) =>
    isChunked
      ? {
          fields: `${fields}\r\nTransfer-Encoding: chunked`,
          bytes: chunkedBytes(body, parts, extra),
        }
      : { fields: `${fields}\r\nContent-Length: ${body.length}`, bytes: body },
  );
const text = (from: fc.Arbitrary<string>) => from.map((body) => Buffer.from(body));

const requests = fc.oneof(
  ...["Accept: text/event-stream", "MCP-Protocol-Version: 2025-11-25"].map((field) =>
    framed(text(rpc), `${json}\r\n${field}`).map((body) => ({ method: "POST", ...body })),
  ),
  fc.constantFrom("GET", "HEAD", "DELETE").map((method) => ({
    method,
    fields: "Accept: text/event-stream\r\nMcp-Session-Id: s",
    bytes: Buffer.alloc(0),
  })),
);

/** The status of compressed event streams: which of their bytes an event carries depends on the reads. */
export const CODED_EVENTS = 203;

const answers = fc.oneof(
  framed(text(rpc), json).map((body) => ({ status: "200 OK", ...body })),
  framed(text(eventStream), "Content-Type: text/event-stream").map((body) => ({
    status: "200 OK",
    ...body,
  })),
  framed(
    rpc.map((body) => gzipSync(body)),
    `${json}\r\nContent-Encoding: gzip`,
  ).map((body) => ({ status: "200 OK", ...body })),
  framed(
    eventStream.map((stream) => gzipSync(stream)),
    "Content-Type: text/event-stream\r\nContent-Encoding: gzip",
  ).map((body) => ({ status: `${CODED_EVENTS} OK`, ...body })),
  framed(text(fc.string()), "Content-Type: text/plain").map((body) => ({
    status: "404 Not Found",
    ...body,
  })),
  fc.constantFrom("204 No Content", "304 Not Modified").map((status) => ({
    status,
    fields: "X: y",
    bytes: Buffer.alloc(0),
  })),
);

const interim = fc.constantFrom("", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\n\r\n");

export const exchange = fc
  .tuple(requests, answers, interim)
  .map(([asked, answered, first]): Exchange => {
    const isHead = asked.method === "HEAD";
    const start = `${asked.method} /mcp HTTP/1.1\r\nHost: h\r\n${asked.fields}\r\n\r\n`;
    const head = Buffer.from(start);
    // without a header that tells, the body does
    const isTold = asked.fields.toLowerCase().includes("mcp-");
    return {
      request: Buffer.concat([head, asked.bytes]),
      head: head.length + (isTold ? 0 : asked.bytes.length),
      answer: Buffer.concat([
        Buffer.from(`${first}HTTP/1.1 ${answered.status}\r\n${answered.fields}\r\n\r\n`),
        isHead ? Buffer.alloc(0) : answered.bytes,
      ]),
    };
  });

/** Cuts `bytes` behind the given places (taken modulo its length). */
export function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [...new Set(at.map((place) => 1 + (place % bytes.length)))].sort((a, b) => a - b);
  const pieces = [0, ...cuts].map((from, n) => bytes.subarray(from, cuts[n] ?? bytes.length));
  return pieces.filter((piece) => piece.length > 0);
}

/** Pieces of both directions in one of the orders in which no answer precedes its request's head: where both may go on,
 * `choices` says who does. */
export function interleave(
  all: readonly Exchange[],
  pieces: { readonly C: readonly Buffer[]; readonly S: readonly Buffer[] },
  choices: readonly boolean[],
): Step[] {
  const steps: Step[] = [];
  const asked = [...pieces.C];
  const answers = [...pieces.S];
  let read = 0;
  let answered = 0;
  for (let n = 0; asked.length + answers.length > 0; n++) {
    const next = answers[0]?.length ?? Number.POSITIVE_INFINITY;
    const mayAnswer = answered + next <= answerable(all, read);
    const isAnswer = asked.length === 0 || (mayAnswer && (choices[n % choices.length] ?? true));
    const piece = (isAnswer ? answers : asked).shift() ?? Buffer.alloc(0);
    if (isAnswer) answered += piece.length;
    else read += piece.length;
    if (piece.length > 0) steps.push([isAnswer ? "S" : "C", piece]);
  }
  return steps;
}

/** Bytes of answers that a server may have sent once it has read `read` bytes. */
function answerable(all: readonly Exchange[], read: number): number {
  let asked = 0;
  let answered = 0;
  for (const { request, head, answer } of all) {
    if (read < asked + head) return answered;
    asked += request.length;
    answered += answer.length;
  }
  return answered;
}
