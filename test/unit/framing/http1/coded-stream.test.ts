/** Compressed event streams that go on for long, or cannot be decoded. */
import { expect, test } from "bun:test";
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import { brief, bytesOf, CALL, type ConnectionRun, NOTE, post, run } from "../http-script.ts";

const GZIP = Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);
const ZLIB = Buffer.of(0x78, 0x9c);

function open(coding: string): ConnectionRun {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: ${coding}\r\n\r\n`;
  return run({
    steps: [
      ["C", post(CALL)],
      ["S", head],
    ],
  });
}

/** As a server sends it at once: up to a flush, with references to what came before. */
function flushed(text: Buffer, before: Buffer, level = 6): Buffer {
  const options = { level, finishFlush: constants.Z_SYNC_FLUSH };
  if (before.length === 0) return deflateRawSync(text, options);
  return deflateRawSync(text, { ...options, dictionary: before.subarray(-32 * 1024) });
}

test.each([
  ["gzip", GZIP],
  ["deflate", ZLIB],
  ["deflate", Buffer.alloc(0)],
])("FramingStage hears each event of a long %s stream as it comes (%#)", (coding, header) => {
  const made = open(coding);
  made.step(["S", header]);
  let before = Buffer.alloc(0);
  for (let n = 0; n < 3000; n++) {
    const text = NOTE.replace("progress", `${n} ${Bun.hash(`${n}`)} ${Bun.hash(`${-n}`)}`);
    const event = Buffer.from(`data: ${text}\n\n`);
    const bytes = flushed(event, before);
    before = Buffer.concat([before, event]).subarray(-32 * 1024);
    // some come in two reads
    const cut = n % 3 === 0 ? n % bytes.length : 0;
    if (cut > 0) made.step(["S", bytes.subarray(0, cut)]);
    const items = made.step(["S", bytes.subarray(cut)]);
    const heard = brief(made.items.slice(-items.length - 1));
    expect(heard).toContainEqual(["response", "sse", 1, text]);
  }
  made.step(["S", "end"]);
  expect(brief(made.items).filter((item) => String(item).startsWith("response"))).toHaveLength(
    3000,
  );
  expect(bytesOf(made.items, made.connection.response)).toBe(made.moved.S);
});

test("FramingStage takes bytes like those of a flush for what they are", () => {
  const made = open("gzip");
  made.step(["S", GZIP]);
  const mark = Buffer.of(0x00, 0x00, 0xff, 0xff);
  // stored as they are
  const comment = Buffer.concat([Buffer.from(": "), mark, Buffer.from("\n")]);
  const event = Buffer.from(`data: ${NOTE}\n\n`);
  const bytes = flushed(Buffer.concat([comment, event]), Buffer.alloc(0), 0);
  const at = bytes.indexOf(mark) + mark.length;
  expect(at).toBeLessThan(bytes.length - mark.length);
  made.step(["S", bytes.subarray(0, at)]);
  made.step(["S", bytes.subarray(at)]);
  made.step(["S", flushed(event, Buffer.concat([comment, event]))]);
  const note = ["response", "sse", 1, NOTE];
  expect(brief(made.items).slice(2)).toEqual([note, note]);
});

test("FramingStage hears the events of several gzip streams in a row as one", () => {
  const made = open("gzip");
  const member = gzipSync(`data: ${NOTE}\n\n`);
  for (let n = 0; n < 3; n++) made.step(["S", member]);
  const note = ["response", "sse", 1, NOTE];
  expect(brief(made.items).slice(2)).toEqual([note, note, note]);
});

test("FramingStage gives up a stream that cannot be decoded, at once", () => {
  const made = open("gzip");
  const wrong = Buffer.concat([
    gzipSync(Buffer.alloc(100_000, ":")).subarray(0, -8),
    Buffer.alloc(8),
  ]);
  made.step(["S", wrong]);
  expect(bytesOf(made.items, made.connection.response)).toBe(made.moved.S);
});

test.each(["none", "utf-8", "x-unknown"])(
  "FramingStage hears an event stream whose coding is said to be %s",
  (coding) => {
    const made = open(coding);
    const [frame] = brief(made.step(["S", `data: ${NOTE}\n\n`]));
    expect(frame).toEqual(
      coding === "x-unknown"
        ? ["response", "sse", 1, NOTE, "ambiguous_http"]
        : ["response", "sse", 1, NOTE],
    );
  },
);

test("FramingStage hears a body that is not coded as its head says, and flags it", () => {
  const { items } = run({ steps: [["C", post(CALL, "Content-Encoding: gzip")]] });
  expect(brief(items)).toContainEqual(["request", "json", 1, CALL, "ambiguous_http"]);
});

test("FramingStage hears a request that says to be text, and JSON", () => {
  const text = post(CALL).replace("application/json\r\n", "text/plain; application/json\r\n");
  expect(brief(run({ steps: [["C", text]] }).items)).toContainEqual(["request", "json", 1, CALL]);
});

test("FramingStage reads lengths with leading zeros", () => {
  const zeros = "0".repeat(20);
  const text = post(CALL).replace("Content-Length: ", `Content-Length: ${zeros}`);
  const chunk = `${zeros}${CALL.length.toString(16)}\r\n${CALL}\r\n0\r\n\r\n`;
  const steps = [
    ["C", text],
    [
      "S",
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ["S", chunk],
  ] as const;
  expect(brief(run({ steps }).items)).toEqual([
    ["verdict", "mcp"],
    ["request", "json", 1, CALL],
    ["response", "json", 1, CALL],
    ["end", 1, "complete"],
  ]);
});
