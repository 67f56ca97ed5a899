import { expect, test } from "bun:test";
import type { Process } from "../../../src/capture/types.ts";
import { type FramingOptions, FramingStage } from "../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../src/framing/types.ts";
import { growth } from "./growth.ts";
import { channelEnd, chunk, gap, makeChannel, makeProcess } from "./items.ts";

const reader = makeProcess(7);
const MESSAGE = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const PRETTY = JSON.stringify(JSON.parse(MESSAGE), null, 2);

type Piece = string | number;

function head(text: string): string {
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
}

/** A number stands for so many lost bytes. */
function run(pieces: readonly Piece[], options: FramingOptions = {}, late = false): unknown[] {
  const framing = new FramingStage(options);
  const channel = makeChannel("pipe:1", late);
  const out: FramingItem[] = [];
  let position = 0;
  for (const piece of pieces) {
    if (typeof piece === "number") out.push(...framing.push(gap(channel, piece, "ring_full")));
    else out.push(...framing.push(chunk(channel, Buffer.from(piece), position, reader)));
    position += typeof piece === "number" ? piece : Buffer.byteLength(piece);
  }
  return brief([...out, ...framing.push(channelEnd(channel)), ...framing.end()]);
}

/** [text, bytes, ...flags], [reason, bytes], ["noise", bytes]; noise is summed, and last. */
function brief(items: readonly FramingItem[]): unknown[] {
  let noise = 0;
  const found = items.flatMap((item) => {
    if (item.kind === "frame") return [[item.text, item.bytes, ...item.flags]];
    if (item.kind === "loss") return [[item.reason, item.bytes]];
    if (item.kind === "noise") noise += item.bytes;
    return [];
  });
  return noise === 0 ? found : [...found, ["noise", noise]];
}

function textsOf(found: readonly unknown[]): unknown[] {
  return found.filter((item) => Array.isArray(item) && item[0] === MESSAGE);
}

function sumOf(found: readonly unknown[]): number {
  return found.reduce<number>((sum, item) => sum + (Array.isArray(item) ? item[1] : 0), 0);
}

const ways: [string, (text: string) => string[]][] = [
  ["whole", (text) => [text]],
  ["byte by byte", (text) => [...text]],
  ["in threes", (text) => text.match(/[\s\S]{1,3}/g) ?? []],
];

test.each(ways)("FramingStage hears JSON over several lines %s [stdio/framings]", (_name, cut) => {
  const text = `${PRETTY}\n${PRETTY.replaceAll("\n", "\r\n")}\r\n${MESSAGE}\n`;
  expect(run(cut(text))).toEqual([
    [PRETTY, PRETTY.length + 1, "multi_line"],
    [PRETTY.replaceAll("\n", "\r\n"), PRETTY.length + 6, "multi_line"],
    [MESSAGE, MESSAGE.length + 1],
  ]);
});

test.each(ways)("FramingStage hears texts behind heads with their lengths %s", (_name, cut) => {
  const type = "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n";
  const text = `${head(MESSAGE)}${MESSAGE}${type}${head(PRETTY)}${PRETTY}${MESSAGE}\nlog\n${head(MESSAGE).toLowerCase()}${MESSAGE}`;
  expect(run(cut(text))).toEqual([
    [MESSAGE, 62, "content_length"],
    [PRETTY, 22 + type.length + PRETTY.length, "content_length"],
    [MESSAGE, 41],
    [MESSAGE, 62, "content_length"],
    ["noise", 4],
  ]);
});

test.each(ways)("FramingStage hears texts that are glued together %s", (_name, cut) => {
  expect(run(cut(`${MESSAGE}${MESSAGE}\n${PRETTY}${MESSAGE}`))).toEqual([
    [MESSAGE, 40, "no_line_end"],
    [MESSAGE, 41],
    [PRETTY, PRETTY.length, "multi_line", "no_line_end"],
    [MESSAGE, 40, "no_line_end"],
  ]);
});

