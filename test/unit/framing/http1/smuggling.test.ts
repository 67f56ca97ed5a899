/** Shapes that two parsers may read differently: each is flagged, and read as RFC 9112 says, so that what follows is heard. */
import { expect, test } from "bun:test";
import {
  answer,
  CALL,
  chunked,
  heard,
  jsonAnswer,
  post,
  RESULT,
  type Step,
} from "../http-script.ts";

const FLAG = "ambiguous_http";
const HEX = CALL.length.toString(16);
const LENGTH = `Content-Length: ${CALL.length}`;
const CHUNKED = "Transfer-Encoding: chunked";

/** A POST whose length fields, or whole start line, are these. */
function request(fields: string, body: string, line = "POST /mcp HTTP/1.1"): string {
  const head = `${line}\r\nHost: h\r\nMCP-Protocol-Version: 2025-11-25\r\nContent-Type: application/json`;
  return `${head}\r\n${fields}\r\n\r\n${body}`;
}

const chunks = `${chunked(CALL)}0\r\n\r\n`;

/** Requests that are read to their end. */
const read: readonly (readonly [string, string])[] = [
  ["a length beside chunks: chunks", request(`Content-Length: 6\r\n${CHUNKED}`, chunks)],
  ["chunks beside a length: chunks", request(`${CHUNKED}\r\nContent-Length: 6`, chunks)],
  ["one length twice: that length", request(`${LENGTH}\r\n${LENGTH}`, CALL)],
  ["one length as a list: that length", request(`${LENGTH}, ${CALL.length}`, CALL)],
  ["a folded length: the whole value", request(`Content-Length:\r\n ${CALL.length}`, CALL)],
  ["a folded other field", request(`X: a\r\n\tb: c\r\n${LENGTH}`, CALL)],
  [
    "a first field that begins with white space: passed over",
    request(LENGTH, CALL).replace("\r\n", "\r\n X: y\r\n"),
  ],
  [
    "a space before the colon: as if it were not there",
    request(`Content-Length : ${CALL.length}`, CALL),
  ],
  ["a control character before the colon", request(`Content-Length\x0b: ${CALL.length}`, CALL)],
  ["a field name that is none: passed over", request(`Content-Length(): 1\r\n${LENGTH}`, CALL)],
  ["a line without a colon: passed over", request(`Content-Length 1\r\n${LENGTH}`, CALL)],
  ["an empty field name: passed over", request(`: 1\r\n${LENGTH}`, CALL)],
  ["a bare line feed in the head: a line end", request(`X: y\n${LENGTH}`, CALL)],
  [
    "a bare carriage return: a part of the value",
    request(`X: y\rContent-Length: 1\r\n${LENGTH}`, CALL),
  ],
  ["a NUL in a value", request(`X: \0\r\n${LENGTH}`, CALL)],
  ["two hosts", request(`Host: other\r\n${LENGTH}`, CALL)],
  [
    "a target whose authority is not the host",
    request(LENGTH, CALL, "POST http://other/mcp HTTP/1.1"),
  ],
  ["two sessions", request(`Mcp-Session-Id: a\r\nMcp-Session-Id: b\r\n${LENGTH}`, CALL)],
  ["chunks in HTTP/1.0", request(CHUNKED, chunks, "POST /mcp HTTP/1.0")],
  ["more than one space in the start line", request(LENGTH, CALL, "POST  /mcp HTTP/1.1")],
  ["a target with a space", request(LENGTH, CALL, "POST /mcp x HTTP/1.1")],
  [
    "a head whose lines end with bare line feeds",
    request(LENGTH, "").replaceAll("\r\n", "\n") + CALL,
  ],
  [
    "a chunk line that ends with a bare line feed",
    request(CHUNKED, `${HEX}\n${CALL}\r\n0\r\n\r\n`),
  ],
  ["chunk data that ends with a bare line feed", request(CHUNKED, `${HEX}\r\n${CALL}\n0\r\n\r\n`)],
  [
    "a bare carriage return in a chunk line",
    request(CHUNKED, `${HEX};a\rb\r\n${CALL}\r\n0\r\n\r\n`),
  ],
  ["a space behind a chunk's length", request(CHUNKED, `${HEX} \r\n${CALL}\r\n0\r\n\r\n`)],
  [
    "a trailer that ends with a bare line feed",
    request(CHUNKED, `${chunked(CALL)}0\r\nX: y\n\r\n`),
  ],
];

