import { expect, test } from "bun:test";
import { Outline } from "../../../ffi/outline.ts";
import { isJson } from "../../../src/json-grammar.ts";
import { hasLoneSurrogate, UNSAFE } from "../../../src/json-readers.ts";
import { Envelope } from "../../../src/message/envelope.ts";
import { makeRandom, type Random } from "../../fuzz/target.ts";

const unsafe = new RegExp(UNSAFE);
const MEMBERS = ["jsonrpc", "id", "method", "params", "result", "error"] as const;
const outlined = new Envelope(new Outline());
const read = new Envelope();

/** What the outline says of a message; undefined: it is left to `Envelope.read`. */
function outline(text: string) {
  if (!outlined.readOutline(text)) return undefined;
  const places = MEMBERS.map((name) => [name, outlined[name].start, outlined[name].end] as const);
  return places.filter(([, start]) => start >= 0);
}

function parsed(text: string, member: "params" | "result" | "error"): unknown {
  expect(outlined.readOutline(text)).toBe(true);
  return JSON.parse(outlined[member].shortened(text) ?? "");
}

/** Whether `part` is `whole` with less in its lists and objects, and its strings cut. */
function isCutOf(part: unknown, whole: unknown): boolean {
  if (typeof part === "string" && typeof whole === "string") {
    const [start = "", length] = part.split(/… (?=\d+$)/);
    return part === whole || (length !== undefined && whole.startsWith(start));
  }
  if (typeof part !== "object" || part === null) return Object.is(part, whole);
  if (typeof whole !== "object" || whole === null) return false;
  if (Array.isArray(part) !== Array.isArray(whole)) return false;
  return Object.entries(part).every(([key, value]) => isCutOf(value, Reflect.get(whole, key)));
}

function pick<T>(list: readonly T[], random: Random): T {
  const one = list[random(list.length)];
  if (one === undefined) throw new Error("an empty list");
  return one;
}

const PIECES = [
  ..."abc {}[]:,019-+.eE/",
  ...["\\n", '\\"', "\\\\", "\\u00e4", "\\ud83d\\ude00", "\\ud83d", "\\udc00x", "\\x", '"', "\\"],
  ...["ä", "漢字", "😀", "\u2028", "\u0085", "\u007f", "\u061c", "\u2067", "\t", "\n", "\0"],
];

function makeString(random: Random, most: number): string {
  let text = '"';
  const length = random(most);
  // most strings are good ones
  const pieces = random(20) === 0 ? PIECES : PIECES.slice(0, 22);
  while (text.length < length) text += pick(pieces, random);
  return `${text}"`;
}

const SCALARS = ["0", "-1", "12.5", "1e5", "1E-07", "1e309", "01", "true", "false", "null", "nul"];

function makeValue(random: Random, depth: number): string {
  const kind = random(depth > 4 ? 4 : 7);
  if (kind < 2) return makeString(random, random(8) === 0 ? 6000 : 40);
  if (kind < 4) return pick(random(30) === 0 ? SCALARS : SCALARS.slice(0, 4), random);
  const size = random(depth < 2 && random(3) === 0 ? 60 : 4);
  const space = pick(["", "", "", " ", "\r\n\t"], random);
  const items = Array.from({ length: size }, (_, index) => {
    const value = makeValue(random, depth + 1);
    // of a key that stands twice the last value counts, which may be cut
    return kind === 4 ? value : `"${index}${makeString(random, 12).slice(1)}:${space}${value}`;
  });
  const text = items.join(`,${space}`);
  return kind === 4 ? `[${text}]` : `{${text}}`;
}

function makeMessage(random: Random): string {
  const members = ['"jsonrpc":"2.0"', `"id":${makeValue(random, 5)}`, '"method":"tools/call"'];
  for (const name of ["params", "result", "error", "other", "params"]) {
    if (random(3) === 0) members.push(`"${name}":${makeValue(random, 0)}`);
  }
  const text = `{${members.join(",")}}`;
  return random(10) > 0 ? text : text.slice(0, random(text.length));
}

function request(params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
}

