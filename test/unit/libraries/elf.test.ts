/** ELF headers: what is no program of ours, build ids, and programs of which any part is missing. */
import { expect, test } from "bun:test";
import { analyse } from "../../../src/libraries/analyse.ts";
import { addressOf, fileOffset, readElf } from "../../../src/libraries/elf.ts";
import { FileView } from "../../../src/libraries/file-view.ts";
import { HANDSHAKE, IMPL, makeProgram, READ, WRITE } from "./boringssl-code.ts";
import { makeGo } from "./go-program.ts";
import { BASE, makeElf, type Part, readerOf } from "./make-elf.ts";

const CODE: Part = { name: ".text", at: 0x1000, bytes: Buffer.alloc(64, 0xcc), mapped: "rx" };

function elfOf(file: Buffer): ReturnType<typeof readElf> {
  return readElf(new FileView(readerOf(file), file.length));
}

function note(owner: string, type: number, content: string): Buffer {
  const bytes = Buffer.alloc(16 + Math.ceil(content.length / 4) * 4);
  bytes.writeUInt32LE(4, 0);
  bytes.writeUInt32LE(content.length, 4);
  bytes.writeUInt32LE(type, 8);
  bytes.write(`${owner}${content}`, 12, "latin1");
  return bytes;
}

test.each([
  ["of 32 bits", 4, 1],
  ["of the other byte order", 5, 2],
  ["for another machine", 18, 40],
  ["that is an object file", 16, 1],
  ["with another magic", 0, 0],
  ["whose headers are too short", 54, 8],
])("readElf takes no file %s", (_, at, value) => {
  const file = makeElf([CODE]);
  expect(elfOf(file)?.machine).toBe("x64");
  file[at] = value;
  expect(elfOf(file)).toBe(undefined);
});

test.each([
  ["in a segment", "r"],
  ["in a section alone", undefined],
] as const)("readElf finds the build id after other notes, %s", (_, mapped) => {
  const bytes = Buffer.concat([
    note("Go\0\0", 4, "an id of Go"),
    note("GNU\0", 1, "0123"),
    note("GNU\0", 3, "\x01\xfe\x02"),
  ]);
  const name = ".note.gnu.build-id";
  const part = { name, at: 0x800, bytes, type: 7, ...(mapped === undefined ? {} : { mapped }) };
  expect(elfOf(makeElf([CODE, part]))?.buildId).toBe("01fe02");
});

test("readElf gives no build id where there is none, or one that is too long", () => {
  const bytes = note("GNU\0", 3, "x".repeat(65));
  const part = { name: ".note.gnu.build-id", at: 0x800, bytes, type: 7 };
  expect([elfOf(makeElf([CODE]))?.buildId, elfOf(makeElf([CODE, part]))?.buildId]).toEqual([
    undefined,
    undefined,
  ]);
});

test("fileOffset and addressOf are each other's inverse, within what is mapped", () => {
  const elf = elfOf(makeElf([CODE, { ...CODE, name: ".b", at: 0x3000 }]));
  if (elf === undefined) throw new Error("no ELF file");
  for (const at of [0x1000, 0x103f, 0x3000]) {
    expect([fileOffset(elf, at + BASE), addressOf(elf, at)]).toEqual([at, at + BASE]);
  }
  expect([fileOffset(elf, 0x1040 + BASE), addressOf(elf, 0xfff)]).toEqual([undefined, undefined]);
});

test("readElf leaves out segments that together are more than the file", () => {
  const bytes = Buffer.alloc(8 * 1024 * 1024);
  const whole: Part = { name: "", at: 0x1000, bytes, mapped: "rx" };
  expect(elfOf(makeElf(new Array(20).fill(whole)))?.segments.length).toBe(1);
});

const GO_CODE = Buffer.from("493b6610760eb8c3c3c3c385c07401c331c0c3", "hex");
const GO = makeGo(
  ["a", "crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"].map((name) => ({
    name,
    code: GO_CODE,
  })),
).file;

test("analyse never throws on a program that is cut anywhere", () => {
  const boring = makeProgram([HANDSHAKE, IMPL, READ, WRITE], "arm64").file;
  for (const [file, step] of [
    [GO, 97],
    [boring, 9973],
  ] as const) {
    for (let end = 0; end < file.length; end += end < 512 ? 1 : step) {
      const cut = file.subarray(0, end);
      for (const { probes } of analyse(readerOf(cut), end).libraries) {
        expect(probes.every(({ entry }) => entry < end)).toBe(true);
      }
    }
  }
});

test("analyse survives a file that is cut while it is read", () => {
  const cut = readerOf(GO.subarray(0, GO.length / 2));
  expect(analyse(cut, GO.length).libraries).toEqual([]);
});

test("readGoVersion gives none where it is not told, or told beyond what is mapped", () => {
  const at = GO.indexOf(Buffer.from("\xff Go buildinf:", "latin1"));
  for (const [offset, value] of [
    [15, 0],
    [3, 0],
  ] as const) {
    const file = Buffer.from(GO);
    file[at + offset] = value;
    const [library] = analyse(readerOf(file), file.length).libraries;
    expect([library?.stack, library?.version]).toEqual(["go", undefined]);
  }
});