test.each(read)("FramingStage flags a request with %s [http/ambiguous]", (_shape, bytes) => {
  const answers = { C: post(CALL), S: jsonAnswer(RESULT) };
  const pieces = (size: number): Step[] =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => [
      "C",
      Buffer.from(bytes, "latin1").subarray(n * size, (n + 1) * size),
    ]);
  for (const size of [bytes.length, 1]) {
    const steps: Step[] = [
      ["C", answers.C],
      ["S", answers.S],
      ...pieces(size),
      ["S", answers.S],
      ["C", answers.C],
      ["S", answers.S],
    ];
    expect(heard({ steps })).toEqual([
      ["verdict", "mcp"],
      ["request", "json", 1, CALL],
      ["response", "json", 1, RESULT],
      ["end", 1, "complete"],
      ["request", "json", 2, CALL, FLAG],
      ["response", "json", 2, RESULT, FLAG],
      ["end", 2, "complete", FLAG],
      ["request", "json", 3, CALL],
      ["response", "json", 3, RESULT],
      ["end", 3, "complete"],
    ]);
  }
});

/** Requests that end nobody knows where: RFC 9112, 6.3, wants the connection closed. */
const unreadable: readonly (readonly [string, string])[] = [
  ["two lengths", request(`${LENGTH}\r\nContent-Length: 3`, CALL)],
  ["two lengths in a list", request(`${LENGTH}, 3`, CALL)],
  ["a negative length", request("Content-Length: -1", CALL)],
  ["a signed length", request(`Content-Length: +${CALL.length}`, CALL)],
  ["a hexadecimal length", request("Content-Length: 0x28", CALL)],
  ["an empty length", request("Content-Length: ", CALL)],
  ["a length of twenty digits", request("Content-Length: 99999999999999999999", CALL)],
  ["a length with a no-break space", request(`Content-Length: ${CALL.length}\xa0`, CALL)],
  ["a transfer coding that is not the last", request("Transfer-Encoding: chunked, gzip", chunks)],
  ["chunks of chunks", request("Transfer-Encoding: chunked, chunked", chunks)],
  [
    "an unknown transfer coding beside a length",
    request(`Transfer-Encoding: xchunked\r\n${LENGTH}`, CALL),
  ],
  ["identity beside a length", request(`Transfer-Encoding: identity\r\n${LENGTH}`, CALL)],
  ["a vertical tab before the transfer coding", request("Transfer-Encoding: \x0bchunked", chunks)],
  ["a quoted transfer coding", request('Transfer-Encoding: "chunked"', chunks)],
  ["two transfer codings, the second none", request(`${CHUNKED}\r\nTransfer-Encoding: x`, chunks)],
  ["a chunk length with a sign", request(CHUNKED, `+${HEX}\r\n${CALL}\r\n0\r\n\r\n`)],
  ["a chunk length with a prefix", request(CHUNKED, `0x${HEX}\r\n${CALL}\r\n0\r\n\r\n`)],
  ["a chunk length behind a space", request(CHUNKED, ` ${HEX}\r\n${CALL}\r\n0\r\n\r\n`)],
  ["an empty chunk line", request(CHUNKED, `\r\n${CALL}\r\n0\r\n\r\n`)],
  ["a chunk length of 16 digits", request(CHUNKED, `ffffffffffffffff\r\n${CALL}\r\n0\r\n\r\n`)],
  ["a chunk longer than it says", request(CHUNKED, `5\r\n${CALL}\r\n0\r\n\r\n`)],
  ["a chunk line without an end", request(CHUNKED, `${HEX};${"x".repeat(5000)}`)],
  [
    "trailers without an end",
    request(CHUNKED, `${chunked(CALL)}0\r\n${"X: y\r\n".repeat(15_000)}`),
  ],
];