test("the outline says what Envelope.read says, of 2000 random messages", () => {
  let taken = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const text = makeMessage(makeRandom(seed));
    const places = outline(text);
    if (places === undefined) continue;
    taken++;
    const end = read.read(text, 0, false);
    expect([seed, end]).toEqual([seed, text.length]);
    const same = MEMBERS.map((name) => [name, read[name].start, read[name].end] as const);
    expect([seed, places]).toEqual([seed, same.filter(([, start]) => start >= 0)]);
    expect([seed, outlined.others, read.duplicate]).toEqual([seed, read.others, false]);
    expect([seed, isJson(text), hasLoneSurrogate(text)]).toEqual([seed, true, false]);
    expect([seed, outlined.isLineSafe]).toEqual([seed, !unsafe.test(text)]);
    for (const name of ["params", "result", "error"] as const) {
      const span = read[name];
      if (span.start < 0) continue;
      expect([seed, span.deep, span.heavy, span.unfit]).toEqual([seed, false, false, false]);
      const whole: unknown = JSON.parse(text.slice(span.start, span.end));
      expect([seed, isCutOf(parsed(text, name), whole)]).toEqual([seed, true]);
    }
  }
  expect(taken).toBeGreaterThan(800);
});

test("what is long is cut: of a body's members, but not its own strings, and not what is asked for", () => {
  const long = "x".repeat(3000);
  const list = Array.from({ length: 300 }, (_, index) => ({ index }));
  const text = request({ name: long, arguments: { text: long, list }, _meta: { list }, z: [1] });
  const body = Object(parsed(text, "params"));
  expect([body.name, body._meta, body.z]).toEqual([long, { list }, [1]]);
  expect(body.arguments.text).toBe(`${"x".repeat(1023)}… 3000`);
  expect(body.arguments.list.length).toBeGreaterThan(0);
  expect(body.arguments.list).toEqual(list.slice(0, body.arguments.list.length));
  expect(JSON.stringify(body.arguments).length).toBeLessThan(2000);
});

test("what is asked for inside of members is there, however much stands before it and however its key is written", () => {
  const before = Array(600).fill([1, 2]);
  const text = request({ ref: { before, name: "a" }, task: { before, taskId: "b" } });
  const escaped = text.replace('"ref"', '"r\\u0065f"');
  for (const each of [text, escaped]) {
    const body = Object(parsed(each, "params"));
    expect([body.ref.name, body.task.taskId]).toEqual(["a", "b"]);
  }
});

test("what follows what was cut is there", () => {
  const rows = Array.from({ length: 200 }, () => [1, 2, 3]);
  const text = request({
    arguments: { deep: { rows }, after: 1 },
    task: { id: "a" },
    more: [rows],
  });
  expect(outlined.readOutline(text)).toBe(true);
  const body = Object(parsed(text, "params"));
  expect(Object.keys(body)).toEqual(["arguments", "task", "more"]);
  expect(body.task).toEqual({ id: "a" });
});

test.each([
  ["a member that stands twice", '{"jsonrpc":"2.0","id":1,"id":2,"result":{}}'],
  ["an escaped key", '{"jsonrpc":"2.0","\\u0069d":1,"result":{}}'],
  ["half of a surrogate pair", '{"jsonrpc":"2.0","id":1,"result":"\\ud83d"}'],
  ["a number that no double holds", '{"jsonrpc":"2.0","id":1,"result":[1e309]}'],
  ["61 levels", `{"id":1,"result":${"[".repeat(60)}${"]".repeat(60)}}`],
  ["a list of messages", '[{"jsonrpc":"2.0","id":1,"result":{}}]'],
  ["a message and more", '{"jsonrpc":"2.0","id":1,"result":{}} 1'],
  ["a million values", `{"id":1,"result":[${"1,".repeat(1024 * 1024)}1]}`],
  ["a long body that could not be cut", request({ a: "x".repeat(65_536) })],
  ["a body of too many parts to cut", request({ ...Array(300).fill([1, "y".repeat(3000)]) })],
  ["a NUL", '{"jsonrpc":"2.0","id":1,"result":"\0"}'],
  ["nothing", ""],
  ["an object without members", "{}"],
])("%s is left to Envelope.read", (_, text) => {
  expect(outlined.readOutline(text)).toBe(false);
});

test("a text is read in memory that is its own, however long the one before was", () => {
  const long = request({ arguments: { text: "ä".repeat(3 << 20) } });
  for (const text of [request({ a: 1 }), long, request({ b: "ä" }), long]) {
    expect(outlined.readOutline(text)).toBe(true);
    expect([outlined.params.start, outlined.params.end]).toEqual([55, text.length - 1]);
  }
  expect(outlined.readOutline(" ".repeat((1 << 24) + 1))).toBe(false);
});
