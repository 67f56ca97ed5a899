import { expect, test } from "bun:test";
import type { Channel, LossReason } from "../../../src/capture/types.ts";
import { type FramingOptions, FramingStage } from "../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../src/framing/types.ts";
import type { StreamItem } from "../../../src/stream/types.ts";
import { channelEnd, chunk, gap, makeChannel, makeProcess } from "./items.ts";

const reader = makeProcess(7);

/** A piece of the channel's bytes, or bytes that were lost. */
type Piece = string | Uint8Array | { readonly lost: number };

interface Script {
  readonly pieces: readonly Piece[];
  readonly late?: boolean;
  readonly unread?: number;
  readonly options?: FramingOptions;
}

function run({ pieces, late, unread, options }: Script): readonly FramingItem[] {
  const framing = new FramingStage(options);
  const channel = makeChannel("pipe:1", late);
  const items = [...toItems(channel, pieces), channelEnd(channel, unread)];
  return [...items.flatMap((item) => [...framing.push(item)]), ...framing.end()];
}

function toItems(channel: Channel, pieces: readonly Piece[]): StreamItem[] {
  let position = 0;
  return pieces.map((piece) => {
    if (typeof piece !== "string" && "lost" in piece) {
      position += piece.lost;
      return gap(channel, piece.lost, "ring_full");
    }
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    const item = chunk(channel, bytes, position, reader);
    position += bytes.length;
    return item;
  });
}

/** Short forms: ["frame", text, bytes, end], [loss reason, bytes], ["noise", bytes], other kinds by name. */
function brief(items: readonly FramingItem[]): unknown[] {
  return items.map((item) => {
    if (item.kind === "frame") return ["frame", item.text, item.bytes, item.endPosition];
    if (item.kind === "loss") return [item.reason, item.bytes];
    return item.kind === "noise" ? ["noise", item.bytes] : [item.kind];
  });
}

test("FramingStage joins a line from many chunks and splits many lines of one", () => {
  const items = run({ pieces: ['{"a"', ":", '1}\n{"b":2}\n{"c":3}\n{"d"', ":4}\n"] });
  expect(brief(items)).toEqual([
    ["frame", '{"a":1}', 8, 8],
    ["frame", '{"b":2}', 8, 16],
    ["frame", '{"c":3}', 8, 24],
    ["frame", '{"d":4}', 8, 32],
    ["end"],
  ]);
});

test("FramingStage names all readers of a line, the one that completed it apart, and the time of its read", () => {
  const framing = new FramingStage();
  const channel = makeChannel("pipe:1");
  const [first, second] = [makeProcess(1), makeProcess(2)];
  framing.push(chunk(channel, Buffer.from("[1"), 0, first, 100));
  const [frame] = framing.push(chunk(channel, Buffer.from("]\n"), 2, second, 200));
  expect(frame).toEqual({
    kind: "frame",
    channel,
    text: "[1]",
    bytes: 4,
    endPosition: 4,
    timeNs: 200,
    reader: second,
    otherReaders: [first],
    sender: undefined,
    sentNs: undefined,
    flags: ["shared_line"],
  });
});

test("FramingStage takes whole lines of several readers for nothing special", () => {
  const framing = new FramingStage();
  const channel = makeChannel("pipe:1");
  const [first, second] = [makeProcess(1), makeProcess(2)];
  const items = [
    chunk(channel, Buffer.from("[1]\n[2"), 0, first),
    chunk(channel, Buffer.from("]\n"), 6, first),
    chunk(channel, Buffer.from("[3]\nlog\n"), 8, second),
    chunk(channel, Buffer.from("[4]\n"), 16, first),
  ].flatMap((each) => [...framing.push(each)]);
  const frames = items.filter((item) => item.kind === "frame");
  expect(frames.map(({ reader, flags }) => [reader, flags])).toEqual([
    [first, []],
    [first, []],
    [second, []],
    [first, []],
  ]);
});

