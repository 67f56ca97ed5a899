import { expect, test } from "bun:test";
import type { Elf } from "../../../src/libraries/elf.ts";
import { FileView } from "../../../src/libraries/file-view.ts";
import type { Probe, Role } from "../../../src/libraries/types.ts";
import { unwrap } from "../../../src/libraries/wrappers.ts";

const INNER_READ = 0x100;
const INNER_WRITE = 0x140;
const OUTER = { read: 0x200, read_ex: 0x240, write: 0x280, write_ex: 0x2c0 } as const;
const PUSH_RBP = [0x55, 0x48, 0x89, 0xe5];
const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];
const SUB_8 = [0x48, 0x83, 0xec, 0x08];

const PROBES: readonly Probe[] = (Object.keys(OUTER) as (keyof typeof OUTER)[])
  .map((role): Probe => ({ function: role, role, entry: OUTER[role], returns: undefined }))
  .concat({ function: "SSL_free", role: "free", entry: 0x300, returns: undefined });

function call(at: number, target: number): number[] {
  const code = Buffer.alloc(5);
  code[0] = 0xe8;
  code.writeInt32LE(target - at - 5, 1);
  return [...code];
}

/** As OpenSSL 3 is built; `change` alters it. */
function library(change: (file: Buffer) => void = () => undefined): FileView {
  const file = Buffer.alloc(0x400);
  const put = (at: number, bytes: readonly number[]) => Buffer.from(bytes).copy(file, at);
  put(INNER_READ, PUSH_RBP);
  put(INNER_WRITE, [...ENDBR64, 0x41, 0x57]);
  put(OUTER.read_ex, [...SUB_8, ...call(OUTER.read_ex + 4, INNER_READ)]);
  put(OUTER.write_ex, [...ENDBR64, ...SUB_8, ...call(OUTER.write_ex + 8, INNER_WRITE)]);
  put(OUTER.read, [0x48, 0x83, 0xec, 0x18, ...call(OUTER.read + 4, INNER_READ)]);
  put(OUTER.write, [0x48, 0x83, 0xec, 0x18, ...call(OUTER.write + 4, INNER_WRITE)]);
  change(file);
  return new FileView((into, at) => file.copy(into, 0, at), file.length);
}

const ELF = {
  segments: [{ at: 0x80, address: 0x80, bytes: 0x380, executable: true, writable: false }],
} as const;

function rolesOf(file: FileView): (readonly [Role, number])[] {
  return unwrap(file, ELF as unknown as Elf, PROBES).map(({ role, entry }) => [role, entry]);
}

/** All probes, behind a mark for indirect calls. */
function untouched(file: FileView): Probe[] {
  return PROBES.map((probe) => {
    const isMarked = file.u32(probe.entry) === 0xfa1e0ff3;
    return { ...probe, entry: probe.entry + (isMarked ? 4 : 0) };
  });
}

test("unwrap takes the inner functions of OpenSSL 3, which all four calls pass through", () => {
  expect(rolesOf(library())).toEqual([
    ["read_ex", INNER_READ],
    ["write_ex", INNER_WRITE + 4],
    ["free", 0x300],
  ]);
});

test.each([
  ["touches an argument before it calls", (file: Buffer) => file.fill(0x90, OUTER.read_ex, 0x241)],
  ["calls what is no function's push", (file: Buffer) => file.fill(0xc3, INNER_READ, 0x101)],
  ["calls what the plain one does not", (file: Buffer) => file.fill(0x90, OUTER.read, 0x210)],
  ["calls out of the code", (file: Buffer) => file.writeInt32LE(0x7000, OUTER.write_ex + 9)],
])("unwrap leaves all as it is where one %s", (_, change) => {
  const file = library(change);
  expect(unwrap(file, ELF as unknown as Elf, PROBES)).toEqual(untouched(file));
});

test("unwrap leaves what is cut short as it is", () => {
  const file = new FileView(() => 0, 0x400);
  expect(unwrap(file, ELF as unknown as Elf, PROBES)).toEqual(untouched(file));
});
