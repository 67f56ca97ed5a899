/**
 * Peers that mean harm, one process each:
 *   hostile.mjs serve CASE          listens on a free port, prints it, answers each connection once
 *   hostile.mjs send CASE PORT      sends, reads to the end; a good exchange before it and after it, each on a connection of its own
 * A case is what its two sides write, as an iterable of pieces; a number among them is a pause in ms.
 */
import { createServer, connect } from "node:net";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { brotliCompressSync, createGzip, gzipSync } from "node:zlib";

const MB = 1024 * 1024;
const QUIET_MS = 50;
const KB64 = Buffer.alloc(64 * 1024, "a");
const JSON_HEADERS = "Host: hostile\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
const POST = `POST /mcp HTTP/1.1\r\n${JSON_HEADERS}`;
const OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";

const sized = (head, body) => `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const CALL = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "evil" } });
const ANSWER = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { content: [] } });
const ASK = [sized(POST, CALL)];
const REPLY = [sized(OK, ANSWER)];

/** The exchange after the hostile one. */
export const GOOD_CALL = JSON.stringify({ jsonrpc: "2.0", id: "good", method: "tools/call", params: { name: "good" } });
export const GOOD_ANSWER = JSON.stringify({ jsonrpc: "2.0", id: "good", result: { content: [], good: true } });

function* times(count, piece) {
  for (let n = 0; n < count; n++) yield typeof piece === "function" ? piece(n) : piece;
}

/** A JSON text of so many bytes, most of them in one string. */
function* jsonOf(bytes) {
  const [head, tail] = ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"', '"}}'];
  const inside = bytes - head.length - tail.length;
  yield head;
  yield* times(Math.floor(inside / KB64.length), KB64);
  yield KB64.subarray(0, inside % KB64.length);
  yield tail;
}

/** A quarter of a gigabyte of one letter, compressed to nearly nothing. */
function bomb(compress) {
  return compress(Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"result":"'), Buffer.alloc(256 * MB, "a")]));
}

async function* eventBomb() {
  const gzip = createGzip();
  gzip.write("data: ");
  for (let n = 0; n < 512; n++) gzip.write(Buffer.alloc(MB, "a"));
  gzip.end("\n\n");
  yield* gzip;
}

export const CASES = {
  "a head sent a byte at a time, never whole": {
    connections: 100,
    request: function* () {
      for (const byte of `${POST}X: ${"y".repeat(60)}`.slice(0, 200)) yield* [byte, 5];
    },
  },
  "a body sent a byte at a time, never whole": {
    connections: 100,
    request: function* () {
      yield `${POST}Content-Length: 1000\r\n\r\n`;
      for (const byte of CALL) yield* [byte, 5];
    },
  },
  "a request of 100 MB": {
    request: function* () {
      yield `${POST}Content-Length: ${100 * MB}\r\n\r\n`;
      yield* jsonOf(100 * MB);
    },
    answer: () => REPLY,
  },
  "an answer of 100 MB in chunks": {
    request: () => ASK,
    answer: function* () {
      yield `${OK}Transfer-Encoding: chunked\r\n\r\n`;
      for (const piece of jsonOf(100 * MB)) yield `${piece.length.toString(16)}\r\n${piece}\r\n`;
      yield "0\r\n\r\n";
    },
  },
  "an event of 100 MB": {
    request: () => ASK,
    answer: function* () {
      yield `${EVENTS}\r\n`;
      yield "data: ";
      yield* jsonOf(100 * MB);
      yield "\n\n";
    },
  },
  "a gzip bomb": {
    request: () => ASK,
    answer: function* () {
      const body = bomb(gzipSync);
      yield `${OK}Content-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
      yield body;
    },
  },
  "a brotli bomb": {
    request: () => ASK,
    answer: function* () {
      const body = bomb(brotliCompressSync);
      yield `${OK}Content-Encoding: br\r\nContent-Length: ${body.length}\r\n\r\n`;
      yield body;
    },
  },
  "a gzip bomb as an event": {
    request: () => ASK,
    answer: async function* () {
      yield `${EVENTS}Content-Encoding: gzip\r\n\r\n`;
      yield* eventBomb();
    },
  },
  "a body shorter than its length": {
    request: () => ASK,
    answer: () => [`${OK}Content-Length: 1000000\r\n\r\n${ANSWER}`],
  },
  "a body longer than its length": {
    request: () => ASK,
    answer: () => [`${OK}Content-Length: 10\r\n\r\n${ANSWER}`, KB64, KB64],
  },
  "two lengths that differ": {
    request: () => [`${POST}Content-Length: 5\r\nContent-Length: ${CALL.length}\r\n\r\n${CALL}`],
    answer: () => REPLY,
  },
  "a length beside chunks": {
    request: () => [
      `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n${CALL.length.toString(16)}\r\n${CALL}\r\n0\r\n\r\n`,
    ],
    answer: () => REPLY,
  },
  "a million header fields": {
    request: function* () {
      yield POST;
      yield* times(1_000, (n) => [...times(1_000, (m) => `X-${n}-${m}: 1\r\n`)].join(""));
      yield `Content-Length: ${CALL.length}\r\n\r\n${CALL}`;
    },
    answer: () => REPLY,
  },
  "a chunk line of 10 MB": {
    request: function* () {
      yield `${POST}Transfer-Encoding: chunked\r\n\r\n1;`;
      yield* times(160, KB64);
      yield "\r\n{\r\n0\r\n\r\n";
    },
    answer: () => REPLY,
  },
  "a million chunks of a byte": {
    request: function* () {
      yield `${POST}Transfer-Encoding: chunked\r\n\r\n`;
      yield* times(1_000, "1\r\na\r\n".repeat(1_000));
      yield "0\r\n\r\n";
    },
    answer: () => REPLY,
  },
  "a hundred thousand requests that nobody answers": {
    request: () => times(100, sized(POST, CALL).repeat(1_000)),
  },
  "garbage after an Upgrade": {
    request: function* () {
      yield `GET /mcp HTTP/1.1\r\nHost: hostile\r\nAccept: text/event-stream\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n`;
      yield 50;
      yield* times(100, () => randomBytes(64 * 1024));
    },
    answer: function* () {
      yield "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n";
      yield* times(100, () => randomBytes(64 * 1024));
    },
  },
  "garbage for an answer": {
    request: () => ASK,
    answer: () => times(100, () => randomBytes(64 * 1024)),
  },
};