test("FramingStage names no more than 8 of those who share a line", () => {
  const framing = new FramingStage();
  const channel = makeChannel("pipe:1");
  for (let pid = 1; pid < 40; pid++) {
    framing.push(
      chunk(channel, Buffer.from(pid === 1 ? "[1" : ",1"), pid * 2 - 2, makeProcess(pid)),
    );
  }
  const [frame] = framing.push(chunk(channel, Buffer.from("]\n"), 78, makeProcess(40)));
  expect(frame?.kind === "frame" && frame.otherReaders?.length).toBe(8);
});

test("FramingStage drops CRLF from the text and counts it in the bytes", () => {
  const items = run({ pieces: ['{"a":1}\r', "\n", '{"b":"\\r"}\r\n'] });
  expect(brief(items)).toEqual([
    ["frame", '{"a":1}', 9, 9],
    ["frame", '{"b":"\\r"}', 12, 21],
    ["end"],
  ]);
});

test("FramingStage decodes a character whose bytes came apart", () => {
  const bytes = Buffer.from('{"t":"žluť 🎵"}\n');
  const items = run({ pieces: Array.from(bytes, (byte) => Uint8Array.of(byte)) });
  expect(brief(items)).toEqual([["frame", '{"t":"žluť 🎵"}', 20, 20], ["end"]]);
});

test("FramingStage copies what it keeps, as a chunk is only a view during the push", () => {
  const framing = new FramingStage();
  const channel = makeChannel("pipe:1");
  const ring = Buffer.from('{"a":1}\n{"b":');
  const [whole] = framing.push(chunk(channel, ring, 0, reader));
  ring.fill(0x58);
  const [joined] = framing.push(chunk(channel, Buffer.from("2}\n"), 13, reader));
  expect(brief([whole, joined].flatMap((item) => item ?? []))).toEqual([
    ["frame", '{"a":1}', 8, 8],
    ["frame", '{"b":2}', 8, 16],
  ]);
});

test.each([
  ["a log line", "listening on stdio\n", 19],
  ["blank lines", "\n\r\n  \n", 6],
  ["a stack trace with braces at its end", "at f (x.js) {\n  code: 1 }\n", 26],
  ["binary", Uint8Array.of(0, 255, 254, 10, 0x80, 10), 6],
  ["an indent of 256", `${" ".repeat(256)}{}\n`, 259],
])(
  "FramingStage counts %s as noise and hears the next line [stdio/noise]",
  (_name, noise, bytes) => {
    expect(brief(run({ pieces: [noise, "{}\n"] }))).toEqual([
      ["noise", bytes],
      ["frame", "{}", 3, bytes + 3],
      ["end"],
    ]);
  },
);

test.each([
  ["a byte order mark", [0xef, 0xbb, 0xbf, 0x7b, 0x7d, 10], "{}", ["bom"]],
  ["a broken character", [0x5b, 0x22, 0xc3, 0x22, 0x5d, 10], '["\ufffd"]', ["invalid_utf8"]],
  ["an encoded surrogate", [0x5b, 0xed, 0xa0, 0x80, 10], "[\ufffd\ufffd\ufffd", ["invalid_utf8"]],
  ["both", [0xef, 0xbb, 0xbf, 0x5b, 0xff, 10], "[\ufffd", ["bom", "invalid_utf8"]],
  ["a real U+FFFD", [0x5b, 0xef, 0xbf, 0xbd, 10], "[\ufffd", []],
])("FramingStage flags %s", (_name, bytes, text, flags) => {
  for (const pieces of [[Uint8Array.from(bytes)], bytes.map((byte) => Uint8Array.of(byte))]) {
    const [frame] = run({ pieces });
    expect(frame).toMatchObject({ kind: "frame", text, flags, bytes: bytes.length });
  }
});

test("FramingStage loses both halves of a line around a gap and hears the next", () => {
  expect(brief(run({ pieces: ['{"a":', { lost: 100 }, '"x"}}\n{"b":2}\n'] }))).toEqual([
    ["cut_by_gap", 5],
    ["ring_full", 100],
    ["cut_by_gap", 6],
    ["frame", '{"b":2}', 8, 119],
    ["end"],
  ]);
});