test.each([
  ["a bracket of a log", `[\n${MESSAGE}\n${MESSAGE}\n`, 2],
  ["a brace of a log", `{\n${MESSAGE}\n${MESSAGE}\n`, 2],
  ["a text that its writer gave up", `{\n  "a": [\n${MESSAGE}\n${MESSAGE}\n`, 11],
  ["a log's levels", `[INFO] [x]\n[2026-11-29\n[DEBUG\n${MESSAGE}\n${MESSAGE}\n`, 0],
])("FramingStage hears lines behind %s", (_name, text, _noise) => {
  for (const [, cut] of ways) {
    expect(textsOf(run(cut(text)))).toEqual([
      [MESSAGE, 41],
      [MESSAGE, 41],
    ]);
  }
});

test("FramingStage takes a list of messages over several lines for one text", () => {
  const list = `[\n${MESSAGE},\n${MESSAGE}\n]`;
  expect(run([`${list}\n`])).toEqual([[list, list.length + 1, "multi_line"]]);
});

test("FramingStage counts the lines of what looked like a text, and was none, as noise", () => {
  expect(run(['{\n  "a": 1\n}, and more\nlog\n'])).toEqual([
    ["{", 2],
    ["noise", 25],
  ]);
});

test("FramingStage loses a text over several lines that is cut off, and takes any other for noise", () => {
  expect(run([PRETTY.slice(0, 30)])).toEqual([["unfinished_line", 30]]);
  expect(run(["{\n  here we go\n"])).toEqual([
    ["{", 2],
    ["noise", 13],
  ]);
});

test("FramingStage behind a gap in a text over several lines loses its rest and hears the next", () => {
  const rest = PRETTY.slice(20);
  expect(run([`${PRETTY}\n`, PRETTY.slice(0, 10), 10, `${rest}\n${PRETTY}\n`])).toEqual([
    [PRETTY, PRETTY.length + 1, "multi_line"],
    ["cut_by_gap", 10],
    ["ring_full", 10],
    ...rest.split("\n").map((line) => ["cut_by_gap", line.length + 1]),
    [PRETTY, PRETTY.length + 1, "multi_line"],
  ]);
});

test("FramingStage behind a gap takes no inner object of a text over several lines for a text", () => {
  const outer = JSON.stringify(
    { id: 1, params: [{ jsonrpc: "2.0", id: 1, method: "x" }] },
    null,
    2,
  );
  const found = run([9, `${outer.slice(9)}\n`]);
  expect(found.filter((item) => String(item).includes("jsonrpc"))).toEqual([]);
});

test.each([
  ["in a head", 5],
  ["in a text", 40],
  ["over a whole text", 70],
])("FramingStage behind a gap %s hears the next text behind a head", (_name, lost) => {
  const framed = head(MESSAGE) + MESSAGE;
  const stream = framed.repeat(4);
  const found = run([stream.slice(0, 10), lost, stream.slice(10 + lost)]);
  expect(textsOf(found).at(-1)).toEqual([MESSAGE, 62, "content_length"]);
  expect(sumOf(found)).toBe(stream.length);
});

test.each([
  ["less than there is", -3],
  ["more than there is", 2],
])("FramingStage hears what follows a head that says %s", (_name, more) => {
  const wrong = `Content-Length: ${MESSAGE.length + more}\r\n\r\n${MESSAGE}`;
  const right = head(MESSAGE) + MESSAGE;
  for (const [, cut] of ways) {
    const found = run(cut(wrong + right + right));
    expect(textsOf(found).slice(-2)).toEqual([
      [MESSAGE, expect.any(Number), "content_length"],
      [MESSAGE, 62, "content_length"],
    ]);
    expect(sumOf(found)).toBe(wrong.length + 2 * right.length);
  }
});

