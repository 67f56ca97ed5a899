/** Functions by the errors that they raise in; machine code that raises them as compilers write it out. */
import { BASE, makeElf, type Part } from "./make-elf.ts";

export interface Raising {
  readonly name: string;
  /** Reason and line of each. */
  readonly errors: readonly (readonly [number, number])[];
  /** Functions that come before it. */
  readonly calls?: readonly string[];
  /** Bytes of code between the start and the first error. */
  readonly distance?: number;
}

/** mov: addresses fit 32 bits; lea: relative to the instruction; short: the argument that is always 0 left out. */
export type Form = "x64-mov" | "x64-lea" | "x64-short" | "arm64" | "arm64-short";

export const IMPL: Raising = {
  name: "ssl_read_impl",
  errors: [
    [226, 837],
    [215, 870],
  ],
};
export const HANDSHAKE: Raising = { name: "SSL_do_handshake", errors: [[66, 810]] };
export const READ: Raising = { name: "SSL_read", errors: [[66, 931]], calls: ["ssl_read_impl"] };
export const WRITE: Raising = {
  name: "SSL_write",
  errors: [
    [66, 953],
    [215, 973],
    [226, 973],
    [111, 979],
  ],
};

export const SOURCE = "../../vendor/boringssl/ssl/ssl_lib.cc";
const TEXT_AT = 0x1000;
const CODE_AT = 0x2000;
/** More than there must be for a TLS stack to be looked for. */
export const CODE_BYTES = 0x50000;

export interface Made {
  readonly file: Buffer;
  /** Byte of the file at which each function begins. */
  readonly at: Readonly<Record<string, number>>;
}

export function makeProgram(
  functions: readonly Raising[],
  form: Form,
  { source = SOURCE, buildId }: { readonly source?: string; readonly buildId?: string } = {},
): Made {
  const code = Buffer.alloc(CODE_BYTES, form.startsWith("x64") ? 0xcc : 0);
  const name = TEXT_AT + BASE + 4;
  const at: Record<string, number> = {};
  let next = 0x100;
  for (const one of functions) {
    at[one.name] = CODE_AT + next;
    const bytes = form.startsWith("x64")
      ? x64Function(one, form, CODE_AT + next, name, at)
      : arm64Function(one, form, CODE_AT + next, name, at);
    bytes.copy(code, next);
    next = Math.ceil((next + bytes.length + 1) / 16) * 16;
  }
  const text = Buffer.from(`abc\0${source}\0def\0`.padEnd(0x800, "."), "latin1");
  const isArm = form.startsWith("arm64");
  const parts = [
    { name: ".rodata", at: TEXT_AT, bytes: text, mapped: "r" },
    { name: ".text", at: CODE_AT, bytes: code, mapped: "rx" },
  ] as const;
  const note = buildId === undefined ? [] : [noteOf(buildId)];
  return { file: makeElf([...parts, ...note], { machine: isArm ? 183 : 62 }), at };
}

/** NT_GNU_BUILD_ID. */
function noteOf(buildId: string): Part {
  const id = Buffer.from(buildId, "hex");
  const bytes = Buffer.from([
    ...u32(4),
    ...u32(id.length),
    ...u32(3),
    ...Buffer.from("GNU\0"),
    ...id,
  ]);
  return { name: ".note.gnu.build-id", at: 0x800, bytes, type: 7, mapped: "r" };
}

function u32(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
}

function x64Function(
  { errors, calls = [], distance = 0 }: Raising,
  form: Form,
  at: number,
  name: number,
  places: Readonly<Record<string, number>>,
): Buffer {
  const code = [0x55, 0x48, 0x89, 0xe5, ...new Array<number>(distance).fill(0x90)];
  const isShort = form === "x64-short";
  for (const [reason, line] of errors) {
    // je over it
    code.push(0x74, 0x1d);
    if (form === "x64-lea") {
      code.push(0x48, 0x8d, 0x0d, ...u32(name - (at + BASE + code.length + 7)));
    } else code.push(isShort ? 0xba : 0xb9, ...u32(name));
    code.push(0xbf, ...u32(16));
    if (isShort) code.push(0xbe, ...u32(reason), 0xb9, ...u32(line));
    else code.push(0x31, 0xf6, 0xba, ...u32(reason), 0x41, 0xb8, ...u32(line));
    code.push(0xe8, ...u32(0x40));
    // other work, so that no constant of another error is near
    code.push(...new Array<number>(48).fill(0x90));
  }
  for (const call of calls) code.push(0xe8, ...u32((places[call] ?? 0) - (at + code.length + 5)));
  return Buffer.from([...code, 0x5d, 0xc3]);
}

function arm64Function(
  { errors, calls = [], distance = 0 }: Raising,
  form: Form,
  at: number,
  name: number,
  places: Readonly<Record<string, number>>,
): Buffer {
  // stp x29, x30, [sp, #-32]!; stp x20, x19, [sp, #16]
  const code = [0xa9be7bfd, 0xa9014ff4, ...new Array<number>(distance / 4).fill(0x8b000000)];
  const first = form === "arm64" ? 2 : 1;
  const address = () => at + BASE + code.length * 4;
  const movz = (register: number, value: number) => 0x52800000 + value * 32 + register;
  for (const [reason, line] of errors) {
    const pages = Math.floor(name / 4096) - Math.floor(address() / 4096);
    const adrp = 0x90000000 + (pages & 3) * 2 ** 29 + ((pages >> 2) & 0x7ffff) * 32;
    code.push(adrp + first + 1, 0x91000000 + (name % 4096) * 1024 + (first + 1) * 33);
    code.push(movz(0, 16), movz(first, reason), movz(first + 2, line), 0x94000010);
    code.push(...new Array<number>(4).fill(0x8b000000));
  }
  for (const call of calls) {
    const words = ((places[call] ?? 0) - (at + code.length * 4)) / 4;
    code.push(0x94000000 + (words & 0x3ffffff));
  }
  const bytes = Buffer.alloc((code.length + 1) * 4);
  for (const [i, word] of [...code, 0xd65f03c0].entries()) bytes.writeUInt32LE(word >>> 0, i * 4);
  return bytes;
}