test.each([
  ["a whole message", '{"a":1}\n', ["frame", '{"a":1}', 8, 18]],
  ["a nested object's end", '{"a":1}}\n', ["cut_by_gap", 9]],
  ["a log line", "hello\n", ["cut_by_gap", 6]],
  ["only a line end", "\n", ["cut_by_gap", 1]],
  ["a whole last message", '{"a":1}', ["frame", '{"a":1}', 7, 17]],
  ["a last half", '"a":1}', ["cut_by_gap", 6]],
])(
  "FramingStage behind a gap judges %s by whether it is complete JSON",
  (_name, text, expected) => {
    expect(brief(run({ pieces: [{ lost: 10 }, text] }))).toEqual([
      ["ring_full", 10],
      expected,
      ["end"],
    ]);
  },
);

test.each([
  ["a message's tail", 'x":1}}\n', ["started_before_attach", 7]],
  ["a tail that starts like a message", '{"x":1}}\n', ["started_before_attach", 9]],
  ["a line end", "\r\n", ["started_before_attach", 2]],
  ["a log line", "ready\n", ["noise", 6]],
  ["half a byte order mark", Uint8Array.of(0xef, 0x0d, 0x0a), ["noise", 3]],
  ["a whole message", '{"x":1}\n', ["frame", '{"x":1}', 8, 8]],
])("FramingStage at the start of a late channel judges %s", (_name, text, expected) => {
  const bytes = Buffer.from(text);
  for (const pieces of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
    expect(brief(run({ late: true, pieces }))).toEqual([expected, ["end"]]);
  }
});

test("FramingStage on a channel that is not late takes a tail for noise", () => {
  expect(brief(run({ pieces: ['x":1}}\n'] }))).toEqual([["noise", 7], ["end"]]);
});

test.each([
  ["in one chunk", [`["${"x".repeat(100)}"]\n[1]\n`]],
  ["in small chunks", [...`["${"x".repeat(100)}"]\n[1]\n`]],
])(
  "FramingStage loses a line over maxLineBytes %s, to the byte, and goes on behind it",
  (_name, pieces) => {
    const items = run({ pieces, options: { maxLineBytes: 50 } });
    const lost = items.flatMap((item) => (item.kind === "loss" ? [item] : []));
    expect(lost.reduce((sum, loss) => sum + loss.bytes, 0)).toBe(105);
    expect(new Set(lost.map((loss) => loss.reason))).toEqual(
      new Set<LossReason>(["line_too_long"]),
    );
    expect(brief(items.filter((item) => item.kind === "frame"))).toEqual([
      ["frame", "[1]", 4, 109],
    ]);
  },
);

test("FramingStage hears a line of exactly maxLineBytes", () => {
  const items = run({ pieces: ["[123", "456]\n"], options: { maxLineBytes: 9 } });
  expect(brief(items)).toEqual([["frame", "[123456]", 9, 9], ["end"]]);
});

test("FramingStage reports a line that never ends while it lasts [stdio/long-lines]", () => {
  const framing = new FramingStage({ maxLineBytes: 1000 });
  const channel = makeChannel("pipe:1");
  const bytes = Buffer.alloc(600, "[");
  const items = Array.from({ length: 6 }, (_, n) =>
    brief(framing.push(chunk(channel, bytes, n * 600, reader))),
  );
  expect(items).toEqual([
    [],
    [["line_too_long", 1200]],
    [],
    [["line_too_long", 1200]],
    [],
    [["line_too_long", 1200]],
  ]);
});

test("FramingStage takes a last line without an end when it is complete, and else loses it", () => {
  expect(brief(run({ pieces: ["[1]\n[2", "]"] }))).toEqual([
    ["frame", "[1]", 4, 4],
    ["frame", "[2]", 3, 7],
    ["end"],
  ]);
  expect(brief(run({ pieces: ["[1]\n[2"] }))).toEqual([
    ["frame", "[1]", 4, 4],
    ["unfinished_line", 2],
    ["end"],
  ]);
});

test("FramingStage gives out unread bytes before the channel's end", () => {
  expect(brief(run({ pieces: ["[1]\n"], unread: 12 }))).toEqual([
    ["frame", "[1]", 4, 4],
    ["unread", 12],
    ["end"],
  ]);
});