test.each([
  ["without a blank line", `Content-Length: 40\n${MESSAGE}\n`, 19],
  ["without a text", `Content-Length: 40\r\n\r\nhello\n${MESSAGE}\n`, 28],
  ["without a length", `Content-Type: text/plain\r\n\r\n${MESSAGE}\n`, 28],
  ["of no bytes", `Content-Length: 0\r\n\r\n${MESSAGE}\n`, 21],
  ["of more than a message may have", `Content-Length: 9999999999\r\n\r\n${MESSAGE}\n`, 30],
  ["whose line never ends", `Content-Length: ${" ".repeat(300)}\n${MESSAGE}\n`, 317],
])("FramingStage takes a head %s for noise", (_name, text, noise) => {
  for (const [, cut] of ways) {
    expect(run(cut(text))).toEqual([
      [MESSAGE, 41],
      ["noise", noise],
    ]);
  }
});

test("FramingStage gives out a text without a line end after 250 ms, and when one of its ends is gone", () => {
  const [server, client, other] = [makeProcess(1), makeProcess(2), makeProcess(3)];
  const push = (items: (framing: FramingStage) => readonly (readonly FramingItem[])[]) =>
    items(new FramingStage()).map((each) => each.map(({ kind }) => kind));
  const answer = { ...makeChannel("pipe:2"), writer: server, reader: client };
  const bytes = Buffer.from(MESSAGE);
  const tick = (timeNs: number) => ({ kind: "tick", timeNs }) as const;
  const ended = (process: Process) => ({ kind: "process-end", process, timeNs: 2 }) as const;
  expect(
    push((framing) => [
      framing.push(chunk(answer, bytes, 0, client, 1_000)),
      framing.push(tick(249_000_000)),
      framing.push(ended(other)),
      framing.push(tick(250_001_000)),
      framing.push(chunk(answer, Buffer.from("\n"), 40, client, 250_002_000)),
    ]),
  ).toEqual([[], ["tick"], ["process-end"], ["frame", "tick"], ["noise"]]);
  expect(
    push((framing) => [
      framing.push(chunk(answer, bytes, 0, client, 1_000)),
      framing.push(ended(server)),
      framing.push(chunk(answer, bytes, 40, client, 1_000)),
      framing.push(channelEnd({ ...makeChannel("pipe:1"), writer: client, reader: server })),
    ]),
  ).toEqual([[], ["frame", "process-end"], [], ["frame", "end"]]);
});

test("FramingStage names the read that brought a text's end, when the next text shows that there is no line end", () => {
  const framing = new FramingStage();
  const channel = makeChannel("pipe:1");
  const [first, second] = [makeProcess(1), makeProcess(2)];
  framing.push(chunk(channel, Buffer.from(MESSAGE), 0, first, 100));
  const [frame] = framing.push(chunk(channel, Buffer.from(MESSAGE), 40, second, 200));
  expect(frame).toMatchObject({ kind: "frame", timeNs: 100, reader: first, endPosition: 40 });
});

test("FramingStage loses a text over several lines that is longer than maxLineBytes", () => {
  for (const [, cut] of ways) {
    const found = run(cut(`[\n${"1,\n".repeat(100)}1]\n${MESSAGE}\n`), { maxLineBytes: 100 });
    expect(found[0]).toEqual(["line_too_long", expect.any(Number)]);
    expect(textsOf(found)).toEqual([[MESSAGE, 41]]);
  }
});

test.each([
  ["over lines that each may begin a text", "[\n".repeat(50_000)],
  ["over glued texts", "{}".repeat(50_000)],
  ["over a text of many lines", `[\n${"1,\n".repeat(32_000)}1]\n`],
  ["over lines that break a text each", "[1,\n[2,\nx\n".repeat(10_000)],
  ["over white space behind a whole text", `{}${" ".repeat(100_000)}`],
])("FramingStage takes time in proportion to the bytes %s", (_name, text) => {
  const bytes = Buffer.from(text);
  const measure = (length: number) => {
    const framing = new FramingStage();
    const channel = makeChannel("pipe:1");
    const started = Bun.nanoseconds();
    for (let at = 0; at < length; at += 512) {
      framing.push(chunk(channel, bytes.subarray(at, Math.min(at + 512, length)), at, reader));
    }
    framing.push(channelEnd(channel));
    return Bun.nanoseconds() - started;
  };
  expect(growth(measure, Math.floor(bytes.length / 10), bytes.length)).toBeLessThan(40);
});
