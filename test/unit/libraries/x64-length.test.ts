/** Lengths of x86-64 instructions: by hand, and against objdump over a whole library. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { instructionLength } from "../../../src/libraries/x64-length.ts";
import { libraryNamed, run } from "./program.ts";

test.each([
  ["c3", 1, "ret"],
  ["4883ec18", 4, "sub rsp, 24"],
  ["48b80102030405060708", 10, "movabs rax"],
  ["66b80102", 4, "mov ax"],
  ["b801020304", 5, "mov eax"],
  ["660f1f840000000000", 9, "nopw"],
  ["f6c101", 3, "test cl, 1"],
  ["f6d9", 2, "neg cl"],
  ["f7c101020304", 6, "test ecx"],
  ["66f7c10102", 5, "test cx"],
  ["a10102030405060708", 9, "mov eax, moffs"],
  ["67a101020304", 6, "mov eax, moffs of 32 bits"],
  ["8b0c2501020304", 7, "mov ecx, [disp32]"],
  ["64488b0c25f8ffffff", 9, "mov rcx, fs:[-8]"],
  ["0f8401020304", 6, "je"],
  ["c8010203", 4, "enter"],
  ["c5f877", 3, "vzeroupper"],
  ["c4e37d190c2401", 7, "vextractf128"],
  ["62f17c481048 01".replace(" ", ""), 7, "vmovups zmm, disp8"],
  ["f3480fb8c1", 5, "popcnt"],
  ["660f3a0fc108", 6, "palignr"],
  ["0f380001", 4, "pshufb"],
])("instructionLength of %s is %d (%s)", (hex, length) => {
  const code = Buffer.from(hex, "hex");
  expect(instructionLength(Buffer.concat([code, Buffer.alloc(8, 0x90)]), 0)).toBe(length);
  expect(instructionLength(code.subarray(0, code.length - 1), 0)).toBe(undefined);
});

test.each(["06", "66e80102", "0f0e", "0f04", "8f00", "d5", "f3".repeat(15)])(
  "instructionLength refuses %s",
  (hex) => {
    const code = Buffer.concat([Buffer.from(hex, "hex"), Buffer.alloc(16, 0x90)]);
    expect(instructionLength(code, 0)).toBe(undefined);
  },
);

test("instructionLength agrees with objdump on each instruction of libgcc and libm", () => {
  for (const name of ["libgcc_s.so.1", "libm.so.6"]) {
    const path = libraryNamed(name) ?? "";
    const code = readFileSync(path);
    const [, address = "", at = ""] =
      / \.text +PROGBITS +(\S+) (\S+)/.exec(run("readelf", "-SW", path)) ?? [];
    const shift = Number.parseInt(at, 16) - Number.parseInt(address, 16);
    const lines = run("objdump", "-d", "-w", "-j", ".text", path);
    const wrong: string[] = [];
    let count = 0;
    for (const [line, place = "", bytes = ""] of lines.matchAll(
      /^ *([0-9a-f]+):\t((?:[0-9a-f]{2} )+).*$/gm,
    )) {
      // objdump shows fwait and what comes after it as one
      if (bytes.startsWith("9b ")) continue;
      const wanted = bytes.trim().split(" ").length;
      const got = instructionLength(code, Number.parseInt(place, 16) + shift);
      if (got !== wanted) wrong.push(`${line}: ${got}`);
      count++;
    }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(10_000);
  }
});
