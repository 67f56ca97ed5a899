/** Analyses kept as text: what is read back is what was kept, or nothing. */
import { expect, test } from "bun:test";
import { analyse } from "../../../src/libraries/analyse.ts";
import {
  keyOfBuildId,
  keyOfFile,
  readCached,
  readLike,
  writeCached,
} from "../../../src/libraries/cached.ts";
import { HANDSHAKE, IMPL, makeProgram, READ, WRITE } from "./boringssl-code.ts";
import { makeGo } from "./go-program.ts";
import { readerOf } from "./make-elf.ts";

const CODE = Buffer.from("493b6610760eb8c3c3c3c385c07401c331c0c3", "hex");
const GO = makeGo(
  ["a", "crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"].map((name) => ({
    name,
    code: CODE,
  })),
).file;
const BORING = makeProgram([HANDSHAKE, IMPL, READ, WRITE], "x64-mov").file;
const REFUSED = makeProgram([HANDSHAKE, IMPL, READ], "x64-mov").file;
const KEY = keyOfFile({ device: 1n, inode: 2n, size: 3n, modifiedNs: 4n, changedNs: 5n });

function keep(file: Buffer): string {
  return writeCached(analyse(readerOf(file), file.length), KEY, readerOf(file), file.length);
}

test("keyOfFile and keyOfBuildId are names for files", () => {
  expect([KEY, keyOfBuildId("ab12")]).toEqual(["file-1-2-3-4-5", "build-ab12"]);
});

test.each([
  ["Go", GO],
  ["BoringSSL", BORING],
  ["a stack that is not heard", REFUSED],
  ["no program", Buffer.from("#!/bin/sh\n")],
])("readCached gives what writeCached kept of %s", (_, file) => {
  const analysis = analyse(readerOf(file), file.length);
  expect(readCached(keep(file), KEY, readerOf(file), file.length)).toEqual(analysis);
});

test("readCached refuses a text of another file, though its key is the same", () => {
  const text = keep(BORING);
  const other = Buffer.from(BORING);
  const entry = analyse(readerOf(BORING), BORING.length).libraries[0]?.probes[1]?.entry ?? 0;
  other[entry + 3] = 0;
  expect(readCached(text, KEY, readerOf(other), other.length)).toBe(undefined);
  expect(readCached(text, keyOfBuildId("00"), readerOf(BORING), BORING.length)).toBe(undefined);
});

type Change = readonly [what: string, from: string | RegExp, to: string];
test.each([
  ["another version", '"version":2', '"version":1'],
  ["another stack", '"stack":"go"', '"stack":"tls"'],
  ["another role", '"role":"read"', '"role":"reads"'],
  ["another convention", '"abi":"go-register"', '"abi":"go"'],
  ["another way", '"foundBy":"pclntab"', '"foundBy":"luck"'],
  ["a stack that it does not call", '"probes"', '"calls":"tls","probes"'],
  ["a place beyond the file", /"entry":\d+/, '"entry":99999999'],
  ["a broken place", /"entry":\d+/, '"entry":4096.5'],
  ["a return before the file", /"returns":\[\d+/, '"returns":[-1'],
  ["another place to return from", /"returns":\[\d+/, '"returns":[4096'],
  ["a name beyond the file", '"probes"', '"textAt":99999999,"probes"'],
  ["no list of returns", /"returns":\[[^\]]*\]/, '"returns":{}'],
  ["a name that is none", /"function":"[^"]*"/, '"function":7'],
  ["a Go version that is none", '"version":"go1.26.8"', '"version":[]'],
  ["a build id that is none", '"analysis":{', '"analysis":{"buildId":"../x",'],
  ["no libraries", '"libraries":[', '"libraries":7,"x":['],
  ["a list of other things", '"notHeard":[]', '"notHeard":["x"]'],
  ["too many", '"notHeard":[]', `"notHeard":[${'{"stack":"go","reason":""},'.repeat(20)}0]`],
  ["half a text", /.{40}$/, ""],
  ["a list", /^/, "[0,"],
] satisfies Change[])("readCached refuses a text with %s", (_, from, to) => {
  const text = keep(GO);
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  expect(readCached(changed, KEY, readerOf(GO), GO.length)).toBe(undefined);
});

test("readLike gives what was kept of another file, if all places are in this one", () => {
  const key = keyOfBuildId("ab12");
  const analysis = analyse(readerOf(BORING), BORING.length);
  const text = writeCached(analysis, key, readerOf(BORING), BORING.length);
  expect(readLike(text, key, BORING.length)).toEqual(analysis);
  expect(readLike(text, key, 0x2000)).toBe(undefined);
  expect(readLike(text, KEY, BORING.length)).toBe(undefined);
});

test("readCached refuses texts that are too long or no objects", () => {
  const long = `${keep(GO)}${" ".repeat(300_000)}`;
  for (const text of [long, "null", "[]", "7", ""]) {
    expect(readCached(text, KEY, readerOf(GO), GO.length)).toBe(undefined);
  }
});