/** What a full socket's writer waits for. */
const writable = new WeakMap();

function watch(socket) {
  for (const event of ["drain", "close"]) socket.on(event, () => writable.get(socket)?.());
  // Errors of a connection are its end.
  socket.on("error", () => {});
}

async function write(socket, pieces) {
  for await (const piece of pieces) {
    if (socket.destroyed) return;
    if (typeof piece === "number") await new Promise((next) => setTimeout(next, piece));
    else if (!socket.write(piece)) await new Promise((next) => writable.set(socket, next));
  }
}

/** Answers a connection's first request when no more of it comes: what is in it, hostile ones do not say. */
function serve(name) {
  const { answer } = CASES[name];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    let patience;
    const reply = async () => {
      await write(socket, text.includes('"good"') ? [sized(OK, GOOD_ANSWER)] : answer());
      socket.end();
    };
    watch(socket);
    socket.on("end", () => answer === undefined && socket.end());
    socket.on("data", (bytes) => {
      if (text.length < 1_000) text += bytes.subarray(0, 1_000).toString("latin1");
      clearTimeout(patience);
      if (answer !== undefined || text.includes('"good"')) patience = setTimeout(reply, QUIET_MS);
    });
  });
  server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
}

async function talk(port, pieces, isUnanswered = false) {
  const socket = connect(port, "127.0.0.1");
  watch(socket);
  await once(socket, "connect");
  socket.resume();
  const over = once(socket, "close");
  await write(socket, pieces);
  if (isUnanswered) socket.end();
  await over;
}

async function send(name, port) {
  const { request, answer, connections = 1 } = CASES[name];
  const isUnanswered = answer === undefined;
  await talk(port, [sized(POST, GOOD_CALL)]); // from here on, the tool knows the endpoint
  await Promise.all(Array.from({ length: connections }, () => talk(port, request(), isUnanswered)));
  await talk(port, [sized(POST, GOOD_CALL)]);
}

const [role, name, port] = process.argv.slice(2);
if (role === "serve") serve(name);
if (role === "send") await send(name, Number(port));
