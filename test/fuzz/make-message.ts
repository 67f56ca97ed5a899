/** Random numbers in, the text of a JSON-RPC message out: valid JSON with all that makes it hard to read. */
import type { Random } from "./target.ts";

const SPACE = ["", "", "", " ", "\t", "\r "];
const PARTS = [
  "a",
  '\\"',
  "\\\\",
  "}",
  "{",
  "]",
  '},\\"',
  "\\u0022",
  "long text ".repeat(4),
  "é🎵",
  ":",
  ",",
];
const KEYS = ["params", "result", "error", "params", "result", "x", "p\\u0061rams", "method", "id"];
const SCALARS = ["0", "-1.5e3", "true", "null", "[]", "{}"];

/** Members in any order; some stand twice, some are not JSON-RPC's. */
export function makeMessageText(random: Random): string {
  const space = () => pick(SPACE, random);
  const members = ['"jsonrpc":"2.0"'];
  if (random(4) > 0) members.push(`"id":${pick(["1", '"a}"', "null", '"},\\""'], random)}`);
  if (random(3) > 0) members.push('"method":"tools/call"');
  for (let left = random(4); left > 0; left--) {
    members.push(`"${pick(KEYS, random)}"${space()}:${space()}${makeValue(4, random)}`);
  }
  for (let at = members.length - 1; at > 0; at--) {
    const other = random(at + 1);
    [members[at], members[other]] = [members[other] ?? "", members[at] ?? ""];
  }
  return `${space()}{${space()}${members.join(`${space()},${space()}`)}${space()}}${space()}`;
}

function makeValue(depth: number, random: Random): string {
  const kind = depth === 0 ? random(2) : random(4);
  if (kind === 0) return pick(SCALARS, random);
  if (kind === 1) return makeString(random);
  const values = Array.from({ length: random(4) }, () => makeValue(depth - 1, random));
  if (kind === 2) return `[${values.join(",")}]`;
  return `{${values.map((value) => `${makeString(random)}:${value}`).join(", ")}}`;
}

function makeString(random: Random): string {
  return `"${Array.from({ length: random(12) }, () => pick(PARTS, random)).join("")}"`;
}

function pick(values: readonly string[], random: Random): string {
  return values[random(values.length)] ?? "";
}