test.each(unreadable)(
  "FramingStage flags a request with %s, and goes on with the next read that begins with a request [http/ambiguous]",
  (_shape, bytes) => {
    const steps: Step[] = [
      ["C", Buffer.from(bytes, "latin1")],
      ["S", answer("400 Bad Request", "")],
      ["C", post(CALL)],
      ["S", jsonAnswer(RESULT)],
    ];
    const items = heard({ steps });
    expect(items).toContainEqual(["end", 1, "lost", FLAG]);
    expect(items.slice(-3)).toEqual([
      ["request", "json", 2, CALL],
      ["response", "json", 2, RESULT],
      ["end", 2, "complete"],
    ]);
  },
);

const json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const body = `${chunked(RESULT)}0\r\n\r\n`;

test.each([
  ["a length beside chunks", `${json}Content-Length: 3\r\n${CHUNKED}\r\n\r\n${body}`],
  [
    "one length twice",
    `${json}Content-Length: ${RESULT.length}\r\ncontent-length: ${RESULT.length}\r\n\r\n${RESULT}`,
  ],
  ["a folded field", `${json}X: a\r\n b\r\nContent-Length: ${RESULT.length}\r\n\r\n${RESULT}`],
  ["a bare line feed", `${json}X: a\nContent-Length: ${RESULT.length}\r\n\r\n${RESULT}`],
])("FramingStage flags an answer with %s, and hears it [http/ambiguous]", (_shape, bytes) => {
  const steps: Step[] = [
    ["C", post(CALL)],
    ["S", bytes],
  ];
  expect(heard({ steps }).slice(2)).toEqual([
    ["response", "json", 1, RESULT, FLAG],
    ["end", 1, "complete", FLAG],
  ]);
});

test.each([
  ["204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"],
  ["204 with chunks", `HTTP/1.1 204 No Content\r\n${CHUNKED}\r\n\r\n`],
])("FramingStage flags a %s that announces a body, and expects none", (_shape, bytes) => {
  const steps: Step[] = [
    ["C", post(CALL)],
    ["S", bytes],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  expect(heard({ steps }).slice(2)).toEqual([
    ["end", 1, "complete", FLAG],
    ["request", "json", 2, CALL],
    ["response", "json", 2, RESULT],
    ["end", 2, "complete"],
  ]);
});

test("FramingStage takes an answer with an unknown transfer coding up to the connection's end", () => {
  const steps: Step[] = [
    ["C", post(CALL)],
    ["S", `${json}Transfer-Encoding: x\r\nContent-Length: 3\r\n\r\n`],
    ["S", RESULT],
    ["C", "end"],
    ["S", "end"],
  ];
  expect(heard({ steps }).slice(2)).toEqual([
    ["response", "json", 1, RESULT, FLAG],
    ["end", 1, "complete", FLAG],
  ]);
});

test("FramingStage ends a head at the first empty line, bare or not, in a read that holds more", () => {
  const bare = request(LENGTH, "").replaceAll("\r\n", "\n") + CALL;
  const steps: Step[] = [["C", post(CALL) + bare + post(CALL) + bare]];
  expect(heard({ steps }).slice(1)).toEqual([
    ["request", "json", 1, CALL],
    ["request", "json", 2, CALL, FLAG],
    ["request", "json", 3, CALL],
    ["request", "json", 4, CALL, FLAG],
  ]);
});

test.each([
  ["longer than what comes", CALL.length + 500],
  ["shorter than what comes", 10],
])("FramingStage hears the next but one exchange when a length is %s", (_lie, length) => {
  const lying = post(CALL).replace(/Content-Length: \d+/, `Content-Length: ${length}`);
  const steps: Step[] = [
    ["C", lying],
    ["S", answer("400 Bad Request", "")],
    ["C", post(CALL, `X: ${"y".repeat(600)}`)],
    ["S", answer("400 Bad Request", "")],
    ["C", post(CALL)],
    ["S", jsonAnswer(RESULT)],
  ];
  const items = heard({ steps });
  expect(items).toContainEqual(["request", "json", expect.any(Number), CALL]);
  expect(items.slice(-2)).toMatchObject([
    ["response", "json", expect.any(Number), RESULT],
    ["end", expect.any(Number), "complete"],
  ]);
});