test("FramingStage drops the largest unfinished line when all of them take too much", () => {
  const framing = new FramingStage({ maxTotalBytes: 10_000 });
  const [small, large] = [makeChannel("pipe:1"), makeChannel("pipe:2")];
  const push = (channel: Channel, text: string, position: number) =>
    brief(framing.push(chunk(channel, Buffer.from(text), position, reader)));
  expect(push(small, `["${"s".repeat(998)}`, 0)).toEqual([]);
  expect(push(large, `["${"l".repeat(7998)}`, 0)).toEqual([]);
  expect(push(small, "s".repeat(1500), 1000)).toEqual([["memory_limit", 8000]]);
  expect(push(large, '"]\n[2]\n', 8000)).toEqual([
    ["memory_limit", 3],
    ["frame", "[2]", 4, 8007],
  ]);
  expect(push(small, '"]\n', 2500)).toMatchObject([["frame", expect.any(String), 2503, 2503]]);
});

test("FramingStage sets a channel aside after 64 KiB without a bracket, and again when it is tried again", () => {
  const framing = new FramingStage();
  const channel = makeChannel("pipe:1");
  const text = Buffer.from(`${"x".repeat(1023)}\n`.repeat(32));
  const kinds = Array.from({ length: 6 }, (_, n) =>
    brief(framing.push(chunk(channel, text, n * 32_768, reader))),
  );
  const noise = ["noise", 32_768];
  expect(kinds).toEqual([
    [noise],
    [noise],
    [noise, ["set-aside"]],
    [noise],
    [noise],
    [noise, ["set-aside"]],
  ]);
});

test("FramingStage begins anew when a channel that was set aside is heard again, whatever was on its way then", () => {
  const framing = new FramingStage();
  const channel = makeChannel("pipe:1");
  const take = (text: string, position: number, timeNs: number) =>
    framing.push(chunk(channel, Buffer.from(text), position, reader, timeNs));
  const log = "x".repeat(70_000);
  expect(brief(take(log, 0, 1)).at(-1)).toEqual(["set-aside"]);
  take("the beginning of a line", log.length, 1_000_000);
  const answer = '{"jsonrpc":"2.0","id":1,"result":{}}';
  const out = take(`${answer}\n`, 200_000, 500_000_000);
  expect(out).toContainEqual(expect.objectContaining({ kind: "frame", text: answer }));
});

test("FramingStage does not set aside a channel in the middle of a long message or behind one", () => {
  const long = `["${"x".repeat(200_000)}"]\n`;
  const log = `${"log ".repeat(50_000)}\n`;
  const items = run({ pieces: [long.slice(0, 150_000), long.slice(150_000), log, log, "[1]\n"] });
  expect(items.map((item) => item.kind)).toEqual(["frame", "noise", "noise", "frame", "end"]);
});

test("FramingStage holds channels apart and passes other items on in order", () => {
  const framing = new FramingStage();
  const [a, b] = [makeChannel("pipe:1"), makeChannel("pipe:1")];
  const tick = { kind: "tick", timeNs: 5 } as const;
  framing.push(chunk(a, Buffer.from("[1"), 0, reader));
  framing.push(chunk(b, Buffer.from("[2"), 0, reader));
  expect(framing.push(tick)).toEqual([tick]);
  expect(brief(framing.push(chunk(a, Buffer.from("]\n"), 2, reader)))).toEqual([
    ["frame", "[1]", 4, 4],
  ]);
  expect(brief(framing.end())).toEqual([["unfinished_line", 2]]);
});

test("FramingStage tells of what lies unread at the end, and goes on", () => {
  const framing = new FramingStage();
  const channel = makeChannel("pipe:1");
  const lying = { kind: "lying", channel, bytes: 90, sinceNs: 3, timeNs: 7 } as const;
  expect(framing.push(lying)).toEqual([
    { kind: "loss", channel, bytes: 90, reason: "unread", sinceNs: 3, timeNs: 7 },
  ]);
  expect(brief(framing.push(chunk(channel, Buffer.from("[1]\n"), 0, reader)))).toEqual([
    ["frame", "[1]", 4, 4],
  ]);
});
